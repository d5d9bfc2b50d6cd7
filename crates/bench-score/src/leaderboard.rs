//! Who is faster: a table for each set of comparable results.

use crate::measure::{Measure, StepSize};
use crate::read::Trial;
use crate::result::{Group, Setting, WorkloadResult, age, groups, newest, result};
use bench_core::run::RunSpec;
use bench_core::spec::catalog::Catalog;
use bench_core::spec::harness::{Points, Ruleset};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// All tables, by workload and ruleset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Leaderboard {
    /// One for each comparability key.
    pub tables: Vec<Table>,
}

/// Results that may stand beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Table {
    /// Name of the workload.
    pub workload: String,
    /// Name of the ruleset, with what differs from the rules that the checkout has under that name.
    pub ruleset: String,
    /// Where the workload's contents are not those that the checkout has: what differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// What all rows share. Two tables of one workload and ruleset differ in its file's contents.
    pub comparability_key: String,
    /// When the newest of its trials was asked for.
    pub newest: String,
    /// Whether it counts in what workloads add up to: the workload is in a suite, and of several tables of it under one ruleset this is the one that the
    /// checkout has, or else the newest.
    pub counts: bool,
    /// Whether the checkout says that nothing measured the target.
    #[serde(default)]
    pub provisional: bool,
    /// Whether a step passes as many examples in all rows. Where it does not, examples stand in the place of steps.
    #[serde(default)]
    pub step_size: StepSize,
    /// Best first: by time where seconds are trusted, one setting after the other, then all others by steps or examples.
    pub rows: Vec<Row>,
    /// Of any trial, to be set against the checkout's.
    #[serde(skip)]
    run: Option<Box<RunSpec>>,
}

/// One submission in one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// By time, among the rows of this setting, where somebody vouches for its seconds. Ties share a rank; none without a median.
    pub time_rank: Option<u32>,
    /// By steps, among all rows: steps travel between machines.
    pub step_rank: Option<u32>,
    /// By examples passed, among all rows, where rows differ in examples a step.
    #[serde(default)]
    pub example_rank: Option<u32>,
    /// Which of the three is its place.
    #[serde(default)]
    pub by: Measure,
    /// The result.
    pub result: WorkloadResult,
}

impl Leaderboard {
    /// The leaderboard of these trials. Their order does not matter.
    pub fn of(trials: &[Trial]) -> Leaderboard {
        let mut tables: BTreeMap<_, (Vec<WorkloadResult>, Group)> = BTreeMap::new();
        for (setting, group) in groups(trials) {
            let all = group.len();
            let counted = newest(group);
            let result = WorkloadResult {
                superseded: (all - counted.len()) as u32,
                ..result(setting, &counted)
            };
            let key = (
                result.workload.clone(),
                result.ruleset.clone(),
                result.comparability_key.clone(),
            );
            let (results, members) = tables.entry(key).or_default();
            results.push(result);
            members.extend(counted);
        }
        let table = |((workload, ruleset, comparability_key), (results, members))| {
            table(workload, ruleset, comparability_key, results, &members)
        };
        let mut board = Leaderboard {
            tables: tables.into_iter().map(table).collect(),
        };
        board.choose_among_twins();
        board
    }

    /// As this checkout has it: which machines measure time well, which rules and contents are its own, which workloads are in a suite.
    #[must_use]
    pub fn under(mut self, catalog: &Catalog) -> Leaderboard {
        let Some(harness) = &catalog.harness else {
            return self;
        };
        for table in &mut self.tables {
            let Some(run) = table.run.as_deref() else {
                continue;
            };
            let own = harness.rulesets.get(&run.ruleset_name);
            table.ruleset = named(run, own);
            let workload = catalog.workloads.get(&run.workload_name);
            table.changed = workload.map_or_else(Vec::new, |own| {
                differences(&run.workload, own, &["target.source"])
            });
            table.provisional = table.changed.is_empty()
                && workload.is_some_and(|workload| workload.target.is_provisional());
            let mut suites = harness.suites.values().flatten();
            table.counts = suites.any(|name| *name == run.workload_name);
            for row in &mut table.rows {
                row.result.ruleset.clone_from(&table.ruleset);
            }
        }
        self.choose_among_twins();
        self.pinned(&harness.pinned)
    }

    /// With the rows marked whose machine is one of these fingerprints: those that measure time well. Only they rank by time.
    #[must_use]
    pub fn pinned(mut self, machines: &[String]) -> Leaderboard {
        for table in &mut self.tables {
            let results = std::mem::take(&mut table.rows).into_iter();
            let results = results.map(|row| WorkloadResult {
                pinned: machines.contains(&row.result.setting.machine),
                ..row.result
            });
            table.rows = rows(results.collect());
        }
        self
    }

    /// What the rulesets ask for and was not observed, a line a row.
    pub fn gaps(&self) -> Vec<String> {
        let tables = self.tables.iter();
        let rows = tables.flat_map(|table| table.rows.iter().map(|row| &row.result));
        let lacking = rows.filter(|result| !result.is_complete());
        lacking.map(gap).collect()
    }

    /// One workload counts once under a ruleset: the contents that the checkout has, or else the newest.
    fn choose_among_twins(&mut self) {
        let rank = |table: &Table| {
            let instant = crate::result::instant(&table.newest);
            let instant = (instant.0.to_owned(), instant.1.to_owned());
            (
                table.changed.is_empty(),
                instant,
                table.comparability_key.clone(),
            )
        };
        let mut best: BTreeMap<(String, String), _> = BTreeMap::new();
        for table in &self.tables {
            let key = (table.workload.clone(), table.ruleset.clone());
            let rank = rank(table);
            let place = best.entry(key).or_insert_with(|| rank.clone());
            if rank > *place {
                *place = rank;
            }
        }
        for table in &mut self.tables {
            let key = (table.workload.clone(), table.ruleset.clone());
            table.counts &= best.get(&key) == Some(&rank(table));
        }
    }
}

impl Table {
    /// The settings in it: with more than one, times of different rows do not compare.
    pub fn settings(&self) -> Vec<&Setting> {
        let mut settings: Vec<_> = self.rows.iter().map(|row| &row.result.setting).collect();
        settings.sort();
        settings.dedup();
        settings
    }
}

impl Row {
    /// Its place, by the measure that decides: seconds only where somebody vouches for them, and examples where a step is not the same in all rows.
    pub fn rank(&self) -> Option<u32> {
        match self.by {
            Measure::Time => self.time_rank,
            Measure::Steps => self.step_rank,
            Measure::Examples => self.example_rank,
        }
    }
}

fn table(
    workload: String,
    ruleset: String,
    comparability_key: String,
    results: Vec<WorkloadResult>,
    members: &Group,
) -> Table {
    let newest = members.iter().max_by_key(|trial| age(trial));
    let newest = newest.map(|trial| match &trial.asked {
        Some(asked) => asked.clone(),
        None => trial.record.started.clone(),
    });
    Table {
        workload,
        ruleset,
        changed: Vec::new(),
        comparability_key,
        newest: newest.unwrap_or_default(),
        counts: true,
        provisional: false,
        step_size: step_size(&results),
        rows: rows(results),
        run: members
            .first()
            .map(|trial| Box::new((*trial.record.run).clone())),
    }
}

/// A ruleset with what differs from the checkout's of that name. Values that somebody chose are no ordinary entry under it.
fn named(run: &RunSpec, own: Option<&Ruleset>) -> String {
    let name = crate::result::ruleset(run);
    let own = own.map(|own| Ruleset {
        points: match run.ruleset.points {
            Points::Given => Points::Given,
            _ => own.points,
        },
        ..own.clone()
    });
    let changes = own.map_or_else(Vec::new, |own| differences(&run.ruleset, &own, &[]));
    match changes.is_empty() {
        true => name,
        false => format!("{name}, {}", changes.join(", ")),
    }
}

/// The keys in which two values of one type differ, with what the first has there.
fn differences<T: Serialize>(one: &T, other: &T, ignored: &[&str]) -> Vec<String> {
    let value = |it: &T| serde_json::to_value(it).unwrap_or_default();
    let mut found = Vec::new();
    differ("", &value(one), &value(other), &mut found);
    found.retain(|(key, _)| !ignored.contains(&key.as_str()));
    let words = |(key, value): (String, Value)| match value {
        Value::Null => format!("no {key}"),
        Value::String(text) => format!("{key} {text}"),
        value => format!("{key} {value}"),
    };
    found.into_iter().map(words).collect()
}

fn differ(key: &str, one: &Value, other: &Value, found: &mut Vec<(String, Value)>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let below = match key {
                    "" => name.clone(),
                    key => format!("{key}.{name}"),
                };
                let of = |values: &serde_json::Map<String, Value>| {
                    values.get(name).cloned().unwrap_or(Value::Null)
                };
                differ(&below, &of(one), &of(other), found);
            }
        }
        (one, other) if one == other => {}
        (one, _) => found.push((key.to_owned(), one.clone())),
    }
}

/// What a result lacks.
fn gap(result: &WorkloadResult) -> String {
    let mut lacks = Vec::new();
    let studies = (result.studies.len() + result.open.len()) as u32;
    if studies < result.studies_wanted {
        lacks.push(format!("{studies} of {} studies", result.studies_wanted));
    }
    let (done, wanted) = result.trials();
    if done < wanted {
        lacks.push(format!("{done} of {wanted} trials"));
    }
    format!(
        "{} on {}, {}: {}",
        result.entry(),
        result.workload,
        result.ruleset,
        lacks.join(", ")
    )
}

/// Among the results that made a step at all.
pub(crate) fn step_size<'a>(results: impl IntoIterator<Item = &'a WorkloadResult>) -> StepSize {
    let ran = results.into_iter();
    let ran = ran.filter(|result| result.seconds_per_step.is_some());
    StepSize::of(ran.map(|result| result.examples_per_step))
}

fn rows(results: Vec<WorkloadResult>) -> Vec<Row> {
    let work = step_size(&results).measure();
    let peers = |of: fn(&WorkloadResult) -> Option<f64>| results.iter().map(of);
    let time_rank = |result: &WorkloadResult| {
        let peers = results
            .iter()
            .filter(|other| other.setting == result.setting)
            .map(|other| other.median_seconds);
        rank(result.median_seconds.filter(|_| result.pinned), peers)
    };
    let mut rows: Vec<Row> = results
        .iter()
        .map(|result| Row {
            time_rank: time_rank(result),
            step_rank: rank(result.median_steps, peers(|peer| peer.median_steps)),
            example_rank: rank(
                result.median_examples.filter(|_| work == Measure::Examples),
                peers(|peer| peer.median_examples),
            ),
            by: match result.pinned {
                true => Measure::Time,
                false => work,
            },
            result: result.clone(),
        })
        .collect();
    rows.sort_by_key(|row| {
        let last = u32::MAX;
        let result = &row.result;
        let setting = result.pinned.then(|| result.setting.clone());
        (
            !result.pinned,
            setting,
            row.rank().unwrap_or(last),
            result.entry(),
            result.setting.clone(),
        )
    });
    rows
}

/// 1 plus the number of peers that are strictly better, so that ties share a rank. A miss has none.
pub fn rank(value: Option<f64>, peers: impl Iterator<Item = Option<f64>>) -> Option<u32> {
    let value = value?;
    let better = peers.filter(|peer| peer.is_some_and(|peer| peer < value));
    Some(1 + better.count() as u32)
}
