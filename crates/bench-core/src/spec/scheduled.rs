//! Schedules whose parameters are hyperparameters, `warmup: { hyperparameter: NAME }`, and gradient norms that lie in a file beside.

use super::check::{self, Checked, Violation};
use super::diagnostic::name_help;
use super::merge::Layer;
use super::rules;
use super::schema::{self, Kind, Node};
use super::search::Point;
use super::submission::{Dimension, Schedule, Value as Hyperparameter};
use super::yaml::escape;
use crate::number::Extent;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Key of the map that stands where a parameter is a hyperparameter.
pub(super) const KEY: &str = "hyperparameter";
/// Ending of files that hold gradient norms, one a line.
pub const NORMS: &str = "norms";
/// Where such a file is named.
const NORMS_AT: &str = "/schedule/refined/norms";

/// A schedule as `submission.yaml` has it: a schedule once a point of the search space is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(Value);

impl Default for Template {
    fn default() -> Template {
        Template(json!(Schedule::Constant.name()))
    }
}

impl Template {
    /// The schedule of a trial. Where steps are wanted, a number up to 1 is a share of the step hint, as AlgoPerf's `warmup_factor` is.
    ///
    /// # Errors
    /// When a value is none that its parameter can have.
    pub fn at(&self, point: &Point) -> Result<Schedule, String> {
        let schedule: Schedule =
            serde_json::from_value(filled(&self.0, point)).map_err(|error| error.to_string())?;
        match schedule.objections().into_iter().next() {
            None => Ok(schedule),
            Some(objection) => Err(objection.message),
        }
    }

    /// Names of the hyperparameters in it.
    pub fn hyperparameters(&self) -> BTreeSet<String> {
        hyperparameters(&json!({ "schedule": self.0 }))
    }
}

/// Names of the hyperparameters in the schedule of a file.
pub(super) fn hyperparameters(file: &Value) -> BTreeSet<String> {
    let schedule = file.get("schedule").unwrap_or(&Value::Null);
    let named = names(schedule, "/schedule").into_iter();
    named.map(|(_, name)| name).collect()
}

/// Every hyperparameter that a part of a file names, with the pointer of its map.
fn names(part: &Value, pointer: &str) -> Vec<(String, String)> {
    if let Some(name) = named(part) {
        return vec![(pointer.to_owned(), name.to_owned())];
    }
    let parts = part.as_object().into_iter().flatten();
    parts
        .flat_map(|(key, part)| names(part, &format!("{pointer}/{}", escape(key))))
        .collect()
}

/// The hyperparameter that stands here.
fn named(value: &Value) -> Option<&str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(KEY)?.as_str()
}

/// A schedule with values in place of names; names without a value stay.
fn filled(schedule: &Value, point: &Point) -> Value {
    fn fill(part: &mut Value, node: Option<Node>, point: &Point) {
        if let Some(value) = named(part).and_then(|name| point.get(name)) {
            let is_extent = |node: &Node| node.here.get("format") == Some(&json!(Extent::FORMAT));
            let mut nodes = node
                .into_iter()
                .chain(node.map(Node::branches).unwrap_or_default());
            *part = written(value, nodes.any(|node| is_extent(&node)));
        } else if let Some(map) = part.as_object_mut() {
            for (key, part) in map {
                fill(part, node.and_then(|node| node.child(key)), point);
            }
        }
    }
    let mut filled = schedule.clone();
    let root = Node::root(schema::shared(Kind::Submission));
    fill(&mut filled, root.child("schedule"), point);
    filled
}

/// A value as a file would have it.
fn written(value: &Hyperparameter, is_extent: bool) -> Value {
    match value {
        // Twelve digits: 0.29 is 29 %, whatever its hundredfold is in binary.
        Hyperparameter::Number(x) if is_extent && (0.0..=1.0).contains(x) => {
            json!(format!("{}%", (x * 1e12).round() / 1e10))
        }
        Hyperparameter::Number(x) if is_extent && *x > 1.0 => json!(x.round() as u64),
        value => json!(value),
    }
}

/// What is wrong with a schedule by itself, as it would be in a `submission.yaml`.
pub(crate) fn mistake(schedule: &Value) -> Option<String> {
    let file = json!({ "schema": 1, "schedule": schedule });
    let found = rules::submission(&file).into_iter();
    let mut found = (check::check(Kind::Submission, file).violations.into_iter()).chain(found);
    let mistake = found.find(of_schedule)?;
    let mut told = mistake.message;
    // `/schedule/FAMILY/KEY`; no line of a file shows where it is.
    if let Some(key) = mistake.pointer.split('/').nth(3)
        && !told.contains(key)
    {
        told = format!("`{key}`: {told}");
    }
    told.extend(mistake.help.map(|help| format!("; {help}")));
    Some(told)
}

/// Goes through a submission's schema with every name in its schedule exchanged for the hyperparameter's default, for the values at the ends of
/// its range, and for such values together with those of the others.
pub(super) fn check(file: Value) -> Checked {
    let template = file.get("schedule").cloned().unwrap_or_default();
    let named = names(&template, "/schedule");
    if named.is_empty() {
        return check::check(Kind::Submission, file);
    }
    let space = space(&file);
    let known: Vec<&str> = space.keys().map(String::as_str).collect();
    let unknown: Vec<Violation> = named
        .iter()
        .filter(|(_, name)| !known.contains(&name.as_str()))
        .map(|(place, name)| {
            Violation::unknown(format!("{place}/{KEY}"), "hyperparameter", name, &known)
        })
        .collect();
    let with = |schedule: Value| {
        let mut file = file.clone();
        file["schedule"] = schedule;
        file
    };
    if !unknown.is_empty() {
        let mut checked = check::check(Kind::Submission, with(json!("constant")));
        // Where a misspelt `extends` leaves nothing to look at, the names are its base's.
        if !checked.known.is_null() {
            checked.violations.extend(unknown);
        }
        return checked;
    }
    let defaults: Point = space
        .iter()
        .map(|(name, dimension)| (name.clone(), dimension.default()))
        .collect();
    let mut checked = check::check(Kind::Submission, with(filled(&template, &defaults)));
    if !checked.violations.iter().any(of_schedule) {
        let ends = named.iter().flat_map(|(_, name)| {
            let ends = ends(&space[name]).into_iter();
            ends.map(move |value| (name.clone(), value))
        });
        let found = ends.map(|(name, value)| {
            let point = Point::from([(name.clone(), value.clone())]);
            let point = defaults.clone().into_iter().chain(point).collect();
            let file = with(filled(&template, &point));
            let found = (rules::submission(&file).into_iter())
                .chain(check::check(Kind::Submission, file).violations);
            let told = found.filter(of_schedule).map(|found| Violation {
                message: format!("with `{name}` at `{value}`: {}", found.message),
                ..found
            });
            told.collect::<Vec<_>>()
        });
        // The first is enough: what is wrong at one end of a range often is at the other.
        let found = found.flatten().next();
        let found = found.or_else(|| together(&template, &named, &space, &defaults));
        checked.violations.extend(found);
    }
    if let Some(schedule) = checked.known.get_mut("schedule") {
        *schedule = template;
    }
    checked
}

/// Combinations that are tried at most: all of four ranges, or of five choices between three.
const COMBINATIONS: usize = 256;

/// The first combination of values at the ends that makes no schedule, where each by itself does.
fn together(
    template: &Value,
    named: &[(String, String)],
    space: &BTreeMap<String, Dimension>,
    defaults: &Point,
) -> Option<Violation> {
    let names: BTreeSet<&String> = named.iter().map(|(_, name)| name).collect();
    let mut points = vec![Point::new()];
    for name in names {
        let values = ends(&space[name]).into_iter();
        let with = |value: &Hyperparameter, point: &Point| {
            let mut point = point.clone();
            let _ = point.insert(name.clone(), value.clone());
            point
        };
        points = values
            .flat_map(|value| {
                points
                    .iter()
                    .map(move |point| with(&value, point))
                    .collect::<Vec<_>>()
            })
            .take(COMBINATIONS)
            .collect();
    }
    let template = Template(template.clone());
    points.into_iter().find_map(|point| {
        let all = defaults.clone().into_iter().chain(point.clone()).collect();
        let message = template.at(&all).err()?;
        let values = point
            .iter()
            .map(|(name, value)| format!("`{name}` at `{value}`"));
        let values = values.collect::<Vec<_>>().join(" and ");
        Some(Violation::new(
            "/schedule",
            format!("with {values}: {message}"),
            "narrow one of the ranges",
        ))
    })
}

fn of_schedule(violation: &Violation) -> bool {
    violation.pointer.starts_with("/schedule")
}

/// The dimensions that can be read.
fn space(file: &Value) -> BTreeMap<String, Dimension> {
    let given = file.get("search-space").and_then(Value::as_object);
    let dimensions = given.into_iter().flatten();
    dimensions
        .filter_map(|(name, value)| Some((name.clone(), Dimension::deserialize(value).ok()?)))
        .collect()
}

/// The values of a dimension that are furthest from each other; all of a list.
fn ends(dimension: &Dimension) -> Vec<Hyperparameter> {
    match dimension {
        Dimension::Fixed(value) => vec![value.clone()],
        Dimension::Choice(choice) => choice.values.clone(),
        Dimension::Range(range) => [range.default, range.min, range.max]
            .map(Hyperparameter::Number)
            .to_vec(),
    }
}

/// Puts the norms in place of the name of the file beside `submission.yaml` that holds them.
pub(super) fn read_norms(file: &mut Value, layers: &[Layer]) -> Option<Violation> {
    let slot = file.pointer_mut(NORMS_AT)?;
    let name = slot.as_str()?.to_owned();
    // What cannot be read is told once, and not as a mistake of the list as well.
    *slot = json!([1.0]);
    let writes = |layer: &&Layer| {
        let document = layer.entry.document.as_ref();
        document.is_some_and(|document| document.places.contains_key(NORMS_AT))
    };
    let layer = layers.iter().rev().find(writes)?;
    let file_name = |path: &std::path::Path| path.file_name()?.to_str().map(str::to_owned);
    let beside: Vec<(String, &str)> = layer
        .entry
        .norms
        .iter()
        .filter_map(|source| Some((file_name(&source.path)?, source.text.as_str())))
        .collect();
    let Some((_, text)) = beside.iter().find(|(its, _)| *its == name) else {
        let known: Vec<&str> = beside.iter().map(|(name, _)| name.as_str()).collect();
        let help = name_help(&name, &known).unwrap_or_else(|| {
            format!(
                "write one norm a line into a file beside this one whose name ends in `.{NORMS}`"
            )
        });
        let message = format!("there is no file `{name}` of norms beside this one");
        return Some(Violation::new(NORMS_AT, message, help));
    };
    let mut norms = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match line.trim() {
            "" => {}
            line => match line.parse::<f64>() {
                Ok(norm) if norm.is_finite() => norms.push(norm),
                _ => {
                    let message = format!("`{name}`, line {}: `{line}` is no norm", number + 1);
                    return Some(Violation::new(NORMS_AT, message, "write one number a line"));
                }
            },
        }
    }
    *slot = json!(norms);
    None
}

/// The schema for editors: every parameter of a schedule may be a hyperparameter, and norms may be in a file.
pub(super) fn publish(schema: &mut Value) {
    let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) else {
        return;
    };
    let reference = |value: &Value| {
        let name = value.get("$ref")?.as_str()?.rsplit('/').next()?;
        Some(name.to_owned())
    };
    let alternatives = definitions["Schedule"]["oneOf"].as_array();
    let families: Vec<String> = alternatives
        .into_iter()
        .flatten()
        .filter_map(|alternative| alternative["properties"].as_object())
        .flat_map(|properties| properties.values().filter_map(reference))
        .collect();
    for family in families {
        let properties = definitions[&family]["properties"].as_object_mut();
        for (name, property) in properties.into_iter().flatten() {
            let mut plain = property.take();
            let mut told = serde_json::Map::new();
            for key in ["description", "default"] {
                let value = plain.as_object_mut().and_then(|map| map.remove(key));
                told.extend(value.map(|value| (key.to_owned(), value)));
            }
            let mut any = vec![plain, json!({ "$ref": "#/$defs/Hyperparameter" })];
            if name == "norms" {
                any.push(json!({ "type": "string", "description": "A file beside this one, with one norm a line." }));
            }
            let _ = told.insert("anyOf".to_owned(), json!(any));
            *property = Value::Object(told);
        }
    }
    let named = json!({
        "description": "The value of a hyperparameter of the search space.",
        "type": "object",
        "properties": { KEY: { "type": "string" } },
        "required": [KEY],
        "additionalProperties": false,
    });
    let _ = definitions.insert("Hyperparameter".to_owned(), named);
}
