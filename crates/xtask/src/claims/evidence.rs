//! From records to a verdict.

use super::{Arm, Claim, Measure};
use crate::shell;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the runs show.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Arm to seed to value; infinity where the target was missed.
    pub(super) values: BTreeMap<String, BTreeMap<u64, f64>>,
    /// `of` divided by `against`, at each seed that both have.
    pub(super) ratios: Vec<f64>,
    pub(super) verdict: Verdict,
    /// Processor and version of bench.
    pub(super) made_by: String,
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
    pub(super) fn of(
        ratios: &[f64],
        studies: u32,
        at_most: f64,
        contradicted_above: f64,
    ) -> Verdict {
        match () {
            () if ratios.len() < studies as usize || ratios.is_empty() => Verdict::Unfinished,
            () if ratios.iter().all(|ratio| *ratio <= at_most) => Verdict::Reproduced,
            () if ratios.iter().all(|ratio| *ratio > contradicted_above) => Verdict::Contradicted,
            () => Verdict::NotAtThisScale,
        }
    }
}

impl Claim {
    /// Reads a claim's records.
    pub(super) fn evidence(&self, name: &str) -> Result<Evidence> {
        let folder = format!("target/claims/{name}");
        let text = shell::output(shell::bench()?.args(["show", &folder, "--format", "json"]))?;
        let records: Vec<Value> =
            serde_json::from_str(&text).context("`bench show` printed no records")?;
        let mut values = BTreeMap::new();
        for (arm_name, arm) in &self.arms {
            let mut seeds: BTreeMap<u64, f64> = BTreeMap::new();
            for record in records.iter().filter(|record| arm.made(record)) {
                let Some(study) = record
                    .pointer("/record/run/seed/study")
                    .and_then(Value::as_u64)
                else {
                    continue;
                };
                if let Some(value) = self.measure.of(record, arm) {
                    let best = seeds.entry(study).or_insert(value);
                    *best = best.min(value);
                }
            }
            values.insert(arm_name.clone(), seeds);
        }
        let (of, against) = (&values[&self.of], &values[&self.against]);
        let pairs = of
            .iter()
            .filter_map(|(study, a)| Some((*a, *against.get(study)?)));
        let ratios: Vec<f64> = pairs.map(|(a, b)| a / b).collect();
        let verdict = Verdict::of(&ratios, self.studies, self.at_most, self.contradicted_above);
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
            made_by: format!(
                "{}, bench {}",
                words("/record/machine/cpu"),
                words("/record/bench-version")
            ),
        })
    }
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
}

impl Measure {
    /// A record's value; none where the trial failed or the record has nothing of the kind.
    fn of(self, record: &Value, arm: &Arm) -> Option<f64> {
        let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_f64);
        match self {
            Measure::StatePerParameter => {
                Some(number("/summary/state")? / number("/summary/parameters")?)
            }
            Measure::SecondsPerStep => {
                Some(number("/summary/submission-ns")? / 1e9 / number("/summary/steps")?)
            }
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
    use serde_json::json;

    #[test]
    fn a_verdict_needs_every_seed() {
        let verdict = |ratios: &[f64]| Verdict::of(ratios, 3, 0.5, 1.0);
        assert_eq!(verdict(&[0.5, 0.5, 0.4]), Verdict::Reproduced);
        assert_eq!(verdict(&[0.5, 0.5, 0.6]), Verdict::NotAtThisScale);
        assert_eq!(verdict(&[1.1, 1.2, 1.3]), Verdict::Contradicted);
        assert_eq!(verdict(&[0.5, 0.5, f64::NAN]), Verdict::NotAtThisScale);
        assert_eq!(verdict(&[0.5, 0.5]), Verdict::Unfinished);
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
