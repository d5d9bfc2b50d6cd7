//! `bench clean`: what bench made outside of results, how large it is, and its removal.
//!
//! Results are never touched, nor files that the user put beside the cache's own.

pub use crate::download::folder_size;
use crate::home::Home;
use crate::lock::{Lock, LockError};
use crate::scratch;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Something cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// It is in use.
    #[error("{} in use by process {}: nothing was removed", part.describe(), holder.map_or("?".to_owned(), |id| id.to_string()))]
    Busy {
        /// What.
        part: Part,
        /// By whom.
        holder: Option<u32>,
    },
    /// The file system says no.
    #[error("cannot remove {}: {source}", path.display())]
    Remove {
        /// What.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A lock cannot be tried.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A kind of thing that bench makes and can make again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// libtorch in the cache, and the checkout's link to it.
    Libtorch,
    /// Decoded data sets in the cache.
    Data,
    /// The checkout's target folder, bench's own build included, what comparisons built, and the copies of programs that run.
    Builds,
    /// What killed trials left in scratch folders.
    Scratch,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 4] = [Part::Libtorch, Part::Data, Part::Builds, Part::Scratch];

    /// As `bench clean` shows it.
    pub fn describe(self) -> &'static str {
        match self {
            Part::Libtorch => "libtorch",
            Part::Data => "data sets",
            Part::Builds => "builds",
            Part::Scratch => "scratch of trials",
        }
    }
}

/// What there is of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holding {
    /// The kind.
    pub part: Part,
    /// Where.
    pub paths: Vec<PathBuf>,
    /// How much.
    pub bytes: u64,
}

/// What there is of each kind, also where it is nothing.
pub fn survey(home: &Home) -> Vec<Holding> {
    Part::ALL
        .into_iter()
        .map(|part| {
            let paths = paths(home, part);
            Holding {
                part,
                bytes: paths.iter().map(|path| folder_size(path)).sum(),
                paths,
            }
        })
        .collect()
}

/// Removes one kind; says how many bytes it was.
///
/// # Errors
/// [`CleanError::Busy`] when a run, a set-up or a fetch is using it.
pub fn remove(home: &Home, part: Part) -> Result<u64, CleanError> {
    remove_unless(&scratch::machine_lock(), home, part)
}

/// `run` is the lock of the referee that runs trials on this machine.
fn remove_unless(run: &Path, home: &Home, part: Part) -> Result<u64, CleanError> {
    let mut locks = vec![run.to_owned()];
    match part {
        Part::Libtorch => locks.push(home.libtorch_cache().join("setup.lock")),
        Part::Data => locks.extend(with_extension(&home.data_cache(), "lock")),
        Part::Builds | Part::Scratch => {}
    }
    let _locks = locks
        .iter()
        .map(|path| match Lock::try_now(path)? {
            Some(lock) => Ok(lock),
            None => Err(CleanError::Busy {
                part,
                holder: crate::lock::holder(path).map(|holder| holder.process),
            }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut freed = 0;
    for path in paths(home, part) {
        freed += folder_size(&path);
        remove_path(&path)?;
    }
    if part == Part::Libtorch {
        remove_dangling(&home.libtorch_link())?;
    }
    Ok(freed)
}

fn paths(home: &Home, part: Part) -> Vec<PathBuf> {
    match part {
        Part::Libtorch => folders(&home.libtorch_cache()),
        Part::Data => folders(&home.data_cache()),
        Part::Builds => [home.target(), home.revisions(), home.programs()]
            .into_iter()
            .filter(|folder| folder.is_dir())
            .collect(),
        Part::Scratch => scratch::folders()
            .iter()
            .flat_map(|folder| folders(folder))
            .collect(),
    }
}

/// Folders only: lock files stay, since another process may be waiting at one.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    paths.sort();
    paths
}

fn with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn remove_path(path: &Path) -> Result<(), CleanError> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CleanError::Remove {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// A link to the user's own libtorch stays.
fn remove_dangling(link: &Path) -> Result<(), CleanError> {
    if link.is_symlink() && !link.exists() {
        std::fs::remove_file(link).map_err(|source| CleanError::Remove {
            path: link.to_owned(),
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::silent;
    use crate::testing::Fixture;

    #[test]
    fn removes_what_was_asked_and_nothing_else() {
        let fixture = Fixture::new();
        let run = fixture.path("run.lock");
        fixture.file("cache/libtorch/2.11.0-cpu/lib/libtorch_cpu.so", b"12345");
        fixture.file("cache/data/toy/0123/train.safetensors", b"123");
        fixture.file("cache/data/toy.lock", b"1");
        fixture.file("cache/files/toy/mine", b"mine");
        fixture.file("checkout/target/release/bench", b"1234");
        let home = &fixture.home;
        let link = home.libtorch_link();
        let place = home.libtorch_cache().join("2.11.0-cpu");
        std::os::unix::fs::symlink(&place, &link).unwrap();
        let sizes = |part| {
            survey(home)
                .into_iter()
                .find(|held| held.part == part)
                .unwrap()
                .bytes
        };
        assert_eq!(
            [Part::Libtorch, Part::Data, Part::Builds].map(sizes),
            [5, 3, 4]
        );

        let running = Lock::wait(&run, "trials", &mut silent).unwrap();
        let error = remove_unless(&run, home, Part::Data).unwrap_err();
        let words = format!(
            "data sets in use by process {}: nothing was removed",
            std::process::id()
        );
        assert_eq!(error.to_string(), words);
        drop(running);
        assert_eq!(remove_unless(&run, home, Part::Data).unwrap(), 3);
        assert_eq!(remove_unless(&run, home, Part::Libtorch).unwrap(), 5);
        assert!(!link.is_symlink());
        assert_eq!(
            [Part::Libtorch, Part::Data, Part::Builds].map(sizes),
            [0, 0, 4]
        );
        assert!(fixture.path("cache/files/toy/mine").exists());
    }
}
