//! Every submission's update by itself, beside PyTorch's optimizers and the authors' code, and the machine's memory.

mod measured;
mod rules;

use super::partner::{Entrant, Partner, compared};
use super::peers;
use super::table::Table;
use anyhow::Result;
use measured::Measured;
use rules::{RULES, Rule};
use std::cell::RefCell;
use std::path::Path;

/// Turns that renewals of ten million parameters take at most: a step takes seconds.
const RENEWALS: usize = 3;

/// Shapes: the argument of `PROGRAM time --update`, the workload whose parameters they are, and what they are called.
const SHAPES: [[&str; 3]; 3] = [
    ["large", "synthetic", "10.0 million in 60 tensors"],
    [
        "model",
        "fashion-mnist-resnet",
        "those of `fashion-mnist-resnet`",
    ],
    ["model", "fashion-mnist-mlp", "those of `fashion-mnist-mlp`"],
];

/// Three tables of time, and one of memory.
pub fn measure(bench: &Path, python: &Path, repeats: usize) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    let mut memory = Vec::new();
    for [update, workload, called] in SHAPES {
        let mut rows = vec![Vec::new(); RULES.len()];
        for threads in [1, 2] {
            let context = Context {
                bench,
                python,
                update,
                workload,
                threads,
            };
            let all = context.turns(called, repeats)?;
            for ((rule, measured), rows) in RULES.iter().zip(&all).zip(&mut rows) {
                rows.push(measured.time_cells(rule, threads));
                if update == "large" && threads == 1 {
                    memory.push(measured.memory_cells(rule));
                }
            }
        }
        let rows = rows.into_iter().flatten().collect();
        tables.push(Table {
            title: format!("The update alone, parameters: {called}"),
            columns: measured::COLUMNS.to_vec(),
            rows,
        });
    }
    tables.push(Table {
        title: "Memory of an update beside parameters and gradients, 10.0 million parameters"
            .to_owned(),
        columns: measured::MEMORY_COLUMNS.to_vec(),
        rows: memory,
    });
    Ok(tables)
}

/// One shape, with so many threads.
struct Context<'a> {
    bench: &'a Path,
    python: &'a Path,
    update: &'a str,
    workload: &'a str,
    threads: u32,
}

impl Context<'_> {
    /// All rules, in turns of new processes: what a pass over memory takes depends on where in it the tensors of a process happen to lie, with small pages by a tenth and more.
    fn turns(&self, called: &str, repeats: usize) -> Result<Vec<Measured>> {
        let renewals = match self.update {
            "large" => repeats.min(RENEWALS),
            _ => repeats,
        };
        let threads_of = peers::threads_of(self.threads);
        let mut all: Vec<Measured> = RULES.iter().map(|_| Measured::default()).collect();
        for turn in 0..repeats {
            eprintln!("{called}, {threads_of}, turn {} of {repeats}", turn + 1);
            // One for all rules.
            let mut torch = None;
            for (rule, measured) in RULES.iter().zip(&mut all) {
                self.turn(rule, measured, &mut torch)?;
                if let (Some(torch), true) = (&torch, turn < renewals) {
                    self.renewal(rule, measured, torch)?;
                }
            }
        }
        Ok(all)
    }

    /// One rule in a process of its own.
    fn turn(
        &self,
        rule: &Rule,
        measured: &mut Measured,
        torch: &mut Option<RefCell<Partner>>,
    ) -> Result<()> {
        let (mut ours, described) = self.start(rule.submission, rule.with)?;
        let torch = match torch {
            Some(torch) => torch,
            None => {
                let mut script = peers::script(self.python, "torch_updates.py", self.threads);
                torch.insert(RefCell::new(Partner::start(&mut script, &described)?))
            }
        };
        // A first step may find bases or estimate curvature, and so may one of the ten after it. They warm the process up, too.
        measured.memory = [ours.ask("memory 1")?, ours.ask("memory 10")?];
        measured.parameters = measured::numbers(&serde_json::from_str(&described)?);
        let ours = RefCell::new(ours);
        let times = compared(
            [
                Entrant::new(&ours, "steps", "update-ms"),
                Entrant::new(&ours, "triad", "triad-ms"),
                Entrant::new(torch, rule.peer, "update-ms"),
                Entrant::new(torch, "adamw-fused", "update-ms"),
            ],
            1,
        )?;
        let all = [
            &mut measured.ours,
            &mut measured.triad,
            &mut measured.peer,
            &mut measured.fused,
        ];
        for (all, times) in all.into_iter().zip(times) {
            all.extend(times);
        }
        Ok(())
    }

    /// The same with every step made to find new bases.
    fn renewal(
        &self,
        rule: &Rule,
        measured: &mut Measured,
        torch: &RefCell<Partner>,
    ) -> Result<()> {
        let Some(renewal) = rule.renewal else {
            return Ok(());
        };
        let with = [rule.with, &[renewal.with]].concat();
        let ours = RefCell::new(self.start(rule.submission, &with)?.0);
        let times = compared(
            [
                Entrant::new(&ours, "steps", "update-ms"),
                Entrant::new(torch, renewal.peer, "update-ms"),
            ],
            1,
        )?;
        for (all, times) in measured
            .renewal
            .get_or_insert_default()
            .iter_mut()
            .zip(times)
        {
            all.extend(times);
        }
        Ok(())
    }

    /// A submission's program with these hyperparameters, and what it says of itself.
    fn start(&self, submission: &str, with: &[(&str, &str)]) -> Result<(Partner, String)> {
        let run = peers::run_of(self.bench, self.workload, submission, self.threads, with)?;
        let program = ["--update", self.update];
        let mut program = peers::submission(submission, &program, self.threads)?;
        let mut program = Partner::start(&mut program, &run)?;
        let described = program.line()?;
        Ok((program, described))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists that are kept by hand have every submission that is an update rule.
    #[test]
    fn every_update_rule_is_timed_and_property_tested() {
        let root = crate::shell::root();
        let forms = root.join("tests/entrants/tests/forms.rs");
        let forms = std::fs::read_to_string(forms).unwrap();
        for name in crate::entrants::names().unwrap() {
            let main = root.join("submissions").join(&name).join("src/main.rs");
            let main = std::fs::read_to_string(main).unwrap();
            // What trains by any rule is no rule itself.
            if main.contains("<adamw::Adamw>>") {
                continue;
            }
            assert!(
                RULES.iter().any(|rule| rule.submission == name),
                "{name} is not in RULES"
            );
            assert!(
                forms.contains(&format!("\"{name}\" is ")),
                "{name} is not in forms.rs"
            );
        }
    }
}
