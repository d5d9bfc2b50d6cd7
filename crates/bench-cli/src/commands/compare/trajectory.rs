//! `--trajectory`: the same seed and data on both sides, and the first bit that differs.

use super::pair::Pair;
use super::side::Side;
use super::{Arguments, runs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Reporter;
use crate::screen::Screen;
use bench_harness::trajectory::{Difference, Trajectory, Way};
use bench_report::gate::percent;
use bench_report::{Cell, Column, Grid, units};
use serde::Serialize;

/// Parameters that are named where more differ.
const NAMED: usize = 5;

/// One workload's answer, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Answer {
    pub(super) workload: String,
    pub(super) equal: bool,
    #[serde(flatten)]
    trajectory: Trajectory,
}

impl Answer {
    pub(super) fn new(workload: &str, trajectory: Trajectory) -> Answer {
        Answer {
            workload: workload.to_owned(),
            equal: trajectory.is_equal(),
            trajectory,
        }
    }
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
    let workloads = runs::workloads(arguments, &a.workspace, &Default::default())?;
    let pair = Pair::prepare(arguments, [a, b], &workloads, &reporter)?;
    let way = Way::plain(arguments.steps.into());
    let mut answers = Vec::new();
    for (workload, number) in pair.workloads() {
        let followed = pair.follow(number, way, Clone::clone);
        let followed = followed.map_err(|error| pair.failure(error))?;
        answers.push(Answer::new(workload, followed));
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
    format!("{}\n\n{}", difference(answer), grid.terminal(width))
}

/// Where two differ first, in a line.
pub(super) fn difference(answer: &Answer) -> String {
    let Answer {
        workload,
        trajectory,
        ..
    } = answer;
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
    let scores = trajectory.first_scores.map(|step| {
        let step = units::count(step);
        format!("what the evaluators say of the same weights after step {step}")
    });
    let firsts: Vec<String> = loss.into_iter().chain(weights).chain(scores).collect();
    let steps = units::count(trajectory.steps);
    format!(
        "different on {workload}: first in {}, of {steps} steps",
        firsts.join(" and in ")
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
                first_scores: None,
                first_parameters: (1..8).map(|layer| format!("layer{layer}.weight")).collect(),
                growth,
            },
        }
    }

    fn apart(step: u64, relative: f64) -> Difference {
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
        let growth = vec![apart(4, 1e-7), apart(5, 2e-5), apart(1_000, 0.31)];
        insta::assert_snapshot!(text(&answer(growth), 120));
        let equal = text(&answer(Vec::new()), 120);
        assert_eq!(
            equal,
            "identical: no bit of any loss or weight differs in 1,000 steps of blobs"
        );
    }
}
