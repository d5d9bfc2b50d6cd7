//! Programs that a plan brings along.

use super::plan::PlanError;
use crate::file;
use crate::interrupt::Interrupts;
use crate::launch::Launch;
use crate::program::{Builder, Listener, Program, ProgramError, Programs};
use bench_core::record::PythonFacts;
use bench_core::run::SubmissionIdentity;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// [`Launch`] as JSON holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenLaunch {
    argv: Vec<String>,
    environment: Vec<(String, String)>,
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
}

/// [`Program`] as JSON holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenProgram {
    launch: FrozenLaunch,
    digest: String,
    /// Whether its file is in the plan; an interpreter is not.
    copied: bool,
}

/// [`Programs`] as JSON holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenPrograms {
    worker: FrozenProgram,
    evaluator: FrozenProgram,
    source_hash: String,
    #[serde(default)]
    python: Option<PythonFacts>,
}

impl FrozenPrograms {
    /// Copies both into a folder. `place` is where that folder will be in the end.
    pub(super) fn of(
        programs: &Programs,
        folder: &Path,
        place: &Path,
    ) -> Result<FrozenPrograms, PlanError> {
        Ok(FrozenPrograms {
            worker: frozen(&programs.worker, folder, place)?,
            evaluator: frozen(&programs.evaluator, folder, place)?,
            source_hash: programs.source_hash.clone(),
            python: programs.python.clone(),
        })
    }

    /// The programs, whose files are seen to be what they were.
    ///
    /// # Errors
    /// When one is gone or another file.
    fn thawed(&self) -> Result<Programs, ProgramError> {
        Ok(Programs {
            worker: thawed(&self.worker)?,
            evaluator: thawed(&self.evaluator)?,
            source_hash: self.source_hash.clone(),
            python: self.python.clone(),
        })
    }
}

fn frozen(program: &Program, folder: &Path, place: &Path) -> Result<FrozenProgram, PlanError> {
    let path = program.launch.program().to_owned();
    let text = |text: &std::ffi::OsString| {
        let text = text.to_str().map(str::to_owned);
        text.ok_or_else(|| PlanError::NotText { path: path.clone() })
    };
    let mut launch = FrozenLaunch {
        argv: program
            .launch
            .argv
            .iter()
            .map(text)
            .collect::<Result<_, _>>()?,
        environment: program
            .launch
            .environment
            .iter()
            .map(|(name, value)| Ok((text(name)?, text(value)?)))
            .collect::<Result<_, PlanError>>()?,
        reads: program.launch.reads.clone(),
        writes: program.launch.writes.clone(),
    };
    let failed = |cause| PlanError::Io {
        path: path.clone(),
        cause,
    };
    // What is run by an interpreter has a digest of all its files, which lie where nobody replaces them.
    let copied = file::digest(&path).map_err(failed)? == program.digest;
    if copied {
        let name = path.file_name().unwrap_or_default();
        let below = Path::new("programs").join(&program.digest).join(name);
        let (copy, stays) = (folder.join(&below), place.join(&below));
        if !copy.exists() {
            fs::create_dir_all(copy.parent().unwrap_or(folder)).map_err(failed)?;
            fs::copy(&path, &copy).map_err(failed)?;
        }
        launch.argv[0] = text(&stays.clone().into_os_string())?;
        launch.reads.retain(|read| *read != path);
        launch.reads.push(stays);
    }
    Ok(FrozenProgram {
        launch,
        digest: program.digest.clone(),
        copied,
    })
}

fn thawed(frozen: &FrozenProgram) -> Result<Program, ProgramError> {
    let FrozenLaunch {
        argv,
        environment,
        reads,
        writes,
    } = frozen.launch.clone();
    let launch = Launch {
        argv: argv.into_iter().map(Into::into).collect(),
        environment: environment
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        reads,
        writes,
        cards: Vec::new(),
    };
    let path = launch.program();
    if frozen.copied {
        let what = || format!("the plan's program {}", path.display());
        let digest = file::digest(path).map_err(|cause| ProgramError::Io {
            what: what(),
            cause,
        })?;
        if digest != frozen.digest {
            return Err(ProgramError::Io {
                what: what(),
                cause: io::Error::other("it is not the file that was frozen"),
            });
        }
    }
    Ok(Program {
        launch,
        digest: frozen.digest.clone(),
    })
}

/// A builder that builds nothing: its programs are those of a plan.
impl Builder for FrozenPrograms {
    fn source_hash(&mut self, _: &SubmissionIdentity) -> Result<String, ProgramError> {
        Ok(self.source_hash.clone())
    }

    fn build(
        &mut self,
        _: &SubmissionIdentity,
        _: &Interrupts,
        _: &mut Listener<'_>,
    ) -> Result<Programs, ProgramError> {
        self.thawed()
    }
}
