//! `cargo xtask entrants`: what each submission equals and how closely, how long its page is, and what it keeps in memory.

use crate::shell;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// What to do with the table.
#[derive(Args)]
pub struct Options {
    /// Write it into submissions/README.md.
    #[arg(long)]
    write: bool,
}

const HEAD: &str = "| submission | golden file | worst difference (f64) | lines | state a parameter | update of 10 M parameters |
|---|---|---|---|---|---|
";
/// What is allowed more than this is compared in single precision: shampoo's inverse roots are allowed 1e-7 in double.
const DOUBLE: f64 = 1e-6;
/// Around the table in `submissions/README.md`.
const MARKS: [&str; 2] = [
    "<!-- measured by `cargo xtask entrants --write` -->",
    "<!-- end of what is measured -->",
];

/// Measures every submission with a crate of its own, and lists the others; a golden file that one does not equal is an error.
pub fn run(options: &Options) -> Result<()> {
    let shared = shell::shared()
        .context("submissions are compared with reference material: set BENCH_SHARED")?;
    let performance = std::fs::read_to_string(shell::root().join("results/performance/README.md"))
        .context("cannot read what updates cost")?;
    let mut table = HEAD.to_owned();
    for name in names()? {
        let files = goldens(&name, &shared);
        let mut worst = None;
        for file in &files {
            let file = shared.join("goldens").join(file);
            let checks = checks(&name, &["--golden", &file.display().to_string()])?;
            let found = checks.iter().filter_map(worst_difference);
            worst = found.chain(worst).reduce(f64::max);
        }
        let (files, worst) = match worst {
            Some(worst) => {
                let files: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
                (files.join(", "), format!("{worst:.0e}"))
            }
            None => ("none".to_owned(), "-".to_owned()),
        };
        let state = checks(&name, &[])?.iter().find_map(state);
        let state = state.context("the contract suite says nothing of the state")?;
        let lines = lines(&shell::root().join("submissions").join(&name).join("src"))?;
        let cost = match (update_cost(&performance, &name), name.as_str()) {
            (Some(cost), _) => cost,
            // What these train with is a rule of its own.
            (None, "auto-lrs" | "pbt") => "that of its rule".to_owned(),
            (None, _) => "not measured".to_owned(),
        };
        let row = format!("| `{name}` | {files} | {worst} | {lines} | {state} | {cost} |");
        eprintln!("{row}");
        writeln!(table, "{row}")?;
    }
    for name in all()? {
        let folder = shell::root().join("submissions").join(&name);
        let text = std::fs::read_to_string(folder.join("submission.yaml"))?;
        let row = variant(&name, &text)?.map(|row| writeln!(table, "{row}"));
        row.transpose()?;
    }
    println!("{table}");
    if options.write {
        let path = shell::root().join("submissions/README.md");
        let text = std::fs::read_to_string(&path)?;
        let text = between(&text, &table).context("submissions/README.md has lost its marks")?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The row of a variant by YAML alone, which is its base but for what it sets; none where there is no base.
fn variant(name: &str, text: &str) -> Result<Option<String>> {
    let file: Value = serde_yaml::from_str(text).with_context(|| format!("{name} is no YAML"))?;
    let Some(base) = file["extends"].as_str() else {
        return Ok(None);
    };
    let base = format!("as `{}`", base.rsplit('/').next().unwrap_or(base));
    let files = match &file["schedule"] {
        Value::Object(_) => format!("{base}, and `schedules.json`"),
        _ => base.clone(),
    };
    let lines = text.lines().count();
    Ok(Some(format!(
        "| `{name}` | {files} | {base} | {lines} of YAML | {base} | {base} |"
    )))
}

/// The text with the table between its marks.
fn between(text: &str, table: &str) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{table}\n{end}{after}"))
}

/// Milliseconds on one thread, from the table of updates on ten million parameters; none for what updates by another's rule.
fn update_cost(performance: &str, name: &str) -> Option<String> {
    let (_, updates) = performance.split_once("### The update alone")?;
    let updates = updates.split("\n### ").next()?;
    let start = format!("| `{name}`");
    let row = |line: &&str| line.starts_with(&start) && line.split('|').nth(2) == Some(" 1 ");
    let ms = updates.lines().find(row)?.split('|').nth(3)?;
    let milliseconds = ms.trim();
    Some(match milliseconds.split_once(" (new bases: ") {
        Some((ms, bases)) => format!("{ms} ms, with new bases {} ms", bases.trim_end_matches(')')),
        None => format!("{milliseconds} ms"),
    })
}

/// Names of the submissions with a crate of their own.
pub(crate) fn names() -> Result<Vec<String>> {
    with("Cargo.toml")
}

/// Names of all submissions, variants by YAML alone too.
pub(crate) fn all() -> Result<Vec<String>> {
    with("submission.yaml")
}

fn with(file: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(shell::root().join("submissions"))? {
        let entry = entry?;
        if entry.path().join(file).is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The reference files that a submission is compared with, of those that there are.
pub(crate) fn goldens(name: &str, shared: &Path) -> Vec<String> {
    let stem = name.replace('-', "_");
    let mut files = match name {
        "auto-lrs" => vec!["autolrs.json".to_owned()],
        // Its estimator has a file of its own.
        "sophia-g" => vec![format!("{stem}.json"), "sophia_gnb.json".to_owned()],
        "sgd-nesterov" => vec![format!("{stem}.json"), "sgd_momentum.json".to_owned()],
        "schedule-free-adamw" => vec![format!("{stem}.json"), format!("{stem}_paper.json")],
        _ => vec![format!("{stem}.json")],
    };
    // What nobody has published a trajectory of has no file.
    files.retain(|file| shared.join("goldens").join(file).is_file());
    files
}

/// The findings of `bench check`, of which none may be a failure.
fn checks(name: &str, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut command = shell::bench()?;
    command.args(["check", &format!("submissions/{name}"), "--format", "json"]);
    let text = shell::output(command.args(arguments))?;
    let mut report: Value = serde_json::from_str(&text).context("the check printed no report")?;
    let checks = report["checks"].take();
    let checks: Vec<Value> = serde_json::from_value(checks).context("the report has no checks")?;
    ensure!(!checks.is_empty(), "nothing of {name} was checked");
    Ok(checks)
}

/// Of what is compared in double precision, from a text like "worst difference 7e-17, by tensor expressions 7e-17 (allowed 1e-12)".
fn worst_difference(check: &Value) -> Option<f64> {
    let (figures, rest) = check["detail"].as_str()?.split_once(" (allowed ")?;
    let (allowed, _) = rest.split_once(')')?;
    if allowed.parse::<f64>().ok()? > DOUBLE {
        return None;
    }
    let figures = figures.strip_prefix("worst difference ")?;
    let figures = figures.split(", by tensor expressions ");
    figures
        .map(|figure| figure.parse().ok())
        .collect::<Option<Vec<f64>>>()?
        .into_iter()
        .reduce(f64::max)
}

/// From a text like "470528 numbers, 2.00 a parameter".
fn state(check: &Value) -> Option<String> {
    (check["rule"] == "state-finite").then_some(())?;
    let (_, share) = check["detail"].as_str()?.split_once("numbers, ")?;
    Some(share.strip_suffix(" a parameter")?.to_owned())
}

/// Lines of all sources but `main.rs`, and `golden.rs`, which reads reference files.
fn lines(folder: &Path) -> Result<usize> {
    let mut lines = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name != "main.rs" && name != "golden.rs")
        {
            lines += std::fs::read_to_string(&path)?.lines().count();
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_found_in_what_a_check_says() {
        let detail = "worst difference 4.4e-16, by tensor expressions 6.7e-16 (allowed 1e-12); with bases of its own 2e-7 (allowed 1e-6)";
        assert_eq!(
            worst_difference(&json!({ "detail": detail })),
            Some(6.7e-16)
        );
        let single = "worst difference 1.1e-7, by tensor expressions 1.1e-7 (allowed 1e-5)";
        assert_eq!(worst_difference(&json!({ "detail": single })), None);
        let estimate = json!({ "detail": "worst difference 2.2e-16 (allowed 1e-12)" });
        assert_eq!(worst_difference(&estimate), Some(2.2e-16));
        let check = json!({ "rule": "state-finite", "detail": "470528 numbers, 2.00 a parameter" });
        assert_eq!(state(&check).as_deref(), Some("2.00"));
        let performance = "### The update alone, many\n| `fira` | 1 | 19.3 (new bases: 1238) | |\n| `lion` | 2 | 1 | |\n| `lion` | 1 | 3.88 | 51.6 |\n\n### The update alone, few\n| `lion` | 1 | 9 |\n| `pbt` | 1 | 9 |";
        let cost = |name| update_cost(performance, name);
        assert_eq!(cost("lion").as_deref(), Some("3.88 ms"));
        assert_eq!(
            cost("fira").as_deref(),
            Some("19.3 ms, with new bases 1238 ms")
        );
        assert_eq!(cost("pbt"), None);
    }

    #[test]
    fn a_variant_is_its_base_but_for_its_schedule() {
        let row = |text| variant("slow", text).unwrap();
        assert_eq!(
            row("extends: ../lion\nschedule: { linear-decay: { warmup: 5% } }\n").as_deref(),
            Some(
                "| `slow` | as `lion`, and `schedules.json` | as `lion` | 2 of YAML | as `lion` | as `lion` |"
            )
        );
        assert_eq!(
            row("extends: ../lion\nschedule: constant\n").as_deref(),
            Some("| `slow` | as `lion` | as `lion` | 2 of YAML | as `lion` | as `lion` |")
        );
        assert_eq!(row("schedule: constant\n"), None);
    }

    #[test]
    fn the_table_stands_between_its_marks() {
        let text = format!("a\n{}\nold\n{}\nb\n", MARKS[0], MARKS[1]);
        let new = between(&text, "new\n").unwrap();
        assert_eq!(new, format!("a\n{}\n\nnew\n\n{}\nb\n", MARKS[0], MARKS[1]));
        assert_eq!(between(&new, "new\n"), Some(new));
        assert_eq!(between("no marks", "new"), None);
    }
}
