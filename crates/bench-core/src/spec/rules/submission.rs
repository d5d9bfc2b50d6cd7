//! Rules of a submission by itself.

use super::{Findings, part};
use crate::spec::check::Violation;
use crate::spec::submission::{Choice, Dimension, GradientClipping, Range, Scale, Schedule};
use crate::spec::yaml::escape;
use serde_json::Value;

/// A submission by itself.
pub(in crate::spec) fn submission(file: &Value) -> Vec<Violation> {
    let mut found = Findings::of(file);
    if let Some(GradientClipping::GlobalNorm(norm)) = part(file, "/gradient-clipping") {
        found.require(
            norm > 0.0,
            "/gradient-clipping/global-norm",
            format!("`{norm}` is no norm to clip to"),
            "write a number above 0",
        );
    }
    if let Some(schedule) = part::<Schedule>(file, "/schedule") {
        let place = format!("/schedule/{}", schedule.name());
        for objection in schedule.objections() {
            let pointer = format!("{place}/{}", objection.key);
            found.require(false, pointer, objection.message, objection.help);
        }
    }
    let space = file.get("search-space").and_then(Value::as_object);
    let known: Vec<&str> = space
        .into_iter()
        .flat_map(|space| space.keys().map(String::as_str))
        .collect();
    for name in &known {
        let pointer = format!("/search-space/{}", escape(name));
        match part(file, &pointer) {
            Some(Dimension::Range(range)) => range_alone(&mut found, &pointer, &range),
            Some(Dimension::Choice(choice)) => choice_alone(&mut found, &pointer, &choice),
            Some(Dimension::Fixed(_)) | None => {}
        }
    }
    for (list, inside) in [("groups", "/hyperparameters"), ("points", "")] {
        let length = file.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        for position in 0..length {
            names(
                &mut found,
                file,
                &format!("/{list}/{position}{inside}"),
                &known,
            );
        }
    }
    found.0
}

/// Every key of the map at `pointer` is a hyperparameter.
fn names(found: &mut Findings, file: &Value, pointer: &str, known: &[&str]) {
    let given = file.pointer(pointer).and_then(Value::as_object);
    for name in given.into_iter().flat_map(|map| map.keys()) {
        if !known.contains(&name.as_str()) {
            let pointer = format!("{pointer}/{}", escape(name));
            let violation = Violation::unknown(pointer, "hyperparameter", name, known);
            found.0.push(violation.on_key());
        }
    }
}

fn range_alone(found: &mut Findings, place: &str, range: &Range) {
    let Range {
        min,
        max,
        default,
        scale,
    } = *range;
    found.require(
        min <= max,
        format!("{place}/min"),
        format!("min `{min}` is above max `{max}`"),
        "swap them",
    );
    found.require(
        scale == Scale::Linear || min > 0.0,
        format!("{place}/min"),
        format!("`{min}` has no logarithm"),
        "a range with `scale: log` begins above 0",
    );
    found.require(
        min > max || (min..=max).contains(&default),
        format!("{place}/default"),
        format!("default `{default}` is outside of {min} to {max}"),
        "move it inside, or widen the range",
    );
}

fn choice_alone(found: &mut Findings, place: &str, choice: &Choice) {
    let listed: Vec<String> = choice.values.iter().map(ToString::to_string).collect();
    found.require(
        choice.values.is_empty() || choice.values.contains(&choice.default),
        format!("{place}/default"),
        format!("default `{}` is none of the values", choice.default),
        &format!("choose one of: {}", listed.join(", ")),
    );
}
