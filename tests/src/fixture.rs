//! Trials and sessions with the fake worker, in a folder that goes away.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use crate::script::{Script, VARIABLE};
use bench_core::outcome::{FailureKind, Outcome};
use bench_core::record::{FORMAT, Machine, RunRecord, TrialEvent};
use bench_core::run::{RunSpec, SplitName, SubmissionIdentity};
use bench_core::spec::columns::Columns;
use bench_core::spec::harness::{Limits, Tolerances};
use bench_harness::interrupt::Interrupts;
use bench_harness::launch::Launch;
use bench_harness::program::{Builder, Listener, Program, ProgramError, Programs};
use bench_harness::session::{self, Options, PlannedTrial, Session, TrialReport};
use bench_harness::store::{self, Stored};
use bench_harness::trial::{self, Trial, TrialProgress};
use bench_score::TrialSummary;
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// What the fake worker's source hashes to.
const SOURCE: &str = "source";

/// A built example of this package.
///
/// # Panics
/// When cargo has not built it, which it does before it runs tests.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let beside = test
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("examples"));
    let path = beside.unwrap_or_default().join(name);
    assert!(path.is_file(), "{} is not built", path.display());
    path
}

/// The fake worker in both parts, with this script.
pub fn programs(script: &Script) -> Programs {
    let variable = (OsString::from(VARIABLE), OsString::from(script.to_json()));
    let fake = |digest: &str| Program {
        launch: Launch::of(example("fake-worker")).setting(std::slice::from_ref(&variable)),
        digest: digest.to_owned(),
    };
    Programs {
        worker: fake("worker"),
        evaluator: fake("evaluator"),
        source_hash: SOURCE.to_owned(),
        python: None,
    }
}

/// 50 steps, an evaluation every 10, and an error rate of 0.1 to reach, without confirmation.
///
/// # Panics
/// When the types of a run have changed, and this text not with them.
pub fn run_spec() -> RunSpec {
    let run = json!({
        "protocol": bench_core::run::PROTOCOL,
        "workload-name": "pretend",
        "workload": {
            "schema": 1,
            "dataset": "pretend",
            "input": {"pixels": "unit", "mean": [0.0], "std": [1.0]},
            "model": {"mlp": {"hidden": [8], "activation": "relu", "init": "uniform"}},
            "loss": "cross-entropy",
            "metrics": ["error-rate", "cross-entropy"],
            "target": {"metric": "error-rate", "validation": 0.1, "test": 0.1},
            "budget": {"time": "60s", "steps": 50},
            "step-hint": 50,
            "evaluate": {"every-steps": 10, "batch-size": 10, "train-subset": 20},
        },
        "dataset": {
            "name": "pretend",
            "columns": Columns::images(1, 4, 4, 3),
            "splits": {
                "train": {"examples": 60, "hash": "a"},
                "validation": {"examples": 30, "hash": "b"},
                "test": {"examples": 40, "hash": "c"},
            },
        },
        "submission": {
            "name": "pretender",
            "program": "pretender",
            "schedule": "constant",
            "batch-size": 4,
            "gradient-clipping": "none",
            "groups": [],
        },
        "hyperparameters": {"learning-rate": 0.1},
        "ruleset-name": "quick-start",
        "ruleset": {
            "tuning": "external-tuning", "studies": 1, "trials": 1,
            "budget-factor": 1.0, "confirm": false, "test": "passage-and-end",
        },
        "seed": {"purpose": "scoring", "base": 0, "study": 1, "trial": 1, "value": 7},
        "threads": 1,
        "device": "cpu",
    });
    serde_json::from_value(run).expect("a run")
}

/// Limits that no healthy fake comes near, on a busy machine either.
///
/// # Panics
/// Never.
pub fn limits() -> Limits {
    serde_json::from_value(json!({
        "start-up": "20s", "warm-up": "20s", "stall": "20s",
        "snapshot": "20s", "evaluation": "20s", "shut-down": "20s",
    }))
    .expect("limits")
}

/// Tolerances that only a lie exceeds.
///
/// # Panics
/// Never.
pub fn tolerances() -> Tolerances {
    let text = json!({"claim": 0.5, "claim-at-least": "5s", "wall": 0.5, "frozen": "200ms"});
    serde_json::from_value(text).expect("tolerances")
}

/// A machine that is always the same.
pub fn machine() -> Machine {
    Machine {
        fingerprint: "pretend".to_owned(),
        cpu: "abacus".to_owned(),
        cores: 2,
        memory: 1 << 30,
        gpus: Vec::new(),
        kernel: "Linux".to_owned(),
    }
}

/// Files that are there, and that no fake opens.
pub fn data() -> BTreeMap<SplitName, PathBuf> {
    let file = |split: SplitName| (split, example("fake-worker"));
    SplitName::ALL.map(file).into()
}

/// A trial of the fake worker, recorded in `folder`.
pub fn trial(folder: &Path, script: &Script) -> Trial {
    let run = run_spec();
    Trial {
        folder: folder.to_owned(),
        record: RunRecord {
            format: FORMAT,
            config_hash: run.config_hash().unwrap_or_default(),
            source_hash: SOURCE.to_owned(),
            programs: None,
            context: Default::default(),
            comparability_key: run.comparability_key().unwrap_or_default(),
            run: run.into(),
            machine: machine(),
            allotment: None,
            limits: None,
            tolerances: None,
            bench_version: "test".to_owned(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            ended: None,
            outcome: None,
            events_digest: None,
        },
        lines: Vec::new(),
        resume: None,
        remarks: Vec::new(),
        programs: programs(script),
        data: data(),
        device_index: 0,
        limits: limits(),
        tolerances: tolerances(),
        to_budget: false,
        keep_every: Duration::ZERO,
        keep_weights: false,
    }
}

/// A trial that is over.
#[derive(Debug)]
pub struct Played {
    /// What the referee says.
    pub summary: TrialSummary,
    /// What the folder says.
    pub stored: Stored,
    /// Holds the record.
    pub folder: TempDir,
}

impl Played {
    /// How it ended.
    ///
    /// # Panics
    /// When it has no outcome.
    pub fn outcome(&self) -> &Outcome {
        self.summary.outcome.as_ref().expect("an outcome")
    }

    /// The message of a failure of this kind.
    ///
    /// # Panics
    /// When it ended otherwise.
    pub fn failure(&self, kind: FailureKind) -> &str {
        match self.outcome() {
            Outcome::Failed(failure) if failure.kind == kind => &failure.message,
            other => panic!("{other:?} is no failure of kind {kind:?}"),
        }
    }

    /// The names of the recorded events, in order.
    pub fn events(&self) -> Vec<String> {
        let (_, lines) = store::open(&self.stored.folder).expect("a record");
        lines.iter().map(|line| name(&line.event)).collect()
    }
}

fn name(event: &TrialEvent) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    value["event"].as_str().unwrap_or_default().to_owned()
}

/// Plays a script to its end.
pub fn play(script: &Script) -> Played {
    play_as(script, |_| {})
}

/// Plays a script in a trial that `change` has changed.
pub fn play_as(script: &Script, change: impl FnOnce(&mut Trial)) -> Played {
    play_watched(script, change, &Interrupts::default(), |_| {})
}

/// Plays a script while somebody watches, and may interrupt.
///
/// # Panics
/// When the record cannot be read back.
pub fn play_watched(
    script: &Script,
    change: impl FnOnce(&mut Trial),
    interrupts: &Interrupts,
    mut watch: impl FnMut(TrialProgress<'_>),
) -> Played {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("trial-1-0123456789ab");
    let mut trial = trial(&place, script);
    change(&mut trial);
    let identity = trial.record.run.identity().expect("an identity");
    trial.record.config_hash = identity.config_hash;
    trial.record.comparability_key = identity.comparability_key;
    let summary = trial::run(&trial, interrupts, &mut watch);
    Played {
        summary,
        stored: store::read(&place).expect("a record"),
        folder,
    }
}

/// Has its programs already, in place of cargo.
#[derive(Debug, Clone)]
pub struct Prebuilt {
    /// What is built, and what its sources hash to.
    pub programs: Programs,
    /// Programs of submissions that do not compile.
    pub broken: Vec<String>,
    /// How often something was built.
    pub builds: u32,
}

impl Prebuilt {
    /// The fakes with this script.
    pub fn of(script: &Script) -> Prebuilt {
        Prebuilt {
            programs: programs(script),
            broken: Vec::new(),
            builds: 0,
        }
    }

    /// The same, built from another source: programs, and what their source hashes to.
    pub fn built_from(mut self, source: &str) -> Prebuilt {
        self.programs.source_hash = source.to_owned();
        self
    }
}

impl Default for Prebuilt {
    fn default() -> Prebuilt {
        Prebuilt::of(&Script::good())
    }
}

impl Builder for Prebuilt {
    fn source_hash(&mut self, _: &SubmissionIdentity) -> Result<String, ProgramError> {
        Ok(self.programs.source_hash.clone())
    }

    fn build(
        &mut self,
        submission: &SubmissionIdentity,
        _: &Interrupts,
        _: &mut Listener<'_>,
    ) -> Result<Programs, ProgramError> {
        self.builds += 1;
        if self.broken.contains(&submission.program) {
            return Err(ProgramError::Compile {
                submission: submission.name.clone(),
                first: "mismatched types, at src/lib.rs:3:5".to_owned(),
                diagnostics: "error[E0308]: mismatched types\n".to_owned(),
            });
        }
        Ok(self.programs.clone())
    }
}

/// A session, and what its programs are told to do.
#[derive(Debug, Clone)]
pub struct Staged {
    /// What is run.
    pub session: Session,
    /// Of all of its trials.
    pub script: Script,
}

impl Deref for Staged {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Staged {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

/// A session of these runs, recorded below `folder`.
pub fn session(folder: &Path, script: &Script, runs: Vec<RunSpec>) -> Staged {
    let trial = trial(folder, script);
    let session = Session {
        trials: runs
            .into_iter()
            .map(|run| PlannedTrial {
                suite: "single".to_owned(),
                run,
                context: Default::default(),
                data: trial.data.clone(),
                device_index: 0,
            })
            .collect(),
        runs: folder.join("runs"),
        machine: machine(),
        limits: trial.limits,
        tolerances: trial.tolerances,
        options: Options::default(),
        lock: folder.join("lock"),
        keep_every: Duration::ZERO,
        lapse: bench_harness::lease::LAPSE,
    };
    Staged {
        session,
        script: script.clone(),
    }
}

/// Runs a session whose builds succeed, and tells what became of its trials.
///
/// # Panics
/// When the session as a whole fails.
pub fn run_session(session: &Staged) -> Vec<TrialReport> {
    let builder = &mut Prebuilt::of(&session.script);
    let interrupts = Interrupts::default();
    session::run(session, builder, &interrupts, &mut |_| {}).expect("a session")
}
