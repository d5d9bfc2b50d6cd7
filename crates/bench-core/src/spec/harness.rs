//! `harness.yaml`: rulesets, suites, hardware, limits and tolerances.

use super::executor::Executors;
use super::submission::Tuning;
use crate::number::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The ruleset of a `bench run` that names none: one trial with the defaults.
pub const QUICK_START: &str = "quick-start";

/// How this checkout runs trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Harness {
    /// Version of this file format: 1.
    pub schema: u32,
    /// Where records go, relative to this file.
    pub results: String,
    /// Threads of worker and evaluator, unless a workload wants fewer. In the hash: numbers depend on it.
    #[schemars(range(min = 1))]
    pub threads: u32,
    /// `cpu` or `cuda:<index>`.
    pub device: String,
    /// Fingerprints (the machine column of `bench leaderboard` begins with it) of machines that measure time well enough to compare by it: one user, a fixed clock.
    #[serde(default)]
    pub pinned: Vec<String>,
    /// Name to workloads.
    pub suites: BTreeMap<String, Vec<String>>,
    /// How a leaderboard's scores are made. Not in the hash: trials do not depend on it.
    #[serde(default)]
    pub scoring: Scoring,
    /// Name to rules.
    pub rulesets: BTreeMap<String, Ruleset>,
    /// How trials are asked for where something else than this machine starts them.
    #[serde(default)]
    pub executors: Executors,
    /// How long untimed phases may take.
    pub limits: Limits,
    /// How far clocks may disagree.
    pub tolerances: Tolerances,
}

/// The rules of a competition. In the hash and in the comparability key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ruleset {
    /// Which submissions may enter.
    pub tuning: Tuning,
    /// Independent repetitions.
    #[schemars(range(min = 1))]
    pub studies: u32,
    /// Points of the search space in each study.
    #[schemars(range(min = 1))]
    pub trials: u32,
    /// Where a trial's hyperparameters come from.
    #[serde(default)]
    pub points: Points,
    /// Factor on the workload's budget.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub budget_factor: f64,
    /// Whether a passage counts only when the next evaluation meets the target too. The first passage of a noisy metric is biased early.
    #[serde(default = "yes")]
    pub confirm: bool,
    /// When the test split is evaluated.
    #[serde(default)]
    pub test: TestEvaluations,
    /// Evaluate by submission time instead of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_every: Option<Span>,
}

impl Ruleset {
    /// Whether trials try points of a search space.
    pub fn is_searched(&self) -> bool {
        self.tuning == Tuning::ExternalTuning && self.points == Points::Searched
    }
}

/// Where a trial's hyperparameters come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Points {
    /// The submission's list, or else its search space, quasi-random.
    #[default]
    Searched,
    /// Every hyperparameter's default.
    Defaults,
    /// The user's own values, over the defaults. Not to be written in `harness.yaml`: a trial is resolved to it, since values that somebody chose
    /// after looking are comparable with no defaults and no search.
    #[schemars(skip)]
    Given,
}

/// How times to target become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scoring {
    /// Integrated performance profile, as AlgoPerf 0.5 has it: five studies, variants, three times the budget for self-tuning.
    AlgoperfV05,
    /// The same as AlgoPerf 0.6 has it: three studies, one and a half times the budget.
    AlgoperfV06,
    /// Times against a frozen reference, so that no other entry moves a score.
    #[default]
    Frozen,
}

/// When the test split is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestEvaluations {
    /// At every evaluation.
    Always,
    /// Where the validation target is met, and at the end.
    #[default]
    PassageAndEnd,
}

/// The longest that each untimed phase, and a single step, may take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// Until data, model and algorithm are there.
    pub start_up: Span,
    /// The model run once on dummy data.
    pub warm_up: Span,
    /// Without a sign of life while training.
    pub stall: Span,
    /// Writing weights and state.
    pub snapshot: Span,
    /// One evaluation.
    pub evaluation: Span,
    /// From `stop` until the process is gone.
    pub shut_down: Span,
}

/// How far clocks may disagree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tolerances {
    /// Between the worker's claim and the referee's interval, as a share of the interval.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub claim: f64,
    /// The same, at least this long.
    pub claim_at_least: Span,
    /// Between wall time and the sum of the phases, as a share.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub wall: f64,
    /// Processor time that a worker's processes may use in one evaluation, while they are stopped: the kernel counts in hundredths of a second.
    #[serde(default = "frozen")]
    pub frozen: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            start_up: seconds(120),
            warm_up: seconds(60),
            stall: seconds(60),
            snapshot: seconds(60),
            evaluation: seconds(300),
            shut_down: seconds(10),
        }
    }
}

impl Limits {
    /// Those that are longer than the built-in ones, each in a few words.
    pub fn loosened(&self) -> Vec<String> {
        let built_in = Limits::default();
        let all = [
            ("start-up", self.start_up, built_in.start_up),
            ("warm-up", self.warm_up, built_in.warm_up),
            ("stall", self.stall, built_in.stall),
            ("snapshot", self.snapshot, built_in.snapshot),
            ("evaluation", self.evaluation, built_in.evaluation),
            ("shut-down", self.shut_down, built_in.shut_down),
        ];
        longer(&all)
    }
}

impl Default for Tolerances {
    fn default() -> Tolerances {
        Tolerances {
            claim: 0.05,
            claim_at_least: Span(Duration::from_millis(100)),
            wall: 0.01,
            frozen: frozen(),
        }
    }
}

impl Tolerances {
    /// Those that are larger than the built-in ones, each in a few words.
    pub fn loosened(&self) -> Vec<String> {
        let built_in = Tolerances::default();
        let spans = [
            (
                "claim-at-least",
                self.claim_at_least,
                built_in.claim_at_least,
            ),
            ("frozen", self.frozen, built_in.frozen),
        ];
        let shares = [
            ("claim", self.claim, built_in.claim),
            ("wall", self.wall, built_in.wall),
        ];
        let larger = shares
            .into_iter()
            .filter(|(_, ours, built_in)| ours > built_in);
        let words = larger.map(|(name, ours, built_in)| format!("{name} {ours}, not {built_in}"));
        words.chain(longer(&spans)).collect()
    }
}

fn longer(spans: &[(&str, Span, Span)]) -> Vec<String> {
    let longer = spans
        .iter()
        .filter(|(_, ours, built_in)| ours.0 > built_in.0);
    longer
        .map(|(name, ours, built_in)| format!("{name} {ours}, not {built_in}"))
        .collect()
}

fn seconds(seconds: u64) -> Span {
    Span(Duration::from_secs(seconds))
}

fn frozen() -> Span {
    Span(Duration::from_millis(50))
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}
