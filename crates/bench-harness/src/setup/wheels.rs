//! The pinned wheels: what the lock file says, downloaded by pip, checked by us.

use super::{SetupError, failed, platform};
use crate::data::hex;
use crate::download::{self, DownloadError};
use crate::home::Home;
use crate::pip;
use crate::progress::{Listener, Progress};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// One wheel of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wheel {
    /// Its package.
    package: String,
    /// Pinned.
    version: String,
    /// Of the file.
    sha256: String,
    /// Size of the file.
    pub(super) bytes: u64,
}

/// The wheels exist for one Python and for old and new Linux; any pip on any Python fetches these.
const TARGET: [&str; 10] = [
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_25",
    "manylinux_2_18",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux_2_12",
    "manylinux2010",
    "manylinux_2_5",
    "manylinux1",
];

/// Reads a lock file: pip's requirements, each under a comment with its size. Lines of any other form are left out.
pub(super) fn parse(lock: &str) -> Vec<Wheel> {
    let mut wheels = Vec::new();
    let mut bytes = 0;
    for line in lock.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            let size = comment.trim().strip_suffix(" bytes");
            bytes = size.and_then(|size| size.parse().ok()).unwrap_or(bytes);
        } else if let Some((requirement, sha256)) = line.split_once(" --hash=sha256:")
            && let Some((package, version)) = requirement.split_once("==")
        {
            wheels.push(Wheel {
                package: package.to_owned(),
                version: version.to_owned(),
                sha256: sha256.trim().to_owned(),
                bytes,
            });
        }
    }
    wheels
}

/// Downloads a lock file's wheels into an empty folder and checks them. They come back in the order of the lock file.
pub(super) fn download(
    home: &Home,
    lock: &str,
    folder: &Path,
    listener: &mut Listener,
) -> Result<Vec<PathBuf>, SetupError> {
    let pip = platform::check_tools(home)?;
    let wheels = parse(lock);
    let requirements = folder.with_extension("lock");
    std::fs::write(&requirements, lock).map_err(failed("write", &requirements))?;
    let mut command = pip.download(home, &requirements, folder);
    command.args(["--python-version", "3.11", "--implementation", "cp"]);
    command.args(["--abi", "cp311", "--abi", "none"]);
    for target in TARGET {
        command.arg("--platform").arg(format!("{target}_x86_64"));
    }
    let total = wheels.iter().map(|wheel| wheel.bytes).sum();
    let what = format!("downloading libtorch {}", super::VERSION);
    match download::run(home, command, folder, what, Some(total), listener) {
        Ok(()) => {}
        Err(DownloadError::Failed { said, .. }) if pip::hash_mismatch(&said).is_some() => {
            let (file, expected, found) = pip::hash_mismatch(&said).unwrap_or_default();
            return Err(SetupError::Hash {
                file,
                expected,
                found,
            });
        }
        Err(error) => return Err(error.into()),
    }
    listener(Progress::Began {
        what: "checking".to_owned(),
        bytes: Some(total),
    });
    let checked = check(folder, &wheels, listener);
    listener(Progress::Ended);
    checked
}

fn check(
    folder: &Path,
    wheels: &[Wheel],
    listener: &mut Listener,
) -> Result<Vec<PathBuf>, SetupError> {
    let mut done = 0;
    wheels
        .iter()
        .map(|wheel| {
            let path = file_of(folder, wheel).ok_or_else(|| SetupError::NoWheel {
                package: wheel.package.clone(),
                version: wheel.version.clone(),
            })?;
            let found = sha256(&path).map_err(failed("read", &path))?;
            if found != wheel.sha256 {
                return Err(SetupError::Hash {
                    file: path.display().to_string(),
                    expected: wheel.sha256.clone(),
                    found,
                });
            }
            done += wheel.bytes;
            listener(Progress::Advanced { bytes: done });
            Ok(path)
        })
        .collect()
}

/// `<package>-<version>-….whl`, with `_` for `-` in the package's name.
fn file_of(folder: &Path, wheel: &Wheel) -> Option<PathBuf> {
    let start = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(".whl")
        })
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_files_pin_every_wheel() {
        let cpu = parse(super::super::bundle::CPU.lock);
        let cuda = parse(super::super::bundle::CUDA.lock);
        assert_eq!((cpu.len(), cuda.len()), (3, 15));
        for wheel in cpu.iter().chain(&cuda) {
            assert_eq!(wheel.sha256.len(), 64, "{wheel:?}");
            assert!(wheel.bytes > 1_000_000, "{wheel:?}");
        }
        assert_eq!(cpu[0].package, "torch");
        assert_eq!(cpu[0].version, super::super::VERSION);
        assert_eq!(cpu[0], cuda[0]);
    }
}
