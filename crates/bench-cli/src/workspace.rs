//! The checkout as commands see it: where it is, and what its files say.

use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::{Reporter, Style};
use bench_core::run::DatasetIdentity;
use bench_core::spec::catalog::{Catalog, is_path};
use bench_core::spec::diagnostic::nearest;
use bench_core::spec::harness::{Harness, Scoring};
use bench_core::spec::resolve::ResolveError;
use bench_core::spec::schema::Kind;
use bench_harness::catalog::{self, Alone};
use bench_harness::data;
use bench_harness::home::Home;
use bench_harness::program::Origin;
use bench_harness::progress::{Listener, Progress};
use bench_harness::python::{self, Assumed};
use bench_harness::store::{self, StoreError, Stored};
use bench_score::{Against, FrozenReference};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where things are, and all specs.
pub(crate) struct Workspace {
    pub(crate) home: Home,
    pub(crate) catalog: Catalog,
}

impl Workspace {
    /// Reads the checkout's files.
    ///
    /// # Errors
    /// When there is no checkout or a file cannot be read. Mistakes in files only count when they are asked for.
    pub(crate) fn open() -> Result<Workspace, Failure> {
        Ok(Workspace::with_submissions(&[])?.0)
    }

    /// Reads the checkout's files and those of submissions given by name or folder; their names in the same order.
    ///
    /// # Errors
    /// As [`Workspace::open`], and when one of them is neither a name nor a folder with a `submission.yaml`.
    pub(crate) fn with_submissions(given: &[String]) -> Result<(Workspace, Vec<String>), Failure> {
        Workspace::with(given, &[])
    }

    /// The same, with workloads or data sets given by their files.
    ///
    /// # Errors
    /// As [`Workspace::with_submissions`], and when such a file is not there.
    pub(crate) fn with(
        given: &[String],
        specs: &[(Kind, String)],
    ) -> Result<(Workspace, Vec<String>), Failure> {
        let home = Home::find()?;
        let specs = elsewhere(specs)?;
        let mut names = Vec::new();
        let mut folders = Vec::new();
        let mut alone = Vec::new();
        for given in given {
            if python::file_of(given).is_some() {
                let file = assume(&home, given)?;
                names.push(file.name());
                alone.push(file);
                continue;
            }
            match submission_folder(&home, given)? {
                Some(folder) => {
                    names.extend(
                        folder
                            .file_name()
                            .map(|name| name.to_string_lossy().into_owned()),
                    );
                    folders.push(folder);
                }
                None => names.push(given.clone()),
            }
        }
        let catalog = catalog::load(&home, &folders, &alone, &specs)?;
        let workspace = Workspace { home, catalog };
        workspace.no_other_has_their_names(&folders, &alone)?;
        Ok((workspace, names))
    }

    /// A submission is known by its name, and what has the name of another would not be what runs.
    fn no_other_has_their_names(
        &self,
        folders: &[PathBuf],
        alone: &[Alone],
    ) -> Result<(), Failure> {
        let is_other = |name: &str, folder: &Path| {
            let entrant = self.catalog.submissions.get(name);
            let real = |path: &Path| path.canonicalize().ok();
            entrant.is_some_and(|entrant| real(&entrant.folder) != real(folder))
        };
        let folders = folders.iter().filter(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            is_other(&name, folder)
        });
        let alone = alone
            .iter()
            .filter(|file| is_other(&file.name(), file.folder()));
        let paths = folders.map(|folder| self.spec_path(folder));
        let mistakes: Vec<_> = paths
            .chain(alone.map(|file| file.path.clone()))
            .flat_map(|path| self.catalog.mistakes_in(&path))
            .cloned()
            .collect();
        match mistakes.is_empty() {
            true => Ok(()),
            false => Err(Failure::Specs(mistakes)),
        }
    }

    /// The file of a submission's folder as diagnostics name it: relative to the checkout where it lies inside.
    pub(crate) fn spec_path(&self, folder: &Path) -> PathBuf {
        let inside = folder.strip_prefix(&self.home.root).unwrap_or(folder);
        inside.join("submission.yaml")
    }

    /// What harness.yaml says.
    ///
    /// # Errors
    /// Its mistakes.
    pub(crate) fn harness(&self) -> Result<&Harness, Failure> {
        let harness = self.catalog.harness.as_ref();
        harness.ok_or_else(|| self.unresolved(ResolveError::NoHarness))
    }

    /// Fingerprints of the machines that measure time well, as far as this checkout says.
    pub(crate) fn pinned(&self) -> &[String] {
        let harness = self.catalog.harness.as_ref();
        harness.map_or(&[], |harness| &harness.pinned)
    }

    /// What a frozen reference is for here.
    pub(crate) fn against<'a>(
        &self,
        reference: Option<&'a FrozenReference>,
    ) -> Option<Against<'a>> {
        let harness = self.catalog.harness.as_ref();
        let scoring = harness.map_or_else(Scoring::default, |harness| harness.scoring);
        reference.map(|reference| Against {
            reference,
            decides: scoring == Scoring::Frozen,
        })
    }

    /// Where records are: the given folder, or harness.yaml's.
    ///
    /// # Errors
    /// harness.yaml's mistakes.
    pub(crate) fn runs(&self, given: Option<&Path>) -> Result<PathBuf, Failure> {
        match given {
            Some(folder) => Ok(folder.to_owned()),
            None => Ok(self.home.root.join(&self.harness()?.results)),
        }
    }

    /// Puts the content of the data at hand into a configuration whose data set pins none: see [`data::Prepared::identify`]. Without data it stays as it is.
    ///
    /// # Errors
    /// When the cached data set cannot be read.
    pub(crate) fn identify(&self, dataset: &mut DatasetIdentity) -> Result<(), Failure> {
        let spec = &self.catalog.datasets[&dataset.name];
        if let Some(prepared) = data::find(&self.home, &dataset.name, spec)? {
            prepared.identify(dataset)?;
        }
        Ok(())
    }

    /// What each submission's program is made from, by the program's name.
    pub(crate) fn programs(&self) -> BTreeMap<String, Origin> {
        let entrants = self.catalog.submissions.values();
        entrants
            .map(|entrant| {
                let folder = self.home.root.join(&entrant.program_folder);
                let origin = match &entrant.python {
                    None => Origin::Crate(folder),
                    Some(python) => Origin::Python(python::Entrant {
                        folder,
                        python: python.clone(),
                        parameter_names: entrant.submission.parameter_names.clone(),
                        alone: entrant.program.ends_with(".py"),
                    }),
                };
                (entrant.program.clone(), origin)
            })
            .collect()
    }

    /// Sets Python up where one of these submissions runs in it.
    ///
    /// # Errors
    /// When it cannot be.
    pub(crate) fn ensure_python<'a>(
        &self,
        mut submissions: impl Iterator<Item = &'a str>,
        listener: &mut Listener,
    ) -> Result<(), Failure> {
        let is_python = |name: &str| {
            let entrant = self.catalog.submissions.get(name);
            entrant.is_some_and(|entrant| entrant.python.is_some())
        };
        if submissions.any(is_python) {
            python::ensure(&self.home, listener)?;
        }
        Ok(())
    }

    /// There is no such submission, or it has mistakes.
    pub(crate) fn no_submission(&self, name: &str) -> Failure {
        let known = &self.catalog.submissions;
        self.unresolved(match self.catalog.is_broken(Kind::Submission, name) {
            true => ResolveError::Broken {
                kind: "submission",
                name: name.to_owned(),
            },
            false => ResolveError::Unknown {
                kind: "submission",
                name: name.to_owned(),
                nearest: nearest(name, known.keys().map(String::as_str)).map(str::to_owned),
                known: known.keys().cloned().collect(),
            },
        })
    }

    /// Rulesets that a submission may run under.
    pub(crate) fn entered(&self, submission: &str) -> Vec<&str> {
        let entrant = self.catalog.submissions.get(submission);
        let tunings = entrant.map_or(&[][..], |entrant| &entrant.submission.rulesets);
        let rulesets = self
            .catalog
            .harness
            .iter()
            .flat_map(|harness| &harness.rulesets);
        rulesets
            .filter(|(_, rules)| tunings.contains(&rules.tuning))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// A name that does not resolve, with the mistakes that keep its file out where it has any.
    pub(crate) fn unresolved(&self, error: ResolveError) -> Failure {
        let mistakes = match &error {
            ResolveError::NoHarness => self.catalog.mistakes_of(Kind::Harness, "harness"),
            ResolveError::Broken { kind, name } => match *kind {
                "workload" => self.catalog.mistakes_of(Kind::Workload, name),
                "data set" => self.catalog.mistakes_of(Kind::Dataset, name),
                "submission" => self.catalog.mistakes_of(Kind::Submission, name),
                _ => self.catalog.mistakes_of(Kind::Harness, "harness"),
            },
            _ => Vec::new(),
        };
        if !mistakes.is_empty() {
            return Failure::Specs(mistakes.into_iter().cloned().collect());
        }
        match &error {
            ResolveError::NotEntered { submission, .. } => {
                let help = format!("it enters {}", self.entered(submission).join(", "));
                Failure::new(Exit::Usage, error, help)
            }
            _ => Failure::from(error),
        }
    }
}

/// The records that the text names: a folder of one or many, the twelve digits of one, or some of the names in their paths, each whole; and those that it
/// names and that are left out.
///
/// # Errors
/// When there is none of the first kind.
pub(crate) fn find_records(
    runs: &Path,
    text: &str,
) -> Result<(Vec<Stored>, Vec<StoreError>), Failure> {
    let path = Path::new(text);
    let root = if path.exists() { path } else { runs };
    let (mut found, mut left_out) = store::scan(root);
    if root != path {
        let is_named = |folder: &Path| names(text, folder.strip_prefix(runs).unwrap_or(folder));
        found.retain(|stored| is_named(&stored.folder));
        left_out.retain(|error| is_named(error.folder()));
    }
    match (
        found.is_empty(),
        left_out.iter().all(StoreError::is_stranger),
    ) {
        (false, _) => Ok((found, left_out)),
        (true, false) => Failure::left_out(left_out).map(|()| (found, Vec::new())),
        (true, true) => Err(Failure::new(
            Exit::Results,
            format!("there is no record `{text}` in {}", runs.display()),
            "`bench status` lists what is there; a folder or its last digits will do".to_owned(),
        )),
    }
}

/// Whether these names stand in this path one after the other. A trial's folder is known by its number and its digits too.
fn names(text: &str, path: &Path) -> bool {
    let wanted: Vec<&str> = text.split('/').filter(|name| !name.is_empty()).collect();
    let there: Vec<Cow<str>> = path.iter().map(|name| name.to_string_lossy()).collect();
    let is = |(wanted, name): (&&str, &Cow<str>)| {
        *wanted == name.as_ref() || name.starts_with("trial-") && is_trial(wanted, name)
    };
    let mut windows = there.windows(wanted.len().max(1));
    !wanted.is_empty() && windows.any(|window| wanted.iter().zip(window).all(is))
}

/// Whether a folder `trial-NUMBER-DIGITS` or `trial-NUMBER-DIGITS-ATTEMPT` is called that: by its beginning, by some of its digits from either end.
fn is_trial(wanted: &str, name: &str) -> bool {
    const FEWEST: usize = 4;
    let begins = |rest: &str| rest.is_empty() || rest.starts_with('-');
    let digits = name.splitn(3, '-').nth(2).unwrap_or_default();
    let some = digits.split('-').next().unwrap_or_default();
    name.strip_prefix(wanted).is_some_and(begins)
        || digits.strip_prefix(wanted).is_some_and(begins)
        || (wanted.len() >= FEWEST && (some.starts_with(wanted) || some.ends_with(wanted)))
}

/// What is assumed of a Python file by itself, which is said; `given` may name a class behind a colon.
///
/// # Errors
/// When there is no such file, no Python, or no class in it that trains.
pub(crate) fn assume(home: &Home, given: &str) -> Result<Alone, Failure> {
    let Some((file, class)) = python::file_of(given) else {
        let message = format!("`{given}` is no Python file");
        let help =
            "write its path, as `my_optimizer.py`, and a class behind a colon where it has several";
        return Err(Failure::usage(message, help.to_owned()));
    };
    let path = file.canonicalize().map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display()), None)
    })?;
    let reporter = Reporter::start(Style::Human);
    let mut listener = |progress| reporter.work(progress);
    let environment = python::ensure(home, &mut listener)?;
    let assumed = Assumed::ask(home, &environment, &path, class.as_deref())?;
    let command = CommandLine::new("new").word("NAME").flag("python", true);
    listener(Progress::Noted {
        message: format!(
            "{}: {}; `{}` writes these settings to a file",
            file.display(),
            assumed.told(),
            command.option("from", Some(given))
        ),
    });
    assumed
        .alone()
        .ok_or_else(|| Failure::usage(format!("`{given}` is no Python file"), None))
}

/// The files of workloads and data sets that are given by paths; names are left out.
///
/// # Errors
/// When there is no such file.
pub(crate) fn elsewhere(given: &[(Kind, String)]) -> Result<Vec<(Kind, PathBuf)>, Failure> {
    let paths = given.iter().filter(|(_, given)| is_path(given));
    let real = |(kind, given): &(Kind, String)| {
        let real = Path::new(given).canonicalize();
        let real = real.ok().filter(|path| path.is_file());
        let path = real.ok_or_else(|| {
            let message = format!("there is no file {given}");
            let help = "a name without `/` and `.yaml` is one of the checkout's";
            Failure::usage(message, help.to_owned())
        })?;
        Ok((*kind, path))
    };
    paths.map(real).collect()
}

/// A workload's or data set's name, given as such or by its file.
pub(crate) fn spec_name(given: &str) -> String {
    match is_path(given) {
        true => {
            let stem = Path::new(given).file_stem().unwrap_or_default();
            stem.to_string_lossy().into_owned()
        }
        false => given.to_owned(),
    }
}

/// Workloads for [`Workspace::with`].
pub(crate) fn workloads(given: &[String]) -> Vec<(Kind, String)> {
    let given = given.iter();
    given.map(|given| (Kind::Workload, given.clone())).collect()
}

/// The folder of a submission given as a path; none for a name.
///
/// # Errors
/// When the path holds no submission.
pub(crate) fn submission_folder(home: &Home, given: &str) -> Result<Option<PathBuf>, Failure> {
    let path = Path::new(given);
    let own = home.root.join("submissions").join(given);
    // `.` and `..` are no names, though they lie in every folder.
    let is_word = !given.contains('/') && path.file_name().is_some();
    if is_word && (own.is_dir() || !path.join("submission.yaml").is_file()) {
        return Ok(None);
    }
    if !path.join("submission.yaml").is_file() {
        let entries = std::fs::read_dir(home.root.join("submissions"));
        let names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().join("submission.yaml").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let last = path.file_name().unwrap_or_default().to_string_lossy();
        let help = match nearest(&last, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `submissions/{name}`?"),
            None => "`bench list submissions` shows what is there".to_owned(),
        };
        let message = format!("{given} is no submission: it has no submission.yaml");
        return Err(Failure::usage(message, help));
    }
    let canonical = path.canonicalize();
    canonical
        .map(Some)
        .map_err(|error| Failure::usage(format!("cannot read {given}: {error}"), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole() {
        let path = Path::new("single/adan/fashion-mnist-mlp-noisy/study-1/trial-2-0123456789ab-3");
        for text in [
            "adan",
            "trial",
            "adan/fashion-mnist-mlp-noisy",
            "single/adan/",
            "study-1/trial-2",
            "trial-2-0123456789ab",
            "trial-2-0123456789ab-3",
            "0123456789ab",
            "0123456789ab-3",
            "0123",
            "89ab",
            "adan/fashion-mnist-mlp-noisy/study-1/trial-2-0123456789ab-3",
        ] {
            assert!(names(text, path), "{text}");
        }
        for text in [
            "adan/fashion-mnist-mlp",
            "ada",
            "mnist",
            "adan/study-1",
            "trial-1",
            "trial-2-0123456789ab-2",
            "9ab",
            "3456",
            "",
            "/",
        ] {
            assert!(!names(text, path), "{text}");
        }
    }
}
