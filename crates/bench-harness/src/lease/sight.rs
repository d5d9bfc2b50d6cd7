//! What can be seen of a lease's owner.

use super::{BEAT, Entry, LEASE_FILE};
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether a trial has an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has none.
    Free,
    /// It has one that lives: its process is there, or its counter moved just now.
    Held,
    /// It has one on another machine whose counter was not seen to move for so long. At the first look that is nothing at all.
    Silent(Duration),
    /// It had one of this machine, whose process is gone.
    Gone,
}

impl State {
    /// Whether the owner is to be left alone, if a silent one is for so long.
    pub fn is_live(self, lapse: Duration) -> bool {
        match self {
            State::Held => true,
            State::Silent(still) => still < lapse,
            State::Free | State::Gone => false,
        }
    }

    /// Whether looking for longer could change that.
    pub fn is_settled(self, lapse: Duration) -> bool {
        match self {
            State::Silent(still) => still >= lapse,
            State::Free | State::Held | State::Gone => true,
        }
    }
}

/// What was seen of a file so far.
#[derive(Debug)]
struct Sight {
    text: Vec<u8>,
    at: Instant,
    still: Duration,
    moved: bool,
}

/// Of all leases of other machines that this process looked at.
static SEEN: LazyLock<Mutex<HashMap<PathBuf, Sight>>> = LazyLock::new(Mutex::default);

/// Looks at a trial's lease. How long one of another machine stood still is counted from look to look.
pub fn look(folder: &Path) -> State {
    let path = folder.join(LEASE_FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return State::Free;
        }
        // It is there, and says nothing.
        Err(_) => Vec::new(),
    };
    let entry = serde_json::from_slice::<Entry>(&text);
    match entry {
        Ok(entry) if entry.owner.is_gone() => State::Gone,
        Ok(entry) if entry.owner.is_of_here() => State::Held,
        _ => {
            let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
            follow(&mut seen, path, text, Instant::now())
        }
    }
}

fn follow(seen: &mut HashMap<PathBuf, Sight>, path: PathBuf, text: Vec<u8>, now: Instant) -> State {
    let sight = seen.entry(path).or_insert_with(|| Sight {
        text: text.clone(),
        at: now,
        still: Duration::ZERO,
        moved: false,
    });
    if sight.text == text {
        // An observer that slept, or hung in the file system with the owner, saw nothing meanwhile.
        sight.still += now.saturating_duration_since(sight.at).min(BEAT);
    } else {
        sight.moved = true;
        sight.still = Duration::ZERO;
        sight.text = text;
    }
    sight.at = now;
    match sight.moved && sight.still <= 2 * BEAT {
        true => State::Held,
        false => State::Silent(sight.still),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stillness_is_counted_by_looks() {
        let mut seen = HashMap::new();
        let begin = Instant::now();
        let mut at = |seconds: u64, text: &str| {
            let now = begin + Duration::from_secs(seconds);
            follow(&mut seen, "lease".into(), text.into(), now)
        };
        let silent = |seconds| State::Silent(Duration::from_secs(seconds));
        assert_eq!(at(0, "1"), silent(0));
        assert_eq!(at(4, "1"), silent(4));
        // An hour without a look says no more than a beat.
        assert_eq!(at(3600, "1"), silent(9));
        assert_eq!(at(3601, "2"), State::Held);
        assert_eq!(at(3605, "2"), State::Held);
        assert_eq!(at(3610, "2"), State::Held);
        assert_eq!(at(3614, "2"), silent(13));
        assert_eq!(at(3615, "3"), State::Held);
        assert!(silent(59).is_live(super::super::LAPSE));
        assert!(!silent(60).is_live(super::super::LAPSE));
    }
}
