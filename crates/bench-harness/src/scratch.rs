//! Folders for snapshots, in memory where there is room, and the machine's lock beside them.
//!
//! One folder a trial, locked while its referee lives, so that what a killed referee left behind can be told and removed.

use crate::file::takes_files;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Memory-backed on every Linux.
const MEMORY: &str = "/dev/shm";

/// What the name of a folder begins with until it is locked.
const NEW: &str = ".new-";

/// Bytes of snapshots to make room for before a model's size is known.
pub const SMALL: u64 = 256 << 20;

/// A trial's scratch folder, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes a folder of this process' own, in memory if that can be written and `bytes` take no more than half of what is free there.
    ///
    /// # Errors
    /// When there is no place to write.
    pub fn create(bytes: u64) -> io::Result<Scratch> {
        Scratch::below(&base(bytes))
    }

    fn below(base: &Path) -> io::Result<Scratch> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = base.join(user_folder());
        fs::create_dir_all(&folder)?;
        // Locked before it has its name: one with a name that nobody locks belongs to a dead referee, whose process may have been of another container.
        let new = tempfile::Builder::new().prefix(NEW).tempdir_in(&folder)?;
        let lock = File::open(new.path())?;
        lock.try_lock()?;
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("trial-{}-{number}", std::process::id()));
            match fs::rename(new.path(), &path) {
                Ok(()) => {
                    let _ = new.keep();
                    return Ok(Scratch { path, _lock: lock });
                }
                // Another container's process of the same number, or what a dead one left, which goes with the next run.
                Err(_) if path.exists() => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Whether this is the place for `bytes`.
    pub fn takes(&self, bytes: u64) -> bool {
        self.path.starts_with(base(bytes))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `/dev/shm`, or the temporary folder.
fn base(bytes: u64) -> PathBuf {
    base_of(Path::new(MEMORY), bytes)
}

/// The memory-backed folder where it takes so many bytes: one that is mounted for reading alone has as much room, and takes none.
fn base_of(memory: &Path, bytes: u64) -> PathBuf {
    match free_bytes(memory) {
        Some(free) if free / 2 >= bytes && takes_files(memory).is_ok() => memory.to_owned(),
        _ => env::temp_dir(),
    }
}

/// Where this user's scratch folders for small models are.
pub fn folder() -> PathBuf {
    base(SMALL).join(user_folder())
}

/// Where this user's scratch folders are: `bench-<uid>`, in either place.
pub fn folders() -> [PathBuf; 2] {
    [PathBuf::from(MEMORY), env::temp_dir()].map(|base| base.join(user_folder()))
}

/// Those of them that can be made: snapshots of a trial lie in one, and in the other one from when its model turns out to be too large for the first.
pub fn places() -> Vec<PathBuf> {
    let mut folders = Vec::from(folders());
    folders.retain(|folder| fs::create_dir_all(folder).is_ok());
    folders
}

/// Of the referee that runs trials on this machine. Not in the user's cache, which machines may share.
pub fn machine_lock() -> PathBuf {
    env::temp_dir().join(user_folder()).join("run.lock")
}

/// The same where a batch system allots cores and cards: its jobs on one machine do not wait for each other.
pub fn allotment_lock() -> PathBuf {
    match env::var("SLURM_JOB_ID") {
        Ok(job) => env::temp_dir()
            .join(user_folder())
            .join(format!("slurm-{job}.lock")),
        Err(_) => machine_lock(),
    }
}

fn user_folder() -> String {
    format!("bench-{}", rustix::process::getuid().as_raw())
}

/// Removes scratch folders whose referee is gone.
pub fn remove_stale() {
    for entry in folders().iter().flat_map(fs::read_dir).flatten().flatten() {
        let path = entry.path();
        let has_name = entry.file_name().to_string_lossy().starts_with("trial-");
        if has_name && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Bytes that may still be written to the file system that holds `path`.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let status = rustix::fs::statvfs(path).ok()?;
    Some(status.f_bavail * status.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_takes_no_files_is_passed_over() {
        assert_eq!(base_of(Path::new("/proc"), 0), env::temp_dir());
        assert_eq!(base_of(Path::new("/nowhere"), 0), env::temp_dir());
        let place = tempfile::tempdir().unwrap();
        assert_eq!(base_of(place.path(), 0), place.path());
        assert_eq!(base_of(place.path(), u64::MAX), env::temp_dir());
        assert!(Scratch::below(place.path()).is_ok());
    }

    #[test]
    fn a_scratch_folder_lives_as_long_as_its_owner() {
        let scratch = Scratch::create(0).unwrap();
        let path = scratch.path().to_owned();
        remove_stale();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}
