//! `--trajectory`: the same seed and data on both sides, and the first bit that differs.

use super::side::{Entry, Side};
use super::{Arguments, runs};
use crate::commands::trials::{self, Plan, chosen_device};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::screen::Screen;
use bench_core::run::RunSpec;
use bench_harness::interrupt::Interrupts;
use bench_harness::lock::Lock;
use bench_harness::program::Builder as _;
use bench_harness::session::{Options, Session, SessionError, SessionEvent};
use bench_harness::trajectory::{self, Course, Difference, Ground, Trajectory, TrajectoryError};
use bench_report::gate::percent;
use bench_report::{Cell, Column, Grid, units};
use serde::Serialize;
use std::time::Instant;

/// Parameters that are named where more differ.
const NAMED: usize = 5;

/// One workload's answer, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Answer {
    workload: String,
    equal: bool,
    #[serde(flatten)]
    trajectory: Trajectory,
}

/// Follows both on every workload that was asked for.
pub(super) fn execute(
    arguments: &Arguments,
    base: &Side,
    candidate: &Side,
    reporter: Reporter,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (Side::Submission(a), Side::Submission(b)) = (base, candidate) else {
        let help = "records hold no weights of every step; name submissions, revisions or files of hyperparameters";
        return Err(Failure::usage(
            "a trajectory is followed by running both sides",
            help.to_owned(),
        ));
    };
    let session = prepare(arguments, a, b, &reporter)?;
    let _lock = Lock::wait(&session.lock, "another run", &mut |progress| {
        reporter.work(progress)
    })
    .map_err(SessionError::Lock)?;
    let interrupts = crate::commands::interrupts()?;
    let mut answers = Vec::new();
    for pair in session.trials.chunks_exact(2) {
        let runs = [&pair[0].run, &pair[1].run];
        let followed = follow(
            arguments,
            [a, b],
            runs,
            (&session, &pair[0]),
            &interrupts,
            &reporter,
        );
        answers.push(Answer {
            workload: runs[0].workload_name.clone(),
            equal: followed.as_ref().is_ok_and(Trajectory::is_equal),
            trajectory: followed?,
        });
    }
    drop(reporter);
    if arguments.json {
        screen.json(&answers)?;
    } else {
        let texts: Vec<String> = answers
            .iter()
            .map(|answer| text(answer, screen.width()))
            .collect();
        screen.print(&texts.join("\n\n"))?;
    }
    Ok(match answers.iter().all(|answer| answer.equal) {
        true => Exit::Ok,
        false => Exit::Worse,
    })
}

/// Both sides of the first study of each workload, one after the other, with all they need fetched.
fn prepare(
    arguments: &Arguments,
    a: &Entry,
    b: &Entry,
    reporter: &Reporter,
) -> Result<Session, Failure> {
    let workloads = runs::workloads(arguments, &a.workspace, &Default::default())?;
    let device = arguments
        .device
        .as_ref()
        .unwrap_or(&a.workspace.harness()?.device);
    let (device, device_index) = chosen_device(device)?;
    let mut both = Vec::new();
    for workload in &workloads {
        for entry in [a, b] {
            both.push(runs::resolve(entry, workload, arguments.seed, 1, device)?);
        }
    }
    let plan = Plan {
        suite: String::new(),
        runs: both,
        device,
        device_index,
    };
    trials::prepare(&a.workspace, plan, None, Options::default(), reporter)
}

fn follow(
    arguments: &Arguments,
    entries: [&Entry; 2],
    runs: [&RunSpec; 2],
    (session, planned): (&Session, &bench_harness::session::PlannedTrial),
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<Trajectory, Failure> {
    // They live until both programs have run, which keeps these.
    let mut builders = entries.map(Entry::builder);
    let mut course = |number: usize, side| -> Result<Course, Failure> {
        let run = runs[number];
        let builder = &mut builders[number];
        let submission = run.submission.name.as_str();
        reporter.session(SessionEvent::Building { submission });
        let began = Instant::now();
        let built = builder.build(&run.submission, interrupts, &mut |progress| {
            reporter.build(progress)
        })?;
        reporter.session(SessionEvent::Built {
            submission,
            took: began.elapsed(),
        });
        Ok(Course {
            side,
            worker: built.worker.launch,
            run: run.clone(),
        })
    };
    let (a, b) = (course(0, "base")?, course(1, "candidate")?);
    let ground = Ground {
        data: planned.data.clone(),
        limits: session.limits,
        device_index: planned.device_index,
        steps: u64::from(arguments.steps),
    };
    let followed = trajectory::follow([&a, &b], &ground, interrupts, &mut |_| {});
    followed.map_err(|error| match error {
        TrajectoryError::Interrupted => Failure::new(Exit::Interrupted, error, None),
        TrajectoryError::Worker { .. } => Failure::new(Exit::WorkerDied, error, None),
        _ => Failure::new(Exit::Environment, error, None),
    })
}

/// A line to quote, and how the difference grows.
fn text(answer: &Answer, width: usize) -> String {
    let Answer {
        workload,
        trajectory,
        ..
    } = answer;
    let steps = units::count(trajectory.steps);
    if answer.equal {
        return format!(
            "identical: no bit of any loss or weight differs in {steps} steps of {workload}"
        );
    }
    let loss = trajectory
        .first_loss
        .map(|step| format!("the loss of step {}", units::count(step)));
    let weights = trajectory.first_weights.map(|step| {
        let names = &trajectory.first_parameters;
        let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!(
            "the weights after step {} ({}{more})",
            units::count(step),
            named.join(", ")
        )
    });
    let firsts: Vec<String> = loss.into_iter().chain(weights).collect();
    let grid = Grid {
        columns: vec![
            Column::numbers("step", "step", 0),
            Column::numbers("base loss", "base-loss", 1),
            Column::numbers("candidate loss", "candidate-loss", 1),
            Column::numbers("parameters", "parameters", 2),
            Column::numbers("largest", "largest", 2),
            Column::numbers("relative", "relative", 0),
            Column::words("most in", "most-in", 0),
        ],
        rows: trajectory.growth.iter().map(cells).collect(),
    };
    format!(
        "different on {workload}: first in {}, of {steps} steps\n\n{}",
        firsts.join(" and in "),
        grid.terminal(width)
    )
}

fn cells(difference: &Difference) -> Vec<Cell> {
    let most = difference.parameters.first();
    let loss = |loss: Option<f64>| Cell::optional(loss, |loss| format!("{loss:.9}"));
    vec![
        Cell::new(units::count(difference.step), difference.step),
        loss(difference.base_loss),
        loss(difference.candidate_loss),
        Cell::plain(difference.parameters.len()),
        Cell::optional(most.and_then(|most| most.largest), units::significant),
        Cell::optional(most.and_then(|most| most.relative), relative),
        Cell::plain(most.map_or("-", |most| most.name.as_str())),
    ]
}

/// A share that may be far below a per cent.
fn relative(share: f64) -> String {
    match share < 0.001 {
        true => format!("{share:.1e}"),
        false => percent(share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_harness::trajectory::ParameterDifference;

    fn answer(growth: Vec<Difference>) -> Answer {
        Answer {
            workload: "blobs".to_owned(),
            equal: growth.is_empty(),
            trajectory: Trajectory {
                steps: 1_000,
                first_loss: growth.get(1).map(|difference| difference.step),
                first_weights: growth.first().map(|difference| difference.step),
                first_parameters: (1..8).map(|layer| format!("layer{layer}.weight")).collect(),
                growth,
            },
        }
    }

    fn difference(step: u64, relative: f64) -> Difference {
        Difference {
            step,
            base_loss: Some(0.5),
            candidate_loss: Some(0.5 + relative),
            parameters: vec![ParameterDifference {
                name: "layer1.weight".to_owned(),
                largest: Some(relative / 10.0),
                relative: Some(relative),
            }],
        }
    }

    #[test]
    fn a_difference_is_named_and_followed() {
        let growth = vec![
            difference(4, 1e-7),
            difference(5, 2e-5),
            difference(1_000, 0.31),
        ];
        insta::assert_snapshot!(text(&answer(growth), 120));
        let equal = text(&answer(Vec::new()), 120);
        assert_eq!(
            equal,
            "identical: no bit of any loss or weight differs in 1,000 steps of blobs"
        );
    }
}
