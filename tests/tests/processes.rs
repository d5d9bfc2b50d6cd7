//! No process is left behind, whatever ends the trial or the referee.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::{FailureKind, Outcome};
use bench_core::record::TrialEvent;
use bench_harness::interrupt::Interrupts;
use bench_harness::store;
use bench_harness::trial::TrialProgress;
use bench_tests::fixture::{example, play, play_as, play_watched};
use bench_tests::script::{Act, Moment, Script};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Running processes whose environment mentions `needle`, zombies aside.
fn processes_with(needle: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| {
            let environment = std::fs::read(path.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(needle)
        })
        .collect()
}

/// Waits until nothing with `needle` in its environment runs: the kernel needs a moment.
fn assert_gone(needle: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !processes_with(needle).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", processes_with(needle));
        thread::sleep(Duration::from_millis(5));
    }
}

/// A script that can be told from all others by its environment.
fn marked(script: Script, mark: &str) -> (Script, String) {
    let needle = format!("mark-{mark}-{}", std::process::id());
    let act = Act::LastWords(needle.clone());
    (script.worker(Moment::Train(777_777), act), needle)
}

#[test]
fn grandchildren_go_too() {
    let good = Script::good().worker(Moment::Train(10), Act::Grandchild);
    let (script, needle) = marked(good, "grandchild");
    assert_eq!(*play(&script).outcome(), Outcome::TargetReached);
    assert!(processes_with(&needle).is_empty());
}

#[test]
fn a_dead_worker_is_noticed_though_its_child_holds_the_pipe() {
    let script = Script::good().worker(Moment::Train(20), Act::Orphan);
    let (script, needle) = marked(script, "orphan");
    play(&script).failure(FailureKind::Exit);
    assert!(processes_with(&needle).is_empty());
}

#[test]
fn nothing_runs_after_a_failure_or_a_limit() {
    for act in [Act::Hang, Act::Panic] {
        let script = Script::good().worker(Moment::Train(20), act);
        let (script, needle) = marked(script, "failure");
        play_as(&script, |trial| {
            trial.limits.stall = bench_core::number::Span(Duration::from_millis(300));
        });
        assert!(processes_with(&needle).is_empty());
    }
}

/// Interrupts a trial that hangs after its second evaluation, `times` times, and tells how long it took to end.
fn interrupted(mark: &str, times: u32) -> (bench_tests::fixture::Played, Duration) {
    let script = Script::good().worker(Moment::Train(30), Act::Hang);
    let (script, needle) = marked(script, mark);
    let interrupts = Interrupts::default();
    let mut since = Instant::now();
    let played = play_watched(
        &script,
        |trial| trial.keep_every = Duration::from_secs(3600),
        &interrupts,
        |progress| {
            if let TrialProgress::Recorded(TrialEvent::Evaluated { step: 20, .. }) = progress {
                (0..times).for_each(|_| interrupts.raise());
                since = Instant::now();
            }
        },
    );
    assert_eq!(*played.outcome(), Outcome::Interrupted);
    assert_eq!(played.stored.outcome(), Some(&Outcome::Interrupted));
    assert!(processes_with(&needle).is_empty());
    (played, since.elapsed())
}

#[test]
fn an_interrupt_keeps_the_last_snapshot() {
    let (played, _) = interrupted("once", 1);
    assert!(played.stored.folder.join("snapshot/step-20").is_dir());
    assert_eq!(played.summary.steps, 20);
}

#[test]
fn a_second_interrupt_ends_at_once_and_is_recorded_too() {
    let (played, _) = interrupted("twice", 2);
    assert!(!played.stored.folder.join("snapshot/step-20").exists());
}

/// Starts a referee, waits for a line that contains `event`, and kills it.
fn kill_referee_at(folder: &Path, script: &Script, event: &str) {
    let mut referee = Command::new(example("fake-referee"))
        .arg(folder)
        .arg(script.to_json())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(referee.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains(event) {}
    assert!(store::read(folder).unwrap().live);
    referee.kill().unwrap();
    referee.wait().unwrap();
}

#[test]
fn the_children_of_a_killed_referee_end_by_themselves() {
    // In the middle of an interval, and while the worker is stopped and cannot notice.
    let training = Script::good().worker(Moment::Train(20), Act::Hang);
    let stopped = Script::good().evaluator(Moment::Evaluate(20), Act::Hang);
    let cases = [
        (training, "evaluated", "training"),
        (stopped, "snapshotted", "stopped"),
    ];
    for (script, event, mark) in cases {
        let (script, needle) = marked(script, mark);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("trial-1-0123456789ab");
        kill_referee_at(&place, &script, event);
        assert_gone(&needle);
        let stored = store::read(&place).unwrap();
        assert_eq!((stored.outcome(), stored.live), (None, false));
    }
}

#[test]
fn the_worker_stands_still_while_it_is_evaluated() {
    let script = Script::good().evaluator(Moment::Evaluate(20), Act::Slow(300));
    let (script, needle) = marked(script, "still");
    let (sender, receiver) = std::sync::mpsc::channel();
    let watcher = thread::spawn(move || {
        let () = receiver.recv().unwrap();
        thread::sleep(Duration::from_millis(150));
        let states = processes_with(&needle);
        let state = |path: &PathBuf| {
            let status = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            let after = status.rsplit(')').next().unwrap_or_default().to_owned();
            after.trim().chars().next()
        };
        states
            .iter()
            .filter(|path| state(path) == Some('T'))
            .count()
    });
    play_watched(
        &script,
        |_| {},
        &Interrupts::default(),
        |progress| {
            if let TrialProgress::Recorded(TrialEvent::Trained { step: 20, .. }) = progress {
                sender.send(()).unwrap();
            }
        },
    );
    assert_eq!(
        watcher.join().unwrap(),
        1,
        "the worker, and not the evaluator"
    );
}

#[test]
fn signals_to_the_referee_interrupt_the_trial() {
    for times in [1, 2] {
        let script = Script::good().worker(Moment::Train(20), Act::Hang);
        let (script, needle) = marked(script, "signal");
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("trial-1-0123456789ab");
        let mut referee = Command::new(example("fake-referee"))
            .arg(&place)
            .arg(script.to_json())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(referee.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().contains("evaluated") {}
        for _ in 0..times {
            kill_process(Pid::from_child(&referee), Signal::INT).unwrap();
        }
        assert_eq!(lines.last().unwrap().unwrap(), "\"interrupted\"");
        referee.wait().unwrap();
        assert_gone(&needle);
        let stored = store::read(&place).unwrap();
        assert_eq!(stored.outcome(), Some(&Outcome::Interrupted));
    }
}

#[test]
fn a_signal_to_all_processes_of_a_job_interrupts_the_trial() {
    for source in ["worker", "evaluator"] {
        let hangs = match source {
            "worker" => Script::good().worker(Moment::Train(30), Act::Hang),
            _ => Script::good().evaluator(Moment::Evaluate(30), Act::Hang),
        };
        let (script, needle) = marked(hangs, &format!("job-{source}"));
        let interrupts = Interrupts::default();
        let (sender, receiver) = std::sync::mpsc::channel();
        let ender = thread::spawn({
            let interrupts = interrupts.clone();
            move || {
                let () = receiver.recv().unwrap();
                thread::sleep(Duration::from_millis(200));
                for process in processes_with(&needle) {
                    let number = process.file_name().unwrap().to_str().unwrap();
                    let number = Pid::from_raw(number.parse().unwrap()).unwrap();
                    let _ = kill_process(number, Signal::TERM);
                    // One that is stopped for its evaluation ends when it goes on.
                    let _ = kill_process(number, Signal::CONT);
                }
                // The referee's own comes last.
                thread::sleep(Duration::from_millis(300));
                interrupts.raise();
            }
        });
        let played = play_watched(
            &script,
            |_| {},
            &interrupts,
            |progress| {
                if let TrialProgress::Recorded(TrialEvent::Evaluated { step: 20, .. }) = progress {
                    sender.send(()).unwrap();
                }
            },
        );
        ender.join().unwrap();
        assert_eq!(*played.outcome(), Outcome::Interrupted, "{source}");
        assert!(played.stored.folder.join("snapshot/step-20").is_dir());
    }
}
