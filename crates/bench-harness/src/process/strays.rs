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
    let mark = mark(token, source);
    for _ in 0..ROUNDS {
        if killed(&mark) == 0 {
            return;
        }
    }
}

/// What the environment of a trial's processes carries.
pub(super) fn mark(token: &str, source: Source) -> Vec<u8> {
    format!("{TRIAL_VARIABLE}={}", marker(token, source)).into_bytes()
}

/// The numbers of all processes that there are now; none where the kernel does not show them.
pub(super) fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Whether a process' environment carries the mark.
pub(super) fn is_marked(pid: i32, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|&byte| byte == 0)
        .any(|variable| variable == mark)
}

fn killed(mark: &[u8]) -> usize {
    let all = all().into_iter();
    all.filter(|&pid| kill_if_marked(pid, mark).is_some())
        .count()
}

/// Opens the process before it looks, so that the signal cannot hit another one that got its number meanwhile.
fn kill_if_marked(pid: i32, mark: &[u8]) -> Option<()> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    is_marked(pid, mark).then_some(())?;
    pidfd_send_signal(&process, Signal::KILL).ok()
}
