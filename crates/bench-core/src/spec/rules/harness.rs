//! Rules of the harness by itself.

use super::{Findings, part};
use crate::number::Span;
use crate::spec::check::Violation;
use crate::spec::harness::Ruleset;
use crate::spec::submission::Tuning;
use crate::spec::yaml::escape;
use serde_json::Value;

const LIMITS: [&str; 6] = [
    "start-up",
    "warm-up",
    "stall",
    "snapshot",
    "evaluation",
    "shut-down",
];

/// The harness by itself.
pub(in crate::spec) fn harness(file: &Value) -> Vec<Violation> {
    let mut found = Findings::of(file);
    if let Some(device) = part::<String>(file, "/device") {
        found.require(
            crate::run::device(&device).is_some(),
            "/device",
            format!("unknown device `{device}`"),
            "write `cpu`, or `cuda:0` for the first card",
        );
    }
    if let Some(results) = part::<String>(file, "/results") {
        found.require(
            !results.starts_with('~'),
            "/results",
            format!("`{results}`: only a shell knows what `~` is"),
            "write the folder's whole path, or one from the root of the checkout",
        );
    }
    for suite in keys(file, "suites") {
        let pointer = format!("/suites/{}", escape(suite));
        let members: Vec<String> = part(file, &pointer).unwrap_or_default();
        let empty = file
            .pointer(&pointer)
            .is_some_and(|list| list.as_array().is_some_and(Vec::is_empty));
        found.require(
            !empty,
            pointer.clone(),
            format!("suite `{suite}` is empty"),
            "name at least one workload",
        );
        for (position, member) in members.iter().enumerate() {
            let again = members[..position].contains(member);
            let message = format!("`{member}` is in suite `{suite}` already");
            found.require(
                !again,
                format!("{pointer}/{position}"),
                message,
                "keep one of them",
            );
        }
    }
    for name in keys(file, "rulesets") {
        let pointer = format!("/rulesets/{}", escape(name));
        if let Some(ruleset) = part(file, &pointer) {
            ruleset_alone(&mut found, &pointer, &ruleset);
        }
    }
    for limit in LIMITS {
        let pointer = format!("/limits/{limit}");
        let none = part::<Span>(file, &pointer).is_some_and(|span| span.0.is_zero());
        found.require(
            !none,
            pointer,
            "a limit of no time",
            "write a length of time like `60s`",
        );
    }
    found.0
}

fn ruleset_alone(found: &mut Findings, place: &str, ruleset: &Ruleset) {
    found.require(
        ruleset
            .evaluate_every
            .is_none_or(|every| !every.0.is_zero()),
        format!("{place}/evaluate-every"),
        "an evaluation every moment",
        "write a length of time like `60s`",
    );
    found.require(
        ruleset.trials == 1 || ruleset.tuning == Tuning::ExternalTuning,
        format!("{place}/trials"),
        format!(
            "{} trials, where the submission tunes itself within one",
            ruleset.trials
        ),
        "write 1; `studies` repeats",
    );
}

fn keys<'a>(file: &'a Value, list: &str) -> Vec<&'a str> {
    let map = file.get(list).and_then(Value::as_object);
    map.into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
        .collect()
}
