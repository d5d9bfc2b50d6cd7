//! From records to a verdict.

use super::cost::Cost;
use super::{Arm, Bounds, Claim, Measure, Pair, VALUES};
use crate::shell;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What the runs show.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Arm to seed to value; infinity where the target was missed.
    pub(super) values: BTreeMap<String, BTreeMap<u64, f64>>,
    /// Of each pair, `of` divided by `against` at each seed that there is; or of `of` alone.
    pub(super) ratios: Vec<Vec<f64>>,
    pub(super) verdict: Verdict,
    /// Processor and version of bench.
    pub(super) made_by: String,
    /// Of the trials that count, each once.
    pub(super) cost: Option<Cost>,
}

/// How a claim fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At every seed.
    Reproduced,
    /// Neither it nor its opposite.
    NotAtThisScale,
    /// The opposite, at every seed.
    Contradicted,
    /// Seeds are missing.
    Unfinished,
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Verdict::Reproduced => "reproduced",
            Verdict::NotAtThisScale => "not at this scale",
            Verdict::Contradicted => "contradicted",
            Verdict::Unfinished => "unfinished: some seeds have no result",
        }
    }

    /// A ratio of nothing finite speaks for neither side.
    pub(super) fn of(ratios: &[Vec<f64>], studies: u32, bounds: Bounds) -> Verdict {
        let seeds = ratios.iter().map(Vec::len).min().unwrap_or(0);
        let all = |holds: &dyn Fn(f64) -> bool| ratios.iter().flatten().all(|ratio| holds(*ratio));
        match () {
            () if seeds < studies as usize || seeds == 0 => Verdict::Unfinished,
            () if all(&|ratio| (bounds.at_least..=bounds.at_most).contains(&ratio)) => {
                Verdict::Reproduced
            }
            () if all(&|ratio| ratio > bounds.contradicted_above) => Verdict::Contradicted,
            () if all(&|ratio| ratio < bounds.contradicted_below) => Verdict::Contradicted,
            () => Verdict::NotAtThisScale,
        }
    }
}

impl Claim {
    /// Reads a claim's records.
    pub(super) fn evidence(&self, name: &str) -> Result<Evidence> {
        let records = self.records(name)?;
        let mut values = match &self.experiment {
            Some(_) => printed(name)?,
            None => BTreeMap::new(),
        };
        let mut counted: BTreeMap<Identity, &Value> = BTreeMap::new();
        for (arm_name, arm) in &self.arms {
            let seeds: &mut BTreeMap<u64, f64> = values.entry(arm_name.clone()).or_default();
            for ((study, _), record) in arm.newest(&records) {
                counted.insert(identity(&record["record"]), record);
                if let Some(value) = self.measure.of(record, arm) {
                    let best = seeds.entry(study).or_insert(value);
                    *best = best.min(value);
                }
            }
        }
        let ratio = |Pair { of, against }: &Pair| {
            let (of, against) = (&values[of], &values[against]);
            let pairs = of
                .iter()
                .filter_map(|(study, a)| Some((*a, *against.get(study)?)));
            pairs.map(|(a, b)| a / b).collect()
        };
        let ratios: Vec<Vec<f64>> = match self.pairs().as_slice() {
            [] => vec![values[&self.of].values().copied().collect()],
            pairs => pairs.iter().map(ratio).collect(),
        };
        let verdict = Verdict::of(&ratios, self.studies, self.bounds);
        let words = |pointer: &str| {
            let value = records.first().and_then(|record| record.pointer(pointer));
            value
                .and_then(Value::as_str)
                .unwrap_or("unknown")
                .to_owned()
        };
        Ok(Evidence {
            values,
            ratios,
            verdict,
            cost: Cost::of(counted.into_values()),
            made_by: match &self.experiment {
                Some(experiment) => format!("`tests/entrants/examples/{experiment}.rs`"),
                None => format!(
                    "{}, bench {}",
                    words("/record/machine/cpu"),
                    words("/record/bench-version")
                ),
            },
        })
    }

    /// Every trial as `bench show` has it, with what it logged where the claim is about that; none of an experiment.
    fn records(&self, name: &str) -> Result<Vec<Value>> {
        if self.experiment.is_some() {
            return Ok(Vec::new());
        }
        let folder = format!("target/claims/{name}");
        let text = shell::output(shell::bench()?.args(["show", &folder, "--format", "json"]))?;
        let mut records: Vec<Value> =
            serde_json::from_str(&text).context("`bench show` printed no records")?;
        if let Measure::Logged(scalar) = &self.measure {
            let mut means = BTreeMap::new();
            logged(&shell::root().join(&folder), scalar, &mut means)?;
            for record in &mut records {
                record["logged"] = json!(means.get(&identity(&record["record"])));
            }
        }
        Ok(records)
    }
}

/// What an experiment printed; infinity where there is no value.
fn printed(name: &str) -> Result<BTreeMap<String, BTreeMap<u64, f64>>> {
    let path = super::records(name).join(VALUES);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let values: BTreeMap<String, BTreeMap<u64, Option<f64>>> =
        serde_json::from_str(&text).context("the experiment printed no values")?;
    let seeds = |seeds: BTreeMap<u64, Option<f64>>| {
        let value = |(seed, value): (u64, Option<f64>)| (seed, value.unwrap_or(f64::INFINITY));
        seeds.into_iter().map(value).collect()
    };
    Ok(values
        .into_iter()
        .map(|(arm, values)| (arm, seeds(values)))
        .collect())
}

/// What no two records share: a trial is run again from other sources, or once more from the same.
type Identity = [String; 3];

fn identity(run: &Value) -> Identity {
    ["config-hash", "source-hash", "started"]
        .map(|key| run[key].as_str().unwrap_or_default().to_owned())
}

/// The mean of what every trial below a folder logged under a name in its second half.
fn logged(folder: &Path, name: &str, means: &mut BTreeMap<Identity, f64>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            logged(&path, name, means)?;
        }
    }
    let (run, events) = (folder.join("run.json"), folder.join("events.jsonl"));
    if !run.is_file() || !events.is_file() {
        return Ok(());
    }
    let run: Value = serde_json::from_str(&std::fs::read_to_string(run)?)?;
    let mut values: Vec<(u64, f64)> = Vec::new();
    for line in std::fs::read_to_string(events)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        let value = event.get("values").and_then(|values| values.get(name));
        let step = event.get("step").and_then(Value::as_u64);
        values.extend(step.zip(value.and_then(Value::as_f64)));
    }
    let last = values.iter().map(|(step, _)| *step).max().unwrap_or(0);
    values.retain(|(step, _)| 2 * step >= last);
    if !values.is_empty() {
        let sum: f64 = values.iter().map(|(_, value)| value).sum();
        let _ = means.insert(identity(&run), sum / values.len() as f64);
    }
    Ok(())
}

impl Arm {
    /// Whether a record is of this arm's submission.
    fn made(&self, record: &Value) -> bool {
        let own = self.submission.rsplit('/').next();
        record
            .pointer("/record/run/submission/name")
            .and_then(Value::as_str)
            == own
    }

    /// Its record of every study and trial: the last to begin, where a trial ran again after its submission was changed.
    fn newest<'a>(&self, records: &'a [Value]) -> BTreeMap<(u64, u64), &'a Value> {
        let mut newest: BTreeMap<(u64, u64), &Value> = BTreeMap::new();
        let began = |record: &'a Value| {
            let began = record.pointer("/record/started");
            began.and_then(Value::as_str).unwrap_or_default()
        };
        for record in records.iter().filter(|record| self.made(record)) {
            let number = |name: &str| record["record"]["run"]["seed"][name].as_u64();
            if let (Some(study), Some(trial)) = (number("study"), number("trial")) {
                let kept = newest.entry((study, trial)).or_insert(record);
                if began(record) > began(kept) {
                    *kept = record;
                }
            }
        }
        newest
    }
}

impl Measure {
    /// A record's value; none where the trial failed or the record has nothing of the kind.
    fn of(&self, record: &Value, arm: &Arm) -> Option<f64> {
        let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_f64);
        match self {
            Measure::StatePerParameter => {
                Some(number("/summary/state")? / number("/summary/parameters")?)
            }
            Measure::SecondsPerStep => {
                Some(number("/summary/submission-ns")? / 1e9 / number("/summary/steps")?)
            }
            Measure::Logged(_) => number("/logged"),
            Measure::StepsToTarget => {
                record.pointer("/summary/outcome")?.as_str()?;
                Some(number("/summary/passage/at/step").unwrap_or(f64::INFINITY))
            }
            Measure::BestValidation => {
                let metric = record
                    .pointer("/record/run/workload/target/metric")?
                    .as_str()?;
                let pointer = format!("/metrics/validation/{metric}");
                let points = record.pointer("/summary/curve")?.as_array()?.iter();
                let counts = |point: &&Value| {
                    let step = point.get("step").and_then(Value::as_u64);
                    step.is_some_and(|step| arm.until_step.is_none_or(|until| step <= until))
                };
                let values = points
                    .filter(counts)
                    .filter_map(|point| point.pointer(&pointer)?.as_f64());
                values.min_by(f64::total_cmp)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_every_seed() {
        let bounds = |at_least, contradicted_below| Bounds {
            at_least,
            at_most: 0.5,
            contradicted_below,
            contradicted_above: 1.0,
        };
        let verdict = |ratios: &[f64]| Verdict::of(&[ratios.to_vec()], 3, bounds(0.0, 0.0));
        assert_eq!(verdict(&[0.5, 0.5, 0.4]), Verdict::Reproduced);
        assert_eq!(verdict(&[0.5, 0.5, 0.6]), Verdict::NotAtThisScale);
        assert_eq!(verdict(&[1.1, 1.2, 1.3]), Verdict::Contradicted);
        assert_eq!(verdict(&[0.5, 0.5, f64::NAN]), Verdict::NotAtThisScale);
        assert_eq!(verdict(&[0.5, 0.5]), Verdict::Unfinished);
        // Of several pairs all have to.
        let pairs =
            |a: &[f64], b: &[f64]| Verdict::of(&[a.to_vec(), b.to_vec()], 2, bounds(0.0, 0.0));
        assert_eq!(pairs(&[0.5, 0.4], &[0.3, 0.2]), Verdict::Reproduced);
        assert_eq!(pairs(&[0.5, 0.4], &[0.3, 1.2]), Verdict::NotAtThisScale);
        assert_eq!(pairs(&[0.5, 0.4], &[0.3]), Verdict::Unfinished);
        let share = |values: &[f64]| Verdict::of(&[values.to_vec()], 3, bounds(0.1, 0.05));
        assert_eq!(share(&[0.1, 0.2, 0.5]), Verdict::Reproduced);
        assert_eq!(share(&[0.06, 0.2, 0.5]), Verdict::NotAtThisScale);
        assert_eq!(share(&[0.01, 0.02, 0.03]), Verdict::Contradicted);
    }

    #[test]
    fn logged_numbers_are_those_of_the_second_half() {
        let folder = std::env::temp_dir().join(format!("bench-claims-{}", std::process::id()));
        let line = |step: u64, value: f64| {
            let values = json!({ "win-rate": value, "other": 9.0 });
            json!({ "t": 0.1, "event": "logged", "step": step, "values": values }).to_string()
        };
        // One configuration, of which the sources were changed.
        let record = |source: &str| json!({ "config-hash": "abc", "source-hash": source, "started": "2026-01-01T00:00:00Z" });
        for (source, last) in [("old", 0.8), ("new", 0.4)] {
            let trial = folder.join("single").join(source);
            std::fs::create_dir_all(&trial).unwrap();
            std::fs::write(trial.join("run.json"), record(source).to_string()).unwrap();
            let ended = r#"{ "event": "ended" }"#.to_owned();
            let lines = [line(9, 0.9), line(19, 0.2), line(29, last), ended];
            std::fs::write(trial.join("events.jsonl"), lines.join("\n")).unwrap();
        }
        let mut means = BTreeMap::new();
        let read = logged(&folder, "win-rate", &mut means);
        std::fs::remove_dir_all(&folder).unwrap();
        read.unwrap();
        assert_eq!(means.len(), 2);
        for (source, mean) in [("old", 0.5), ("new", 0.3)] {
            let found = means[&identity(&record(source))];
            assert!((found - mean).abs() < 1e-12, "{source}: {found}");
        }
    }

    #[test]
    fn a_trial_that_ran_again_counts_once() {
        let record = |started: &str, trial: u64| {
            let run =
                json!({ "submission": { "name": "lion" }, "seed": { "study": 1, "trial": trial } });
            json!({ "record": { "run": run, "started": started } })
        };
        let records = [
            record("2026-01-02T00:00:00Z", 1),
            record("2026-01-01T00:00:00Z", 1),
            record("2026-01-01T00:00:00Z", 2),
        ];
        let arm = Arm {
            submission: "lion".to_owned(),
            trials: None,
            until_step: None,
        };
        let newest: Vec<&Value> = arm.newest(&records).into_values().collect();
        assert_eq!(newest, [&records[0], &records[2]]);
    }

    #[test]
    fn values_come_from_the_record() {
        let record = json!({
            "record": { "run": { "submission": { "name": "lion" }, "workload": { "target": { "metric": "error-rate" } } } },
            "summary": {
                "outcome": "target-reached", "state": 20, "parameters": 10, "steps": 4, "submission-ns": 2e9,
                "passage": { "at": { "step": 2 } },
                "curve": [
                    { "step": 2, "metrics": { "validation": { "error-rate": 0.3 } } },
                    { "step": 4, "metrics": { "validation": { "error-rate": 0.1 } } },
                ],
            },
        });
        let arm = |until_step| Arm {
            submission: "./lion".to_owned(),
            trials: None,
            until_step,
        };
        assert!(arm(None).made(&record));
        let of = |measure: Measure| measure.of(&record, &arm(None));
        assert_eq!(of(Measure::StatePerParameter), Some(2.0));
        assert_eq!(of(Measure::SecondsPerStep), Some(0.5));
        assert_eq!(of(Measure::StepsToTarget), Some(2.0));
        assert_eq!(of(Measure::BestValidation), Some(0.1));
        assert_eq!(
            Measure::BestValidation.of(&record, &arm(Some(3))),
            Some(0.3)
        );
    }
}
