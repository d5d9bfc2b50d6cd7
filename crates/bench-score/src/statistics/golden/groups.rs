//! The methods by the names that golden files use, from JSON to JSON.

use super::optional as rarer;
use crate::algoperf::profile::profile_scores as scores;
use crate::statistics as methods;
use crate::statistics::{FrozenWorkload, Pair, Question, Shift};
use bench_core::number::Measured;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) type Method = fn(&Value, &Value) -> Result<Value, serde_json::Error>;

/// The method of that name, if it is built.
pub(super) fn method(name: &str) -> Option<Method> {
    Some(match name {
        "median_time" => median_time,
        "quantile" => quantile,
        "speedup" => speedup,
        "hodges_lehmann" => hodges_lehmann,
        "stratified_shift" => stratified_shift,
        "rank_test" => rank_test,
        "reach_test" => reach_test,
        "welch_log" => rarer::welch_log,
        "tost" => rarer::tost,
        "bootstrap_ratio" => rarer::bootstrap_ratio,
        "paired_shift" => rarer::paired_shift,
        "holm" => holm,
        "tie_groups" => tie_groups,
        "profile_score" => profile_score,
        "profile_bootstrap" => profile_bootstrap,
        "frozen_score" => frozen_score,
        "frozen_difference" => frozen_difference,
        "compare" => compare,
        "studies_needed" => studies_needed,
        _ => return None,
    })
}

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

fn numbers(values: &[Measured]) -> Vec<f64> {
    values.iter().map(|value| value.0).collect()
}

pub(super) fn number(x: f64) -> Value {
    json!(Measured(x))
}

pub(super) fn optional(x: Option<f64>) -> Value {
    x.map_or(Value::Null, number)
}

#[derive(Deserialize)]
pub(super) struct Level {
    pub(super) alpha: f64,
}

#[derive(Deserialize)]
struct Samples {
    a: Vec<Measured>,
    b: Vec<Measured>,
    #[serde(default)]
    budget: Option<f64>,
}

impl Samples {
    fn pair(&self) -> Pair {
        Pair::new(&numbers(&self.a), &numbers(&self.b))
    }
}

#[derive(Deserialize)]
struct Workloads {
    workloads: Vec<Samples>,
}

pub(super) fn pairs(inputs: &Value) -> Result<Vec<Pair>, serde_json::Error> {
    let Workloads { workloads } = read(inputs)?;
    Ok(workloads.iter().map(Samples::pair).collect())
}

fn median_time(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let times: Vec<Measured> = read(&inputs["times"])?;
    Ok(json!({ "median": optional(methods::median_time(&numbers(&times))) }))
}

fn quantile(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let values: Vec<Measured> = read(&inputs["values"])?;
    let q: f64 = read(&parameters["q"])?;
    Ok(json!({ "quantile": optional(methods::quantile(&numbers(&values), q)) }))
}

fn speedup(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let Workloads { workloads } = read(inputs)?;
    let workloads: Vec<(Pair, f64)> = workloads
        .iter()
        .map(|workload| (workload.pair(), workload.budget.unwrap_or(f64::INFINITY)))
        .collect();
    let result = methods::speedup(&workloads);
    let ratios: Vec<Value> = result
        .ratio_of_medians
        .iter()
        .map(|&r| optional(r))
        .collect();
    Ok(json!({
        "ratio_of_medians": ratios,
        "geometric_mean_ratio": optional(result.geometric_mean_ratio),
        "speedup": optional(result.speedup),
    }))
}

fn hodges_lehmann(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let samples: Samples = read(inputs)?;
    let Level { alpha } = read(parameters)?;
    Ok(shift(&methods::stratified_shift(&[samples.pair()], alpha)))
}

fn stratified_shift(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let Level { alpha } = read(parameters)?;
    Ok(shift(&methods::stratified_shift(&pairs(inputs)?, alpha)))
}

fn shift(shift: &Shift) -> Value {
    let (lower_ratio, upper_ratio) = shift.ratios();
    json!({
        "estimate_log": optional(shift.estimate),
        "lower_log": number(shift.lower),
        "upper_log": number(shift.upper),
        "ratio": optional(shift.ratio()),
        "lower_ratio": number(lower_ratio),
        "upper_ratio": number(upper_ratio),
        "confidence": number(shift.confidence),
    })
}

fn rank_test(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let test = methods::rank_test(&pairs(inputs)?);
    Ok(json!({
        "statistic": number(test.statistic),
        "variance": number(test.variance),
        "z": number(test.z),
        "p_faster": number(test.p_faster),
        "p_slower": number(test.p_slower),
        "p_two_sided": number(test.p_two_sided),
        "p_normal": number(test.p_normal),
        "prob_b_faster": optional(test.prob_b_faster),
    }))
}

fn reach_test(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let test = methods::reach_test(&pairs(inputs)?);
    Ok(json!({
        "misses_a": test.misses_a,
        "misses_b": test.misses_b,
        "p_fell": number(test.p_fell),
        "p_rose": number(test.p_rose),
    }))
}

fn holm(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let p: Vec<f64> = read(&inputs["p"])?;
    Ok(json!({ "adjusted": methods::holm(&p) }))
}

fn tie_groups(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    #[derive(Deserialize)]
    struct Ranking {
        names: Vec<String>,
        scores: Vec<f64>,
        pairs: Vec<(usize, usize, f64)>,
    }
    let Ranking {
        names,
        scores,
        pairs,
    } = read(inputs)?;
    let Level { alpha } = read(parameters)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let groups = methods::tie_groups(&names, &scores, &pairs, alpha);
    let order: Vec<&str> = groups.order.iter().map(|&i| names[i]).collect();
    Ok(json!({ "order": order, "adjusted": groups.adjusted, "group": groups.group }))
}

fn profile_score(inputs: &Value, _: &Value) -> Result<Value, serde_json::Error> {
    let times: Vec<Vec<Measured>> = read(&inputs["times"])?;
    let times: Vec<Vec<f64>> = times.iter().map(|times| numbers(times)).collect();
    Ok(json!({ "scores": scores(&times) }))
}

fn profile_bootstrap(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let times: Vec<Vec<Vec<Measured>>> = read(&inputs["submissions"])?;
    let times: Vec<Vec<Vec<f64>>> = times
        .iter()
        .map(|workloads| workloads.iter().map(|times| numbers(times)).collect())
        .collect();
    let draws: Vec<Vec<Vec<Vec<i64>>>> = read(&inputs["indices"])?;
    let study = |index: i64| usize::try_from(index).ok();
    let draws = draws.into_iter().map(|draw| {
        let submission = |workloads: Vec<Vec<i64>>| {
            let workload = |studies: Vec<i64>| studies.into_iter().map(study).collect();
            workloads.into_iter().map(workload).collect()
        };
        draw.into_iter().map(submission).collect()
    });
    let Level { alpha } = read(parameters)?;
    let result = methods::bootstrap(&times, draws, alpha, scores);
    let ends = |end: fn(&methods::ScoreInterval) -> f64| -> Vec<Value> {
        let intervals = result.intervals.iter();
        intervals
            .map(|interval| optional(interval.as_ref().map(end)))
            .collect()
    };
    Ok(json!({
        "point": result.point,
        "replicates": result.replicates,
        "lower": ends(|interval| interval.lower),
        "upper": ends(|interval| interval.upper),
        "p_rank1": result.p_rank1,
    }))
}

#[derive(Deserialize)]
struct Frozen {
    times: Vec<Measured>,
    reference: f64,
}

fn frozen(inputs: &Value) -> Result<Vec<FrozenWorkload>, serde_json::Error> {
    let workloads: Vec<Frozen> = read(inputs)?;
    let workload = |workload: &Frozen| FrozenWorkload {
        times: numbers(&workload.times),
        reference: workload.reference,
    };
    Ok(workloads.iter().map(workload).collect())
}

fn frozen_score(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let Level { alpha } = read(parameters)?;
    let score = methods::frozen_score(&frozen(&inputs["workloads"])?, alpha);
    Ok(json!({
        "score": optional(score.score),
        "workload_scores": score.workload_scores,
        "equivalent_speedup": optional(score.equivalent_speedup),
        "miss_rate": number(score.miss_rate),
        "se": optional(score.se),
        "df": optional(score.df),
        "lower": optional(score.lower),
        "upper": optional(score.upper),
    }))
}

fn frozen_difference(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    let Level { alpha } = read(parameters)?;
    let (a, b) = (frozen(&inputs["a"])?, frozen(&inputs["b"])?);
    let difference = methods::frozen_difference(&a, &b, alpha);
    Ok(json!({
        "difference": optional(difference.difference),
        "se": optional(difference.se),
        "df": optional(difference.df),
        "lower": optional(difference.lower),
        "upper": optional(difference.upper),
    }))
}

fn compare(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    #[derive(Deserialize)]
    struct Gate {
        margin: f64,
        alpha: f64,
    }
    let Gate { margin, alpha } = read(parameters)?;
    let comparison = methods::compare(&pairs(inputs)?, margin, alpha);
    let (lower_ratio, upper_ratio) = comparison.shift.ratios();
    Ok(json!({
        "verdict": comparison.verdict.word(),
        "ratio": optional(comparison.shift.ratio()),
        "lower_ratio": number(lower_ratio),
        "upper_ratio": number(upper_ratio),
        "confidence": number(comparison.shift.confidence),
        "p_fell": number(comparison.reach.p_fell),
        "prob_b_faster": optional(comparison.rank.prob_b_faster),
        "slower_on": comparison.slower_on,
        "faster_on": comparison.faster_on,
    }))
}

fn studies_needed(inputs: &Value, parameters: &Value) -> Result<Value, serde_json::Error> {
    #[derive(Deserialize)]
    struct Plan {
        delta: f64,
        alpha: f64,
        power: f64,
        kind: Kind,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Difference,
        Equivalence,
    }
    let sigma: Vec<f64> = read(&inputs["sigma"])?;
    let Plan {
        delta,
        alpha,
        power,
        kind,
    } = read(parameters)?;
    let question = match kind {
        Kind::Difference => Question::Difference,
        Kind::Equivalence => Question::Equivalence,
    };
    let needed = methods::studies_needed(&sigma, delta, alpha, power, question);
    Ok(json!({
        "n_formula": optional(needed.n_formula),
        "n": needed.n,
        "n_smallest_possible": needed.n_smallest_possible,
    }))
}
