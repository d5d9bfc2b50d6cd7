//! One trajectory: hyperparameters, problem, number format, and the parameters after some of its steps.

use super::super::report::Verdict;
use super::super::run_steps;
use super::difference::{Difference, distance};
use super::problem::{self, STEPS};
use super::{our_name, our_value, verdict};
use crate::algorithm::TrainingAlgorithm;
use crate::hyperparameters::Hyperparameters;
use crate::state::Contents;
use crate::toolkit::elementwise::Form;
use crate::training::{Given, Settings, Training};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::rc::Rc;
use tch::Kind;

/// Steps that are followed at most.
const MOST_STEPS: u64 = 10_000;
/// Where a file of a low-rank method has no bases: its authors find singular vectors in single precision.
const OWN_BASES: f64 = 1e-6;
/// The same beside bases that are given, for which [`DOUBLE`] holds: what is left is the distance between two libraries' singular vectors, up to 5e-6 in
/// files whose bases another than libtorch's found.
const OTHER_BASES: f64 = 1e-5;
/// What is allowed of a rule in double precision.
const DOUBLE: f64 = 1e-12;
/// What is allowed of one that amplifies rounding, as inverse roots of nearly singular matrices do.
const AMPLIFIED_DOUBLE: f64 = 1e-7;
/// The same in single precision.
const AMPLIFIED_SINGLE: f64 = 1e-3;

/// Hyperparameters of files that a submission here has settled, as the files have them, and on what.
const SETTLED: [(&str, &str); 6] = [
    ("proj_type", "\"std\""),
    ("exponent_multiplier", "1.0"),
    ("grafting", "\"ADAM\""),
    ("use_merge_dims", "true"),
    ("use_nadam", "true"),
    ("use_nesterov", "true"),
];

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) case: String,
    problem: String,
    dtype: String,
    lr_schedule: String,
    hyper: BTreeMap<String, serde_json::Value>,
    steps: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
    #[serde(default)]
    state: BTreeMap<String, StateSize>,
    #[serde(default)]
    projections: BTreeMap<u64, BTreeMap<String, Vec<f64>>>,
    #[serde(default)]
    unclipped_fraction: BTreeMap<u64, f64>,
    #[serde(default)]
    extra: BTreeMap<String, Extra>,
    /// How far other implementations came from the file.
    #[serde(default)]
    crosscheck_max_abs_diff: BTreeMap<String, f64>,
}

/// What else the file has of a step.
#[derive(Debug, Default, Deserialize)]
struct Extra {
    /// The weights that an evaluation is to see.
    #[serde(default)]
    x_eval: BTreeMap<String, Vec<f64>>,
    /// The fast weights of a schedule-free method: its state `z`.
    #[serde(default)]
    z: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Deserialize)]
struct StateSize {
    state_numel: u64,
    #[serde(default)]
    parts: BTreeMap<String, serde_json::Value>,
}

impl StateSize {
    /// Whether the reference cuts the parameter up, and keeps state for every piece by itself.
    fn is_of_blocks(&self) -> bool {
        self.parts.keys().any(|part| part.starts_with("block_"))
    }
}

/// What a training of a case came to.
struct Followed {
    /// Largest difference of a parameter from the file.
    parameters: Difference,
    /// Largest difference of a logged win rate from the file.
    win_rate: f64,
    /// Size of the algorithm's state.
    numbers: u64,
    /// That of its tensors of more than one number.
    numbers_of_many: u64,
    /// Of the file's hyperparameters, those that nothing asked for.
    unread: Vec<String>,
}

impl Case {
    /// How far the same rule, written once more in double precision, came from the file.
    pub(super) fn second_opinion(&self) -> f64 {
        let own = self.crosscheck_max_abs_diff.get("own_numpy_spec");
        own.copied().unwrap_or(0.0)
    }

    /// Follows the trajectory in both forms, and with bases of our own where the file gives some. A rule that amplifies rounding cannot come closer to the
    /// file than `second_opinion` says another implementation did.
    pub(super) fn compare<A: TrainingAlgorithm>(
        &self,
        algorithm: &str,
        seed: u64,
        second_opinion: f64,
    ) -> Result<(Verdict, String)> {
        let steps = self.length()?;
        let Some((kind, tolerance)) = self.tolerance(algorithm, second_opinion) else {
            let why = format!("numbers of kind {}", self.dtype);
            return Ok((Verdict::Skipped, why));
        };
        if problem::build(&self.problem, seed, kind, steps, 1)?.is_none() {
            let why = format!(
                "problem `{}` is not one of fixed, fixedz, quad, hutch24",
                self.problem
            );
            return Ok((Verdict::Skipped, why));
        }
        let fastest = self.follow::<A>(algorithm, seed, kind, Form::Fastest, true)?;
        let reference = self.follow::<A>(algorithm, seed, kind, Form::Reference, true)?;
        let by_expressions = reference.parameters.value;
        let mut worst = fastest.parameters.clone();
        worst.add(by_expressions, || reference.parameters.place);
        let mut passed = worst.value <= tolerance;
        let mut detail = format!(
            "worst difference {:.1e}, by tensor expressions {by_expressions:.1e} (allowed {tolerance:.0e})",
            fastest.parameters.value
        );
        if !passed {
            detail += &format!(", of {}", worst.place);
        }
        // Signs of singular vectors are arbitrary, and moments outlive a second basis.
        if self.projections.len() == 1 {
            let own = self.follow::<A>(algorithm, seed, kind, Form::Fastest, false)?;
            let (own, allowed) = (own.parameters.value, OTHER_BASES.max(tolerance));
            passed &= own <= allowed;
            detail += &format!("; with bases of its own {own:.1e} (allowed {allowed:.0e})");
        }
        if fastest.win_rate > 0.0 {
            passed = false;
            detail += &format!("; the logged win rate is {:.3} off", fastest.win_rate);
        }
        let objections = self.state_objection(&fastest).into_iter();
        for objection in objections.chain(self.settled_objections(&fastest)) {
            passed = false;
            detail += &objection;
        }
        let is_settled = |name: &&String| SETTLED.iter().any(|(settled, _)| settled == name);
        for name in fastest.unread.iter().filter(|name| !is_settled(name)) {
            detail += &format!("; it does not read the file's `{name}`");
        }
        Ok((verdict(passed), detail))
    }

    /// The kind of number that it is in, and the difference that passes; none for a kind that nobody trains in.
    fn tolerance(&self, algorithm: &str, second_opinion: f64) -> Option<(Kind, f64)> {
        let is_shampoo = algorithm == "shampoo";
        let amplifies = is_shampoo || second_opinion > DOUBLE;
        let finds_bases = self.hyper.contains_key("rank") && self.projections.is_empty();
        Some(match self.dtype.as_str() {
            "float64" if is_shampoo => (Kind::Double, AMPLIFIED_DOUBLE),
            "float64" if finds_bases => (Kind::Double, OWN_BASES),
            "float64" if amplifies => (Kind::Double, AMPLIFIED_DOUBLE.min(10.0 * second_opinion)),
            "float64" => (Kind::Double, DOUBLE),
            "float32" if amplifies => (Kind::Float, AMPLIFIED_SINGLE),
            "float32" => (Kind::Float, 1e-5),
            // Numbers are single; products are in half precision, each library's with its own rounding.
            "bf16" => (Kind::Float, 3e-2),
            _ => return None,
        })
    }

    /// State of another size than the reference's.
    fn state_objection(&self, fastest: &Followed) -> Option<String> {
        let expected: u64 = self.state.values().map(|size| size.state_numel).sum();
        let is_equal = match self.state.values().any(StateSize::is_of_blocks) {
            // The files leave single numbers out, and a piece of one number is part of a tensor of ours: up to two averages and a momentum of each.
            true => {
                let more = fastest.numbers_of_many.checked_sub(expected);
                more.is_some_and(|more| more <= 3 * self.state.len() as u64)
            }
            false => expected == fastest.numbers,
        };
        let differs = !self.state.is_empty() && !is_equal;
        differs.then(|| {
            let numbers = fastest.numbers;
            format!("; its state has {numbers} numbers where the reference has {expected}")
        })
    }

    /// Hyperparameters that make another algorithm than the one that is compared.
    fn settled_objections(&self, fastest: &Followed) -> Vec<String> {
        let unread = fastest.unread.iter().filter_map(|name| {
            let (_, settled) = SETTLED.iter().find(|(settled, _)| settled == name)?;
            let found = &self.hyper[name];
            (!is_same(found, settled)).then(|| {
                format!("; the file's `{name}` is {found}, and this is what {settled} makes")
            })
        });
        unread.collect()
    }

    /// How many steps are followed: those of every published file, or to the last that this one names. A step that is never reached would never differ.
    fn length(&self) -> Result<u64> {
        ensure!(!self.steps.is_empty(), "it has values of no step");
        let mut length = STEPS;
        let named = self.steps.keys().chain(self.extra.keys());
        let named = named.map(|step| (step.parse().ok(), step.clone()));
        let numbered = self
            .projections
            .keys()
            .chain(self.unclipped_fraction.keys());
        let numbered = numbered.map(|step| (Some(*step), step.to_string()));
        for (step, name) in named.chain(numbered) {
            let reached = step.filter(|step: &u64| (1..=MOST_STEPS).contains(step));
            let reached = reached.with_context(|| {
                format!(
                    "step {name} is not one of the steps 1 to {MOST_STEPS} that can be followed"
                )
            })?;
            length = length.max(reached);
        }
        Ok(length)
    }

    fn follow<A: TrainingAlgorithm>(
        &self,
        algorithm: &str,
        seed: u64,
        kind: Kind,
        form: Form,
        bases_given: bool,
    ) -> Result<Followed> {
        let steps = self.length()?;
        let labels = self.hyper.get("bs").and_then(serde_json::Value::as_i64);
        let problem = problem::build(&self.problem, seed, kind, steps, labels.unwrap_or(1))?;
        let bases = if bases_given {
            self.projections.clone()
        } else {
            BTreeMap::new()
        };
        let settings = Settings {
            form,
            given: Given {
                bases,
                signs: Some(Box::new(move |step, p, i| problem::sign(seed, step, p, i))),
            },
            ..self.settings(algorithm, steps)?
        };
        let problem = Box::new(problem.context("the problem")?);
        let mut training = Training::new(problem, Rc::new(settings));
        let mut algorithm: A = training
            .start()
            .context("`hyper` of the file stands in submission.yaml's place")?;
        training.open();
        let (mut parameters, mut win_rate) = (Difference::default(), 0.0_f64);
        for step in 1..=steps {
            run_steps(&mut training, &mut algorithm, 1)?;
            let name = step.to_string();
            if let Some(expected) = self.steps.get(&name) {
                parameters.add_all(&training, &name, expected)?;
            }
            if let Some(extra) = self.extra.get(&name) {
                extra.compare(&name, &mut training, &mut algorithm, &mut parameters)?;
            }
            let logged = training.take_logged();
            let rate = logged.iter().find(|scalar| scalar.name == "win-rate");
            if let (Some(rate), Some(expected)) = (rate, self.unclipped_fraction.get(&step)) {
                let off = (rate.value.f_double_value(&[])? - expected).abs();
                win_rate = win_rate.max(if off < 1e-6 { 0.0 } else { off });
            }
        }
        let state = Contents::save(&mut |state| algorithm.state(state))?;
        let read = training.hyperparameters();
        // The problem itself has as many labels.
        let names = self.hyper.keys().filter(|name| *name != "bs");
        let unread = names.filter(|name| !read.is_read(&our_name(name)));
        Ok(Followed {
            unread: unread.cloned().collect(),
            parameters,
            win_rate,
            numbers: state.numbers(),
            numbers_of_many: state
                .tensors
                .values()
                .map(|tensor| tensor.numel() as u64)
                .filter(|numbers| *numbers > 1)
                .sum(),
        })
    }

    fn settings(&self, algorithm: &str, steps: u64) -> Result<Settings> {
        let schedule: fn(u64) -> f64 = match self.lr_schedule.as_str() {
            "const" => |_| 1.0,
            "sched" => |step| {
                let t = (step + 1) as f64;
                (t / 5.0).min(1.0) * (1.0 - 0.9 * (t - 5.0).max(0.0) / 45.0)
            },
            other => bail!("learning-rate schedule `{other}` is neither const nor sched"),
        };
        // Which form of a rule it is stands in the file's name or the case's, the kind of number of products in its `dtype`.
        let variant = match algorithm {
            name if name.ends_with("_paper") => "paper".to_owned(),
            _ if self.case.starts_with(&self.problem) => "default".to_owned(),
            _ => self.case.replace('_', "-"),
        };
        let products = match self.dtype.as_str() {
            "bf16" => "bfloat16",
            _ => "parameter",
        };
        let mut values = BTreeMap::new();
        // Nothing given is the default.
        for (name, value) in self.hyper.iter().filter(|(_, value)| !value.is_null()) {
            values.insert(
                our_name(name),
                our_value(value).with_context(|| format!("hyperparameter `{name}`"))?,
            );
        }
        let hyperparameters = Hyperparameters::new(values).with_others([
            ("variant", variant.as_str()),
            ("newton-schulz", products),
            // All authors whose bases are in files find them so.
            ("bases", "svd"),
        ]);
        Ok(Settings {
            schedule: Box::new(schedule),
            ..Settings::plain(hyperparameters, steps)
        })
    }
}

impl Extra {
    /// Prepares for an evaluation and resumes, which must change nothing of what follows.
    fn compare<A: TrainingAlgorithm>(
        &self,
        step: &str,
        training: &mut Training,
        algorithm: &mut A,
        worst: &mut Difference,
    ) -> Result<()> {
        if !self.x_eval.is_empty() {
            algorithm.prepare_for_eval(training)?;
            worst.add_all(training, step, &self.x_eval)?;
            algorithm.resume_training(training)?;
        }
        let state = Contents::save(&mut |state| algorithm.state(state))?;
        for (place, parameter) in training.parameters().iter().enumerate() {
            if let Some(expected) = self.z.get(&parameter.name) {
                let ending = format!("/z/{place}");
                let found = state
                    .tensors
                    .iter()
                    .find(|(name, _)| name.ends_with(&ending));
                let (_, found) = found.with_context(|| format!("no state `z` of {place}"))?;
                worst.add(distance(found, expected)?, || {
                    format!("`z` of `{}` at step {step}", parameter.name)
                });
            }
        }
        Ok(())
    }
}

/// Whether a value is what this text says: 1 is 1.0.
fn is_same(value: &serde_json::Value, settled: &str) -> bool {
    let settled: Option<serde_json::Value> = serde_json::from_str(settled).ok();
    match settled.as_ref().and_then(serde_json::Value::as_f64) {
        Some(number) => value.as_f64() == Some(number),
        None => settled.as_ref() == Some(value),
    }
}
