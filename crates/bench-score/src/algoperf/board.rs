//! Logs, targets and rules to scores, with everything between.

use super::completeness;
use super::copies;
use super::finding::{Finding, Problem};
use super::logs::{Log, Logs, natural};
use super::profile;
use super::reach::{StudyResult, TrialResult, strip_framework, workload_time};
use super::rules::Rules;
use super::targets::{Target, Targets};
use super::times::{Loss, Times};
use crate::statistics::{Certainty, Standing, bootstrap, resample, standing};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A competition's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// What it was scored by.
    pub rules: Rules,
    /// All columns, by name: base workloads and the variants that the rules look at.
    pub workloads: Vec<String>,
    /// The columns that count, by name.
    pub base: Vec<String>,
    /// Points of the profiles.
    pub taus: Vec<f64>,
    /// Best first; equal scores by name.
    pub rows: Vec<Row>,
    /// What was odd in the logs, and what they lack.
    pub findings: Vec<Finding>,
}

/// One submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub submission: String,
    /// Its score.
    pub score: f64,
    /// Its performance profile.
    pub profile: Vec<f64>,
    /// In the order of [`Board::workloads`].
    pub cells: Vec<Cell>,
}

/// One submission on one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its studies.
    pub studies: Vec<StudyResult>,
    /// Median time to target in seconds, before any rule took it: infinite when missed, NaN without a log.
    pub time: f64,
    /// Time over the fastest that is left, if it still counts.
    pub ratio: Option<f64>,
    /// Why it does not count.
    pub loss: Option<Loss>,
}

impl Board {
    /// Scores logs. The order of their entries does not matter.
    pub fn of(logs: &Logs, targets: &Targets, rules: Rules) -> Board {
        let mut findings = logs.findings.clone();
        let workloads: Vec<String> = targets
            .scored()
            .into_iter()
            .filter(|name| rules.variants || targets.base.iter().any(|base| base == name))
            .map(str::to_owned)
            .collect();
        let mut rows = judge(logs, targets, &rules, &workloads, &mut findings);
        let medians = rows.iter().map(Row::medians).collect();
        let scored = score(&workloads, medians, targets, &rules);
        for (index, row) in rows.iter_mut().enumerate() {
            row.take(&scored, index);
        }
        let is_base = |name: &&String| targets.base.contains(name);
        let base = workloads.iter().filter(is_base).cloned().collect();
        rows.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| a.submission.cmp(&b.submission))
        });
        findings.extend(completeness::findings(&rows, &workloads, &rules));
        findings.extend(copies::findings(logs));
        findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Board {
            taus: profile::taus(rules.largest_ratio, rules.points),
            rules,
            workloads,
            base,
            rows,
            findings,
        }
    }

    /// How sure the ranking is. Replicates go through all of the rules, variants too; the rank tests behind tie groups look at base workloads.
    pub fn standing(&self, targets: &Targets, certainty: Certainty) -> Standing {
        let Certainty {
            alpha,
            resamples,
            seed,
        } = certainty;
        let names: Vec<&str> = self
            .rows
            .iter()
            .map(|row| row.submission.as_str())
            .collect();
        let scores: Vec<f64> = self.rows.iter().map(|row| row.score).collect();
        let times: Vec<Vec<Vec<f64>>> = self.rows.iter().map(Row::study_times).collect();
        let draws = resample(&names, &times, resamples, seed);
        let replicates = bootstrap(&times, draws, alpha, |medians| {
            score(&self.workloads, medians.to_vec(), targets, &self.rules).scores
        });
        standing(&names, &scores, &self.study_times(), replicates, alpha)
    }

    /// Times to target by row, base workload and study: what rank tests and the frozen score take.
    pub fn study_times(&self) -> Vec<Vec<Vec<f64>>> {
        let base: Vec<bool> = self
            .workloads
            .iter()
            .map(|name| self.base.contains(name))
            .collect();
        let times = |row: &Row| {
            let times = row.study_times().into_iter().zip(&base);
            times
                .filter(|(_, is_base)| **is_base)
                .map(|(times, _)| times)
                .collect()
        };
        self.rows.iter().map(times).collect()
    }

    /// Studies that reached their target, and those of them where the two ways to pick a trial disagree.
    pub fn picks(&self) -> (usize, usize) {
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let reached = cells
            .flat_map(|cell| &cell.studies)
            .filter(|study| study.counted.is_some());
        reached.fold((0, 0), |(all, differ), study| {
            (all + 1, differ + usize::from(study.picks_differ()))
        })
    }

    /// Findings about what the rules ask for and the logs do not have.
    pub fn gaps(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.problem.is_gap())
    }
}

/// Steps 1 to 4: each submission's studies and time on each workload.
fn judge(
    logs: &Logs,
    targets: &Targets,
    rules: &Rules,
    workloads: &[String],
    findings: &mut Vec<Finding>,
) -> Vec<Row> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Log>> = BTreeMap::new();
    for log in &logs.logs {
        let key = (log.submission.as_str(), strip_framework(&log.workload));
        groups.entry(key).or_default().push(log);
    }
    let mut cell = |submission: &String, workload: &String| {
        let logs = groups.get(&(submission.as_str(), workload.as_str()));
        let logs = logs.map(Vec::as_slice).unwrap_or_default();
        Cell::of(logs, &targets.workloads[workload], rules, findings)
    };
    logs.submissions
        .iter()
        .map(|submission| Row {
            submission: submission.clone(),
            score: 0.0,
            profile: Vec::new(),
            cells: workloads
                .iter()
                .map(|workload| cell(submission, workload))
                .collect(),
        })
        .collect()
}

impl Row {
    fn medians(&self) -> Vec<f64> {
        self.cells.iter().map(|cell| cell.time).collect()
    }

    /// Times to target by workload and study.
    pub(super) fn study_times(&self) -> Vec<Vec<f64>> {
        let times = |cell: &Cell| cell.studies.iter().map(StudyResult::seconds).collect();
        self.cells.iter().map(times).collect()
    }

    /// Takes over what the steps made of row `index`.
    fn take(&mut self, scored: &Scored, index: usize) {
        self.score = scored.scores[index];
        self.profile.clone_from(&scored.profiles[index]);
        for (column, cell) in self.cells.iter_mut().enumerate() {
            let ratio = scored.ratios[index][column];
            cell.loss.clone_from(&scored.times.losses[index][column]);
            cell.ratio = (cell.loss.is_none() && ratio.is_finite()).then_some(ratio);
        }
    }
}

impl Cell {
    fn of(logs: &[&Log], target: &Target, rules: &Rules, findings: &mut Vec<Finding>) -> Cell {
        let mut by_study: BTreeMap<_, Vec<&Log>> = BTreeMap::new();
        for log in one_framework(logs, findings) {
            findings.extend(TrialResult::without_time(log, target));
            by_study.entry(natural(&log.study)).or_default().push(log);
        }
        let studies: Vec<StudyResult> = by_study
            .into_iter()
            .map(|((.., study), logs)| StudyResult::of(study, &logs, target, rules.pick))
            .collect();
        Cell {
            time: workload_time(&studies),
            studies,
            ratio: None,
            loss: None,
        }
    }
}

/// Of a workload that a submission ran in two frameworks, the one with more studies: adding them up would give it more trials than others have.
fn one_framework<'a>(logs: &[&'a Log], findings: &mut Vec<Finding>) -> Vec<&'a Log> {
    let mut studies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for log in logs {
        let folder = studies.entry(&log.workload).or_default();
        if !folder.contains(&log.study.as_str()) {
            folder.push(&log.study);
        }
    }
    let most = studies
        .iter()
        .min_by_key(|(name, studies)| (Reverse(studies.len()), **name));
    let Some((&kept, _)) = most else {
        return Vec::new();
    };
    for (folder, _) in studies.iter().filter(|(folder, _)| **folder != kept) {
        let count = logs.iter().filter(|log| log.workload == **folder).count() as u64;
        let submission = logs.first().map_or("", |log| &log.submission);
        let problem = Problem::OtherFramework {
            workload: (*folder).to_owned(),
            kept: kept.to_owned(),
        };
        findings.push(Finding {
            count,
            ..Finding::of(submission, problem)
        });
    }
    let counts = |log: &&Log| log.workload == kept;
    logs.iter().copied().filter(counts).collect()
}

/// Steps 5 to 8, from medians to scores.
pub(super) struct Scored {
    times: Times,
    /// Of all columns, by submission.
    ratios: Vec<Vec<f64>>,
    pub(super) profiles: Vec<Vec<f64>>,
    pub(super) scores: Vec<f64>,
}

pub(super) fn score(
    workloads: &[String],
    medians: Vec<Vec<f64>>,
    targets: &Targets,
    rules: &Rules,
) -> Scored {
    let mut times = Times::new(workloads.to_vec(), medians);
    times.drop_variants_of_missed_bases(targets);
    times.drop_slow(rules.largest_ratio);
    times.drop_bases_of_missed_variants(targets);
    let fastest: Vec<f64> = (0..workloads.len())
        .map(|column| times.fastest(column))
        .collect();
    let ratio = |(&time, &fastest): (&f64, &f64)| profile::ratio(time, fastest);
    let ratios: Vec<Vec<f64>> = times
        .rows
        .iter()
        .map(|row| row.iter().zip(&fastest).map(ratio).collect())
        .collect();
    let is_base: Vec<bool> = workloads
        .iter()
        .map(|name| targets.base.contains(name))
        .collect();
    let taus = profile::taus(rules.largest_ratio, rules.points);
    let profile = |ratios: &Vec<f64>| {
        let counted = ratios.iter().zip(&is_base).filter(|(_, is_base)| **is_base);
        let counted: Vec<f64> = counted.map(|(ratio, _)| *ratio).collect();
        profile::profile(&counted, counted.len(), &taus)
    };
    let profiles: Vec<Vec<f64>> = ratios.iter().map(profile).collect();
    Scored {
        scores: profiles
            .iter()
            .map(|profile| profile::score(profile, &taus))
            .collect(),
        times,
        ratios,
        profiles,
    }
}
