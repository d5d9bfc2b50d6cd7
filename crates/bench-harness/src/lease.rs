//! Who runs a trial: a lease in a file of the trial's folder, made so that only one can make it. It holds on file systems that machines share, where
//! advisory locks may not, and it holds no time of day, since machines' clocks differ.
//!
//! The owner writes a counter into it every [`BEAT`]. Others tell that an owner is gone by its process where they can see that, and elsewhere by a counter
//! that stood still for [`LAPSE`] of their own monotonic clock. A lease is never taken from an owner that may come back: whoever goes on with its trial copies
//! the record as the next attempt ([`succeed`]), and the old owner finds that attempt before it writes another line.

mod owner;
mod sight;
mod succeed;

pub use owner::Owner;
pub use sight::{State, look};
pub use succeed::succeed;

use crate::recorder::RecordError;
use crate::store;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The lease's file, in a trial's folder. It is there as long as the trial has an owner, or had one that was killed.
pub const LEASE_FILE: &str = "lease.json";
/// Between two numbers of an owner's counter.
pub const BEAT: Duration = Duration::from_secs(5);
/// How long the counter of an owner on another machine stands still before the owner counts as gone. A machine that slept, or a file system that hung,
/// for longer loses the trial to whoever asks for it then.
pub const LAPSE: Duration = Duration::from_secs(60);
/// How stale the owner's own knowledge that it still is one may be when it writes.
const RECENT: Duration = Duration::from_secs(1);

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    owner: Owner,
    /// Of the trial, as its folder is numbered.
    attempt: u32,
    /// Grows while the owner lives.
    beat: u64,
}

/// A lease, held until this is dropped.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    /// Where somebody who took the trial over would be.
    successor: PathBuf,
    lost: Arc<AtomicBool>,
    looked: Instant,
    beating: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Lease {
    /// Takes the lease of a trial's folder, which is there.
    ///
    /// # Errors
    /// [`RecordError::Busy`] when it has an owner that is not known to be gone; or when the file cannot be written.
    pub fn take(folder: &Path) -> Result<Lease, RecordError> {
        let path = folder.join(LEASE_FILE);
        let failed = |cause| RecordError::Io {
            path: path.clone(),
            cause,
        };
        let entry = Entry {
            owner: Owner::this(),
            attempt: store::attempt(folder),
            beat: 0,
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => write(file, &entry).map_err(failed)?,
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
                if !replace(&path, &entry).map_err(failed)? {
                    return Err(RecordError::Busy {
                        folder: folder.to_owned(),
                    });
                }
            }
            Err(cause) => return Err(failed(cause)),
        }
        let mut lease = Lease {
            folder: folder.to_owned(),
            successor: store::next_attempt(folder),
            lost: Arc::default(),
            looked: Instant::now(),
            beating: None,
        };
        // From here on the file goes when this is dropped.
        lease.beating = Some(beat(&lease, entry).map_err(failed)?);
        Ok(lease)
    }

    /// Sees whether the trial is still this owner's. A word from memory, unless the last look was a while ago: then the file system is asked.
    ///
    /// # Errors
    /// [`RecordError::TakenOver`] when somebody else goes on with it.
    pub fn check(&mut self) -> Result<(), RecordError> {
        if self.looked.elapsed() >= RECENT {
            self.looked = Instant::now();
            if self.successor.exists() {
                self.lost.store(true, Ordering::Relaxed);
            }
        }
        match self.lost.load(Ordering::Relaxed) {
            true => Err(RecordError::TakenOver {
                by: self.successor.clone(),
            }),
            false => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.beating.take() {
            drop(stop);
            let _ = thread.join();
        }
        let path = self.folder.join(LEASE_FILE);
        if read(&path).is_some_and(|entry| entry.owner == Owner::this()) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Counts on in the file until it is told to stop, or the trial is somebody else's.
fn beat(lease: &Lease, mut entry: Entry) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (sender, stop) = mpsc::channel::<()>();
    let (path, successor) = (lease.folder.join(LEASE_FILE), lease.successor.clone());
    let lost = Arc::clone(&lease.lost);
    let thread = thread::Builder::new().name("lease".to_owned());
    let thread = thread.spawn(move || {
        while stop.recv_timeout(BEAT) == Err(mpsc::RecvTimeoutError::Timeout) {
            if successor.exists() || !path.exists() {
                lost.store(true, Ordering::Relaxed);
                return;
            }
            entry.beat += 1;
            // Opened and closed each time: that is when a network file system shows others what was written. What cannot be written now is written
            // the next time; a disk that takes nothing ends the trial at its next line.
            let _ = OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|file| write(file, &entry));
        }
    })?;
    Ok((sender, thread))
}

/// Puts another owner in the place of one that is gone for certain, since its process would be seen here. Tells whether it did.
///
/// Processes of one machine exclude each other by a lock of the file; those of others make another attempt instead, and never come here.
fn replace(path: &Path, entry: &Entry) -> io::Result<bool> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        // Its owner removed it just now.
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    if file.try_lock().is_err() {
        return Ok(false);
    }
    // Whoever had it meanwhile may have removed it.
    if fs::metadata(path).map(|there| there.ino()).ok() != Some(file.metadata()?.ino()) {
        return Ok(false);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let there = serde_json::from_str::<Entry>(&text).ok();
    if !there.is_some_and(|there| there.owner.is_gone()) {
        return Ok(false);
    }
    file.set_len(0)?;
    file.rewind()?;
    write(file, entry)?;
    Ok(true)
}

fn write(mut file: File, entry: &Entry) -> io::Result<()> {
    let mut text = serde_json::to_vec(entry)?;
    text.push(b'\n');
    // At once, so that nobody sees half of it.
    file.write_all(&text)
}

fn read(path: &Path) -> Option<Entry> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Who had the lease of a trial's folder last, where that can be told.
pub fn owner(folder: &Path) -> Option<Owner> {
    read(&folder.join(LEASE_FILE)).map(|entry| entry.owner)
}

/// Whether a referee is at a trial now, as far as this process has seen.
pub fn is_live(folder: &Path) -> bool {
    look(folder).is_live(LAPSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::RUN_FILE;
    use std::process::{Command, Stdio};

    fn trial() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("trial-1-0123456789ab");
        fs::create_dir(&place).unwrap();
        (folder, place)
    }

    fn leave(place: &Path, owner: Owner, beat: u64) {
        let entry = Entry {
            owner,
            attempt: 1,
            beat,
        };
        fs::write(place.join(LEASE_FILE), serde_json::to_vec(&entry).unwrap()).unwrap();
    }

    #[test]
    fn one_owner_at_a_time_and_nothing_is_left() {
        let (_folder, place) = trial();
        let mut lease = Lease::take(&place).unwrap();
        assert!(is_live(&place));
        assert!(matches!(Lease::take(&place), Err(RecordError::Busy { .. })));
        lease.check().unwrap();
        drop(lease);
        assert_eq!(look(&place), State::Free);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
        drop(Lease::take(&place).unwrap());
    }

    #[test]
    fn of_many_who_take_a_dead_owners_lease_one_gets_it() {
        let (_folder, place) = trial();
        let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let dead = Owner::of(child.id());
        child.wait().unwrap();
        leave(&place, dead, 7);
        assert_eq!(look(&place), State::Gone);
        let taken = thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Lease::take(&place)))
                .collect();
            let taken = takers.into_iter().map(|taker| taker.join().unwrap());
            taken.filter_map(Result::ok).collect::<Vec<_>>()
        });
        assert_eq!(taken.len(), 1);
        assert!(is_live(&place));
    }

    #[test]
    fn a_process_that_came_round_to_the_same_number_is_another_one() {
        let (_folder, place) = trial();
        let this = Owner::this();
        let earlier = Owner {
            started: this.started - 1,
            ..this
        };
        leave(&place, earlier, 1);
        assert_eq!(look(&place), State::Gone);
    }

    #[test]
    fn a_zombie_is_gone() {
        let (_folder, place) = trial();
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        leave(&place, Owner::of(child.id()), 1);
        assert_eq!(look(&place), State::Held);
        child.kill().unwrap();
        while look(&place) == State::Held {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(look(&place), State::Gone);
        child.wait().unwrap();
    }

    #[test]
    fn an_owner_elsewhere_is_known_by_its_counter_alone() {
        let (_folder, place) = trial();
        let elsewhere = Owner {
            boot: "another boot".to_owned(),
            ..Owner::this()
        };
        leave(&place, elsewhere.clone(), 1);
        assert!(matches!(look(&place), State::Silent(still) if still.is_zero()));
        // Whatever the other machine's clock says.
        let skewed = std::time::SystemTime::now() - Duration::from_secs(600);
        let file = File::options()
            .write(true)
            .open(place.join(LEASE_FILE))
            .unwrap();
        file.set_modified(skewed).unwrap();
        assert!(matches!(look(&place), State::Silent(still) if still < BEAT));
        leave(&place, elsewhere, 2);
        assert_eq!(look(&place), State::Held);
        assert!(matches!(Lease::take(&place), Err(RecordError::Busy { .. })));
    }

    #[test]
    fn who_goes_on_copies_the_record_and_the_old_owner_finds_out() {
        let (_folder, place) = trial();
        let mut lease = Lease::take(&place).unwrap();
        fs::write(place.join(RUN_FILE), "{}").unwrap();
        fs::write(place.join("events.jsonl"), "{}\n{\"torn").unwrap();
        fs::create_dir_all(place.join("snapshot/step-20")).unwrap();
        fs::write(place.join("snapshot/step-20/state"), "x").unwrap();
        let next = succeed(&place).unwrap();
        assert!(next.ends_with("trial-1-0123456789ab-2"));
        assert_eq!(fs::read(next.join("events.jsonl")).unwrap(), b"{}\n");
        assert_eq!(fs::read(next.join("snapshot/step-20/state")).unwrap(), b"x");
        assert_eq!(look(&next), State::Free);
        assert_eq!(succeed(&place).unwrap(), next);
        lease.looked -= RECENT;
        assert!(matches!(
            lease.check(),
            Err(RecordError::TakenOver { by }) if by == next
        ));
    }
}
