//! Why a program is gone: its exit, its last words, and what the kernel says about memory.

use super::supervisor::{Stop, Supervisor};
use crate::channel::Source;
use crate::process::{Exit, Process};
use bench_core::outcome::{FailureKind, Outcome};
use rustix::process::Signal;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

/// How long a program that said that it failed, or closed its output, may take to be gone.
const GRACE: Duration = Duration::from_secs(2);
/// Between the first process of a job that is told to end and the last.
const MOMENT: Duration = Duration::from_secs(1);
/// Rust's exit code of a panic.
const PANICKED: i32 = 101;

impl Supervisor<'_> {
    /// The program's output is over: takes it to its end and says why.
    pub(super) fn death(&mut self, source: Source) -> Stop {
        let torn = self.take_torn();
        let exit = self.bury(source);
        if exit.is_some_and(|exit| self.ended_with_the_referee(exit)) {
            return Stop::Ended(Outcome::Interrupted);
        }
        let (kind, mut message) = match (&exit, torn) {
            (Some(exit), Some(torn)) if exit.status.success() => {
                (FailureKind::Protocol, torn.to_string())
            }
            (Some(exit), _) => self.verdict(*exit, self.process(source)),
            (None, _) => (FailureKind::Signal, "could not be ended".to_owned()),
        };
        if kind != FailureKind::Protocol {
            message = format!("{message}{}", self.where_it_was());
        }
        match source {
            Source::Worker => Stop::failed(kind, format!("the worker {message}")),
            Source::Evaluator => {
                Stop::failed(FailureKind::Evaluator, format!("the evaluator {message}"))
            }
        }
    }

    /// The program itself said that it failed.
    pub(super) fn confessed(
        &mut self,
        source: Source,
        kind: FailureKind,
        message: &str,
        location: Option<String>,
        step: Option<u64>,
    ) -> Stop {
        let exit = self.bury(source);
        let mut text = message.lines().next().unwrap_or_default().to_owned();
        if let Some(location) = location {
            text.push_str(&format!(", at {location}"));
        }
        if let Some(step) = step {
            text.push_str(&format!(", after step {step}"));
        }
        if let (FailureKind::OutOfMemory, Some(exit)) = (kind, exit) {
            text.push_str(&peak(&exit));
        }
        match source {
            Source::Worker => {
                let counts_as = kind.as_claimed();
                let blamed = (counts_as != kind && kind != FailureKind::Error)
                    .then(|| format!("by its own account {}: ", kind.name()));
                Stop::failed(counts_as, blamed.unwrap_or_default() + &text)
            }
            Source::Evaluator => {
                Stop::failed(FailureKind::Evaluator, format!("the evaluator: {text}"))
            }
        }
    }

    /// Whether somebody asked for an end of all processes at once, as batch systems do: this one has it in a moment too.
    fn ended_with_the_referee(&self, exit: Exit) -> bool {
        let since = Instant::now();
        let is_asked = exit.status.signal() == Some(Signal::TERM.as_raw());
        while is_asked && !self.interrupts.requested() && since.elapsed() < MOMENT {
            thread::sleep(MOMENT / 20);
        }
        is_asked && self.interrupts.requested()
    }

    fn bury(&mut self, source: Source) -> Option<Exit> {
        let interrupts = self.interrupts.clone();
        let process = match source {
            Source::Worker => &mut self.worker,
            Source::Evaluator => &mut self.evaluator,
        };
        process.await_exit(GRACE, || interrupts.insisted());
        process.kill()
    }

    fn process(&self, source: Source) -> &Process {
        match source {
            Source::Worker => &self.worker,
            Source::Evaluator => &self.evaluator,
        }
    }

    fn where_it_was(&self) -> String {
        match (self.clock, self.heard_of) {
            (_, 0) => ", before its first evaluation".to_owned(),
            (Some(_), step) => format!(", while training after step {step}"),
            (None, step) => format!(", between intervals at step {step}"),
        }
    }

    fn verdict(&self, exit: Exit, process: &Process) -> (FailureKind, String) {
        let words = process.last_words();
        let killed = exit.status.signal() == Some(Signal::KILL.as_raw());
        let short_of_memory = killed && oom_kills() > self.oom_kills;
        if short_of_memory || says_out_of_memory(&words) {
            let who = if killed { "the kernel" } else { "an allocator" };
            let message = format!("ran out of memory, says {who}{}", peak(&exit));
            return (FailureKind::OutOfMemory, message);
        }
        let quoted = last_line(&words).map_or(String::new(), |line| format!(" (`{line}`)"));
        match (exit.status.signal(), exit.status.code()) {
            (Some(signal), _) => (
                FailureKind::Signal,
                format!("was ended by {}{quoted}", signal_name(signal)),
            ),
            (None, Some(PANICKED)) => {
                let said = panic_message(&words).map_or(quoted, |said| format!(": {said}"));
                (FailureKind::Panic, format!("panicked{said}"))
            }
            (None, code) => {
                let code = code.unwrap_or_default();
                let message = format!("exited by itself with code {code}{quoted}");
                (FailureKind::Exit, message)
            }
        }
    }
}

/// How many processes the kernel has killed on this machine for want of memory; none where it does not say.
pub(super) fn oom_kills() -> Option<u64> {
    let statistics = fs::read_to_string("/proc/vmstat").ok()?;
    statistics
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// The texts of libtorch's allocators and of Rust's. There is no code for it: it reaches us only as words.
fn says_out_of_memory(words: &str) -> bool {
    [
        "can't allocate memory",
        "CUDA out of memory",
        "memory allocation of",
        "std::bad_alloc",
    ]
    .iter()
    .any(|text| words.contains(text))
}

fn peak(exit: &Exit) -> String {
    const MEBIBYTE: f64 = 1048576.0;
    let mebibytes = exit.peak_memory as f64 / MEBIBYTE;
    format!("; its peak memory was {mebibytes:.0} MiB")
}

/// `thread 'main' panicked at src/lib.rs:3:5:` and the message in the line below, wherever a backtrace ends.
fn panic_message(words: &str) -> Option<String> {
    let mut lines = words.lines().rev();
    let mut below = lines.next()?;
    for line in lines {
        if let Some((_, place)) = line.split_once("panicked at ") {
            let message = crate::channel::excerpt(below.trim().as_bytes());
            return Some(format!("{message}, at {}", place.trim_end_matches(':')));
        }
        below = line;
    }
    None
}

fn last_line(words: &str) -> Option<String> {
    let useful = |line: &&str| !line.is_empty() && !line.starts_with("note: ");
    let line = words.lines().map(str::trim).rev().find(useful)?;
    Some(crate::channel::excerpt(line.as_bytes()))
}

fn signal_name(number: i32) -> String {
    let name = match Signal::from_named_raw(number) {
        Some(Signal::SEGV) => "SIGSEGV (a bad memory access)",
        Some(Signal::ABORT) => "SIGABRT (it aborted)",
        Some(Signal::KILL) => "SIGKILL (from outside: a person, a job's limit, or the kernel)",
        Some(Signal::TERM) => "SIGTERM (from outside)",
        Some(Signal::BUS) => "SIGBUS (a bad memory access, or a file that shrank)",
        Some(Signal::FPE) => "SIGFPE (an impossible division)",
        Some(Signal::ILL) => "SIGILL (an instruction this processor lacks)",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_memory_from_other_ends() {
        let allocator = "RuntimeError: [enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes.";
        assert!(says_out_of_memory(allocator));
        assert!(!says_out_of_memory("the loss is out of bounds"));
    }

    #[test]
    fn the_last_useful_line_is_quoted() {
        let words = "thread 'main' panicked at src/lib.rs:3:5:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n";
        assert_eq!(last_line(words).as_deref(), Some("boom"));
        assert_eq!(
            panic_message(words).as_deref(),
            Some("boom, at src/lib.rs:3:5")
        );
        assert_eq!(panic_message("all is well\n"), None);
        assert_eq!(last_line("\n \n"), None);
    }
}
