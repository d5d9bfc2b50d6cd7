//! A submission's program: what it was started with, and how it starts itself once more.

use crate::algorithm::TrainingAlgorithm;
use crate::worker::failure;
use crate::{check, timing, worker};
use std::ffi::OsString;
use std::panic::Location;
use std::process::{Command, ExitCode};

/// What runs a training algorithm: a program of its own, or an interpreter that has loaded it.
#[derive(Debug, Clone)]
pub struct Program {
    /// What was typed behind it: nothing where the referee speaks to it, or `check` and `time` with theirs.
    pub arguments: Vec<String>,
    /// File and leading arguments that start the same program in another process.
    pub command: Vec<OsString>,
}

impl Program {
    /// This process' own.
    pub(crate) fn of_this_process() -> Program {
        Program {
            arguments: std::env::args().skip(1).collect(),
            command: std::env::current_exe()
                .map(OsString::from)
                .into_iter()
                .collect(),
        }
    }

    /// Does what the arguments ask for.
    #[track_caller]
    pub fn run<A: TrainingAlgorithm>(&self) -> ExitCode {
        bench_torch::runtime::keep_freed_memory();
        failure::prepare(Location::caller());
        match self.arguments.split_first() {
            None => worker::run::<A>(),
            Some((verb, rest)) if verb == "check" => check::run::<A>(self, rest),
            Some((verb, rest)) if verb == "time" => timing::run::<A>(rest),
            Some(_) => check::usage(),
        }
    }

    /// The same program, to be started with other arguments.
    pub(crate) fn again(&self) -> Command {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().cloned().unwrap_or_default());
        command.args(words);
        command
    }
}
