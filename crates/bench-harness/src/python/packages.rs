//! Packages of a submission's own, over the environment's torch: pinned with hashes in a lock file beside `submission.yaml`, and installed once for each.

use super::environment::done;
use super::{Entrant, Environment, PythonError, io, last_words};
use crate::download;
use crate::home::Home;
use crate::lock::Lock;
use crate::progress::{Listener, Progress};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// pip's requirements of a submission, each with its hash.
pub(crate) const LOCK: &str = "requirements.lock";

/// Where a submission's packages are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// The folder, where there are any.
    pub(crate) folder: Option<PathBuf>,
    /// `NAME==VERSION sha256:…`, in the lock's order.
    pub(crate) packages: Vec<String>,
}

/// What pip would install.
#[derive(Debug, Deserialize)]
struct Report {
    install: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    metadata: Metadata,
    download_info: Download,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Debug, Deserialize)]
struct Download {
    archive_info: Archive,
}

#[derive(Debug, Deserialize)]
struct Archive {
    hashes: std::collections::BTreeMap<String, String>,
}

/// The lock file's text, where the submission has one or needs one. A package without a lock is locked now, in the author's folder.
pub(crate) fn locked(
    home: &Home,
    environment: &Environment,
    entrant: &Entrant,
    noted: &mut dyn FnMut(&str),
) -> Result<Option<String>, PythonError> {
    let path = entrant.folder.join(LOCK);
    if !entrant.alone
        && let Ok(text) = fs::read_to_string(&path)
    {
        return Ok(Some(text));
    }
    let (Some(package), Some(version)) = (&entrant.python.package, &entrant.python.version) else {
        return Ok(None);
    };
    // Of the environment.
    if package.split('.').next() == Some("torch") {
        return Ok(None);
    }
    let (text, _) = lock(home, environment, package, Some(version))?;
    fs::write(&path, &text).map_err(io("write", &path))?;
    noted(&format!(
        "{} pins {package} {version} and what it needs: commit it",
        path.display()
    ));
    Ok(Some(text))
}

/// The lock file of a package's newest version and that version; of torch itself its version alone.
pub(super) fn newest(
    home: &Home,
    environment: &Environment,
    package: &str,
) -> Result<(Option<String>, String), PythonError> {
    if package.split('.').next() == Some("torch") {
        return Ok((None, crate::setup::VERSION.to_owned()));
    }
    let (text, version) = lock(home, environment, package, None)?;
    Ok((Some(text), version))
}

/// What pip finds for a package beside what the environment has, and the package's version.
fn lock(
    home: &Home,
    environment: &Environment,
    package: &str,
    version: Option<&str>,
) -> Result<(String, String), PythonError> {
    let folder = tempfile::tempdir().map_err(io("make a folder in", &std::env::temp_dir()))?;
    let report = folder.path().join("report.json");
    let distribution = package.split('.').next().unwrap_or(package);
    let wanted = distribution.replace('_', "-");
    let mut pip = home.command(&environment.interpreter);
    pip.args(["-m", "pip", "install", "--dry-run", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--report"])
        .arg(&report)
        .arg(match version {
            Some(version) => format!("{wanted}=={version}"),
            None => wanted.clone(),
        })
        .arg(format!("torch=={}", crate::setup::VERSION))
        .stdin(Stdio::null());
    // Resolving asks for what torch's wheel names too, which the environment leaves out on purpose.
    let output = pip.output().map_err(io("run", &environment.interpreter))?;
    if !output.status.success() {
        return Err(PythonError::Failed {
            doing: match version {
                Some(version) => format!("find {package} {version}"),
                None => format!("find a package `{wanted}`"),
            },
            said: last_words(&output.stderr),
        });
    }
    let text = fs::read(&report).map_err(io("read", &report))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| PythonError::Failed {
        doing: "read pip's report".to_owned(),
        said: error.to_string(),
    })?;
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let found = report.install.iter();
    let found = found.map(|item| &item.metadata);
    let found = found
        .filter(|metadata| plain(&metadata.name) == plain(&wanted))
        .map(|metadata| metadata.version.clone())
        .next();
    let version = version.map(str::to_owned).or(found).unwrap_or_default();
    let mut text = format!(
        "# What {package} {version} needs over torch {}: pip's requirements.\n",
        crate::setup::VERSION
    );
    for item in report.install {
        let name = item.metadata.name;
        let of_torch = name.starts_with("nvidia-") || name.starts_with("cuda-");
        let of_torch = of_torch || ["torch", "triton"].contains(&name.as_str());
        if of_torch {
            continue;
        }
        let sha256 = item.download_info.archive_info.hashes.get("sha256");
        text.push_str(&format!(
            "{name}=={} --hash=sha256:{}\n",
            item.metadata.version,
            sha256.cloned().unwrap_or_default()
        ));
    }
    Ok((text, version))
}

/// The packages of a lock, installed unless they are there.
pub(crate) fn overlay(
    home: &Home,
    environment: &Environment,
    lock: Option<&str>,
    listener: &mut Listener,
) -> Result<Overlay, PythonError> {
    let Some(lock) = lock else {
        return Ok(Overlay::default());
    };
    let lines = lock.lines().filter(|line| !line.starts_with('#'));
    let packages: Vec<String> = lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.replace("--hash=", "").trim().to_owned())
        .collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(lock.as_bytes());
    hasher.update(environment.minor().as_bytes());
    let digits = &hasher.finalize().to_hex()[..16];
    let place = home.libtorch_cache().join(format!("packages-{digits}"));
    if !place.is_dir() {
        let guard = home.libtorch_cache().join("python.lock");
        let _lock = Lock::wait(&guard, "setting up Python", listener)?;
        if !place.is_dir() {
            install(home, environment, lock, &place, listener)?;
        }
    }
    Ok(Overlay {
        folder: Some(place),
        packages,
    })
}

fn install(
    home: &Home,
    environment: &Environment,
    lock: &str,
    place: &Path,
    listener: &mut Listener,
) -> Result<(), PythonError> {
    let staged = place.with_extension("partial");
    let _ = fs::remove_dir_all(&staged);
    fs::create_dir_all(&staged).map_err(io("make", &staged))?;
    let requirements = place.with_extension("txt");
    fs::write(&requirements, lock).map_err(io("write", &requirements))?;
    let mut pip = home.command(&environment.interpreter);
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--require-hashes",
        "--no-cache-dir",
    ])
    .args([
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "--target",
    ])
    .arg(&staged)
    .arg("--requirement")
    .arg(&requirements);
    let what = "downloading a submission's packages".to_owned();
    download::run(home, pip, &staged, what, None, listener)?;
    // Modules are read-only from here on: what is imported is what was pinned.
    let mut compile = home.command(&environment.interpreter);
    compile.args(["-m", "compileall", "-q"]).arg(&staged);
    if done(&mut compile, "compile a submission's packages").is_err() {
        listener(Progress::Noted {
            message: "a file of a submission's packages does not compile; it may never be imported"
                .to_owned(),
        });
    }
    fs::rename(&staged, place).map_err(io("rename a folder to", place))
}
