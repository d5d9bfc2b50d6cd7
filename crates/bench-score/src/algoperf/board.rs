//! Logs, targets and rules to scores, with everything between.

use super::completeness;
use super::finding::{Finding, Problem};
use super::logs::{Log, Logs, natural};
use super::profile;
use super::reach::{StudyResult, TrialResult, strip_framework, workload_time};
use super::rules::Rules;
use super::targets::{Target, Targets};
use super::times::{Loss, Times};
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
        let base = score(&mut rows, &workloads, targets, &rules);
        rows.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| a.submission.cmp(&b.submission))
        });
        findings.extend(completeness::findings(&rows, &workloads, &rules));
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

    /// Times to target by row, base workload and study: what intervals, rank tests and the frozen score take.
    pub fn study_times(&self) -> Vec<Vec<Vec<f64>>> {
        let counts = |workload: &String| self.base.contains(workload);
        let times = |row: &Row| {
            let cells = row.cells.iter().zip(&self.workloads);
            cells
                .filter(|(_, workload)| counts(workload))
                .map(|(cell, _)| cell.studies.iter().map(StudyResult::seconds).collect())
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

/// Steps 5 to 8. Returns the base workloads.
fn score(rows: &mut [Row], workloads: &[String], targets: &Targets, rules: &Rules) -> Vec<String> {
    let time = |row: &Row| row.cells.iter().map(|cell| cell.time).collect();
    let mut times = Times::new(workloads.to_vec(), rows.iter().map(time).collect());
    times.drop_variants_of_missed_bases(targets);
    times.drop_slow(rules.largest_ratio);
    times.drop_bases_of_missed_variants(targets);
    let is_base = |column: &usize| targets.base.contains(&workloads[*column]);
    let base: Vec<usize> = (0..workloads.len()).filter(is_base).collect();
    let taus = profile::taus(rules.largest_ratio, rules.points);
    for (index, row) in rows.iter_mut().enumerate() {
        let mut ratios = Vec::with_capacity(base.len());
        for (column, cell) in row.cells.iter_mut().enumerate() {
            cell.loss = times.losses[index][column].clone();
            let ratio = profile::ratio(times.rows[index][column], times.fastest(column));
            cell.ratio = (cell.loss.is_none() && ratio.is_finite()).then_some(ratio);
            if is_base(&column) {
                ratios.push(ratio);
            }
        }
        row.profile = profile::profile(&ratios, base.len(), &taus);
        row.score = profile::score(&row.profile, &taus);
    }
    base.into_iter()
        .map(|column| workloads[column].clone())
        .collect()
}
