//! How a failed trial says where and why: one sentence, with file and line of the submission.

use crate::hyperparameters::HyperparameterError;
use crate::training::OffClock;
use bench_core::outcome::FailureKind;
use bench_core::protocol::Event;
use bench_torch::errors::{first_line, is_out_of_memory};
use std::backtrace::Backtrace;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The file of the submission's `main`, as the compiler names it.
static MAIN: OnceLock<&'static str> = OnceLock::new();
/// Where the last panic began.
static PANICKED_AT: Mutex<Option<String>> = Mutex::new(None);

/// Whether panics are told by [`fence`] alone: not also by their hook, with all frames of libtorch's C++.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Set by an error of the data, the device or anything else that no submission is to blame for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Environment(pub(crate) &'static str);

/// Says which line of an author's an error came from, where no backtrace can tell: that of another language, for one.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Located {
    /// What went wrong.
    pub message: String,
    /// File and line, as `lion.py:41`.
    pub location: Option<String>,
}

/// Prepares for failures of the program whose `main` is at `main`.
pub(crate) fn prepare(main: &'static Location<'static>) {
    let _ = MAIN.set(main.file());
    capture_backtraces();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let here = panic
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()));
        let place = submission_line(&Backtrace::force_capture()).or(here);
        *PANICKED_AT.lock().unwrap_or_else(PoisonError::into_inner) = place;
        if !QUIET.load(Ordering::Relaxed) {
            hook(panic);
        }
    }));
}

/// Leaves the telling of panics to [`fence`]: for programs that print what it returns, and keep no log beside it.
pub(crate) fn tell_once() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Lets every `anyhow` error remember where it began, unless the user has decided about that.
#[expect(
    unsafe_code,
    reason = "sets a variable of a process that has one thread yet"
)]
fn capture_backtraces() {
    if std::env::var_os("RUST_LIB_BACKTRACE").is_none() {
        // SAFETY: called first thing in `main`, before any thread is made.
        unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "1") };
    }
}

/// Why a program failed, ready to be said.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) location: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} ({location})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Failure {
    /// The event, at this step.
    pub(crate) fn event(self, step: Option<u64>) -> Event {
        Event::Failed {
            kind: self.kind,
            message: self.message,
            location: self.location,
            step,
        }
    }
}

/// Runs something of an author's: its errors and its panics come back as one thing.
pub(crate) fn fence<T>(work: impl FnOnce() -> anyhow::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(of_error(&error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            let message = first_line(text);
            let kind = if is_out_of_memory(&message) {
                FailureKind::OutOfMemory
            } else {
                FailureKind::Panic
            };
            let location = PANICKED_AT
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            Err(Failure {
                kind,
                message,
                location,
            })
        }
    }
}

fn of_error(error: &anyhow::Error) -> Failure {
    let mut message = String::new();
    for cause in error.chain() {
        let line = first_line(&cause.to_string());
        if message.is_empty() {
            message = line;
        } else if !message.contains(&line) {
            message = format!("{message}: {line}");
        }
    }
    let asked_at = error
        .downcast_ref::<HyperparameterError>()
        .map(HyperparameterError::location);
    let location = asked_at.map(|at| format!("{}:{}", at.file(), at.line()));
    let location = match error.downcast_ref::<Located>() {
        Some(told) => told.location.clone(),
        None => location.or_else(|| submission_line(error.backtrace())),
    };
    let kind = if is_out_of_memory(&message) {
        FailureKind::OutOfMemory
    } else if error.downcast_ref::<OffClock>().is_some() {
        FailureKind::OffClock
    } else if error.downcast_ref::<Environment>().is_some() {
        FailureKind::Environment
    } else {
        FailureKind::Error
    };
    Failure {
        kind,
        message,
        location,
    }
}

/// The innermost line of the submission's own sources in a backtrace.
fn submission_line(backtrace: &Backtrace) -> Option<String> {
    let main = MAIN.get()?;
    let here = std::env::current_dir().unwrap_or_default();
    find_line(&backtrace.to_string(), &here.display().to_string(), main)
}

/// Lines of a backtrace that name a place read `at ./submissions/lion/src/lib.rs:41:9`, where the dot is the process' folder. The compiler names the file
/// of `main` relative to its workspace. Outside of the checkout that is `src/main.rs`, as of many others: what lies in the checkout is none of it then.
fn find_line(backtrace: &str, here: &str, main: &str) -> Option<String> {
    const ELSEWHERE: [&str; 4] = [
        "/rustc/",
        "/rustlib/src/",
        "/registry/src/",
        "/crates/bench-sdk/src/",
    ];
    let sdk = env!("CARGO_MANIFEST_DIR");
    let checkout = sdk.strip_suffix("/crates/bench-sdk").unwrap_or(sdk);
    let is_outside = main.starts_with("src/");
    let is_of_checkout = |place: &String| {
        let below = place.strip_prefix(checkout).unwrap_or_default();
        below.starts_with("/crates/") || below.starts_with("/submissions/")
    };
    let is_of_others = |place: &String| {
        ELSEWHERE.iter().any(|other| place.contains(other)) || (is_outside && is_of_checkout(place))
    };
    let places = backtrace
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("at "));
    let places = places.map(|place| match place.strip_prefix('.') {
        Some(below) => format!("{here}{below}"),
        None => place.to_owned(),
    });
    let sources = format!("/{}/", main.rsplit_once('/')?.0);
    let mut places = places.filter(|place| !is_of_others(place));
    places.find_map(|place| {
        let start = place.find(&sources)? + 1;
        let (line, _column) = place[start..].rsplit_once(':')?;
        Some(line.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_submissions_line_is_found_in_a_backtrace() {
        let text = "
   0: core::panicking::panic
             at /rustc/abc/library/core/src/panicking.rs:80:14
   1: <bench_sdk::FirstOrder<R> as bench_sdk::TrainingAlgorithm>::step
             at ./crates/bench-sdk/src/first_order.rs:140:9
   2: lion::Lion::update
             at ./submissions/lion/src/lib.rs:41:9
   3: lion::main
             at ./submissions/lion/src/main.rs:6:5";
        let line = Some("submissions/lion/src/lib.rs:41".to_owned());
        let lion = "submissions/lion/src/main.rs";
        assert_eq!(find_line(text, "/home/me/bench", lion), line);
        let adamw = "submissions/adamw/src/main.rs";
        assert_eq!(find_line(text, "/home/me/bench", adamw), None);
        let inside = "at ./src/lib.rs:41:9";
        assert_eq!(find_line(inside, "/bench/submissions/lion", lion), line);
    }

    /// One whose workspace is its own: the standard library, the checkout and what it extends have folders `src` as well.
    #[test]
    fn the_line_of_a_submission_outside_of_the_checkout_is_its_own() {
        let checkout = env!("CARGO_MANIFEST_DIR").replace("/crates/bench-sdk", "");
        let text = format!(
            "at /home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/panicking.rs:80:14
            at /home/me/.cargo/registry/src/index/tch/src/lib.rs:1:1
            at {checkout}/crates/bench-torch/src/one_pass/mod.rs:9:9
            at {checkout}/submissions/adamw/src/lib.rs:70:9
            at /any/path/my/src/rule.rs:7:3
            at {checkout}/crates/bench-sdk/src/first_order.rs:140:9"
        );
        let found = |text: &str| find_line(text, "/", "src/main.rs");
        assert_eq!(found(&text), Some("src/rule.rs:7".to_owned()));
        // Beside the checkout, and in its folder.
        for folder in ["-rules", "/mine"] {
            let text = text.replace("/any/path/my", &format!("{checkout}{folder}"));
            assert_eq!(found(&text), Some("src/rule.rs:7".to_owned()));
        }
    }

    #[test]
    fn errors_and_panics_become_one_sentence() {
        let failure =
            fence::<()>(|| Err(anyhow::anyhow!("inner\nframes").context("outer"))).unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Error, "outer: inner")
        );
        let failure = fence::<()>(|| panic!("at the disco")).unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Panic, "at the disco")
        );
        let failure =
            fence::<()>(|| Err(anyhow::anyhow!("no file").context(Environment("no data"))))
                .unwrap_err();
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Environment, "no data: no file")
        );
    }
}
