//! A Python file by itself: its class, its constructor's defaults, and the settings that are assumed of it.

use super::{Environment, PythonError, last_words};
use crate::home::Home;
use crate::launch::Launch;
use crate::program::python_variables;
use bench_core::spec::submission::ArgumentNames;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is assumed of a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assumed {
    /// The class that trains.
    pub class: String,
    /// Hyperparameters and their values: the constructor's defaults.
    pub hyperparameters: BTreeMap<String, Value>,
    /// Which of its arguments takes which of them.
    pub parameter_names: BTreeMap<String, ArgumentNames>,
}

/// A path to a Python file, and the class that stands behind a colon: `my_optimizer.py:Lion`.
pub fn file_of(given: &str) -> Option<(PathBuf, Option<String>)> {
    let (path, class) = match given.rsplit_once(':') {
        Some((path, class)) if !class.contains('/') => (path, Some(class.to_owned())),
        _ => (given, None),
    };
    path.ends_with(".py").then(|| (path.into(), class))
}

impl Assumed {
    /// Asks the file itself: it is imported.
    ///
    /// # Errors
    /// When it cannot be, and when the class that trains is not plain.
    pub fn ask(
        home: &Home,
        environment: &Environment,
        file: &Path,
        class: Option<&str>,
    ) -> Result<Assumed, PythonError> {
        let words = ["-m", "bench.describe"].map(OsStr::new);
        let words = words.into_iter().chain([file.as_os_str()]);
        asked(home, environment, file, words.chain(class.map(OsStr::new)))
    }

    /// A `submission.yaml` that says the same.
    pub fn settings(&self, file: &Path) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut text = format!(
            "# yaml-language-server: $schema=crates/bench-core/schema/submission.json\nschema: 1\nabout: {} of {name}, with its constructor's defaults\nrulesets: [external-tuning]\nschedule: constant\nbatch-size: {{ default: 128 }}\npython: {}\n",
            self.class,
            serde_json::json!({ "file": name, "class": self.class }),
        );
        // JSON is YAML.
        for (key, value) in [
            (
                "parameter-names",
                serde_json::to_value(&self.parameter_names),
            ),
            ("search-space", serde_json::to_value(&self.hyperparameters)),
        ] {
            let _ = writeln!(text, "{key}: {}", value.unwrap_or_default());
        }
        text
    }

    /// The same for people.
    pub fn told(&self) -> String {
        let values = self.hyperparameters.iter();
        let values: Vec<String> = values
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let values = match values.is_empty() {
            true => "without hyperparameters".to_owned(),
            false => format!("with {}", values.join(", ")),
        };
        format!(
            "class {}, {values}; the learning rate stays as it is, batches have 128 examples",
            self.class
        )
    }
}

/// A file and those that it imports from its folder, by their paths there: what is written, not what may be computed. Nothing of it runs.
///
/// # Errors
/// When one of them is no Python.
pub fn imports(home: &Home, file: &Path) -> Result<Vec<PathBuf>, PythonError> {
    let environment = super::find(home)?.ok_or(PythonError::Missing)?;
    let words = ["-m", "bench.imports"].map(OsStr::new);
    let words = words.into_iter().chain([file.as_os_str()]);
    asked(home, &environment, file, words)
}

/// What a module of the package `bench` says of an author's file, in JSON.
fn asked<'a, T: DeserializeOwned>(
    home: &Home,
    environment: &Environment,
    file: &Path,
    words: impl Iterator<Item = &'a OsStr>,
) -> Result<T, PythonError> {
    let failed = |said: String| PythonError::File {
        file: file.to_owned(),
        said,
    };
    let package = home.root.join("crates/bench-python/python");
    let launch = Launch::of(&environment.interpreter)
        .with(words)
        .setting(&python_variables(&[package]));
    let command = launch.command(1);
    let mut command = command.map_err(|error| failed(error.to_string()))?;
    let output = command.output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        false => Err(failed(last_words(&output.stderr))),
        true => serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string())),
    }
}
