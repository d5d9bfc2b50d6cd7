//! The program of a Python entrant: an interpreter, the SDK's worker as a library in it, and copies of the author's files.

use super::cargo::CargoBuilder;
use super::source::Source;
use super::{BuildProgress, Listener, Program, ProgramError, keep, settings};
use crate::launch::Launch;
use crate::progress::Progress;
use crate::python::{self, Entrant, Environment, Files, Overlay};
use bench_core::record::PythonFacts;
use bench_core::run::SubmissionIdentity;
use std::ffi::OsString;
use std::path::PathBuf;

/// The crate of the worker's library.
pub(super) const CRATE: &str = "bench-python";
/// Its file, as cargo calls it.
pub(super) const LIBRARY: &str = "libbench_python.so";

/// Variables of a Python process: modules from these folders and the interpreter's own, and nothing that differs from start to start.
pub(crate) fn python_variables(folders: &[PathBuf]) -> Vec<(OsString, OsString)> {
    let path = std::env::join_paths(folders).unwrap_or_default();
    [
        ("PYTHONPATH", path),
        ("PYTHONSAFEPATH", "1".into()),
        ("PYTHONNOUSERSITE", "1".into()),
        ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ("PYTHONHASHSEED", "0".into()),
    ]
    .map(|(name, value)| (name.into(), value))
    .into()
}

/// What a Python entrant is made of, beside the library.
pub(super) struct Parts {
    environment: Environment,
    overlay: Overlay,
    /// The package `bench`.
    sdk: Files,
    /// The author's.
    own: Files,
    entrant: Entrant,
}

impl CargoBuilder {
    /// Reads all that a Python entrant is made of; packages are installed unless they are there.
    pub(super) fn python_parts(
        &self,
        entrant: &Entrant,
        listener: &mut Listener<'_>,
    ) -> Result<Parts, ProgramError> {
        let home = self.home();
        let environment = python::find(home)?.ok_or(python::PythonError::Missing)?;
        let mut noted = |text: &str| listener(BuildProgress::Noted(text));
        let lock = python::locked(home, &environment, entrant, &mut noted)?;
        let mut told = |progress| match progress {
            Progress::Noted { message } | Progress::Began { what: message, .. } => noted(&message),
            _ => {}
        };
        let overlay = python::overlay(home, &environment, lock.as_deref(), &mut told)?;
        let package = self.root().join("crates").join(CRATE).join("python");
        let names = match (&entrant.python.file, entrant.alone) {
            (Some(file), true) => python::imports(home, &entrant.folder.join(file))?,
            (Some(_), false) => python::listing(&entrant.folder),
            (None, _) => Vec::new(),
        };
        Ok(Parts {
            environment,
            overlay,
            sdk: Files::read(&package, &python::listing(&package))?,
            own: Files::read(&entrant.folder, &names)?,
            entrant: entrant.clone(),
        })
    }

    /// What determines it: the library's and the evaluator's source, the author's files, Python, torch and packages, and which class it is.
    pub(super) fn python_source(
        &mut self,
        submission: &SubmissionIdentity,
        parts: &Parts,
    ) -> Result<Source, ProgramError> {
        let mut source = self.checkout_source(&[CRATE], &submission.name)?;
        for (name, content) in &parts.own.0 {
            let settings = ["submission.yaml", python::LOCK].contains(&name.as_str());
            if !settings && !name.ends_with(".md") {
                source.add(format!("python file {name}"), content);
            }
        }
        source.add("python", parts.environment.minor());
        source.add("torch", &parts.environment.torch);
        source.add("python packages", parts.overlay.packages.join("\n"));
        let class = serde_json::json!([parts.entrant.python, parts.entrant.parameter_names]);
        source.add("python class", class.to_string());
        settings::add_surroundings(&mut source, self.home(), self.root())?;
        Ok(source)
    }

    /// How the interpreter is started with the library and copies of all files.
    pub(super) fn python_program(
        &self,
        library: Program,
        parts: &Parts,
    ) -> Result<Program, ProgramError> {
        let kept = self.home().programs().join(keep::PYTHON);
        let sdk = parts.sdk.keep(&kept)?;
        let own = parts.own.keep(&kept)?;
        let Entrant {
            folder,
            python,
            parameter_names,
            ..
        } = &parts.entrant;
        let description = serde_json::json!({
            "native": library.launch.program(),
            "folder": own,
            "told": folder,
            "file": python.file,
            "package": python.package,
            "class": python.class,
            "parameter-names": parameter_names,
        });
        let overlay = parts.overlay.folder.iter().cloned();
        let folders: Vec<PathBuf> = std::iter::once(sdk.clone()).chain(overlay).collect();
        let interpreter = parts.environment.interpreter.clone();
        let launch = Launch::of(&interpreter)
            .with(["-m", "bench.worker", &description.to_string()])
            .setting(&python_variables(&folders))
            .reading(folders)
            .reading([interpreter, own, library.launch.program().to_owned()]);
        let mut digest = blake3::Hasher::new();
        for part in [
            &library.digest,
            &parts.sdk.digest(),
            &parts.own.digest(),
            &description["class"].to_string(),
        ] {
            digest.update(part.as_bytes());
        }
        Ok(Program {
            launch,
            digest: digest.finalize().to_hex().to_string(),
        })
    }
}

impl Parts {
    /// As records name them.
    pub(super) fn facts(&self) -> PythonFacts {
        PythonFacts {
            version: self.environment.version.clone(),
            torch: self.environment.torch.clone(),
            packages: self.overlay.packages.clone(),
        }
    }
}
