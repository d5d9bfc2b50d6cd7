//! Ctrl-C or a closed terminal: once to end the running trial in good order, twice to end it at once.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, thread};

/// Counts the interrupts of this process. Clones share the count.
///
/// The running trial asks at least ten times a second, so that nothing has to be cancelled from another thread.
/// A closed terminal asks once, unless the command was started to outlive it (`nohup`).
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    count: Arc<AtomicU32>,
}

impl Interrupts {
    /// Counts this process' SIGINT, SIGTERM and SIGHUP from now on.
    ///
    /// # Errors
    /// When the handlers or their thread cannot be set up.
    pub fn install() -> io::Result<Interrupts> {
        let interrupts = Interrupts::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        if !ignored(SIGHUP) {
            signals.add_signal(SIGHUP)?;
        }
        let counter = interrupts.clone();
        thread::Builder::new()
            .name("interrupts".to_owned())
            .spawn(move || signals.forever().for_each(|_| counter.raise()))?;
        Ok(interrupts)
    }

    /// Counts one more, as a signal would.
    pub fn raise(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn requested(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody asked again: end at once.
    pub fn insisted(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 1
    }
}

/// Whether this process was started with a signal ignored. The kernel knows, without asking for the handler.
fn ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};
    use std::time::{Duration, Instant};

    #[test]
    fn a_closed_terminal_asks_once_unless_the_command_is_to_outlive_it() {
        let outlives = ignored(SIGHUP);
        let interrupts = Interrupts::install().unwrap();
        kill_process(getpid(), Signal::HUP).unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while !outlives && !interrupts.requested() && Instant::now() < patience {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(interrupts.requested(), !outlives);
        assert!(!interrupts.insisted());
    }
}
