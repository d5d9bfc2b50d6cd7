//! Golden checks: thin, torch-free wrappers of the programs that compute.

use crate::shell;
use anyhow::{Context, Result, bail};
use bench_score::statistics::golden::{self, Group, Verdict};
use std::path::PathBuf;

/// Of the evaluator, in double precision: what is compared is no matter of time.
const THREADS: u32 = 1;

/// `bench-evaluator golden FILE…`.
pub fn models(files: Vec<PathBuf>) -> Result<()> {
    let files = if files.is_empty() {
        all_models()?
    } else {
        files
    };
    evaluator("golden", &files)
}

/// `bench-evaluator metric-golden FILE`.
pub fn metrics(file: Option<PathBuf>) -> Result<()> {
    let file = match file {
        Some(file) => file,
        None => shared("algoperf/metric_goldens.json")?,
    };
    evaluator("metric-golden", &[file])
}

/// In this process: the statistics are pure Rust.
pub fn statistics(file: Option<PathBuf>) -> Result<()> {
    let file = match file {
        Some(file) => file,
        None => shared("statistics/stat_goldens.json")?,
    };
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let report = golden::check(&text).with_context(|| format!("cannot use {}", file.display()))?;
    for Group {
        name,
        cases,
        verdict,
    } in &report.groups
    {
        match verdict {
            Verdict::Equal { largest_difference } => {
                println!("equal      {name}: {cases} cases, within {largest_difference:.0e}");
            }
            Verdict::NotBuilt => println!("not built  {name}: {cases} cases"),
            Verdict::Differs(differences) => {
                println!("DIFFERS    {name}: {cases} cases");
                for difference in differences {
                    println!("           {difference}");
                }
            }
        }
    }
    if !report.is_equal() {
        bail!("the statistics differ from {}", file.display());
    }
    Ok(())
}

/// In this process: schedules are pure Rust.
pub fn schedules(file: Option<PathBuf>) -> Result<()> {
    use bench_core::schedule::golden::{Verdict, check};
    let file = match file {
        Some(file) => file,
        None => shared("goldens/schedules.json")?,
    };
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let outcomes = check(&text).with_context(|| format!("cannot use {}", file.display()))?;
    let mut equal = true;
    if outcomes.is_empty() {
        bail!("{} has no schedules", file.display());
    }
    for outcome in outcomes {
        let (name, rates) = (outcome.name, outcome.rates);
        match outcome.verdict {
            Verdict::Equal { largest_difference } => {
                println!("equal      {name}: {rates} rates, within {largest_difference:.0e}");
            }
            Verdict::NotBuilt(why) => {
                equal = false;
                println!("not built  {name}: {why}");
            }
            Verdict::Differs {
                step,
                expected,
                found,
                largest_difference,
            } => {
                equal = false;
                println!("DIFFERS    {name}: {rates} rates, by up to {largest_difference:.0e}");
                println!(
                    "           first at step {step}: {found:e} where the file has {expected:e}"
                );
            }
        }
    }
    if !equal {
        bail!("schedules differ from {}", file.display());
    }
    Ok(())
}

fn evaluator(verb: &str, files: &[PathBuf]) -> Result<()> {
    shell::run(shell::bench()?.args(["setup", "--quiet"]))?;
    // The evaluator is the same beside every submission.
    let evaluator = shell::programs("adamw")?.evaluator;
    let files = files
        .iter()
        .map(|file| {
            file.canonicalize()
                .with_context(|| format!("cannot find {}", file.display()))
        })
        .collect::<Result<Vec<_>>>()?;
    let launch = evaluator.launch.with([verb]).with(&files);
    shell::run(&mut launch.reading(files).command(THREADS)?)
}

fn all_models() -> Result<Vec<PathBuf>> {
    let folder = shared("algoperf/model_goldens")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    Ok(files)
}

fn shared(path: &str) -> Result<PathBuf> {
    match shell::shared() {
        Some(folder) => Ok(folder.join(path)),
        None => bail!(
            "no reference material: name a file, or set BENCH_SHARED to the folder that holds {path}"
        ),
    }
}
