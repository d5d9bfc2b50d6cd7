//! An interpreter with torch 2.11.0: the user's own, or one made in the cache out of pinned wheels, for the processor alone.
//!
//! PyTorch's wheel is made for cards and names packages of four gigabytes; `trim.py` makes of it what a machine without a card needs, in 0.9.

use super::{PythonError, VERSIONS, io, last_words};
use crate::download;
use crate::home::Home;
use crate::lock::Lock;
use crate::progress::{Listener, Progress};
use crate::setup::{VERSION, compiler};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// pip's requirements of the environment that is made.
const LOCK: &str = include_str!("../../python.lock");
/// Makes its torch one for the processor alone, and what that needs.
const TRIM: &str = include_str!("../../../bench-python/environment/trim.py");
const STUBS: &str = include_str!("../../../bench-python/environment/stubs.txt");
/// Bytes that pip downloads, roughly.
const DOWNLOAD: u64 = 590_000_000;
/// Asks an interpreter what it is, without importing torch.
const ASK: &str = "import importlib.metadata as m, json, platform, sys
try:
    torch = m.version('torch')
except m.PackageNotFoundError:
    torch = None
print(json.dumps({'version': platform.python_version(), 'implementation': platform.python_implementation(), 'torch': torch}))";

/// An interpreter that Python entrants run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its file.
    pub interpreter: PathBuf,
    /// Of Python: `3.11.7`.
    pub version: String,
    /// Of torch.
    pub torch: String,
    /// Whether it is the user's own.
    pub own: bool,
}

impl Environment {
    /// `3.11`.
    pub fn minor(&self) -> &str {
        let end = self.version.rmatch_indices('.').next();
        end.map_or(&self.version, |(end, _)| &self.version[..end])
    }
}

#[derive(Debug, Deserialize)]
struct Told {
    version: String,
    implementation: String,
    torch: Option<String>,
}

impl Told {
    fn minor(&self) -> Option<u32> {
        let mut parts = self.version.split('.');
        let major = parts.next()?;
        let minor = parts.next()?.parse().ok()?;
        (major == "3" && self.implementation == "CPython").then_some(minor)
    }
}

fn ask(home: &Home, interpreter: &Path) -> Option<Told> {
    let mut command = home.command(interpreter);
    command.args(["-c", ASK]).stderr(Stdio::null());
    serde_json::from_slice(&command.output().ok()?.stdout).ok()
}

/// The environment that is there. Changes nothing.
///
/// # Errors
/// When the user's own has another torch.
pub fn find(home: &Home) -> Result<Option<Environment>, PythonError> {
    if let Some((variable, interpreter)) = &home.user_python {
        let reason = match ask(home, interpreter) {
            None => "does not answer".to_owned(),
            Some(told) if !told.minor().is_some_and(|minor| VERSIONS.contains(&minor)) => {
                format!("is {} {}", told.implementation, told.version)
            }
            Some(Told { torch: None, .. }) => "has no torch".to_owned(),
            Some(told) => match told.torch {
                Some(torch) if is_ours(&torch) => {
                    return Ok(Some(Environment {
                        interpreter: interpreter.clone(),
                        version: told.version,
                        torch,
                        own: true,
                    }));
                }
                torch => format!("has torch {}", torch.unwrap_or_default()),
            },
        };
        // An environment that happens to be active is no wish; one that is named is.
        if *variable == "BENCH_PYTHON" {
            return Err(PythonError::Own {
                interpreter: interpreter.clone(),
                variable,
                reason,
            });
        }
    }
    let Some((_, base)) = base(home) else {
        return Ok(None);
    };
    let place = place(home, &base);
    let interpreter = place.join("bin/python");
    Ok(ask(home, &interpreter).and_then(|told| {
        Some(Environment {
            interpreter,
            torch: told.torch.filter(|torch| is_ours(torch))?,
            version: told.version,
            own: false,
        })
    }))
}

fn is_ours(torch: &str) -> bool {
    torch.split('+').next() == Some(VERSION)
}

/// The interpreter that an environment is made with.
fn base(home: &Home) -> Option<(PathBuf, Told)> {
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
    ];
    let found = names.into_iter().filter_map(|name| home.program(name));
    found
        .filter_map(|path| Some((path.clone(), ask(home, &path)?)))
        .find(|(_, told)| told.minor().is_some_and(|minor| VERSIONS.contains(&minor)))
}

/// Named by all that it is made of.
fn place(home: &Home, base: &Told) -> PathBuf {
    let mut hasher = blake3::Hasher::new();
    for text in [LOCK, TRIM, STUBS, &base.version] {
        hasher.update(text.as_bytes());
    }
    let digits = &hasher.finalize().to_hex()[..8];
    home.libtorch_cache()
        .join(format!("python-{}-{digits}", base.version))
}

/// An environment, made unless it is there.
///
/// # Errors
/// [`PythonError`]; what is half-made is never taken for one.
pub fn ensure(home: &Home, listener: &mut Listener) -> Result<Environment, PythonError> {
    if let Some(environment) = find(home)? {
        return Ok(environment);
    }
    let Some((interpreter, told)) = base(home) else {
        let found = match home.program("python3").and_then(|path| ask(home, &path)) {
            Some(told) => format!("python3 is {} {}", told.implementation, told.version),
            None => "there is no python3".to_owned(),
        };
        return Err(PythonError::Version { found });
    };
    let lock = home.libtorch_cache().join("python.lock");
    let _lock = Lock::wait(&lock, "setting up Python", listener)?;
    if let Some(environment) = find(home)? {
        return Ok(environment);
    }
    let place = place(home, &told);
    // A half-made one of a command that was killed.
    let staged = place.with_extension("partial");
    let _ = fs::remove_dir_all(&staged);
    make(home, &interpreter, &staged, listener)?;
    let _ = fs::remove_dir_all(&place);
    fs::rename(&staged, &place).map_err(io("rename a folder to", &place))?;
    listener(Progress::Noted {
        message: format!(
            "Python {} with torch {VERSION} is in {}",
            told.version,
            place.display()
        ),
    });
    find(home)?.ok_or(PythonError::Missing)
}

fn make(
    home: &Home,
    base: &Path,
    staged: &Path,
    listener: &mut Listener,
) -> Result<(), PythonError> {
    let mut venv = home.command(base);
    venv.args(["-m", "venv"]).arg(staged);
    done(&mut venv, "make a virtual environment")?;
    let lock = staged.join("requirements.lock");
    fs::write(&lock, LOCK).map_err(io("write", &lock))?;
    let interpreter = staged.join("bin/python");
    let mut pip = home.command(&interpreter);
    pip.args(["-m", "pip", "install", "--no-deps", "--require-hashes"])
        .args(["--only-binary=:all:", "--no-cache-dir", "--no-compile"])
        .args(["--disable-pip-version-check", "--no-input", "--quiet"])
        .arg("--requirement")
        .arg(&lock);
    let what = format!("downloading torch {VERSION} for Python");
    download::run(home, pip, staged, what, Some(DOWNLOAD), listener)?;
    let [trim, stubs] = [("trim.py", TRIM), ("stubs.txt", STUBS)].map(|(name, text)| {
        let path = staged.join(name);
        fs::write(&path, text).map(|()| path)
    });
    let (trim, stubs) = (
        trim.map_err(io("write to", staged))?,
        stubs.map_err(io("write to", staged))?,
    );
    let (compiler, _) = compiler(home).ok_or_else(|| PythonError::Failed {
        doing: "set up Python".to_owned(),
        said: "there is no C++ compiler".to_owned(),
    })?;
    let mut trimming = home.command(&interpreter);
    trimming.arg(trim).arg(stubs).arg(compiler);
    done(&mut trimming, "make torch one for the processor alone")
}

/// Runs a program to its end.
pub(super) fn done(command: &mut Command, doing: &str) -> Result<(), PythonError> {
    let failed = |said: String| PythonError::Failed {
        doing: doing.to_owned(),
        said,
    };
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(last_words(&output.stderr))),
    }
}
