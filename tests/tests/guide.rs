//! CONTRIBUTING.md, its page on whole training algorithms, the tutorial, and what submissions/README.md shows by steps, followed word for word in a copy of the checkout: every block that names a file is
//! written, every console block is typed. Then a user's own files are trained on in that copy, whose programs are built.

#![expect(clippy::expect_used, reason = "a test says what it needs by failing")]

mod own_data;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A step of the guide.
#[derive(Debug, PartialEq)]
enum Step {
    Write { path: PathBuf, text: String },
    Type(String),
}

#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn the_guide_works_as_written() {
    let folder = TempDir::new().expect("a folder for the copy");
    // In a folder of its own, so that there is a place beside it.
    let copy = &folder.path().join("checkout");
    std::fs::create_dir(copy).expect("the copy has a folder");
    copy_checkout(copy);
    let guides = [
        "CONTRIBUTING.md",
        "submissions/WIDE.md",
        "submissions/README.md",
        "docs/TUTORIAL.md",
    ]
    .map(|guide| std::fs::read_to_string(root().join(guide)).expect("the guide is there"));
    let text = &guides[0];
    for guide in &guides {
        follow(guide, copy);
    }
    a_new_kind_applies(text, copy);
    golden_of_ones_own(copy);
    // What is there after `bench new`, copies and crates elsewhere too, is complete.
    for line in [
        "bench new first",
        "bench check submissions/first",
        "bench run first --workload synthetic",
        "bench new wide --wide",
        "bench check submissions/wide",
        "bench new ../elsewhere --from sophia-g",
        "bench check ../elsewhere",
        "bench run ../elsewhere --workload synthetic",
        "bench new ../variant --from adamw-wsd",
        "bench run ../variant --workload synthetic",
        "bench new again --from ../elsewhere",
        "bench check again",
    ] {
        works(line, &type_line(line, copy));
    }
    own_data::write(copy);
    for (line, sound) in own_data::lines() {
        let output = type_line(&line, copy);
        match sound {
            true => works(&line, &output),
            false => {
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(!output.status.success(), "`{line}` takes what is cut short");
                assert!(
                    text.contains(".bin: ends at byte") || text.contains("train: ends at byte"),
                    "{text}"
                );
            }
        }
    }
    changed_rules_are_found(copy);
}

/// A table becomes a workload that a submission is run on, by the words of the workloads' README.
#[test]
#[ignore = "needs libtorch: cargo xtask test"]
fn a_table_of_ones_own_works_as_written() {
    let folder = TempDir::new().expect("a folder for the copy");
    let copy = folder.path();
    copy_checkout(copy);
    let guide = root().join("workloads/README.md");
    let guide = std::fs::read_to_string(guide).expect("the guide is there");
    assert_eq!(steps(&guide).len(), 6, "five lines and a file");
    follow(&guide, copy);
    let line = "bench export csv";
    let exported = type_line(line, copy);
    works(line, &exported);
    let trials = String::from_utf8_lossy(&exported.stdout).into_owned();
    assert!(
        trials.contains("flats-mlp") && trials.contains("target-reached"),
        "{trials}"
    );
}

/// Does all that a guide says.
fn follow(guide: &str, copy: &Path) {
    for step in steps(guide) {
        match step {
            Step::Write { path, text } => {
                let path = copy.join(path);
                std::fs::create_dir_all(path.parent().expect("a file has a folder"))
                    .expect("the folder is made");
                std::fs::write(path, text).expect("the file is written");
            }
            Step::Type(line) => works(&line, &type_line(&line, copy)),
        }
    }
}

/// Faults that comparisons of a few studies called inconclusive: a shortened run of both programs names their first step.
fn changed_rules_are_found(copy: &Path) {
    let path = copy.join("submissions/lion/src/lib.rs");
    let sound = std::fs::read_to_string(&path).expect("lion is there");
    let git = "git -c user.name=a -c user.email=a@example.org";
    let line = format!("git init --quiet . && git add . && {git} commit --quiet -m sound");
    works(&line, &type_line(&line, copy));
    let line = "bench compare lion@HEAD lion --workload synthetic --expect none";
    works(line, &type_line(line, copy));
    let swapped = [("beta1", "beta_"), ("beta2", "beta1"), ("beta_", "beta2")];
    let swapped = swapped.iter().fold(sound.clone(), |text, (from, to)| {
        text.replace(&format!("number(\"{from}\")"), &format!("number(\"{to}\")"))
    });
    let keep = "keep: 1.0 - update.learning_rate * self.weight_decay";
    let twice = "keep: (1.0 - update.learning_rate * self.weight_decay).powi(2)";
    for faulty in [swapped, sound.replace(keep, twice)] {
        assert_ne!(faulty, sound, "the fault finds its place");
        std::fs::write(&path, faulty).expect("the fault is written");
        let output = type_line(line, copy);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(10), "{text}");
        assert!(text.contains("in the weights after step"), "{text}");
    }
    std::fs::write(&path, sound).expect("the fault is taken back");
}

/// The example of a new kind fits the files that it changes, and what the table beside it names is there. Building all with it takes too long here.
fn a_new_kind_applies(text: &str, copy: &Path) {
    let (_, section) = text.split_once("### A new kind\n").expect("it is there");
    let (_, rest) = section.split_once("```diff\n").expect("it has an example");
    let (diff, _) = rest.split_once("```").expect("the example ends");
    std::fs::write(copy.join("kind.diff"), diff).expect("the change is written");
    let line = "git apply --check --unidiff-zero kind.diff";
    works(line, &type_line(line, copy));
    let rows = section
        .lines()
        .filter(|line| line.contains("` in `crates/"));
    assert_eq!(rows.clone().count(), 4, "a row a kind");
    for row in rows {
        let names: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let [facts, spec, example, list, place] = names[..] else {
            panic!("`{row}` names facts, example and list");
        };
        let read = |path: &str| std::fs::read_to_string(copy.join(path)).expect(path);
        let last = |name: &str| name.rsplit(['\u{20}', ':']).next().map(str::to_owned);
        for (name, path) in [(facts, spec), (list, place)] {
            let name = last(name).expect("it has a name");
            assert!(read(path).contains(&name), "no `{name}` in {path}");
        }
        read(example);
    }
}

/// The SDK's example of a golden file in Python, for the guide's submission.
fn golden_of_ones_own(copy: &Path) {
    let readme = copy.join("crates/bench-sdk/README.md");
    let text = std::fs::read_to_string(readme).expect("the SDK has a README");
    let (_, rest) = text.split_once("```python\n").expect("it has an example");
    let (script, _) = rest.split_once("```").expect("the example ends");
    std::fs::write(copy.join("golden.py"), script).expect("the script is written");
    if !type_line("python3 --version", copy).status.success() {
        // A small machine has none, and the SDK's own tests read golden files anyway.
        return;
    }
    for line in [
        "python3 golden.py > golden.json",
        "bench check submissions/signum --golden golden.json",
    ] {
        works(line, &type_line(line, copy));
    }
}

#[test]
fn blocks_are_found_and_lose_their_indent() {
    let text = "1. Do\n\n   ```toml file=a/b.toml\n   x = 1\n     y = 2\n   ```\n\n   ```console\n   $ one\n   $ two\n   ```\n\n```rust\nignored\n```\n";
    assert_eq!(
        steps(text),
        [
            Step::Write {
                path: "a/b.toml".into(),
                text: "x = 1\n  y = 2\n".to_owned()
            },
            Step::Type("one".to_owned()),
            Step::Type("two".to_owned()),
        ]
    );
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((indent, info)) = line.split_once("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .map(|line| line.strip_prefix(indent).unwrap_or(line))
            .collect();
        if let Some((_, path)) = info.split_once("file=") {
            steps.push(Step::Write {
                path: path.into(),
                text: body.join("\n") + "\n",
            });
        } else if info == "console" {
            steps.extend(
                body.iter()
                    .filter_map(|line| Some(Step::Type(line.strip_prefix("$ ")?.to_owned()))),
            );
        }
    }
    steps
}

/// Types a line into a shell that has `bench` on its path. Builds are shared with this checkout, so that libtorch's binding is not built again.
fn type_line(line: &str, copy: &Path) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let libtorch =
        std::env::var_os("LIBTORCH").map_or_else(|| root().join(".libtorch"), PathBuf::from);
    Command::new("sh")
        .args(["-c", line])
        .current_dir(copy)
        .env(
            "PATH",
            format!("{}:{path}", root().join("target/release").display()),
        )
        .env("BENCH_HOME", copy)
        .env("CARGO_TARGET_DIR", root().join("target"))
        .env("LIBTORCH", libtorch)
        .output()
        .expect("a shell starts")
}

fn works(line: &str, output: &Output) {
    assert!(
        output.status.success(),
        "`{line}` ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn copy_checkout(to: &Path) {
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "harness.yaml",
        "rust-toolchain.toml",
        ".cargo",
        "crates",
        "submissions",
        "workloads",
        "tests",
        "results",
    ] {
        copy_tree(&root().join(name), &to.join(name));
    }
}

fn copy_tree(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder is made");
        for entry in std::fs::read_dir(from)
            .expect("a folder is listed")
            .flatten()
        {
            if entry.file_name() != "runs" && entry.file_name() != "target" {
                copy_tree(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else if from.is_file() {
        std::fs::copy(from, to).expect("a file is copied");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ has a parent")
}
