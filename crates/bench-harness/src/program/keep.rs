//! Programs that stay what they are: copies in the cache, named by their own content, so that no later build replaces what a trial runs.
//!
//! Copies and not links: a linker may write into the file that is there, and a link would change with it.

use super::{Program, ProgramError};
use crate::launch::Launch;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How many programs that nobody uses are kept.
const KEPT: usize = 24;
/// And for how long.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Digits of the digest in a folder's name.
const DIGITS: usize = 32;
/// How often something that is being removed by another process is made again.
const TRIES: u32 = 3;
/// Folder of what is known of sources that nobody edits.
const BY_SOURCE: &str = "by-source";
/// Folder of the files of Python entrants.
pub(super) const PYTHON: &str = "python";

/// The cache's programs, and a hold on those that this process uses.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    /// Each with a shared lock, which keeps others from removing it.
    held: Vec<File>,
}

/// A program by what it is called and what it is.
#[derive(Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    digest: String,
}

impl Kept {
    /// Programs below this folder, which is made when it is needed.
    pub(super) fn new(folder: PathBuf) -> Kept {
        Kept {
            folder,
            held: Vec::new(),
        }
    }

    /// A copy of a program that was built just now.
    pub(super) fn keep(&mut self, built: &Path) -> Result<Program, ProgramError> {
        let folder = self.folder.clone();
        let failed = |cause| ProgramError::Io {
            what: format!("cannot copy {} to {}", built.display(), folder.display()),
            cause,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let name = built.file_name().unwrap_or_default().to_string_lossy();
        let mut tries = 1..=TRIES;
        loop {
            let partial = tempfile::Builder::new()
                .prefix(".partial-")
                .tempfile_in(&folder);
            let partial = partial.map_err(failed)?.into_temp_path();
            fs::copy(built, &partial).map_err(failed)?;
            // Of the copy: what is hashed is what will run.
            let named = Named {
                digest: digest(&partial).map_err(failed)?,
                name: name.clone().into_owned(),
            };
            if let Some(program) = self.recall(&named) {
                return Ok(program);
            }
            let place = self.place(&named);
            fs::create_dir_all(place.parent().unwrap_or(&folder)).map_err(failed)?;
            // By rename, so that a program which runs now keeps its file, and half a copy never has the name.
            let placed = partial.persist(&place).map_err(|error| error.error);
            match (placed.map(|()| self.recall(&named)), tries.next()) {
                (Ok(Some(program)), _) => {
                    self.prune();
                    return Ok(program);
                }
                // Somebody else removed it, or its folder, meanwhile.
                (_, Some(_)) => {}
                (Err(cause), None) => return Err(failed(cause)),
                (Ok(None), None) => return Err(failed(io::ErrorKind::NotFound.into())),
            }
        }
    }

    /// What was built from this source before.
    pub(super) fn built_from(&mut self, source: &str) -> Option<[Program; 2]> {
        let text = fs::read(self.by_source(source)).ok()?;
        let [worker, evaluator]: [Named; 2] = serde_json::from_slice(&text).ok()?;
        Some([self.recall(&worker)?, self.recall(&evaluator)?])
    }

    /// Notes what was built from a source that nobody edits. Where it cannot be noted, it is built again.
    pub(super) fn note(&self, source: &str, programs: [&Program; 2]) {
        let named = programs.map(|program| Named {
            name: program
                .launch
                .program()
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            digest: program.digest.clone(),
        });
        let path = self.by_source(source);
        let text = serde_json::to_vec(&named).unwrap_or_default();
        let _ = fs::create_dir_all(path.parent().unwrap_or(&path))
            .and_then(|()| fs::write(&path, text));
    }

    fn by_source(&self, source: &str) -> PathBuf {
        self.folder.join(BY_SOURCE).join(source)
    }

    fn place(&self, named: &Named) -> PathBuf {
        let digits = named.digest.get(..DIGITS).unwrap_or(&named.digest);
        self.folder.join(digits).join(&named.name)
    }

    /// A copy that is there and whole, from now on held.
    fn recall(&mut self, named: &Named) -> Option<Program> {
        let path = self.place(named);
        let file = File::open(&path).ok()?;
        // A file system without locks has nobody who removes it by one.
        let _ = file.lock_shared();
        if digest(&path).ok()? != named.digest {
            return None;
        }
        let _ = file.set_modified(SystemTime::now());
        self.held.push(file);
        Some(Program {
            launch: Launch::of(&path).reading([path]),
            digest: named.digest.clone(),
        })
    }

    /// Removes what nobody holds and nobody used for long, and the oldest of too many.
    fn prune(&self) {
        let folders = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = folders
            .filter(|folder| {
                ![BY_SOURCE, PYTHON]
                    .iter()
                    .any(|name| folder.file_name() == *name)
            })
            .flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        let mut unused: Vec<(SystemTime, PathBuf)> = files
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        unused.sort();
        let now = SystemTime::now();
        for (place, (used, path)) in unused.iter().rev().enumerate() {
            let age = now.duration_since(*used).unwrap_or_default();
            if place >= KEPT || age > KEPT_FOR {
                remove_unless_held(path);
            }
        }
    }
}

fn remove_unless_held(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    if file.try_lock().is_ok() {
        let _ = fs::remove_file(path);
        // Only where it is empty now.
        let _ = path.parent().map(fs::remove_dir);
    }
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(folder: &Path, content: &str) -> PathBuf {
        let path = folder.join("lion");
        fs::write(&path, content).unwrap();
        path
    }

    fn files(folder: &Path) -> usize {
        let all = walkdir::WalkDir::new(folder).into_iter().flatten();
        all.filter(|entry| entry.file_type().is_file()).count()
    }

    #[test]
    fn a_copy_is_named_by_its_content_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(folder.path().join("programs"));
        let one = kept.keep(&built(folder.path(), "one")).unwrap();
        let other = kept.keep(&built(folder.path(), "other")).unwrap();
        let again = kept.keep(&built(folder.path(), "one")).unwrap();
        assert_eq!(one, again);
        assert_ne!(one.digest, other.digest);
        assert_eq!(one.digest, blake3::hash(b"one").to_hex().to_string());
        assert_eq!(fs::read_to_string(one.launch.program()).unwrap(), "one");
        assert_eq!(files(&kept.folder), 2);
        // A file that is not what its name says is not run, but made again.
        fs::write(one.launch.program(), "tampered").unwrap();
        kept.keep(&built(folder.path(), "one")).unwrap();
        assert_eq!(fs::read_to_string(one.launch.program()).unwrap(), "one");
        // What was built from a source is found again while it is whole.
        kept.note("source", [&one, &other]);
        assert_eq!(
            kept.built_from("source"),
            Some([one.clone(), other.clone()])
        );
        assert_eq!(kept.built_from("another"), None);
        fs::write(other.launch.program(), "tampered").unwrap();
        assert_eq!(kept.built_from("source"), None);
    }

    #[test]
    fn what_is_held_stays_and_the_oldest_of_the_rest_go() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("programs");
        let mut held = Kept::new(place.clone());
        let first = held.keep(&built(folder.path(), "held")).unwrap();
        let long_ago = SystemTime::now() - 2 * KEPT_FOR;
        let age = |program: &Program| {
            let file = File::open(program.launch.program()).unwrap();
            file.set_modified(long_ago).unwrap();
        };
        age(&first);
        let old = Kept::new(place.clone())
            .keep(&built(folder.path(), "old"))
            .unwrap();
        age(&old);
        for number in 0..KEPT + 3 {
            let mut other = Kept::new(place.clone());
            other
                .keep(&built(folder.path(), &number.to_string()))
                .unwrap();
        }
        assert!(first.launch.program().is_file(), "held");
        assert!(!old.launch.program().is_file(), "old");
        assert_eq!(files(&place), KEPT + 1);
        drop(held);
        Kept::new(place.clone())
            .keep(&built(folder.path(), "last"))
            .unwrap();
        assert!(!first.launch.program().is_file(), "held no more");
        assert_eq!(files(&place), KEPT);
    }
}
