//! A field of submissions over several workloads, judged as a whole: what a published ranking shows.

mod credit;
mod evidence;
mod flips;

pub use credit::{Credit, FrozenCredit};
pub use evidence::{Band, Duel};
pub(crate) use evidence::{bands, duels, sight};
pub use flips::Flips;
pub(crate) use flips::{flipped, moved};

use crate::algoperf::profile::{LARGEST_RATIO, POINTS, profile_scores, profiles, taus};
use crate::frozen::{Against, Frozen, FrozenTime};
use crate::gate::Sight;
use crate::leaderboard::{Leaderboard, Row};
use crate::result::{Setting, StudyResult, TARGETS, WorkloadResult};
use crate::statistics::{
    Certainty, FrozenWorkload, Standing, bootstrap, median_time, resample, standing,
};
use bench_core::spec::submission::Tuning;
use std::collections::{BTreeMap, BTreeSet};

/// Times (or steps) to target by submission, workload and study; infinite for a miss.
type Times = Vec<Vec<Vec<f64>>>;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Seconds to target: only within one machine, device and number of threads.
    Time,
    /// Steps to target: across all of them.
    Steps,
}

/// Submissions that may be ranked against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Ruleset, and where times are compared the setting.
    pub title: String,
    /// What times are.
    pub measure: Measure,
    /// As tables name it.
    pub ruleset: String,
    /// Its way of tuning.
    pub tuning: Tuning,
    /// Where times are compared.
    pub setting: Option<Setting>,
    /// Whether `harness.yaml` trusts the seconds of all of its machines.
    pub pinned: bool,
    /// In the order of `times`.
    pub submissions: Vec<String>,
    /// In the order of `times`.
    pub workloads: Vec<String>,
    /// Comparability keys of the workloads.
    pub keys: Vec<String>,
    /// By submission, workload and study.
    pub times: Times,
    /// The same under each of [`TARGETS`]; NaN where it could not be seen.
    pub moved: Vec<Times>,
}

/// A field's ranking, and how sure it is. Everything is in the order of `submissions`: best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Best first.
    pub submissions: Vec<String>,
    /// Those that are scored.
    pub workloads: Vec<String>,
    /// Area below the performance profile, in [0, 1].
    pub scores: Vec<f64>,
    /// Workloads on which each was observed. Where some are missing, the score is the least that it can be.
    pub observed: Vec<usize>,
    /// Scores against the frozen reference, where there is one.
    pub frozen: Option<Frozen>,
    /// Points of the profiles: ratios to the fastest.
    pub taus: Vec<f64>,
    /// Share of workloads within each ratio.
    pub profiles: Vec<Vec<f64>>,
    /// Between which each profile lies; none without replicates.
    pub bands: Vec<Option<Band>>,
    /// Intervals, first ranks and tie groups.
    pub standing: Standing,
    /// All pairs.
    pub duels: Vec<Duel>,
    /// What each omission, and each other target, does to the order.
    pub flips: Vec<Flips>,
    /// What this many studies can show at all.
    pub sight: Sight,
}

/// A row of a field: one workload of one submission.
type Cells<'a> = BTreeMap<(String, String), Vec<&'a WorkloadResult>>;

impl Field {
    /// The fields of a leaderboard: one for each ruleset, by time also for each setting. Only tables that count are in them.
    pub fn of(board: &Leaderboard, measure: Measure) -> Vec<Field> {
        let mut fields: BTreeMap<String, Cells> = BTreeMap::new();
        for table in board.tables.iter().filter(|table| table.counts) {
            for row in &table.rows {
                let field = fields
                    .entry(title(&table.ruleset, row, measure))
                    .or_default();
                let cell = (table.workload.clone(), row.result.entry());
                field.entry(cell).or_default().push(&row.result);
            }
        }
        let field = |(title, cells): (String, Cells)| Field::from_cells(title, &cells, measure);
        fields.into_iter().filter_map(field).collect()
    }

    /// All fields of a leaderboard, those that decide first: by time where somebody vouches for the seconds, by steps, and by time elsewhere.
    pub fn all(board: &Leaderboard) -> Vec<Field> {
        let (trusted, other): (Vec<Field>, Vec<Field>) = Field::of(board, Measure::Time)
            .into_iter()
            .partition(Field::decides);
        let steps = Field::of(board, Measure::Steps);
        trusted.into_iter().chain(steps).chain(other).collect()
    }

    /// Whether its order may be claimed: steps are the same on every machine, seconds need one that measures time well.
    pub fn decides(&self) -> bool {
        self.measure == Measure::Steps || self.pinned
    }

    fn from_cells(title: String, cells: &Cells, measure: Measure) -> Option<Field> {
        let any = cells.values().flatten().next()?;
        let mut workloads: BTreeMap<&String, &String> = BTreeMap::new();
        for ((workload, _), results) in cells {
            workloads.extend(
                results
                    .iter()
                    .map(|result| (workload, &result.comparability_key)),
            );
        }
        let submissions: BTreeSet<&String> = cells.keys().map(|(_, name)| name).collect();
        let times = |value: &dyn Fn(&StudyResult) -> f64| -> Times {
            let of = |name: &&String| {
                let studies = |workload: &&String| {
                    let results = cells.get(&((*workload).clone(), (*name).clone()));
                    results.map_or_else(Vec::new, |results| each_study(results, value))
                };
                workloads.keys().map(studies).collect()
            };
            submissions.iter().map(of).collect()
        };
        let moved = |index: usize| {
            times(&|study: &StudyResult| {
                let moved = study.moved.get(index);
                moved.map_or(f64::NAN, |moved| match measure {
                    Measure::Time => moved.seconds,
                    Measure::Steps => moved.steps,
                })
            })
        };
        Some(Field {
            title,
            measure,
            ruleset: any.ruleset.clone(),
            tuning: any.tuning,
            setting: (measure == Measure::Time).then(|| any.setting.clone()),
            pinned: cells.values().flatten().all(|result| result.pinned),
            times: times(&|study| measure.of(study)),
            moved: (0..TARGETS.len()).map(moved).collect(),
            keys: workloads.values().map(|key| (*key).clone()).collect(),
            submissions: submissions.iter().map(|name| (*name).clone()).collect(),
            workloads: workloads.keys().map(|name| (*name).clone()).collect(),
        })
    }

    /// Times on a workload of a frozen reference, beside the reference's; none where it did not run, or elsewhere.
    pub(crate) fn against(&self, time: &FrozenTime, times: &[Vec<f64>]) -> Option<FrozenWorkload> {
        let here = self
            .setting
            .as_ref()
            .is_none_or(|setting| *setting == time.setting);
        let column = self
            .keys
            .iter()
            .position(|key| *key == time.comparability_key)?;
        let times = times
            .get(column)
            .filter(|times| here && !times.is_empty())?;
        let reference = match self.measure {
            Measure::Time => time.seconds,
            Measure::Steps => time.steps,
        };
        Some(FrozenWorkload {
            times: times.clone(),
            reference,
        })
    }

    /// Judges the field: by the frozen reference where it decides, else by AlgoPerf's profile score, without variants.
    pub fn ranking(&self, certainty: Certainty, against: Option<Against>) -> Ranking {
        let field = self.chosen(&order(&self.submissions, &self.standings(against)));
        let (submissions, times) = (&field.submissions, &field.times);
        let names: Vec<&str> = submissions.iter().map(String::as_str).collect();
        let draws = resample(&names, times, certainty.resamples, certainty.seed);
        let replicates = bootstrap(times, draws, certainty.alpha, profile_scores);
        let standing = standing(
            &names,
            &field.standings(against),
            times,
            replicates,
            certainty.alpha,
        );
        let frozen = against.map(|Against { reference, decides }| Frozen {
            submission: reference.submission.clone(),
            version: reference.version,
            decides,
            scores: reference.scores(&field),
        });
        Ranking {
            taus: taus(LARGEST_RATIO, POINTS),
            scores: profile_scores(&medians(times)),
            observed: times
                .iter()
                .map(|row| row.iter().filter(|studies| !studies.is_empty()).count())
                .collect(),
            profiles: profiles(&medians(times)),
            bands: bands(submissions, times, certainty, profiles),
            duels: duels(times, &standing, certainty.alpha),
            flips: field.flips(against),
            sight: sight(&field.workloads, times, field.tuning, certainty.alpha),
            frozen: frozen.filter(|frozen| frozen.scores.iter().any(|one| one.workloads > 0)),
            workloads: field.workloads,
            submissions: field.submissions,
            standing,
        }
    }

    /// What the order goes by, more being better. Where the frozen score decides, who has none comes after all who have, by the profile score.
    fn standings(&self, against: Option<Against>) -> Vec<f64> {
        let profile = profile_scores(&medians(&self.times));
        let Some(against) = against.filter(|against| against.decides) else {
            return profile;
        };
        let frozen = against.reference.scores(self).into_iter();
        let frozen = frozen.map(|against| against.score.and_then(|score| score.score));
        let both = frozen.zip(profile);
        both.map(|(frozen, profile)| frozen.map_or(profile, |frozen| 1.0 + frozen))
            .collect()
    }

    fn scored(&self, against: Option<Against>) -> Vec<(String, f64)> {
        let scores = self.standings(against);
        self.submissions.iter().cloned().zip(scores).collect()
    }

    /// These submissions, in this order.
    fn chosen(&self, submissions: &[usize]) -> Field {
        let pick = |times: &Times| submissions.iter().map(|&i| times[i].clone()).collect();
        Field {
            times: pick(&self.times),
            moved: self.moved.iter().map(pick).collect(),
            submissions: submissions
                .iter()
                .map(|&i| self.submissions[i].clone())
                .collect(),
            ..self.clone()
        }
    }

    fn without_workload(&self, index: usize) -> Field {
        let mut field = self.clone();
        field.workloads.remove(index);
        field.keys.remove(index);
        for times in std::iter::once(&mut field.times).chain(&mut field.moved) {
            times.iter_mut().for_each(|row| drop(row.remove(index)));
        }
        field
    }

    /// Scores again without each submission, without each workload, and with other targets.
    fn flips(&self, against: Option<Against>) -> Vec<Flips> {
        let names = &self.submissions;
        let mut all = Vec::new();
        for index in (0..names.len()).filter(|_| names.len() > 2) {
            let rest: Vec<usize> = (0..names.len()).filter(|&i| i != index).collect();
            let after = self.chosen(&rest).scored(against);
            all.push(flipped(format!("without {}", names[index]), names, &after));
        }
        for index in (0..self.workloads.len()).filter(|_| self.workloads.len() > 1) {
            let left = against.map(|against| against.reference.without(&self.keys[index]));
            let against = against
                .zip(left.as_ref())
                .map(|(against, reference)| Against {
                    reference,
                    ..against
                });
            let after = self.without_workload(index).scored(against);
            let change = format!("without {}", self.workloads[index]);
            all.push(flipped(change, names, &after));
        }
        for (share, times) in TARGETS.iter().zip(&self.moved).filter(|_| names.len() > 1) {
            let field = Field {
                times: times.clone(),
                ..self.clone()
            };
            let studies = || times.iter().flatten().flatten();
            all.push(match studies().filter(|time| time.is_nan()).count() {
                0 => flipped(moved(*share), names, &field.scored(against)),
                unseen => {
                    let reached = self.times.iter().flatten().flatten();
                    let reached = reached.filter(|time| time.is_finite()).count();
                    Flips::unseen(*share, unseen, reached)
                }
            });
        }
        all
    }
}

impl Measure {
    fn of(self, study: &StudyResult) -> f64 {
        let value = match self {
            Measure::Time => study.seconds,
            Measure::Steps => study.steps.map(|steps| steps as f64),
        };
        value.unwrap_or(f64::INFINITY)
    }
}

/// A value of all studies. A study that ran on several machines has the same seed on each, and is one study: the first result's counts.
fn each_study(results: &[&WorkloadResult], value: &dyn Fn(&StudyResult) -> f64) -> Vec<f64> {
    let mut studies: BTreeMap<(u64, u32), f64> = BTreeMap::new();
    for study in results.iter().flat_map(|result| &result.studies) {
        studies.entry(study.study).or_insert_with(|| value(study));
    }
    studies.into_values().collect()
}

fn title(ruleset: &str, row: &Row, measure: Measure) -> String {
    let setting = &row.result.setting;
    match measure {
        Measure::Steps => ruleset.to_owned(),
        Measure::Time => format!(
            "{ruleset} on {} {} x{}",
            setting.machine, setting.device, setting.threads
        ),
    }
}

/// Best first; equal scores by name.
fn order(names: &[String], scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&i, &j| {
        let by_score = scores[j].total_cmp(&scores[i]);
        by_score.then_with(|| names[i].cmp(&names[j]))
    });
    order
}

fn medians(times: &Times) -> Vec<Vec<f64>> {
    // NaN is a workload that was not run: it gets no credit.
    let median = |studies: &Vec<f64>| median_time(studies).unwrap_or(f64::NAN);
    let row = |row: &Vec<Vec<f64>>| row.iter().map(median).collect();
    times.iter().map(row).collect()
}

#[cfg(test)]
mod tests;
