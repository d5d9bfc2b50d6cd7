//! Exit codes: a documented promise to scripts.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Ok = 0,
    RunFailed = 1,
    Usage = 2,
    BuildFailed = 3,
    WorkerDied = 4,
    Results = 5,
    Environment = 6,
    Worse = 10,
    Mixed = 11,
    Inconclusive = 12,
    Bug = 70,
    Interrupted = 130,
}

impl Exit {
    const ALL: [Exit; 12] = [
        Exit::Ok,
        Exit::RunFailed,
        Exit::Usage,
        Exit::BuildFailed,
        Exit::WorkerDied,
        Exit::Results,
        Exit::Environment,
        Exit::Worse,
        Exit::Mixed,
        Exit::Inconclusive,
        Exit::Bug,
        Exit::Interrupted,
    ];

    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "done",
            Exit::RunFailed => "a run failed, or missed its target under --require-target",
            Exit::Usage => "wrong usage or a mistake in a spec",
            Exit::BuildFailed => "a submission did not build",
            Exit::WorkerDied => "a worker died",
            Exit::Results => "results cannot be read or written, or do not add up",
            Exit::Environment => "the device or another thing the run needs is missing",
            Exit::Worse => {
                "compare: slower, reaches its target less often, or a bit that differs where none was to"
            }
            Exit::Mixed => "compare: faster on one workload, slower on another",
            Exit::Inconclusive => "compare: these runs cannot tell",
            Exit::Bug => "a bug in bench",
            Exit::Interrupted => "interrupted; the same command goes on, without --fresh",
        }
    }

    /// The table that `bench --help` ends with.
    pub(crate) fn table() -> String {
        let mut table = "Exit codes:\n".to_owned();
        for exit in Exit::ALL {
            let _ = writeln!(table, "  {:>3}  {}", exit as u8, exit.meaning());
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
