//! Rules of a submission by itself.

use super::{Findings, part};
use crate::spec::check::Violation;
use crate::spec::submission::{
    Choice, Dimension, GradientClipping, Python, Range, Scale, Schedule, Submission,
    Value as Hyperparameter,
};
use crate::spec::yaml::escape;
use crate::spec::{hyperparameter, scheduled};
use serde_json::Value;
use std::path::{Component, Path};

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
    if let Some(python) = part::<Python>(file, "/python") {
        python_alone(&mut found, &python);
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
        // Schedules know percentages.
        if !scheduled::hyperparameters(file).contains(*name) {
            meant_as_numbers(&mut found, file, &pointer);
        }
    }
    for map in maps(file) {
        values(&mut found, file, &map, &known);
    }
    found.0
}

/// A class is in a file or in a package of a version.
fn python_alone(found: &mut Findings, python: &Python) {
    let (file, package) = (python.file.as_deref(), python.package.as_deref());
    found.require(
        file.is_some() != package.is_some(),
        "/python",
        "a Python program is a `file` or a class of a `package`",
        "write `python: { file: lion.py, class: Lion }`, or `python: { package: pytorch_optimizer, version: 4.1.0, class: SOAP }`",
    );
    if let Some(file) = file {
        let inside = Path::new(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        found.require(
            inside && file.ends_with(".py"),
            "/python/file",
            format!("`{file}` is no Python file of the submission's folder"),
            "write its name, as `lion.py`",
        );
    }
    for (key, value) in [("version", &python.version), ("class", &python.class)] {
        found.require(
            package.is_none() || value.is_some(),
            "/python",
            format!("a package needs a `{key}`"),
            "packages are pinned: write `version` and `class`",
        );
    }
}

/// What can be run and is probably not meant.
pub(in crate::spec) fn odd(submission: &Submission) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut look = |pointer: String, name: &str, value: &Hyperparameter| {
        let odd = hyperparameter::odd(name, value, None);
        found.extend(odd.map(|odd| Violation::new(pointer, odd.message, odd.help)));
    };
    for (name, dimension) in &submission.search_space {
        let pointer = format!("/search-space/{}", escape(name));
        match dimension {
            Dimension::Fixed(value) => look(pointer, name, value),
            Dimension::Range(range) => {
                // `max` itself is never drawn.
                for (key, number) in [("min", range.min), ("default", range.default)] {
                    let value = Hyperparameter::Number(number);
                    look(format!("{pointer}/{key}"), name, &value);
                }
            }
            Dimension::Choice(choice) => {
                for (position, value) in choice.values.iter().enumerate() {
                    look(format!("{pointer}/values/{position}"), name, value);
                }
            }
        }
    }
    let groups = submission.groups.iter().map(|group| &group.hyperparameters);
    for (list, maps, inside) in [
        ("groups", groups.collect::<Vec<_>>(), "/hyperparameters"),
        ("points", submission.points.iter().collect(), ""),
    ] {
        for (position, map) in maps.into_iter().enumerate() {
            for (name, value) in map {
                let pointer = format!("/{list}/{position}{inside}/{}", escape(name));
                look(pointer, name, value);
            }
        }
    }
    found
}

/// Pointers of the maps that give values to hyperparameters.
fn maps(file: &Value) -> Vec<String> {
    let of = |(list, inside): (&str, &str)| {
        let length = file.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        let maps = (0..length).map(|position| format!("/{list}/{position}{inside}"));
        maps.collect::<Vec<_>>()
    };
    [("groups", "/hyperparameters"), ("points", "")]
        .into_iter()
        .flat_map(of)
        .collect()
}

/// No name is a number in another spelling: a program that wants the number would end at it.
fn meant_as_numbers(found: &mut Findings, file: &Value, pointer: &str) {
    let text = |pointer: String| Some((file.pointer(&pointer)?.as_str()?.to_owned(), pointer));
    let listed = file.pointer(&format!("{pointer}/values"));
    let length = listed.and_then(Value::as_array).map_or(0, Vec::len);
    let listed = (0..length).map(|position| format!("{pointer}/values/{position}"));
    for (text, pointer) in [pointer.to_owned()]
        .into_iter()
        .chain(listed)
        .filter_map(text)
    {
        if let Some(number) = hyperparameter::meant(&text) {
            let message = format!("`{text}` is text, not a number");
            found.require(false, pointer, message, &format!("write `{number}`"));
        }
    }
}

/// Every key of the map at `pointer` is a hyperparameter, and has a value of its kind.
fn values(found: &mut Findings, file: &Value, pointer: &str, known: &[&str]) {
    let given = file.pointer(pointer).and_then(Value::as_object);
    for name in given.into_iter().flat_map(|map| map.keys()) {
        let key = escape(name);
        let pointer = format!("{pointer}/{key}");
        if !known.contains(&name.as_str()) {
            let violation = Violation::unknown(pointer, "hyperparameter", name, known);
            found.0.push(violation.on_key());
            continue;
        }
        let dimension: Option<Dimension> = part(file, &format!("/search-space/{key}"));
        if let (Some(dimension), Some(value)) = (dimension, part(file, &pointer)) {
            let wrong = hyperparameter::wrong(name, &value, &dimension);
            let wrong = wrong.map(|wrong| Violation::new(pointer, wrong.message, wrong.help));
            found.0.extend(wrong);
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
