//! Which curves a page shows: of each study the trial that counts.

use crate::curves::{Curve, CurvePlot, Place, Quantity};
use bench_core::spec::workload::Direction;
use bench_score::algoperf::{Board, Goal, Log, Logs, Row, StudyResult, Targets};
use bench_score::{Trial, ruleset};
use std::collections::BTreeMap;

/// Curves of one picture: more cannot be told apart.
const CURVES: usize = 60;
/// Points of a curve: more are not seen at a page's width.
const POINTS: usize = 44;

/// Trials by submission, base seed and study.
type Studies<'a> = BTreeMap<(&'a String, u64, u32), Vec<&'a Trial>>;

/// Learning curves of our own trials: a picture for each workload and ruleset.
pub fn record_plots(trials: &[Trial]) -> Vec<CurvePlot> {
    let mut fields: BTreeMap<_, Studies> = BTreeMap::new();
    for trial in trials {
        let (record, run) = (&trial.record, &trial.record.run);
        let field = (&run.workload_name, ruleset(run), &record.comparability_key);
        let study = (&run.submission.name, run.seed.base, run.seed.study);
        let studies = fields.entry(field).or_default();
        studies.entry(study).or_default().push(trial);
    }
    let plot = |((_, ruleset, _), studies): ((_, String, _), Studies)| {
        let hit = |trial: &&&Trial| {
            let hit = trial.summary.hit();
            hit.map_or(u64::MAX, |hit| hit.at.submission_ns)
        };
        let mut counted: BTreeMap<&String, Vec<&Trial>> = BTreeMap::new();
        for ((submission, ..), trials) in &studies {
            let fastest = trials.iter().min_by_key(hit);
            counted.entry(submission).or_default().extend(fastest);
        }
        let mut plot = CurvePlot::of(counted.values().flatten().next()?, Quantity::Validation);
        plot.of = studies.len();
        plot.workload = format!("{}, {ruleset}", plot.workload);
        for trial in in_turn(counted.into_values().collect()) {
            let group = group(&mut plot, &trial.record.run.submission.name);
            plot.curves.push(Curve::of(trial, group, plot.quantity));
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
            quantity: Quantity::Validation,
            metric: target.metric.clone(),
            direction: match target.goal {
                Goal::Minimize => Direction::Min,
                Goal::Maximize => Direction::Max,
            },
            target: target.value,
            groups: Vec::new(),
            curves: Vec::new(),
            of: 0,
        };
        let counted = |row: &Row| {
            let counted = |study: &StudyResult| {
                let trial = study.trials.get(study.counted.unwrap_or(0))?;
                let log = *files.get(trial.file.as_str())?;
                Some((
                    row.submission.clone(),
                    study.study.clone(),
                    trial.clone(),
                    log,
                ))
            };
            let studies = row.cells[column].studies.iter();
            studies.filter_map(counted).collect::<Vec<_>>()
        };
        let counted: Vec<_> = board.rows.iter().map(counted).collect();
        plot.of = counted.iter().map(Vec::len).sum();
        for (submission, study, trial, log) in in_turn(counted) {
            let hit = trial.reached.as_ref().map(|reach| place(&reach.evaluation));
            let finite = log.evaluations.iter().filter(|one| is_finite(one));
            let curve = Curve {
                group: group(&mut plot, &submission),
                behind: false,
                name: study,
                points: finite.map(place).collect(),
                hit: hit.filter(|place| place.seconds.is_finite() && place.step.is_finite()),
            };
            plot.curves.push(curve);
        }
        Some(plot.thinned(POINTS))
    };
    bases.filter_map(plot).collect()
}

/// Of each submission the first studies, by turns, as many as one picture holds: so that none is left out for its name.
fn in_turn<T>(submissions: Vec<Vec<T>>) -> Vec<T> {
    let most = submissions.iter().map(Vec::len).max().unwrap_or(0);
    let taken =
        |studies: usize| -> usize { submissions.iter().map(|all| all.len().min(studies)).sum() };
    let whole = (0..=most).rev().find(|&studies| taken(studies) <= CURVES);
    let whole = whole.unwrap_or(0);
    let mut more = CURVES - taken(whole);
    let mut chosen = Vec::new();
    for studies in submissions {
        let another = usize::from(studies.len() > whole && more > 0);
        more -= another;
        chosen.extend(studies.into_iter().take(whole + another));
    }
    chosen
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_submission_has_a_curve_before_one_has_many() {
        let field = |submissions: usize, studies: usize| {
            let of = |submission| (0..studies).map(move |study| (submission, study)).collect();
            in_turn((0..submissions).map(of).collect())
        };
        assert_eq!(field(4, 3).len(), 12);
        let many = field(25, 9);
        assert_eq!(many.len(), CURVES);
        let of = |submission| many.iter().filter(|one| one.0 == submission).count();
        // Twice 25, and one more of the first ten.
        assert_eq!((of(0), of(9), of(10), of(24)), (3, 3, 2, 2));
        assert_eq!(field(100, 2).len(), CURVES);
    }
}
