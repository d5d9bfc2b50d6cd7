//! A Python file by itself: its class, its constructor's defaults, and the settings that are assumed of it.

use super::packages::newest;
use super::{Environment, PythonError, io, last_line, overlay};
use crate::catalog::Alone;
use crate::home::Home;
use crate::launch::Launch;
use crate::program::python_variables;
use crate::progress::Listener;
use bench_core::spec::catalog::python_name;
use bench_core::spec::search::{ALGOPERF_FILE, Space, read_algoperf};
use bench_core::spec::submission::{ArgumentNames, Value as Hyperparameter};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where AlgoPerf's search space lies, as seen from a submission's file: beside it, or beside its folder.
const SPACES: [&str; 2] = [".", ".."];

/// What is assumed of a file, or of a package's class.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumed {
    place: Place,
    trains: Trains,
    /// AlgoPerf's `tuning_search_space.json`, where one belongs to it.
    space: Option<SearchSpace>,
}

/// A search space in a file of its own.
#[derive(Debug, Clone, PartialEq)]
struct SearchSpace {
    file: PathBuf,
    /// Every name in it.
    defaults: Vec<(String, Hyperparameter)>,
}

/// Where an author's code is.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    File(PathBuf),
    Package { package: String, version: String },
}

impl Place {
    /// As `about` names it.
    fn name(&self) -> String {
        match self {
            Place::File(file) => python_name(file).unwrap_or_default(),
            Place::Package { package, version } => format!("{package} {version}"),
        }
    }

    /// In `python:`, but for the class.
    fn written(&self) -> String {
        match self {
            Place::File(file) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                format!("file: {}", of_json(&name))
            }
            Place::Package { package, version } => {
                format!("package: {package}, version: {version}")
            }
        }
    }
}

/// What in the file trains.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum Trains {
    /// A class.
    Class {
        class: String,
        /// Its constructor's defaults.
        hyperparameters: BTreeMap<String, Value>,
        /// Which of its arguments takes which of them.
        parameter_names: BTreeMap<String, ArgumentNames>,
    },
    /// AlgoPerf's functions.
    Algoperf {
        /// By workload, as the submission says.
        batch_sizes: BTreeMap<String, u64>,
    },
}

/// A path to a Python file, and the class that stands behind a colon: `my_optimizer.py:Lion`. A folder with AlgoPerf's `submission.py` and no `submission.yaml` is that file.
pub fn file_of(given: &str) -> Option<(PathBuf, Option<String>)> {
    let (path, class) = match given.rsplit_once(':') {
        Some((path, class)) if !class.contains('/') => (path, Some(class.to_owned())),
        _ => (given, None),
    };
    if path.ends_with(".py") {
        return Some((path.into(), class));
    }
    let folder = Path::new(given);
    let file = folder.join("submission.py");
    let is_algoperf = file.is_file() && !folder.join("submission.yaml").exists();
    is_algoperf.then_some((file, None))
}

impl Assumed {
    /// Asks the file itself: it is imported.
    ///
    /// # Errors
    /// When it cannot be, when what trains is not plain, and when AlgoPerf's search space beside it is none.
    pub fn ask(
        home: &Home,
        environment: &Environment,
        file: &Path,
        class: Option<&str>,
    ) -> Result<Assumed, PythonError> {
        let words = ["-m", "bench.describe"].map(OsStr::new);
        let words = words.into_iter().chain([file.as_os_str()]);
        let trains = asked(
            home,
            environment,
            file,
            &[],
            words.chain(class.map(OsStr::new)),
        )?;
        let space = match &trains {
            Trains::Class { .. } => None,
            Trains::Algoperf { .. } => space(file)?,
        };
        Ok(Assumed {
            place: Place::File(file.to_owned()),
            trains,
            space,
        })
    }

    /// Asks a package's class, in the newest version that pip finds; it is installed in the cache. Gives the lock file of it and of what it needs too, none of torch's own.
    ///
    /// # Errors
    /// When there is no such package or class.
    pub fn ask_package(
        home: &Home,
        environment: &Environment,
        (package, class): (&str, &str),
        listener: &mut Listener,
    ) -> Result<(Assumed, Option<String>), PythonError> {
        let (lock, version) = newest(home, environment, package)?;
        let overlay = overlay(home, environment, lock.as_deref(), listener)?;
        let folders: Vec<PathBuf> = overlay.folder.into_iter().collect();
        let words = ["-m", "bench.describe", package, class].map(OsStr::new);
        let trains = asked(
            home,
            environment,
            Path::new(package),
            &folders,
            words.into_iter(),
        )?;
        let assumed = Assumed {
            place: Place::Package {
                package: package.to_owned(),
                version,
            },
            trains,
            space: None,
        };
        Ok((assumed, lock))
    }

    /// A file as a submission.
    pub fn alone(self) -> Option<Alone> {
        let settings = self.settings();
        match self.place {
            Place::Package { .. } => None,
            Place::File(path) => Some(Alone {
                settings,
                path,
                search_space: self.space.map(|space| space.file),
            }),
        }
    }

    /// A `submission.yaml` that says the same.
    pub fn settings(&self) -> String {
        let (name, written) = (self.place.name(), self.place.written());
        let (about, python, batches) = match &self.trains {
            Trains::Class { class, .. } => (
                format!("{class} of {name}, with its constructor's defaults"),
                format!("{{ {written}, class: {class} }}"),
                String::new(),
            ),
            Trains::Algoperf { batch_sizes } => (
                format!("AlgoPerf's {name}"),
                format!("{{ {written} }}"),
                match batch_sizes.is_empty() {
                    true => String::new(),
                    false => format!(", workloads: {}", serde_json::json!(batch_sizes)),
                },
            ),
        };
        let rulesets = match (&self.trains, &self.space) {
            (Trains::Algoperf { .. }, None) => "self-tuning",
            _ => "external-tuning",
        };
        let mut text = format!(
            "# yaml-language-server: $schema=crates/bench-core/schema/submission.json\nschema: 1\nabout: {}\nrulesets: [{rulesets}]\n\
             schedule: constant\nbatch-size: {{ default: 128{batches} }}\npython: {python}\n",
            of_json(&about)
        );
        let mut list = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                let _ = write!(text, "{title}:\n  {}\n", lines.join("\n  "));
            }
        };
        match &self.trains {
            Trains::Class {
                hyperparameters,
                parameter_names,
                ..
            } => {
                let names = parameter_names.iter();
                let names = names.map(|(theirs, ours)| format!("{theirs}: {}", of_json(ours)));
                list("parameter-names", names.collect());
                let values = hyperparameters.iter();
                let values = values.map(|(name, value)| match searched(name, value) {
                    Some([min, max]) => format!(
                        "{name}: {{ min: {min}, max: {max}, scale: log, default: {value} }}"
                    ),
                    None => format!("{name}: {value}"),
                });
                list("search-space", values.collect());
            }
            Trains::Algoperf { .. } => {
                let values = self.space.iter().flat_map(|space| &space.defaults);
                let values = values.map(|(name, value)| format!("{name}: {}", of_json(value)));
                list("search-space", values.collect());
            }
        }
        text
    }

    /// The same for people.
    pub fn told(&self) -> String {
        match &self.trains {
            Trains::Class {
                class,
                hyperparameters,
                ..
            } => {
                let values = hyperparameters.iter();
                let values: Vec<String> = values
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect();
                let values = match values.is_empty() {
                    true => "without hyperparameters".to_owned(),
                    false => format!("with {}", values.join(", ")),
                };
                let ranges = hyperparameters.iter();
                let mut ranges =
                    ranges.filter_map(|(name, value)| Some((name, searched(name, value)?)));
                let tuned = match ranges.next() {
                    Some((name, [min, max])) => {
                        format!("; tuning searches {name} from {min} to {max}")
                    }
                    None => String::new(),
                };
                format!(
                    "class {class}, {values}; the learning rate stays as it is, batches have 128 examples{tuned}"
                )
            }
            Trains::Algoperf { batch_sizes } => {
                let space = match &self.space {
                    Some(space) => format!("searches {}", space.file.display()),
                    None => "tunes itself".to_owned(),
                };
                let sizes = batch_sizes.iter();
                let sizes: String = sizes
                    .map(|(workload, size)| format!(", {size} on {workload}"))
                    .collect();
                format!("a submission of AlgoPerf's that {space}; batches have 128 examples{sizes}")
            }
        }
    }
}

fn of_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The range of a learning rate that nobody gave one: a factor of ten on either side.
fn searched(name: &str, value: &Value) -> Option<[f64; 2]> {
    let value = value
        .as_f64()
        .filter(|value| *value > 0.0 && name == "learning-rate")?;
    // As somebody would write it: 3e-5, not 3.0000000000000004e-5.
    let plain = |value: f64| format!("{value:.6e}").parse().unwrap_or(value);
    Some([plain(value / 10.0), plain(value * 10.0)])
}

/// AlgoPerf's search space of a submission's file, and every name in it with its default.
fn space(file: &Path) -> Result<Option<SearchSpace>, PythonError> {
    let folder = file.parent().unwrap_or(file);
    let places = SPACES.map(|place| folder.join(place).join(ALGOPERF_FILE));
    let Some(path) = places.into_iter().find(|path| path.is_file()) else {
        return Ok(None);
    };
    let path = path.canonicalize().map_err(io("read", &path))?;
    let text = std::fs::read_to_string(&path).map_err(io("read", &path))?;
    let space = read_algoperf(&text).map_err(|errors| PythonError::File {
        file: path.clone(),
        said: errors.first().map(ToString::to_string).unwrap_or_default(),
    })?;
    let defaults = match space {
        Space::Dimensions(dimensions) => dimensions
            .into_iter()
            .map(|(name, dimension)| (name, dimension.default()))
            .collect::<Vec<_>>(),
        // Of several points the first.
        Space::Points(points) => {
            let all = points.into_iter().rev().flatten();
            Vec::from_iter(all.collect::<BTreeMap<_, _>>())
        }
    };
    Ok(Some(SearchSpace {
        file: path,
        defaults,
    }))
}

/// A file and those that it imports from its folder, by their paths there: what is written, not what may be computed. Nothing of it runs.
///
/// # Errors
/// When one of them is no Python.
pub fn imports(home: &Home, file: &Path) -> Result<Vec<PathBuf>, PythonError> {
    let environment = super::find(home)?.ok_or(PythonError::Missing)?;
    let words = ["-m", "bench.imports"].map(OsStr::new);
    let words = words.into_iter().chain([file.as_os_str()]);
    asked(home, &environment, file, &[], words)
}

/// What a module of the package `bench` says of an author's file, in JSON.
fn asked<'a, T: DeserializeOwned>(
    home: &Home,
    environment: &Environment,
    file: &Path,
    folders: &[PathBuf],
    words: impl Iterator<Item = &'a OsStr>,
) -> Result<T, PythonError> {
    let failed = |said: String| PythonError::File {
        file: file.to_owned(),
        said,
    };
    let mut path = vec![home.root.join("crates/bench-python/python")];
    path.extend_from_slice(folders);
    let launch = Launch::of(&environment.interpreter)
        .with(words)
        .setting(&python_variables(&path));
    let command = launch.command(1);
    let mut command = command.map_err(|error| failed(error.to_string()))?;
    let output = command.output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        // The traceback before it is for logs.
        false => Err(failed(last_line(&output.stderr))),
        true => serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string())),
    }
}
