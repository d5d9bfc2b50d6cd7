//! The methods that verdicts do not need, by the names that golden files use.

use super::groups::{Level, number, optional, pairs, read};
use crate::statistics as methods;
use serde::Deserialize;
use serde_json::{Error, Value, json};

pub(super) fn welch_log(inputs: &Value, parameters: &Value) -> Result<Value, Error> {
    let Level { alpha } = read(parameters)?;
    let welch = methods::welch_log(&pairs(inputs)?, alpha);
    Ok(json!({
        "difference": optional(welch.difference),
        "se": optional(welch.se),
        "df": optional(welch.df),
        "lower": optional(welch.lower),
        "upper": optional(welch.upper),
        "p_two_sided": optional(welch.p_two_sided),
    }))
}

pub(super) fn tost(inputs: &Value, parameters: &Value) -> Result<Value, Error> {
    #[derive(Deserialize)]
    struct Margin {
        margin: f64,
        alpha: f64,
    }
    let Margin { margin, alpha } = read(parameters)?;
    let tost = methods::tost(&pairs(inputs)?, margin, alpha);
    Ok(json!({
        "p_above_minus_margin": optional(tost.p_above_minus_margin),
        "p_below_plus_margin": optional(tost.p_below_plus_margin),
        "p": optional(tost.p),
        "equivalent": tost.equivalent,
    }))
}

pub(super) fn bootstrap_ratio(inputs: &Value, parameters: &Value) -> Result<Value, Error> {
    let Level { alpha } = read(parameters)?;
    let draws = |side: &str| read::<Vec<methods::SideIndices>>(&inputs[side]);
    let draws = draws("index_a")?.into_iter().zip(draws("index_b")?);
    let result = methods::bootstrap_ratio(&pairs(inputs)?, draws, alpha);
    Ok(json!({
        "estimate": optional(result.estimate),
        "replicates": result.replicates,
        "lower": optional(result.lower),
        "upper": optional(result.upper),
        "stretch": optional(result.stretch),
        "stretched_lower": optional(result.stretched_lower),
        "stretched_upper": optional(result.stretched_upper),
    }))
}

pub(super) fn paired_shift(inputs: &Value, parameters: &Value) -> Result<Value, Error> {
    let Level { alpha } = read(parameters)?;
    let shift = methods::paired_shift(&pairs(inputs)?, alpha);
    let (lower_ratio, upper_ratio) = shift.ratios();
    Ok(json!({
        "estimate_log": optional(shift.estimate),
        "lower_log": number(shift.lower),
        "upper_log": number(shift.upper),
        "ratio": optional(shift.ratio()),
        "lower_ratio": number(lower_ratio),
        "upper_ratio": number(upper_ratio),
        "confidence": number(shift.confidence),
        "critical": shift.critical,
    }))
}
