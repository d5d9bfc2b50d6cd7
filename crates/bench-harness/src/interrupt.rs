//! Ctrl-C: once to end the running trial in good order, twice to end it at once.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// Counts the interrupts of this process. Clones share the count.
///
/// The running trial asks at least ten times a second, so that nothing has to be cancelled from another thread.
/// A closed terminal is not caught: it kills the referee, and the trial resumes from its last snapshot on disk.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    count: Arc<AtomicU32>,
}

impl Interrupts {
    /// Counts this process' SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// When the handlers or their thread cannot be set up.
    pub fn install() -> io::Result<Interrupts> {
        let interrupts = Interrupts::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
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
