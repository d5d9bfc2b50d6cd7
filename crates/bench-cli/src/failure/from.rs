//! Libraries' errors as failures: the exit code and the help that go with each.

use super::Failure;
use crate::exit::Exit;
use bench_core::canonical::CanonicalError;
use bench_core::schedule::ScheduleError;
use bench_core::spec::resolve::ResolveError;
use bench_harness::catalog::CatalogError;
use bench_harness::clean::CleanError;
use bench_harness::cluster::{PlanError, SlurmError};
use bench_harness::data::DataError;
use bench_harness::file::WriteError;
use bench_harness::home::HomeError;
use bench_harness::program::ProgramError;
use bench_harness::python::PythonError;
use bench_harness::revision::RevisionError;
use bench_harness::scaffold::{NameError, ScaffoldError};
use bench_harness::session::SessionError;
use bench_harness::setup::SetupError;
use bench_harness::store::{PlaceError, StoreError};
use bench_report::curves::CurveError;
use bench_report::lineage::LineageError;
use bench_report::schedule::ScheduleDrawError;

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Failure {
        let help = match &error {
            HomeError::Variable(_) => "let BENCH_HOME name a checkout, or unset it inside of one",
            HomeError::NotFound { .. } => "let BENCH_HOME name the checkout, or work inside of it",
            HomeError::Tilde { .. } => "write the folder's whole path",
            HomeError::Current(_) => "change to a folder that is there",
        };
        Failure::new(Exit::Environment, error, help.to_owned())
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Failure {
        Failure::new(Exit::Usage, error, None)
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Failure {
        let help = match &error {
            ResolveError::Unknown {
                nearest: Some(name),
                ..
            }
            | ResolveError::Hyperparameter {
                nearest: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?")),
            ResolveError::Unknown { known, .. } | ResolveError::Hyperparameter { known, .. }
                if !known.is_empty() =>
            {
                Some(format!("there is {}", known.join(", ")))
            }
            ResolveError::Exhausted {
                workload,
                examples,
                steps,
                ..
            } => Some(match examples / steps.max(&1) {
                0 => format!("lower `budget.steps` in workloads/{workload}.yaml"),
                most => format!(
                    "a batch size of at most {most} lasts: `batch-size: {{ workloads: {{ {workload}: {most} }} }}` in its submission.yaml"
                ),
            }),
            _ => None,
        };
        Failure::new(Exit::Usage, error, help)
    }
}

impl From<ScaffoldError> for Failure {
    fn from(error: ScaffoldError) -> Failure {
        match error {
            ScaffoldError::Cargo(error) => Failure::from(error),
            error => {
                let help = match &error {
                    ScaffoldError::Name(NameError::Form {
                        nearest: Some(name),
                        ..
                    }) => Some(format!("did you mean `{name}`?")),
                    ScaffoldError::Name(_) => Some("take another name".to_owned()),
                    ScaffoldError::Exists { .. } => {
                        Some("take another name; `--from` copies what is there".to_owned())
                    }
                    _ => None,
                };
                Failure::new(Exit::Usage, error, help)
            }
        }
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        let help = error.help();
        Failure::new(Exit::Environment, error, help)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Failure {
        let help = error.help();
        Failure::new(Exit::Environment, error, help)
    }
}

impl From<PythonError> for Failure {
    fn from(error: PythonError) -> Failure {
        let exit = match &error {
            PythonError::File { .. } => Exit::Usage,
            _ => Exit::Environment,
        };
        let help = error.help().map(str::to_owned);
        Failure::new(exit, error, help)
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Failure {
        let error = match error {
            ProgramError::Python(error) => return Failure::from(error),
            error => error,
        };
        let (exit, help) = match &error {
            ProgramError::Interrupted => (Exit::Interrupted, None),
            ProgramError::NoCrate { .. } => (
                Exit::BuildFailed,
                Some("a submission without a crate `extends:` one that has it".to_owned()),
            ),
            ProgramError::Changing { .. } => (
                Exit::BuildFailed,
                Some("run the command again when its files stand still".to_owned()),
            ),
            ProgramError::Outside { .. } => (
                Exit::BuildFailed,
                Some("move the file into the package, link to it from there, or make a package of it that the submission depends on by a path".to_owned()),
            ),
            _ => (Exit::BuildFailed, None),
        };
        Failure::new(exit, error, help)
    }
}

impl From<RevisionError> for Failure {
    fn from(error: RevisionError) -> Failure {
        let (exit, help) = match &error {
            RevisionError::Unknown { .. } => (
                Exit::Usage,
                "write NAME@REVISION, as in adamw@HEAD~3 or adamw@v1.0",
            ),
            RevisionError::NoGit(_) => (
                Exit::Environment,
                "install git, or compare with a folder of records",
            ),
            RevisionError::Checkout { .. } => (
                Exit::Environment,
                "`bench clean builds` removes what comparisons checked out",
            ),
            RevisionError::Lock(_) => (Exit::Environment, "is the cache folder writable?"),
        };
        Failure::new(exit, error, help.to_owned())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::new(Exit::Results, error, HELP.to_owned())
    }
}

/// Where a person can look.
const HELP: &str =
    "results/README.md says what a record holds, docs/RESULTS.md what it is checked for";

impl Failure {
    /// All records that were left out, after what the others say has been printed. Folders that are no record's are told, and are no failure.
    ///
    /// # Errors
    /// When there is a record that cannot be read, or does not add up.
    pub(crate) fn left_out(errors: Vec<StoreError>) -> Result<(), Failure> {
        let (strangers, errors): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(StoreError::is_stranger);
        for stranger in strangers {
            super::say(&stranger.to_string());
        }
        if errors.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
        let number = match all.len() {
            1 => "1 record is".to_owned(),
            n => format!("{n} records are"),
        };
        let message = format!("{number} left out:{}", all.concat());
        Err(Failure::new(Exit::Results, message, HELP.to_owned()))
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Failure {
        Failure::new(Exit::Results, error, None)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        let exit = match &error {
            PlanError::NoEntry { .. } => Exit::Usage,
            _ => Exit::Results,
        };
        Failure::new(exit, error, None)
    }
}

impl From<SlurmError> for Failure {
    fn from(error: SlurmError) -> Failure {
        let help = match &error {
            SlurmError::Command { .. } => Some(
                "type this where `sinfo` answers, or hand trials over with --on 'command: … {task}'",
            ),
            SlurmError::Refused { .. } => Some(
                "`executors.slurm` in harness.yaml says what is asked for; --dry-run prints the scripts",
            ),
            SlurmError::Plan(_) => None,
        };
        Failure::new(Exit::Environment, error, help.map(str::to_owned))
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        let (exit, help) = match &error {
            SessionError::Lock(_) => (Exit::Environment, None),
            SessionError::Place(PlaceError::Config(_)) => (Exit::Bug, None),
            SessionError::Place(PlaceError::Name(_)) => (Exit::Usage, None),
            SessionError::Results(_) => (
                Exit::Results,
                Some("`bench doctor` says more; `--results` names another folder".to_owned()),
            ),
        };
        Failure::new(exit, error, help)
    }
}

impl From<CanonicalError> for Failure {
    fn from(error: CanonicalError) -> Failure {
        Failure::bug(error)
    }
}

impl From<LineageError> for Failure {
    fn from(error: LineageError) -> Failure {
        Failure::new(Exit::Results, error, None)
    }
}

impl From<CurveError> for Failure {
    fn from(error: CurveError) -> Failure {
        Failure::new(Exit::Usage, error, None)
    }
}

impl From<ScheduleError> for Failure {
    fn from(error: ScheduleError) -> Failure {
        let help = "`bench schema submission` shows every schedule with its settings; one with hyperparameters or a file of norms is drawn by its submission's name";
        Failure::new(Exit::Usage, error, help.to_owned())
    }
}

impl From<ScheduleDrawError> for Failure {
    fn from(error: ScheduleDrawError) -> Failure {
        Failure::new(Exit::Usage, error, None)
    }
}

impl From<CleanError> for Failure {
    fn from(error: CleanError) -> Failure {
        Failure::new(Exit::Environment, error, None)
    }
}
