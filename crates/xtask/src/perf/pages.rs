//! What huge pages are worth: the same program with them, as the referee starts it, and without.

use super::median;
use super::partner::{Entrant, Partner, Times, compared, times_as_fast};
use super::peers;
use super::table::Table;
use crate::shell;
use anyhow::Result;
use std::cell::RefCell;
use std::path::Path;

/// What is timed.
struct Subject {
    submission: &'static str,
    workload: &'static str,
    /// Arguments of `PROGRAM time`.
    arguments: &'static [&'static str],
    /// Key of its answers.
    of: &'static str,
    called: &'static str,
}

const fn step(workload: &'static str, called: &'static str) -> Subject {
    Subject {
        submission: "adamw",
        workload,
        arguments: &[],
        of: "step-ms",
        called,
    }
}

const fn update(submission: &'static str, called: &'static str) -> Subject {
    Subject {
        submission,
        workload: "synthetic",
        arguments: &["--update", "large"],
        of: "update-ms",
        called,
    }
}

const SUBJECTS: [Subject; 5] = [
    step("fashion-mnist-mlp", "a step of `fashion-mnist-mlp`"),
    step("fashion-mnist-resnet", "a step of `fashion-mnist-resnet`"),
    step("brown-lm", "a step of `brown-lm`"),
    update("adamw", "`adamw`'s update of 10.0 million parameters"),
    update("lion", "`lion`'s update of 10.0 million parameters"),
];

/// All subjects, with one thread and with two.
pub fn measure(bench: &Path, repeats: usize) -> Result<Table> {
    shell::cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--release",
        "-p",
        "adamw",
        "-p",
        "lion",
    ])?;
    let mut rows = Vec::new();
    for subject in SUBJECTS {
        for threads in [1, 2] {
            eprintln!("{}, {}", subject.called, peers::threads_of(threads));
            rows.push(subject.compare(bench, threads, repeats)?);
        }
    }
    Ok(Table {
        title: "Huge pages: milliseconds with them, as under the referee, and without".to_owned(),
        columns: vec![
            "what",
            "threads",
            "with",
            "without",
            "times as fast",
            "peak memory with, MB",
            "without",
        ],
        rows,
    })
}

impl Subject {
    fn compare(&self, bench: &Path, threads: u32, repeats: usize) -> Result<Vec<String>> {
        let run = peers::run_of(bench, self.workload, self.submission, threads, &[])?;
        let [mut with, mut without] = [Times::default(), Times::default()];
        let mut megabytes = [Vec::new(), Vec::new()];
        for _ in 0..repeats {
            // New processes every turn: where in memory tensors lie is what small pages leave to luck.
            let programs = [
                self.start(&run, threads, true)?,
                self.start(&run, threads, false)?,
            ];
            let entrants = programs
                .each_ref()
                .map(|one| Entrant::new(one, "steps", self.of));
            let [one, other] = compared(entrants, repeats)?;
            with.extend(one);
            without.extend(other);
            for (megabytes, program) in megabytes.iter_mut().zip(&programs) {
                megabytes.extend(program.borrow().peak_megabytes());
            }
        }
        let [megabytes_with, megabytes_without] = megabytes.map(median);
        Ok(vec![
            self.called.to_owned(),
            threads.to_string(),
            format!("{:.2}", with.median()),
            format!("{:.2}", without.median()),
            format!("{:.2}", times_as_fast(&with, &without)),
            format!("{megabytes_with:.0}"),
            format!("{megabytes_without:.0}"),
        ])
    }

    fn start(&self, run: &str, threads: u32, huge: bool) -> Result<RefCell<Partner>> {
        let mut program = peers::submission(self.submission, self.arguments, threads);
        if !huge {
            program.env_remove(peers::TUNABLES);
        }
        let mut program = Partner::start(&mut program, run)?;
        program.line()?;
        Ok(RefCell::new(program))
    }
}
