//! The three things about a child that std does not do.

use super::{Exit, LOOK};
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

/// Makes the kernel kill the child when this process dies, even by SIGKILL: a stopped child could not notice by itself.
#[expect(
    unsafe_code,
    reason = "the hook between fork and exec has no safe form"
)]
pub(super) fn die_with_this_process(command: &mut std::process::Command) {
    let parent = getpid();
    // SAFETY: between fork and exec only system calls are made: no allocation, no lock, no panic.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            match getppid() {
                Some(pid) if pid == parent => Ok(()),
                // It died in between.
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            }
        });
    }
}

/// Should memory run out, the kernel is to end the worker and not the referee that records it.
pub(super) fn prefer_for_oom_kill(pid: Pid) {
    let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
    // Raising one's own child's score is always allowed where the file exists; where not, nothing is lost but the preference.
    let _ = std::fs::write(path, "500");
}

/// Reaps an ended child, with the one call that tells the highest memory of this child alone.
#[expect(
    unsafe_code,
    reason = "no safe wrapper of wait4, which returns the child's own peak memory"
)]
pub(super) fn reap(pid: Pid, within: Duration) -> Option<Exit> {
    let since = Instant::now();
    loop {
        let mut status = 0;
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both pointers are to live values of the types that wait4 fills; all-zero is a valid rusage.
        let (reaped, usage) = unsafe {
            let reaped = libc::wait4(
                pid.as_raw_nonzero().get(),
                &raw mut status,
                libc::WNOHANG,
                usage.as_mut_ptr(),
            );
            (reaped, usage.assume_init())
        };
        if reaped > 0 {
            return Some(Exit {
                status: ExitStatus::from_raw(status),
                peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
                cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            });
        }
        if reaped < 0 || since.elapsed() > within {
            return None;
        }
        thread::sleep(LOOK);
    }
}

fn duration(time: libc::timeval) -> Duration {
    let whole = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    whole + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}
