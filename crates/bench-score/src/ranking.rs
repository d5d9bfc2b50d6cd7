//! A field of submissions over several workloads, judged as a whole: what a published ranking shows.

use crate::algoperf::profile::{LARGEST_RATIO, POINTS, profile_scores, profiles, taus};
use crate::leaderboard::{Leaderboard, Row};
use crate::result::WorkloadResult;
use crate::statistics::{
    Certainty, Pair, RankTest, Shift, Standing, bootstrap, median_time, quantile, resample,
    standing, stratified_shift,
};
use std::collections::{BTreeMap, BTreeSet};

/// Replicates behind the bands of profiles: their ends need fewer than an interval's that is printed to three digits.
const BAND_RESAMPLES: usize = 500;

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
    /// In the order of `times`.
    pub submissions: Vec<String>,
    /// In the order of `times`.
    pub workloads: Vec<String>,
    /// By submission, workload and study.
    pub times: Times,
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
    /// What each omission does to the order.
    pub flips: Vec<Flips>,
}

/// Pointwise ends of a profile's band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Lower end at each ratio.
    pub lower: Vec<f64>,
    /// Upper end at each ratio.
    pub upper: Vec<f64>,
}

/// Two submissions against each other over all workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct Duel {
    /// A, which stands higher.
    pub first: usize,
    /// B.
    pub second: usize,
    /// Time of B over time of A.
    pub shift: Shift,
    /// Whether they differ at all.
    pub test: RankTest,
    /// Its two-sided p, Holm-adjusted over all pairs.
    pub adjusted: f64,
}

/// What happens to the order when something is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flips {
    /// In words: what is left out, or whose value is another.
    pub change: String,
    /// Pairs that change places: the one that now leads, the one that led.
    pub pairs: Vec<(String, String)>,
}

impl Field {
    /// The fields of a leaderboard: one for each ruleset, by time also for each setting.
    pub fn of(board: &Leaderboard, measure: Measure) -> Vec<Field> {
        let mut fields: BTreeMap<String, BTreeMap<(String, &str), Vec<&WorkloadResult>>> =
            BTreeMap::new();
        for table in &board.tables {
            let twin = |other: &&crate::Table| {
                (&other.workload, &other.ruleset) == (&table.workload, &table.ruleset)
            };
            let workload = match board.tables.iter().filter(twin).count() {
                1 => table.workload.clone(),
                _ => format!("{} ({:.6})", table.workload, table.comparability_key),
            };
            for row in &table.rows {
                let field = fields
                    .entry(title(&table.ruleset, row, measure))
                    .or_default();
                let cell = (workload.clone(), row.result.submission.as_str());
                field.entry(cell).or_default().push(&row.result);
            }
        }
        fields
            .into_iter()
            .map(|(title, cells)| {
                let cells = cells.into_iter();
                let times = cells.map(|(cell, results)| (cell, Field::times(results, measure)));
                Field::from_cells(title, &times.collect())
            })
            .collect()
    }

    /// Times or steps of all studies, infinite for a miss. A study that ran on several machines has the same seed on each, and is one study:
    /// the first result's counts.
    pub(crate) fn times<'a>(
        results: impl IntoIterator<Item = &'a WorkloadResult>,
        measure: Measure,
    ) -> Vec<f64> {
        let mut studies: BTreeMap<(u64, u32), f64> = BTreeMap::new();
        for study in results.into_iter().flat_map(|result| &result.studies) {
            let value = match measure {
                Measure::Time => study.seconds,
                Measure::Steps => study.steps.map(|steps| steps as f64),
            };
            let value = value.unwrap_or(f64::INFINITY);
            studies.entry(study.study).or_insert(value);
        }
        studies.into_values().collect()
    }

    fn from_cells(title: String, cells: &BTreeMap<(String, &str), Vec<f64>>) -> Field {
        let workloads: BTreeSet<&String> = cells.keys().map(|(workload, _)| workload).collect();
        let submissions: BTreeSet<&str> = cells.keys().map(|(_, name)| *name).collect();
        let of = |name: &&str| -> Vec<Vec<f64>> {
            let workloads = workloads.iter();
            let studies = |w: &&String| cells.get(&((*w).clone(), *name)).cloned();
            workloads.map(|w| studies(w).unwrap_or_default()).collect()
        };
        Field {
            times: submissions.iter().map(of).collect(),
            title,
            submissions: submissions.into_iter().map(str::to_owned).collect(),
            workloads: workloads.into_iter().cloned().collect(),
        }
    }

    /// Judges the field by AlgoPerf's profile score, without variants.
    pub fn ranking(&self, certainty: Certainty) -> Ranking {
        let order = order(&self.submissions, &profile_scores(&medians(&self.times)));
        let submissions: Vec<String> = order.iter().map(|&i| self.submissions[i].clone()).collect();
        let times: Times = order.iter().map(|&i| self.times[i].clone()).collect();
        let names: Vec<&str> = submissions.iter().map(String::as_str).collect();
        let scores = profile_scores(&medians(&times));
        let draws = resample(&names, &times, certainty.resamples, certainty.seed);
        let replicates = bootstrap(&times, draws, certainty.alpha, profile_scores);
        let standing = standing(&names, &scores, &times, replicates, certainty.alpha);
        Ranking {
            workloads: self.workloads.clone(),
            taus: taus(LARGEST_RATIO, POINTS),
            profiles: profiles(&medians(&times)),
            bands: bands(&submissions, &times, certainty, profiles),
            duels: duels(&times, &standing, certainty.alpha),
            flips: self.flips(&submissions, &times),
            submissions,
            scores,
            standing,
        }
    }

    /// Scores again without each submission and without each workload.
    fn flips(&self, names: &[String], times: &Times) -> Vec<Flips> {
        let again = |names: &[String], times: &Times| -> Vec<(String, f64)> {
            let scores = profile_scores(&medians(times));
            let order = order(names, &scores);
            order
                .iter()
                .map(|&i| (names[i].clone(), scores[i]))
                .collect()
        };
        let mut all = Vec::new();
        for index in (0..names.len()).filter(|_| names.len() > 2) {
            let (mut rest, mut left) = (names.to_vec(), times.clone());
            rest.remove(index);
            left.remove(index);
            all.push(flipped(
                format!("without {}", names[index]),
                names,
                &again(&rest, &left),
            ));
        }
        for index in (0..self.workloads.len()).filter(|_| self.workloads.len() > 1) {
            let mut left = times.clone();
            left.iter_mut().for_each(|row| drop(row.remove(index)));
            let change = format!("without {}", self.workloads[index]);
            all.push(flipped(change, names, &again(names, &left)));
        }
        all
    }
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

/// Bands of profiles, from studies drawn again.
pub(crate) fn bands(
    names: &[String],
    times: &Times,
    certainty: Certainty,
    profiles: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>,
) -> Vec<Option<Band>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let resamples = certainty.resamples.min(BAND_RESAMPLES);
    let draws = resample(&names, times, resamples, certainty.seed);
    let drawn = bootstrap(times, draws, certainty.alpha, |medians| {
        profiles(medians).concat()
    });
    let points = drawn.point.len() / names.len().max(1);
    let end = |submission: usize, q: f64| -> Option<Vec<f64>> {
        let column = |point: usize| -> Vec<f64> {
            let at = submission * points + point;
            drawn.replicates.iter().map(|line| line[at]).collect()
        };
        (0..points)
            .map(|point| quantile(&column(point), q))
            .collect()
    };
    let band = |submission| {
        Some(Band {
            lower: end(submission, certainty.alpha)?,
            upper: end(submission, 1.0 - certainty.alpha)?,
        })
    };
    (0..names.len()).map(band).collect()
}

/// All pairs of a standing, with how much slower the second is.
pub(crate) fn duels(times: &Times, standing: &Standing, alpha: f64) -> Vec<Duel> {
    let duel = |(&(first, second, test), &adjusted): (&(usize, usize, RankTest), &f64)| {
        let workloads = times[first].iter().zip(&times[second]);
        let pairs: Vec<Pair> = workloads.map(|(a, b)| Pair::new(a, b)).collect();
        Duel {
            first,
            second,
            shift: stratified_shift(&pairs, alpha),
            test,
            adjusted,
        }
    };
    let adjusted = &standing.groups.adjusted;
    standing.pairs.iter().zip(adjusted).map(duel).collect()
}

/// Pairs of `names`, best first, that stand the other way round in `after`. Ties flip nothing.
pub(crate) fn flipped(change: String, names: &[String], after: &[(String, f64)]) -> Flips {
    let score = |name: &String| {
        after
            .iter()
            .find(|(other, _)| other == name)
            .map(|row| row.1)
    };
    let mut pairs = Vec::new();
    for (index, leader) in names.iter().enumerate() {
        for other in &names[index + 1..] {
            if let (Some(a), Some(b)) = (score(leader), score(other))
                && b > a
            {
                pairs.push((other.clone(), leader.clone()));
            }
        }
    }
    Flips { change, pairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> Field {
        let studies = |seconds: f64| vec![seconds, seconds * 1.01, seconds * 1.02];
        Field {
            title: String::new(),
            submissions: ["slow", "quick", "mixed"].map(str::to_owned).to_vec(),
            workloads: ["a", "b"].map(str::to_owned).to_vec(),
            times: vec![
                vec![studies(30.0), studies(30.0)],
                vec![studies(10.0), studies(11.0)],
                vec![studies(20.0), studies(10.0)],
            ],
        }
    }

    #[test]
    fn best_first_with_bands_around_each_profile() {
        let ranking = field().ranking(Certainty::default());
        assert_eq!(ranking.submissions, ["quick", "mixed", "slow"]);
        assert_eq!(ranking.duels.len(), 3);
        for (line, band) in ranking.profiles.iter().zip(&ranking.bands) {
            let band = band.as_ref().unwrap();
            assert_eq!(line.len(), band.lower.len());
            assert!(band.lower.iter().zip(&band.upper).all(|(l, u)| l <= u));
        }
        let faster = &ranking.duels[0];
        assert!(faster.shift.ratio().unwrap() > 1.0);
    }

    #[test]
    fn leaving_a_workload_out_can_turn_the_order() {
        let flips = field().ranking(Certainty::default()).flips;
        let without = |name: &str| {
            flips
                .iter()
                .find(|flips| flips.change == format!("without {name}"))
                .unwrap()
        };
        let pair = ("mixed".to_owned(), "quick".to_owned());
        assert_eq!(without("a").pairs, [pair]);
        assert!(without("b").pairs.is_empty());
    }
}
