//! What a search found: the point of the search space that reached the target first.

use crate::read::Trial;
use crate::result::{groups, median, newest};
use bench_core::run::RunSpec;
use bench_core::spec::harness::Points;
use bench_core::spec::search::Point;

/// A search of one submission on one workload, in one setting: all points that its studies tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Search<'a> {
    /// The configuration of one of its trials: submission, workload and rules.
    pub run: &'a RunSpec,
    /// When its newest trial began.
    pub started: &'a str,
    /// How many points were tried.
    pub points: usize,
    /// How many of them reached the target.
    pub reached: usize,
    /// The one that did so in the fewest steps, and in the least time of those; none where none did.
    pub best: Option<Best<'a>>,
}

/// The winning point.
#[derive(Debug, Clone, PartialEq)]
pub struct Best<'a> {
    /// A trial of it: the fastest.
    pub trial: &'a Trial,
    /// Steps to target: the median where a list of points has it tried in several studies, and a miss is infinitely late.
    pub steps: f64,
}

impl<'a> Search<'a> {
    /// All searches among scoring trials, by workload, ruleset and submission. One point alone is no search.
    pub fn all(trials: &'a [Trial]) -> Vec<Search<'a>> {
        let searched = |trial: &&Trial| trial.record.run.ruleset.points == Points::Searched;
        let groups = groups(trials).into_iter();
        let searched =
            groups.map(|(_, group)| newest(group).into_iter().filter(searched).collect());
        searched
            .filter_map(|group: Vec<_>| Search::of(&group))
            .collect()
    }

    fn of(trials: &[&'a Trial]) -> Option<Search<'a>> {
        let mut points: Vec<(&Point, Vec<&Trial>)> = Vec::new();
        for &trial in trials {
            let point = &trial.record.run.hyperparameters;
            match points.iter_mut().find(|(known, _)| *known == point) {
                Some((_, of_point)) => of_point.push(trial),
                None => points.push((point, vec![trial])),
            }
        }
        if points.len() < 2 {
            return None;
        }
        let steps = |trials: &[&Trial]| {
            let hits = trials.iter().map(|trial| trial.summary.hit());
            median(hits.map(|hit| hit.map(|hit| hit.at.step as f64)))
        };
        let mut found: Vec<Best> = Vec::new();
        for (_, of_point) in &points {
            let fastest = of_point.iter().min_by_key(|trial| time(trial));
            found.extend(
                steps(of_point)
                    .zip(fastest)
                    .map(|(steps, &trial)| Best { trial, steps }),
            );
        }
        let order = |a: &Best, b: &Best| {
            let steps = a.steps.total_cmp(&b.steps);
            steps.then_with(|| time(a.trial).cmp(&time(b.trial)))
        };
        let reached = found.len();
        let newest = trials.iter().max_by_key(|trial| &trial.record.started)?;
        Some(Search {
            run: &newest.record.run,
            started: &newest.record.started,
            points: points.len(),
            reached,
            best: found.into_iter().min_by(order),
        })
    }
}

/// Nanoseconds to target; the largest number for a miss.
fn time(trial: &Trial) -> u64 {
    trial
        .summary
        .hit()
        .map_or(u64::MAX, |hit| hit.at.submission_ns)
}
