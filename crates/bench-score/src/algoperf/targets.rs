//! A benchmark version's scoring constants, as AlgoPerf's `workload_targets*.json` holds them.

use super::reach::strip_framework;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// What is scored, and which value of which metric is enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// Version of the benchmark, such as `0.6`.
    pub version: String,
    /// Workloads that count.
    pub base: Vec<String>,
    /// Variants that were sampled to check the base workloads.
    pub held_out: Vec<String>,
    /// Name to target, of these and of other workloads.
    pub workloads: BTreeMap<String, Target>,
}

/// One workload's target.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the metric; the logs have it as `validation/<metric>`.
    pub metric: String,
    /// Which way it improves.
    pub goal: Goal,
    /// On the validation split.
    pub value: f64,
    /// About how many steps the workload takes.
    pub step_hint: Option<u64>,
    /// Seconds a trial may take under external tuning; older files have none.
    pub budget: Option<f64>,
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Down.
    Minimize,
    /// Up.
    Maximize,
}

/// Why a file of targets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    /// Not JSON of that shape.
    #[error("the text is not a file of workload targets")]
    Format(#[source] serde_json::Error),
    /// A workload's entry is of another shape.
    #[error("the entry of `{workload}` under `workloads` is no target: {cause}")]
    Entry {
        /// Its name.
        workload: String,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// Lists no base workload: then there is nothing to score.
    #[error("`base_workloads` is empty")]
    NoBase,
    /// A listed workload has no target.
    #[error("`{workload}` is to be scored but has no entry under `workloads`")]
    NoTarget {
        /// Its name.
        workload: String,
    },
    /// A metric whose direction is not known, without a goal.
    #[error(
        "`{workload}` has metric `{metric}`, whose direction is not known; give it a `target_metric_goal` of `minimize` or `maximize`"
    )]
    NoGoal {
        /// Of the workload.
        workload: String,
        /// Of the metric.
        metric: String,
    },
}

const MINIMIZED: [&str; 7] = [
    "ce_loss",
    "error_rate",
    "ctc_loss",
    "wer",
    "l1_loss",
    "loss",
    "ppl",
];
const MAXIMIZED: [&str; 4] = ["mean_average_precision", "ssim", "accuracy", "bleu"];

/// What a column of a log can hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    least: f64,
    /// Whether the least is not in it.
    open: bool,
    most: f64,
    whole: bool,
}

impl Range {
    /// Submission time: above 0, and finite.
    pub(super) const SECONDS: Range = Range {
        least: 0.0,
        open: true,
        most: f64::MAX,
        whole: false,
    };
    /// Steps.
    pub(super) const STEPS: Range = Range {
        whole: true,
        ..Range::to(f64::MAX)
    };

    const fn to(most: f64) -> Range {
        Range {
            least: 0.0,
            open: false,
            most,
            whole: false,
        }
    }

    /// Of a metric's column: shares, a bleu score, losses. Any finite number of a metric that is not known.
    pub(super) fn of(column: &str) -> Range {
        let metric = column.rsplit('/').next().unwrap_or(column);
        match metric {
            "error_rate" | "accuracy" | "mean_average_precision" => Range::to(1.0),
            "bleu" => Range::to(100.0),
            "ssim" => Range {
                least: -1.0,
                ..Range::to(1.0)
            },
            known if MINIMIZED.contains(&known) => Range::to(f64::MAX),
            _ => Range {
                least: f64::MIN,
                ..Range::to(f64::MAX)
            },
        }
    }

    /// Whether a number can be.
    pub(super) fn holds(&self, number: f64) -> bool {
        let above = match self.open {
            true => number > self.least,
            false => number >= self.least,
        };
        above && number <= self.most && (!self.whole || number.fract() == 0.0)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Range {
            least, most, whole, ..
        } = self;
        match (self.open, *most < f64::MAX, *least > f64::MIN) {
            (true, ..) => write!(f, "above {least}"),
            (_, true, _) => write!(f, "from {least} to {most}"),
            (_, _, true) if *whole => write!(f, "a whole number from {least}"),
            (_, _, true) => write!(f, "finite and from {least}"),
            _ => f.write_str("finite"),
        }
    }
}

#[derive(Deserialize)]
struct File {
    benchmark_version: String,
    base_workloads: Vec<String>,
    held_out_workloads: Vec<String>,
    workloads: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct FileTarget {
    target_metric_name: String,
    target_metric_goal: Option<Goal>,
    validation_target_value: f64,
    step_hint: Option<u64>,
    max_allowed_runtime_sec: Option<f64>,
}

impl Targets {
    /// Reads a file's text. Fields that this version does not know are left alone.
    ///
    /// # Errors
    /// When it is not such a file, or a scored workload has no usable target.
    pub fn parse(text: &str) -> Result<Targets, TargetsError> {
        let file: File = serde_json::from_str(text).map_err(TargetsError::Format)?;
        if file.base_workloads.is_empty() {
            return Err(TargetsError::NoBase);
        }
        let workloads = file
            .workloads
            .into_iter()
            .map(|(name, entry)| {
                let target =
                    serde_json::from_value(entry).map_err(|cause| TargetsError::Entry {
                        workload: name.clone(),
                        cause,
                    })?;
                Ok((name.clone(), Target::of(name, target)?))
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        for name in file.base_workloads.iter().chain(&file.held_out_workloads) {
            if !workloads.contains_key(name) {
                let workload = name.clone();
                return Err(TargetsError::NoTarget { workload });
            }
        }
        Ok(Targets {
            version: file.benchmark_version,
            base: file.base_workloads,
            held_out: file.held_out_workloads,
            workloads,
        })
    }

    /// Base workloads and sampled variants, by name.
    pub fn scored(&self) -> Vec<&str> {
        let mut scored: Vec<&str> = self
            .base
            .iter()
            .chain(&self.held_out)
            .map(String::as_str)
            .collect();
        scored.sort_unstable();
        scored.dedup();
        scored
    }

    /// Name and target of a scored workload, from its folder's name with or without a framework's suffix.
    pub fn scored_target(&self, folder: &str) -> Option<(&str, &Target)> {
        let name = strip_framework(folder);
        let scored = self
            .base
            .iter()
            .chain(&self.held_out)
            .find(|scored| *scored == name)?;
        Some((scored, self.workloads.get(scored)?))
    }

    /// The base workload that a variant was made from: the first whose name is part of the variant's.
    pub fn base_of(&self, variant: &str) -> Option<&str> {
        let base = self
            .base
            .iter()
            .find(|base| variant.contains(base.as_str()));
        base.map(String::as_str)
    }

    /// The same targets made easier by a share of their value (harder when it is negative), to see what a ranking owes to them.
    pub fn relaxed(&self, share: f64) -> Targets {
        let mut relaxed = self.clone();
        for target in relaxed.workloads.values_mut() {
            target.value *= match target.goal {
                Goal::Minimize => 1.0 + share,
                Goal::Maximize => 1.0 - share,
            };
        }
        relaxed
    }
}

impl Target {
    fn of(workload: String, file: FileTarget) -> Result<Target, TargetsError> {
        let metric = file.target_metric_name;
        let known = if MINIMIZED.contains(&metric.as_str()) {
            Some(Goal::Minimize)
        } else if MAXIMIZED.contains(&metric.as_str()) {
            Some(Goal::Maximize)
        } else {
            None
        };
        let Some(goal) = file.target_metric_goal.or(known) else {
            return Err(TargetsError::NoGoal { workload, metric });
        };
        Ok(Target {
            metric,
            goal,
            value: file.validation_target_value,
            step_hint: file.step_hint,
            budget: file.max_allowed_runtime_sec,
        })
    }

    /// The metric's column in a log.
    pub fn column(&self) -> String {
        format!("validation/{}", self.metric)
    }

    /// Whether a value is good enough. NaN never is.
    pub fn is_met(&self, value: f64) -> bool {
        match self.goal {
            Goal::Minimize => value <= self.value,
            Goal::Maximize => value >= self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"benchmark_version": "0.5", "base_workloads": ["wmt"], "held_out_workloads": ["wmt_glu"], "new": 1,
        "workloads": {"wmt": {"target_metric_name": "bleu", "validation_target_value": 30, "step_hint": 9},
                      "wmt_glu": {"target_metric_name": "bleu", "validation_target_value": 29},
                      "lm": {"target_metric_name": "bits", "target_metric_goal": "minimize", "validation_target_value": 2}}}"#;

    #[test]
    fn goals_come_from_the_file_or_from_the_metric() {
        let targets = Targets::parse(TEXT).unwrap();
        assert_eq!(targets.workloads["wmt"].goal, Goal::Maximize);
        assert_eq!(targets.workloads["lm"].goal, Goal::Minimize);
        let error =
            Targets::parse(&TEXT.replace("\"target_metric_goal\": \"minimize\",", "")).unwrap_err();
        assert!(matches!(error, TargetsError::NoGoal { .. }));
    }

    #[test]
    fn a_scored_workload_needs_a_target() {
        let error = Targets::parse(&TEXT.replace("[\"wmt\"]", "[\"ogbg\"]")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`ogbg` is to be scored but has no entry under `workloads`"
        );
    }

    #[test]
    fn a_broken_entry_names_its_workload() {
        let text = TEXT.replace(
            "\"validation_target_value\": 29",
            "\"validation_target_value\": null",
        );
        let error = Targets::parse(&text).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "the entry of `wmt_glu` under `workloads` is no target: invalid type: null"
            ),
            "{error}"
        );
    }

    #[test]
    fn folders_and_variants_find_their_workload() {
        let targets = Targets::parse(TEXT).unwrap();
        assert_eq!(
            targets.scored_target("wmt_glu_jax").map(|(name, _)| name),
            Some("wmt_glu")
        );
        assert_eq!(targets.scored_target("lm_jax"), None);
        assert_eq!(targets.base_of("wmt_glu"), Some("wmt"));
    }

    #[test]
    fn relaxing_makes_targets_easier() {
        let targets = Targets::parse(TEXT).unwrap().relaxed(0.1);
        assert_eq!(targets.workloads["wmt"].value, 27.0);
        assert_eq!(targets.workloads["lm"].value, 2.2);
        assert!(!targets.workloads["wmt"].is_met(f64::NAN));
    }
}
