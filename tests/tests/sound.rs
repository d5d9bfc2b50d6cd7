//! What a session makes of records and snapshots that are not what was written.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::Outcome;
use bench_core::record::TrialEvent;
use bench_harness::interrupt::Interrupts;
use bench_harness::session::{self, Action, SessionEvent, TrialReport};
use bench_harness::store;
use bench_harness::trial::TrialProgress;
use bench_harness::verify::verify;
use bench_tests::fixture::{self, Prebuilt, Staged, run_session, run_spec};
use bench_tests::script::Script;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

fn new_session(folder: &Path) -> Staged {
    fixture::session(folder, &Script::good(), vec![run_spec()])
}

/// Runs the only trial, interrupted after the evaluation at `step` where there is one; its report and the session's remarks.
fn run(session: &Staged, step: Option<u64>) -> (TrialReport, Vec<String>) {
    let interrupts = Interrupts::default();
    let mut remarks = Vec::new();
    let mut sink = |event: SessionEvent<'_>| match event {
        SessionEvent::Remarked { remark, .. } => remarks.push(remark.to_owned()),
        SessionEvent::Trial {
            progress: TrialProgress::Recorded(TrialEvent::Evaluated { step: now, .. }),
            ..
        } if Some(*now) == step => interrupts.raise(),
        _ => {}
    };
    let reports = session::run(
        session,
        &mut Prebuilt::of(&session.script),
        &interrupts,
        &mut sink,
    );
    (reports.unwrap().remove(0), remarks)
}

fn folder_of(report: &TrialReport) -> PathBuf {
    report.folder.clone().unwrap()
}

/// Another byte in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, serde_json::to_string_pretty(&value).unwrap()).unwrap();
}

#[test]
fn a_broken_snapshot_is_passed_over_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (interrupted, _) = run(&session, Some(20));
    let snapshots = folder_of(&interrupted).join("snapshot");
    flip(&snapshots.join("step-20/state.safetensors"));
    let (resumed, remarks) = run(&session, None);
    assert!(matches!(&resumed.action, Action::Resume { from: Some(at), .. } if at.step == 10));
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(remarks[0].contains("step-20: state.safetensors is not what was written"));
    let whole = run_session(&new_session(&folder.path().join("whole"))).remove(0);
    let values = |report: &TrialReport| {
        let curve = report.summary.curve.iter();
        curve
            .map(|point| (point.step, point.metrics.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&resumed), values(&whole));
    assert!(store::read(&folder_of(&resumed)).is_ok());
}

#[test]
fn without_a_whole_snapshot_a_trial_begins_anew_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (interrupted, _) = run(&session, Some(20));
    let snapshots = folder_of(&interrupted).join("snapshot");
    flip(&snapshots.join("step-20/eval.safetensors"));
    fs::remove_file(snapshots.join("step-10/digests.txt")).unwrap();
    let before = fs::read(folder_of(&interrupted).join("events.jsonl")).unwrap();
    let (again, remarks) = run(&session, None);
    assert_eq!(again.action, Action::Run { attempt: 2 });
    assert_eq!(again.summary.outcome, Some(Outcome::TargetReached));
    assert_eq!(remarks.len(), 3, "{remarks:?}");
    assert!(remarks[0].contains("eval.safetensors is not what was written"));
    assert!(remarks[1].contains("step-10: digests.txt cannot be read"));
    assert!(remarks[2].contains("begins anew"));
    assert_eq!(
        fs::read(folder_of(&interrupted).join("events.jsonl")).unwrap(),
        before
    );
}

#[test]
fn a_finished_record_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (first, _) = run(&session, None);
    let events = folder_of(&first).join("events.jsonl");
    let text = fs::read(&events).unwrap();
    fs::write(&events, &text[..text.len() - 40]).unwrap();
    let before =
        ["run.json", "events.jsonl"].map(|name| fs::read(folder_of(&first).join(name)).unwrap());
    let (again, remarks) = run(&session, None);
    assert_eq!(again.action, Action::Run { attempt: 2 });
    assert_eq!(again.summary.outcome, Some(Outcome::TargetReached));
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(
        remarks[0].contains("run.json says target-reached, but the last line is no `ended`"),
        "{remarks:?}"
    );
    let after =
        ["run.json", "events.jsonl"].map(|name| fs::read(folder_of(&first).join(name)).unwrap());
    assert_eq!(before, after);
    // The new one counts from now on, and the old one is still told of.
    assert_eq!(run(&session, None).0.action, Action::Skip);
    let verified = verify(&session.runs).unwrap();
    assert_eq!((verified.records, verified.left_out.len()), (1, 1));
}

#[test]
fn a_target_made_easier_afterwards_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (first, _) = run(&session, None);
    edit(&folder_of(&first).join("run.json"), |run| {
        run["run"]["workload"]["target"]["validation"] = json!(0.99);
    });
    let (stored, left_out) = store::scan(&session.runs);
    assert!(stored.is_empty());
    let told = left_out[0].to_string();
    assert!(
        told.contains("run.json:") && told.contains("`config-hash` is"),
        "{told}"
    );
}

/// A kill between the last line and the end of `run.json`.
#[test]
fn the_next_command_completes_what_has_only_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (first, _) = run(&session, None);
    let path = folder_of(&first).join("run.json");
    let whole: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&path, |run| {
        let run = run.as_object_mut().unwrap();
        for key in ["ended", "outcome", "events-digest"] {
            run.remove(key);
        }
    });
    let (stored, _) = store::scan(&session.runs);
    assert_eq!(stored[0].outcome(), Some(&Outcome::TargetReached));
    let (again, remarks) = run(&session, None);
    assert_eq!((again.action, remarks), (Action::Skip, Vec::new()));
    let completed: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for key in ["outcome", "events-digest", "run"] {
        assert_eq!(completed[key], whole[key], "{key}");
    }
    assert!(completed["ended"].is_string());
}

#[test]
fn an_older_record_is_never_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let (interrupted, _) = run(&session, Some(10));
    edit(&folder_of(&interrupted).join("run.json"), |run| {
        run["format"] = json!(1);
    });
    assert_eq!(run(&session, None).0.action, Action::Run { attempt: 2 });
}

#[test]
fn copies_of_a_record_are_no_trials() {
    let folder = tempfile::tempdir().unwrap();
    let session = new_session(folder.path());
    let place = folder_of(&run(&session, None).0);
    for name in ["trial-1-0123456789ab.bak", ".joining-abc"] {
        let copy = place.with_file_name(name);
        fs::create_dir(&copy).unwrap();
        fs::copy(place.join("run.json"), copy.join("run.json")).unwrap();
    }
    let (stored, left_out) = store::scan(&session.runs);
    assert_eq!(stored.len(), 1);
    assert!(
        left_out.iter().all(|error| error.is_stranger()),
        "{left_out:?}"
    );
    let told: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    assert!(
        told[1].ends_with("trial-1-0123456789ab.bak is no trial's folder: ignored"),
        "{told:?}"
    );
}
