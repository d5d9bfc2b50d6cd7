//! Holds every method here against a file of cases computed elsewhere.
//!
//! The file is `{"groups": {name: {"tolerance": t, "cases": [{"case", "inputs", "parameters", "expected"}]}}}`, with `"inf"`, `"-inf"` and `null` for what is
//! infinite or undefined. Numbers are equal when |x - y| <= t max(1, |y|).

mod groups;
mod optional;

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// Not JSON, or without groups of cases.
    #[error("the text is not a file of statistics goldens")]
    Format(#[source] serde_json::Error),
}

/// What a file's groups say, in the file's order of names.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One for each group.
    pub groups: Vec<Group>,
}

impl Report {
    /// Whether nothing that is built differs.
    pub fn is_equal(&self) -> bool {
        self.groups
            .iter()
            .all(|group| !matches!(group.verdict, Verdict::Differs(_)))
    }
}

/// One method's cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The method's name.
    pub name: String,
    /// How many cases.
    pub cases: usize,
    /// How they came out.
    pub verdict: Verdict,
}

/// How a group came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// All cases, to the tolerance; the largest difference seen, in units of max(1, |expected|).
    Equal {
        /// Of all numbers.
        largest_difference: f64,
    },
    /// Some cases do not.
    Differs(Vec<Difference>),
    /// There is no such method here.
    NotBuilt,
}

/// A value that is not the expected one.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Name of the case.
    pub case: String,
    /// Where in the expected values, such as `lower[2]`.
    pub at: String,
    /// The file's.
    pub expected: String,
    /// Ours.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Difference {
            case,
            at,
            expected,
            found,
        } = self;
        write!(
            f,
            "case \"{case}\", {at}: expected {expected}, found {found}"
        )
    }
}

#[derive(Deserialize)]
struct File {
    groups: BTreeMap<String, FileGroup>,
}

#[derive(Deserialize)]
struct FileGroup {
    tolerance: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    case: String,
    inputs: Value,
    #[serde(default)]
    parameters: Value,
    expected: Map<String, Value>,
}

/// Checks a file's text. Names of groups, numbers of cases and data are the file's; nothing is fixed here.
///
/// # Errors
/// When the text is not such a file.
pub fn check(text: &str) -> Result<Report, GoldenError> {
    let file: File = serde_json::from_str(text).map_err(GoldenError::Format)?;
    let groups = file
        .groups
        .into_iter()
        .map(|(name, group)| Group {
            cases: group.cases.len(),
            verdict: verdict(&name, &group),
            name,
        })
        .collect();
    Ok(Report { groups })
}

fn verdict(name: &str, group: &FileGroup) -> Verdict {
    let Some(method) = groups::method(name) else {
        return Verdict::NotBuilt;
    };
    let mut largest_difference = 0.0;
    let mut differences = Vec::new();
    for case in &group.cases {
        let mut matcher = Matcher {
            tolerance: group.tolerance,
            largest: 0.0,
            unequal: Vec::new(),
        };
        match method(&case.inputs, &case.parameters) {
            Ok(found) => {
                for (key, expected) in &case.expected {
                    matcher.compare(key.clone(), expected, &found[key.as_str()]);
                }
            }
            Err(error) => matcher.unequal.push((
                "inputs".into(),
                "inputs of this method".into(),
                error.to_string(),
            )),
        }
        largest_difference = matcher.largest.max(largest_difference);
        differences.extend(
            matcher
                .unequal
                .into_iter()
                .map(|(at, expected, found)| Difference {
                    case: case.case.clone(),
                    at,
                    expected,
                    found,
                }),
        );
    }
    if differences.is_empty() {
        Verdict::Equal { largest_difference }
    } else {
        Verdict::Differs(differences)
    }
}

struct Matcher {
    tolerance: f64,
    largest: f64,
    unequal: Vec<(String, String, String)>,
}

impl Matcher {
    fn compare(&mut self, at: String, expected: &Value, found: &Value) {
        match (expected, found) {
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (i, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.compare(format!("{at}[{i}]"), expected, found);
                }
            }
            (Value::Number(x), Value::Number(y)) => {
                let (x, y) = (x.as_f64().unwrap_or(0.0), y.as_f64().unwrap_or(f64::MAX));
                let difference = (x - y).abs() / x.abs().max(1.0);
                self.largest = self.largest.max(difference);
                if difference > self.tolerance {
                    self.note(at, expected, found);
                }
            }
            _ if expected == found => {}
            _ => self.note(at, expected, found),
        }
    }

    fn note(&mut self, at: String, expected: &Value, found: &Value) {
        self.unequal
            .push((at, expected.to_string(), found.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(expected: &str) -> Verdict {
        let text = format!(
            r#"{{"groups": {{"median_time": {{"tolerance": 1e-10, "cases": [
                {{"case": "c", "inputs": {{"times": [1, "inf", 3]}}, "parameters": {{}}, "expected": {{"median": {expected}}}}}]}}}}}}"#
        );
        check(&text).unwrap().groups.remove(0).verdict
    }

    #[test]
    fn equal_and_different_values_are_told_apart() {
        assert!(matches!(check_one("3"), Verdict::Equal { .. }));
        for other in ["3.0001", "\"inf\"", "null", "[3]"] {
            assert!(matches!(check_one(other), Verdict::Differs(_)), "{other}");
        }
    }

    #[test]
    fn an_unknown_group_is_not_built_and_wrong_inputs_differ() {
        let text = r#"{"groups": {
            "sorcery": {"tolerance": 1, "cases": []},
            "holm": {"tolerance": 1, "cases": [{"case": "c", "inputs": {"p": "x"}, "expected": {"adjusted": []}}]}}}"#;
        let report = check(text).unwrap();
        assert!(matches!(report.groups[0].verdict, Verdict::Differs(_)));
        assert_eq!(report.groups[1].verdict, Verdict::NotBuilt);
        assert!(check("[]").is_err());
    }

    #[test]
    fn the_reference_file_is_equal() {
        let folder = std::env::var_os("BENCH_SHARED").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            Into::into,
        );
        let Ok(text) = std::fs::read_to_string(folder.join("statistics/stat_goldens.json")) else {
            eprintln!(
                "SKIPPED: no statistics goldens; set BENCH_SHARED to the folder that holds statistics/stat_goldens.json"
            );
            return;
        };
        for group in check(&text).unwrap().groups {
            let Group {
                name,
                cases,
                verdict,
            } = group;
            match verdict {
                Verdict::Equal { largest_difference } => {
                    println!("{name}: {cases} cases, {largest_difference:.1e}")
                }
                Verdict::NotBuilt => println!("{name}: not built"),
                Verdict::Differs(differences) => {
                    let shown: Vec<String> = differences
                        .iter()
                        .take(5)
                        .map(Difference::to_string)
                        .collect();
                    panic!("{name}:\n{}", shown.join("\n"));
                }
            }
        }
    }
}
