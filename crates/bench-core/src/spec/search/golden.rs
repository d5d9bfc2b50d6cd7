//! Comparison of streams, sequences and points with cases that AlgoPerf's own code made.

use super::halton::{Sequence, primes};
use super::twister::Twister;
use super::{Point, Space, draw, read_algoperf};
use serde_json::Value;

/// How far our numbers are from a case's, relative to the larger of them and 1; infinitely far where they have to be the same and are not.
///
/// # Errors
/// What of the case is missing, or of a kind that is not known here.
pub fn difference(inputs: &Value, parameters: &Value, expected: &Value) -> Result<f64, String> {
    match parameters["kind"].as_str().unwrap_or_default() {
        "stream" => stream(numbers(&inputs["seed"])?, expected),
        "sequence" | "shuffled_sequence" => sequence(parameters, expected),
        "search" | "list" => search(inputs, parameters, expected),
        kind => Err(format!("a kind of case that is not known here: `{kind}`")),
    }
}

fn same<T: PartialEq>(ours: &T, theirs: &T) -> f64 {
    match ours == theirs {
        true => 0.0,
        false => f64::INFINITY,
    }
}

fn relative(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / theirs.abs().max(1.0)
}

fn stream(seed: u32, expected: &Value) -> Result<f64, String> {
    let list = |key: &str| numbers::<Vec<Value>>(&expected[key]);
    let mut words = Twister::new(seed);
    let words: Vec<Value> = list("u32")?.iter().map(|_| words.word().into()).collect();
    let mut units = Twister::new(seed);
    let units: Vec<Value> = list("random_sample")?
        .iter()
        .map(|_| units.unit().into())
        .collect();
    let (mut shuffled, mut items) = (Twister::new(seed), (1..=12).collect::<Vec<u64>>());
    shuffled.shuffle(&mut items);
    let ours = [
        words.into(),
        units.into(),
        items.into(),
        shuffled.unit().into(),
    ];
    let theirs = [
        &expected["u32"],
        &expected["random_sample"],
        &expected["shuffle_1_to_12"],
        &expected["random_sample_after_shuffle"],
    ];
    Ok(same::<Vec<&Value>>(&ours.iter().collect(), &theirs.into()))
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

fn sequence(parameters: &Value, expected: &Value) -> Result<f64, String> {
    let dimensions: usize = numbers(&parameters["num_dims"])?;
    let bases = numbers(&parameters["primes"]).unwrap_or_else(|_| primes(dimensions));
    let permutations: Option<Vec<Vec<u32>>> = numbers(&parameters["permutations"]).ok();
    let sequence = Sequence::with(
        &bases,
        permutations.as_deref(),
        numbers(&parameters["per_dim_shift"])?,
        numbers(&parameters["skip"])?,
    );
    let count: u64 = numbers(&parameters["num_samples"])?;
    let mut points: Vec<Vec<f64>> = (1..=count).map(|number| sequence.point(number)).collect();
    shuffle(&mut points, parameters);
    let theirs: Vec<Vec<f64>> = numbers(&expected["points"])?;
    let their_bases: Vec<u64> = numbers(&expected["primes"])?;
    let mut worst = same(&ends(&bases, their_bases.len()), &their_bases);
    worst = worst.max(same(&points.len(), &theirs.len()));
    for (ours, theirs) in points.iter().zip(&theirs) {
        let pairs = ends(ours, theirs.len()).into_iter().zip(theirs);
        worst = pairs.fold(worst, |worst, (x, y)| worst.max(relative(x, *y)));
    }
    Ok(worst)
}

/// AlgoPerf's order of points, where the case seeds the stream that makes it.
fn shuffle<T>(points: &mut [T], parameters: &Value) {
    if let Ok(seed) = numbers(&parameters["global_seed"]) {
        Twister::new(seed).shuffle(points);
    }
}

/// Of many dimensions the references keep the first and the last few.
fn ends<T: Clone>(all: &[T], kept: usize) -> Vec<T> {
    if kept >= all.len() {
        return all.to_vec();
    }
    let half = kept / 2;
    [&all[..half], &all[all.len() - half..]].concat()
}

fn search(inputs: &Value, parameters: &Value, expected: &Value) -> Result<f64, String> {
    let trials: u32 = numbers(&parameters["num_trials"])?;
    let space = read_algoperf(&space_text(inputs, parameters)?);
    let space =
        space.map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())?;
    let mut points: Vec<Point> = match &space {
        Space::Dimensions(dimensions) => (1..=trials)
            .map(|number| draw(dimensions, number.into()))
            .collect(),
        Space::Points(_) => (1..=space.trials(trials))
            .map(|trial| space.point(1, trial, trials).map_err(|e| e.to_string()))
            .collect::<Result<_, _>>()?,
    };
    shuffle(&mut points, parameters);
    let theirs: Vec<serde_json::Map<String, Value>> = numbers(&expected["points"])?;
    let mut worst = same(&points.len(), &theirs.len());
    for (ours, theirs) in points.iter().zip(&theirs) {
        for (key, theirs) in theirs {
            let ours = ours.get(&key.replace('_', "-"));
            let number = ours.and_then(super::super::submission::Value::as_number);
            worst = worst.max(match (number, theirs.as_f64()) {
                (Some(ours), Some(theirs)) => relative(ours, theirs),
                _ => same(&serde_json::to_value(ours).ok().as_ref(), &Some(theirs)),
            });
        }
    }
    Ok(worst)
}

/// The search space as a file has it. The order of dimensions is that of `names`, since the reader of the cases keeps none.
fn space_text(inputs: &Value, parameters: &Value) -> Result<String, String> {
    let Value::Object(map) = &inputs["search_space"] else {
        return Ok(inputs["search_space"].to_string());
    };
    let order: Vec<String> = numbers(&parameters["names"])?;
    let entry = |name: &String| match map.get(name) {
        Some(dimension) => Ok(format!("{name:?}: {dimension}")),
        None => Err(format!("no dimension `{name}`")),
    };
    let entries: Vec<String> = order.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(format!("{{{}}}", entries.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn cases() -> Option<Vec<Value>> {
        let beside = || {
            let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            crate_folder.join("../../../shared")
        };
        let shared = std::env::var_os("BENCH_SHARED").map_or_else(beside, PathBuf::from);
        let path = shared.join("algoperf/metric_goldens.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let file: Value = serde_json::from_str(&text).unwrap();
                Some(
                    file["groups"]["halton"]["cases"]
                        .as_array()
                        .unwrap()
                        .clone(),
                )
            }
            Err(error) => {
                eprintln!(
                    "SKIPPED: no reference numbers at {}: {error}",
                    path.display()
                );
                None
            }
        }
    }

    fn compared(case: &Value) -> Result<f64, String> {
        difference(&case["inputs"], &case["parameters"], &case["expected"])
    }

    #[test]
    fn all_reference_cases_agree() {
        let Some(cases) = cases() else { return };
        assert!(cases.len() >= 17);
        for case in &cases {
            let found = compared(case);
            assert!(
                found.as_ref().is_ok_and(|&d| d <= 1e-14),
                "{}: {found:?}",
                case["case"]
            );
        }
    }

    #[test]
    fn another_number_in_a_case_is_seen() {
        let Some(cases) = cases() else { return };
        for mut case in cases {
            let expected = case["expected"].as_object_mut().unwrap();
            let key = match expected.contains_key("points") {
                true => "points",
                false => "random_sample",
            };
            *expected[key].as_array_mut().unwrap().last_mut().unwrap() = Value::Null;
            assert!(
                !compared(&case).is_ok_and(|d| d <= 1e-14),
                "{}",
                case["case"]
            );
        }
    }

    #[test]
    fn an_unknown_kind_of_case_is_said() {
        let error = difference(
            &Value::Null,
            &serde_json::json!({"kind": "sobol"}),
            &Value::Null,
        );
        assert_eq!(
            error.unwrap_err(),
            "a kind of case that is not known here: `sobol`"
        );
    }
}
