//! Comparison of decisions with reference decisions, the draws given (`bench check pbt --golden FILE`).

use crate::evolution::Evolution;
use crate::{Exploit, Gene, truncation};
use bench_sdk::prelude::*;
use bench_sdk::serde_json::{self, Value};
use bench_sdk::{Comparison, reference_uniform};

/// Who copies whom, what becomes of the hyperparameters, and the paper's toy population.
pub(crate) fn compare(reference: &Value) -> Result<Vec<Comparison>> {
    if reference["algorithm"] != "pbt" {
        return Ok(Vec::new());
    }
    let [donors, values] = generation(&reference["selection"], &reference["explore"])?;
    Ok(vec![donors, values, toy(reference)?])
}

/// A whole generation's end: who copies whom, and that losers explore from their donors' values while everybody else keeps its own.
fn generation(selection: &Value, explore: &Value) -> Result<[Comparison; 2]> {
    let (scores, draws) = (list(selection, "scores")?, list(selection, "u")?);
    ensure!(
        !scores.is_empty() && draws.len() == scores.len(),
        "{} `scores` and {} draws `u`",
        scores.len(),
        draws.len()
    );
    let names: Vec<String> = serde_json::from_value(explore["key_order"].clone())?;
    let gene = |name: &String| {
        let bounds = &explore["bounds"][name];
        let told = || format!("`bounds` of `{name}` are not [min, max, whether in the logarithm]");
        let gene = Gene {
            name: name.clone(),
            min: bounds[0].as_f64().with_context(told)?,
            max: bounds[1].as_f64().with_context(told)?,
            log: bounds[2].as_bool().with_context(told)?,
        };
        ensure!(
            gene.min < gene.max && (!gene.log || gene.min > 0.0),
            "`bounds` of `{name}` are {} and {}, which is no range{}",
            gene.min,
            gene.max,
            if gene.log { " of logarithms" } else { "" }
        );
        Ok(gene)
    };
    let evolution = Evolution {
        exploit: Exploit::Truncation(number(selection, "fraction")?),
        genes: names.iter().map(gene).collect::<Result<_>>()?,
        resample_probability: number(explore, "resample_probability")?,
    };
    let (mut values, mut expected, mut uniform) = (Vec::new(), Vec::new(), Vec::new());
    for member in 0..scores.len() {
        let of = |key: &str| -> Result<Vec<f64>> {
            let of_member = &explore[key][member];
            let named = names.iter().map(|name| number(of_member, name));
            let named: Result<_> = named.collect();
            named.with_context(|| format!("`{key}` of member {member}"))
        };
        values.push(of("hypers")?);
        expected.extend(of("result")?);
        for place in 0..names.len() {
            let draws = explore["u"][member][place].clone();
            let draws: [f64; 3] = serde_json::from_value(draws)
                .with_context(|| format!("`u` of member {member} and `{}`", names[place]))?;
            uniform.extend(draws);
        }
    }
    let histories: Vec<&[f64]> = scores.iter().map(std::slice::from_ref).collect();
    let values: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let decision = evolution.decide(&histories, &values, &draws, &uniform);
    let donors: Vec<f64> = decision.donors.iter().map(|&donor| donor as f64).collect();
    let theirs = list(selection, "donors")?;
    // As a ratio: values are of many sizes.
    let found = decision.values.iter().flatten().zip(&expected);
    let ratios: Vec<f64> = found.map(|(found, expected)| found / expected).collect();
    let ones = vec![1.0; expected.len()];
    Ok([
        Comparison::of("selection", &donors, &theirs, 0.0),
        Comparison::of("exploration", &ratios, &ones, 1e-14),
    ])
}

/// The paper's figure 2: two members, each blind to one dimension, reach the optimum by copying.
fn toy(reference: &Value) -> Result<Comparison> {
    let seed = reference["seed"].as_u64().context("no `seed`")?;
    let trajectory = reference["toy"]["trajectory"].as_array();
    let trajectory = trajectory.context("no trajectory of the toy")?;
    let (mut theta, mut h) = ([[0.9, 0.9]; 2], [[1.0, 0.1], [0.1, 0.9]]);
    let quality = |x: &[f64; 2]| 1.2 - (x[0] * x[0] + x[1] * x[1]);
    let (mut ours, mut theirs, mut copies) = (Vec::new(), Vec::new(), 0.0);
    for step in 1..=200_u64 {
        for (x, h) in theta.iter_mut().zip(&h) {
            for (x, h) in x.iter_mut().zip(h) {
                *x += 0.01 * (-2.0 * h * *x);
            }
        }
        if step.is_multiple_of(4) {
            let donors = truncation(&theta.each_ref().map(quality), 0.5, &[0.0; 2]);
            for loser in (0..2).filter(|&member| donors[member] != member) {
                copies += 1.0;
                theta[loser] = theta[donors[loser]];
                h[loser] = h[donors[loser]];
                for (j, h) in h[loser].iter_mut().enumerate() {
                    let u = reference_uniform(seed, 70_004, 0, 2 * (step - 1) + j as u64);
                    *h = (*h + 0.1 * u).clamp(0.0, 1.0);
                }
            }
        }
        let at = trajectory.iter().filter(|point| point["step"] == step);
        for point in at {
            for member in 0..2 {
                ours.extend(theta[member].iter().chain(&h[member]));
                for key in ["theta", "h"] {
                    theirs.extend(pair(&point[key][member]).with_context(|| {
                        format!("`{key}` of member {member} of the toy at step {step}")
                    })?);
                }
            }
        }
    }
    ours.push(copies);
    theirs.push(number(&reference["toy"], "copies")?);
    Ok(Comparison::of("toy", &ours, &theirs, 1e-12))
}

fn list(of: &Value, key: &str) -> Result<Vec<f64>> {
    serde_json::from_value(of[key].clone())
        .with_context(|| format!("`{key}` is no list of numbers"))
}

fn pair(value: &Value) -> Result<[f64; 2]> {
    Ok(serde_json::from_value(value.clone())?)
}

fn number(of: &Value, key: &str) -> Result<f64> {
    of[key]
        .as_f64()
        .with_context(|| format!("`{key}` is no number"))
}
