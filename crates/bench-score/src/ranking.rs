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
use crate::leaderboard::{Leaderboard, Row, step_size};
use crate::measure::{Amounts, Measure, StepSize};
use crate::result::{Setting, StudyResult, TARGETS, WorkloadResult};
use crate::statistics::{
    Certainty, FrozenWorkload, Standing, bootstrap, median_time, resample, standing,
};
use bench_core::spec::submission::Tuning;
use std::collections::{BTreeMap, BTreeSet};

/// Times (or steps, or examples) to target by submission, workload and study; infinite for a miss.
type Times = Vec<Vec<Vec<f64>>>;

/// Submissions that may be ranked against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Ruleset, and where times are compared the setting.
    pub title: String,
    /// Time, or steps.
    pub measure: Measure,
    /// What times are, by workload: examples in the place of steps where rows differ in examples a step.
    pub measures: Vec<Measure>,
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
    /// By submission and workload, whatever they are ranked by.
    pub amounts: Vec<Vec<Amounts>>,
    /// The same under each of [`TARGETS`]; NaN where it could not be seen.
    pub moved: Vec<Vec<Vec<Amounts>>>,
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
        self.measure != Measure::Time || self.pinned
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
        let amounts = |value: &dyn Fn(&StudyResult) -> [f64; 3]| -> Vec<Vec<Amounts>> {
            let of = |name: &&String| {
                let studies = |workload: &&String| {
                    let results = cells.get(&((*workload).clone(), (*name).clone()));
                    results.map_or_else(Amounts::default, |results| each_study(results, value))
                };
                workloads.keys().map(studies).collect()
            };
            submissions.iter().map(of).collect()
        };
        let moved = |index: usize| {
            amounts(&|study: &StudyResult| {
                let moved = study.moved.get(index);
                moved.map_or([f64::NAN; 3], |moved| {
                    [moved.seconds, moved.steps, moved.examples]
                })
            })
        };
        let by = |workload: &&String| {
            let rows = cells.iter().filter(|((name, _), _)| name == *workload);
            step_size(rows.flat_map(|(_, results)| results.iter().copied())).measure()
        };
        let measures: Vec<Measure> = match measure {
            Measure::Time => vec![Measure::Time; workloads.len()],
            Measure::Steps | Measure::Examples => workloads.keys().map(by).collect(),
        };
        let amounts = amounts(&reached);
        Some(Field {
            title,
            measure,
            ruleset: any.ruleset.clone(),
            tuning: any.tuning,
            setting: (measure == Measure::Time).then(|| any.setting.clone()),
            pinned: cells.values().flatten().all(|result| result.pinned),
            times: times(&amounts, &measures),
            amounts,
            measures,
            moved: (0..TARGETS.len()).map(moved).collect(),
            keys: workloads.values().map(|key| (*key).clone()).collect(),
            submissions: submissions.iter().map(|name| (*name).clone()).collect(),
            workloads: workloads.keys().map(|name| (*name).clone()).collect(),
        })
    }

    /// Times on a workload of a frozen reference, beside the reference's; none where it did not run, or elsewhere.
    pub(crate) fn against(&self, time: &FrozenTime, own: &[Amounts]) -> Option<FrozenWorkload> {
        let (_, workload) = self.measured_against(time, own)?;
        Some(workload)
    }

    /// The same, with what both are. That goes by the two alone, so that no other entry moves a score.
    fn measured_against(
        &self,
        time: &FrozenTime,
        own: &[Amounts],
    ) -> Option<(Measure, FrozenWorkload)> {
        let here = self
            .setting
            .as_ref()
            .is_none_or(|setting| *setting == time.setting);
        let column = self
            .keys
            .iter()
            .position(|key| *key == time.comparability_key)?;
        let own = own.get(column).filter(|_| here)?;
        let sizes = [own.examples_per_step, time.examples_per_step];
        let examples = time
            .examples
            .filter(|_| StepSize::of(sizes.into_iter()) == StepSize::Differs);
        let (measure, reference) = match (self.measure, examples) {
            (Measure::Time, _) => (Measure::Time, time.seconds),
            (_, Some(examples)) => (Measure::Examples, examples),
            (_, None) => (Measure::Steps, time.steps),
        };
        let times = own.by(measure).clone();
        (!times.is_empty()).then_some((measure, FrozenWorkload { times, reference }))
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
        let pick = |amounts: &Vec<Vec<Amounts>>| {
            let chosen = submissions.iter().map(|&i| amounts[i].clone());
            chosen.collect::<Vec<_>>()
        };
        let amounts = pick(&self.amounts);
        Field {
            times: times(&amounts, &self.measures),
            amounts,
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
        field.measures.remove(index);
        for amounts in std::iter::once(&mut field.amounts).chain(&mut field.moved) {
            amounts.iter_mut().for_each(|row| drop(row.remove(index)));
        }
        field.times = times(&field.amounts, &field.measures);
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
        for (share, amounts) in TARGETS.iter().zip(&self.moved).filter(|_| names.len() > 1) {
            let field = Field {
                times: times(amounts, &self.measures),
                amounts: amounts.clone(),
                ..self.clone()
            };
            let studies = || field.times.iter().flatten().flatten();
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

/// What a study needed: seconds, steps and examples, infinite for a miss.
fn reached(study: &StudyResult) -> [f64; 3] {
    let number = |value: Option<u64>| value.map(|value| value as f64);
    let all = [study.seconds, number(study.steps), number(study.examples)];
    all.map(|value| value.unwrap_or(f64::INFINITY))
}

/// Amounts of all studies. A study that ran on several machines has the same seed on each, and is one study: the first result's counts.
fn each_study(results: &[&WorkloadResult], value: &dyn Fn(&StudyResult) -> [f64; 3]) -> Amounts {
    let mut studies: BTreeMap<(u64, u32), [f64; 3]> = BTreeMap::new();
    for study in results.iter().flat_map(|result| &result.studies) {
        studies.entry(study.study).or_insert_with(|| value(study));
    }
    let of = |index: usize| studies.values().map(|values| values[index]).collect();
    Amounts {
        seconds: of(0),
        steps: of(1),
        examples: of(2),
        examples_per_step: results.iter().find_map(|result| result.examples_per_step),
    }
}

/// What a field ranks by: of each workload the amounts by its measure.
fn times(amounts: &[Vec<Amounts>], measures: &[Measure]) -> Times {
    let row = |row: &Vec<Amounts>| {
        let cells = row.iter().zip(measures);
        cells
            .map(|(own, measure)| own.by(*measure).clone())
            .collect()
    };
    amounts.iter().map(row).collect()
}

fn title(ruleset: &str, row: &Row, measure: Measure) -> String {
    let setting = &row.result.setting;
    match measure {
        Measure::Steps | Measure::Examples => ruleset.to_owned(),
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
