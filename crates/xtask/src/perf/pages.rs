//! What huge pages are worth: the same program with them, as the referee starts it, and without.

use super::median;
use super::partner::{Entrant, Partner, Times, compared, times_as_fast};
use super::peers;
use super::table::Table;
use anyhow::Result;
use std::cell::RefCell;
use std::path::Path;

/// What is timed.
struct Subject {
    /// Whose program.
    submission: &'static str,
    /// On what it trains.
    workload: &'static str,
    /// Arguments of `PROGRAM time`.
    arguments: &'static [&'static str],
    /// Key of its answers.
    of: &'static str,
    /// What its rows say.
    called: &'static str,
}

/// A whole training step.
const fn step(workload: &'static str, called: &'static str) -> Subject {
    Subject {
        submission: "adamw",
        workload,
        arguments: &[],
        of: "step-ms",
        called,
    }
}

/// An update by itself.
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

/// All subjects, with one thread and with two. Nothing where the kernel makes no difference between programs that ask and others: the other parts have been measured by then.
pub fn measure(bench: &Path, repeats: usize) -> Result<Option<Table>> {
    let enabled = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    if !enabled.is_ok_and(|enabled| enabled.contains("[madvise]")) {
        eprintln!(
            "huge pages are not measured: this kernel gives them to all programs or to none; `echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled` changes that"
        );
        return Ok(None);
    }
    let mut rows = Vec::new();
    for subject in SUBJECTS {
        for threads in [1, 2] {
            eprintln!("{}, {}", subject.called, peers::threads_of(threads));
            rows.push(subject.compare(bench, threads, repeats)?);
        }
    }
    Ok(Some(Table {
        title: "Huge pages: with them, as under the referee, and without".to_owned(),
        columns: vec![
            "what",
            "threads",
            "with, ms (processes' least to most)",
            "without, ms (the same)",
            "times as fast",
            "peak memory with, MB",
            "peak memory without, MB",
        ],
        rows,
    }))
}

impl Subject {
    /// Its row: `repeats` processes of each, with as many turns.
    fn compare(&self, bench: &Path, threads: u32, repeats: usize) -> Result<Vec<String>> {
        let run = peers::run_of(bench, self.workload, self.submission, threads, &[])?;
        let [mut with, mut without] = [Times::default(), Times::default()];
        let mut middles = [Vec::new(), Vec::new()];
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
            middles[0].push(one.median());
            middles[1].push(other.median());
            with.extend(one);
            without.extend(other);
            for (megabytes, program) in megabytes.iter_mut().zip(&programs) {
                megabytes.extend(program.borrow().peak_megabytes());
            }
        }
        let [range_with, range_without] = middles.map(|middles| range(&middles));
        let [megabytes_with, megabytes_without] = megabytes.map(median);
        Ok(vec![
            self.called.to_owned(),
            threads.to_string(),
            format!("{:.2} ({range_with})", with.median()),
            format!("{:.2} ({range_without})", without.median()),
            format!("{:.2}", times_as_fast(&with, &without)),
            format!("{megabytes_with:.0}"),
            format!("{megabytes_without:.0}"),
        ])
    }

    /// A process of its program.
    fn start(&self, run: &str, threads: u32, huge: bool) -> Result<RefCell<Partner>> {
        let mut program = peers::submission(self.submission, self.arguments, threads)?;
        if !huge {
            program.env_remove(peers::TUNABLES);
        }
        let mut program = Partner::start(&mut program, run)?;
        program.line()?;
        Ok(RefCell::new(program))
    }
}

/// The least and the most.
fn range(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{least:.2} to {most:.2}")
}
