//! Which curves a page shows: of each study the trial that counts.

use crate::curves::{Curve, CurvePlot, Place};
use bench_core::spec::workload::Direction;
use bench_score::Trial;
use bench_score::algoperf::{Board, Goal, Log, Logs, Targets};
use std::collections::BTreeMap;

/// Curves of one picture: more cannot be told apart.
const CURVES: usize = 60;
/// Points of a curve: more are not seen at a page's width.
const POINTS: usize = 44;

/// Learning curves of our own trials: a picture for each workload and ruleset.
pub fn record_plots(trials: &[Trial]) -> Vec<CurvePlot> {
    let mut fields: BTreeMap<_, BTreeMap<_, Vec<&Trial>>> = BTreeMap::new();
    for trial in trials {
        let (record, run) = (&trial.record, &trial.record.run);
        let field = (
            &run.workload_name,
            &run.ruleset_name,
            &record.comparability_key,
        );
        let study = (&run.submission.name, run.seed.base, run.seed.study);
        let studies = fields.entry(field).or_default();
        studies.entry(study).or_default().push(trial);
    }
    let plot = |((_, ruleset, _), studies): ((_, &String, _), BTreeMap<_, Vec<&Trial>>)| {
        let hit = |trial: &&&Trial| {
            let hit = trial.summary.hit();
            hit.map_or(u64::MAX, |hit| hit.at.submission_ns)
        };
        let counted = studies.values();
        let counted: Vec<&&Trial> = counted
            .filter_map(|trials| trials.iter().min_by_key(hit))
            .collect();
        let mut plot = CurvePlot::of(counted.first()?);
        plot.workload = format!("{}, {ruleset}", plot.workload);
        for trial in counted.into_iter().take(CURVES) {
            let group = group(&mut plot, &trial.record.run.submission.name);
            plot.curves.push(Curve::of(trial, group));
        }
        Some(plot.thinned(POINTS))
    };
    fields.into_iter().filter_map(plot).collect()
}

/// Learning curves of a competition: a picture for each base workload.
pub fn log_plots(board: &Board, logs: &Logs, targets: &Targets) -> Vec<CurvePlot> {
    let files: BTreeMap<&str, &Log> = logs
        .logs
        .iter()
        .map(|log| (log.file.as_str(), log))
        .collect();
    let bases = board.workloads.iter().enumerate();
    let bases = bases.filter(|(_, name)| board.base.contains(name));
    let plot = |(column, workload): (usize, &String)| {
        let target = targets.workloads.get(workload)?;
        let mut plot = CurvePlot {
            workload: workload.clone(),
            metric: target.metric.clone(),
            direction: match target.goal {
                Goal::Minimize => Direction::Min,
                Goal::Maximize => Direction::Max,
            },
            target: target.value,
            groups: Vec::new(),
            curves: Vec::new(),
        };
        for row in &board.rows {
            for study in &row.cells[column].studies {
                let Some(trial) = study.trials.get(study.counted.unwrap_or(0)) else {
                    continue;
                };
                let Some(log) = files.get(trial.file.as_str()) else {
                    continue;
                };
                if plot.curves.len() < CURVES {
                    let group = group(&mut plot, &row.submission);
                    let hit = trial.reached.as_ref().map(|reach| place(&reach.evaluation));
                    let finite = log.evaluations.iter().filter(|one| is_finite(one));
                    plot.curves.push(Curve {
                        group,
                        name: study.study.clone(),
                        points: finite.map(place).collect(),
                        hit: hit
                            .filter(|place| place.seconds.is_finite() && place.step.is_finite()),
                    });
                }
            }
        }
        Some(plot.thinned(POINTS))
    };
    bases.filter_map(plot).collect()
}

fn is_finite(evaluation: &bench_score::algoperf::Evaluation) -> bool {
    [evaluation.step, evaluation.seconds, evaluation.value]
        .iter()
        .all(|value| value.is_finite())
}

fn place(evaluation: &bench_score::algoperf::Evaluation) -> Place {
    Place {
        step: evaluation.step,
        seconds: evaluation.seconds,
        value: evaluation.value,
    }
}

/// The submission's group, a new one at its first curve.
fn group(plot: &mut CurvePlot, submission: &str) -> usize {
    if let Some(index) = plot.groups.iter().position(|name| name == submission) {
        return index;
    }
    plot.groups.push(submission.to_owned());
    plot.groups.len() - 1
}
