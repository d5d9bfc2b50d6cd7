//! Who waits for a lock, in the order in which they came.

use super::{LockError, failed};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What the name of a place in the queue begins with before it has one.
const NEW: &str = ".new-";

/// A place in the queue for a lock, given up when this is dropped. The dead hold none.
#[derive(Debug)]
pub struct Turn {
    path: PathBuf,
    _file: File,
}

impl Turn {
    /// Queues up for the lock at `path`.
    ///
    /// # Errors
    /// When there is no place for files beside it.
    pub fn queue_up(path: &Path) -> Result<Turn, LockError> {
        let queue = path.with_extension("queue");
        let take = || {
            fs::create_dir_all(&queue)?;
            // Locked before it has its name, so that one without a lock is a dead one's.
            let new = tempfile::Builder::new().prefix(NEW).tempfile_in(&queue)?;
            let (file, name) = new.into_parts();
            file.try_lock()?;
            let now = clock_gettime(ClockId::Boottime);
            let place = queue.join(format!(
                "{:012}.{:09}-{}",
                now.tv_sec,
                now.tv_nsec,
                std::process::id()
            ));
            name.persist(&place).map_err(|error| error.error)?;
            Ok(Turn {
                path: place,
                _file: file,
            })
        };
        take().map_err(failed(&queue))
    }

    /// Whether everybody who waits came later.
    pub fn is_first(&self) -> bool {
        let queue = self.path.parent().unwrap_or(&self.path);
        let others = fs::read_dir(queue).into_iter().flatten().flatten();
        others
            .map(|other| other.path())
            .filter(|other| *other < self.path)
            .all(|other| is_left(&other))
    }
}

/// Whether nobody holds a place any more; what a dead process left is removed.
fn is_left(place: &Path) -> bool {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(NEW) {
        return true;
    }
    let is_free = File::open(place).map_or(true, |file| file.try_lock().is_ok());
    if is_free {
        let _ = fs::remove_file(place);
    }
    is_free
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_the_dead_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("run.lock");
        let [first, second, third] = [0, 1, 2].map(|_| Turn::queue_up(&lock).unwrap());
        let firsts = [&first, &second, &third].map(Turn::is_first);
        assert_eq!(firsts, [true, false, false]);
        drop(first);
        assert_eq!([&second, &third].map(Turn::is_first), [true, false]);
        // One that was killed leaves its file, and no lock on it.
        let left = third.path.with_file_name("000000000000.000000000-1");
        fs::write(&left, "").unwrap();
        assert!(second.is_first() && !left.exists());
        drop((second, third));
        let queue = fs::read_dir(lock.with_extension("queue")).unwrap();
        assert_eq!(queue.count(), 0);
    }
}
