//! Which trials share a colour: those of one search.

use crate::units;
use bench_core::spec::harness::Points;
use bench_score::Trial;

/// Trials of one colour.
pub(super) struct Members<'a> {
    /// The first at the target of all.
    best: &'a Trial,
    /// All, each with whether another of its study was before it.
    pub(super) all: Vec<(&'a Trial, bool)>,
}

/// A submission's trials of a search together, in the order of the first; each other trial alone.
pub(super) fn of(trials: &[Trial]) -> Vec<Members<'_>> {
    let mut groups: Vec<Vec<&Trial>> = Vec::new();
    for trial in trials {
        match groups
            .iter_mut()
            .find(|group| is_one_search(group[0], trial))
        {
            Some(group) => group.push(trial),
            None => groups.push(vec![trial]),
        }
    }
    let groups = groups.into_iter().flat_map(|group| match tries(&group) {
        true => vec![group],
        false => group.chunks(1).map(<[&Trial]>::to_vec).collect(),
    });
    groups.filter_map(|group| Members::of(&group)).collect()
}

fn is_one_search(a: &Trial, b: &Trial) -> bool {
    let (a, b) = (&a.record.run, &b.record.run);
    let searched = [a, b].map(|run| run.ruleset.points == Points::Searched);
    searched == [true; 2]
        && a.submission.name == b.submission.name
        && a.ruleset_name == b.ruleset_name
}

/// Whether there is more than one point.
fn tries(group: &[&Trial]) -> bool {
    let point = |trial: &Trial| trial.record.run.hyperparameters.clone();
    group.iter().any(|trial| point(trial) != point(group[0]))
}

/// Steps to target, and time; the largest of both for a miss.
fn time(trial: &Trial) -> (u64, u64) {
    let hit = trial.summary.hit();
    hit.map_or((u64::MAX, u64::MAX), |hit| {
        (hit.at.step, hit.at.submission_ns)
    })
}

impl<'a> Members<'a> {
    fn of(group: &[&'a Trial]) -> Option<Members<'a>> {
        let study = |trial: &Trial| (trial.record.run.seed.base, trial.record.run.seed.study);
        let first = |trial: &Trial| {
            let same = group.iter().filter(|other| study(other) == study(trial));
            same.min_by_key(|other| time(other)).copied()
        };
        let behind = |trial: &'a Trial| {
            let is_first = first(trial).is_some_and(|first| std::ptr::eq(first, trial));
            (trial, !is_first)
        };
        Some(Members {
            best: group.iter().copied().min_by_key(|trial| time(trial))?,
            all: group.iter().map(|&trial| behind(trial)).collect(),
        })
    }

    /// A line of the legend: which trial, and when it met the target.
    pub(super) fn legend(&self) -> String {
        let run = &self.best.record.run;
        let passage = match self.best.summary.hit() {
            Some(hit) => format!(
                "{}, {} steps",
                units::seconds(hit.at.submission_ns as f64 / 1e9),
                units::count(hit.at.step)
            ),
            None => "target missed".to_owned(),
        };
        let of = match self.all.len() {
            1 => String::new(),
            all => format!("best of {all}, "),
        };
        format!(
            "{}, {of}study {}, trial {}: {passage}",
            run.submission.name, run.seed.study, run.seed.trial
        )
    }
}
