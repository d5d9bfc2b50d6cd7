//! A sign of life once a second, from a thread of its own: the training thread stores a number and never waits.

use super::channel::Channel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);

/// Steps done, as the training thread last said.
pub(crate) struct Pulse {
    step: Arc<AtomicU64>,
}

impl Pulse {
    /// Starts the thread, which ends with the process. While no step is done it is silent.
    pub(crate) fn start(channel: Channel) -> Pulse {
        let step = Arc::new(AtomicU64::new(0));
        let seen = step.clone();
        thread::spawn(move || {
            let mut last = 0;
            loop {
                thread::sleep(EVERY);
                let step = seen.load(Ordering::Relaxed);
                if step != last && channel.say_stepped(step).is_err() {
                    return;
                }
                last = step;
            }
        });
        Pulse { step }
    }

    /// Says that this many steps are done.
    pub(crate) fn beat(&self, step: u64) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// Steps done.
    pub(crate) fn step(&self) -> u64 {
        self.step.load(Ordering::Relaxed)
    }
}
