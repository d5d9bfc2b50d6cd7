//! Processes that a trial's program started and that left its process group.

use super::marker;
use crate::channel::Source;
use bench_core::protocol::TRIAL_VARIABLE;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;

/// Looking again finds what was being forked meanwhile.
const ROUNDS: u32 = 5;

/// Kills every process whose environment carries the trial's token. Processes of other users cannot be read, nor be its children.
pub(super) fn kill(token: &str, source: Source) {
    let wanted = format!("{TRIAL_VARIABLE}={}", marker(token, source));
    for _ in 0..ROUNDS {
        if killed(wanted.as_bytes()) == 0 {
            return;
        }
    }
}

fn killed(wanted: &[u8]) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| kill_if_marked(pid, wanted).is_some())
        .count()
}

/// Opens the process before it looks, so that the signal cannot hit another one that got its number meanwhile.
fn kill_if_marked(pid: i32, wanted: &[u8]) -> Option<()> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment
        .split(|&byte| byte == 0)
        .any(|variable| variable == wanted)
        .then_some(())?;
    pidfd_send_signal(&process, Signal::KILL).ok()
}
