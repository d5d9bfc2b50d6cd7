//! Whose a trial is, where several referees want it: on one machine and on two, with owners that are killed, stopped and come back.
//!
//! Another machine is played by namespaces of processes and times of its own, which nobody can look into: its clocks are ten minutes ahead.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::outcome::Outcome;
use bench_harness::interrupt::Interrupts;
use bench_harness::lease::{self, LEASE_FILE, State};
use bench_harness::session::{self, Action, SessionEvent, TrialReport};
use bench_harness::store;
use bench_tests::fixture::{self, Prebuilt, Staged, example, run_session, run_spec};
use bench_tests::script::{Act, Moment, Script};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program as if on another machine, with its own numbers of processes and a clock that is ahead.
const ELSEWHERE: [&str; 9] = [
    "unshare",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--time",
    "--monotonic=600",
    "--boottime=600",
    "--",
];

struct Stage {
    _folder: tempfile::TempDir,
    session: Staged,
    place: PathBuf,
}

/// A trial that hangs after its second evaluation, and a session that would have it.
fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let run = run_spec();
    let session = fixture::session(folder.path(), &Script::good(), vec![run.clone()]);
    let place = store::folder(&session.runs, "single", &run, "source").unwrap();
    Stage {
        _folder: folder,
        session,
        place,
    }
}

fn hanging() -> Script {
    Script::good().worker(Moment::Train(30), Act::Hang)
}

/// A referee of the stage's trial, begun by these words.
fn referee(before: &[&str], place: &Path, script: &Script) -> Child {
    let program = example("fake-referee");
    let mut words = before
        .iter()
        .map(|word| (*word).into())
        .chain([program.into_os_string()]);
    Command::new(words.next().unwrap())
        .args(words)
        .arg(place)
        .arg(script.to_json())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The same, once it hangs and its snapshot of step 20 is on the disk; none where this machine makes no such namespaces.
fn hung(before: &[&str], place: &Path) -> Option<Child> {
    let mut referee = referee(before, place, &hanging());
    let deadline = Instant::now() + Duration::from_secs(60);
    while !place.join("snapshot/step-20").exists() {
        if referee.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(5));
    }
    Some(referee)
}

fn last_word(mut referee: Child) -> String {
    let mut text = String::new();
    referee
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    referee.wait().unwrap();
    text.lines().last().unwrap_or_default().to_owned()
}

/// What the session did with its trial, and whether it waited for a sign of life.
fn run(session: &Staged) -> (TrialReport, bool) {
    let mut waited = false;
    let builder = &mut Prebuilt::of(&session.script);
    let reports = session::run(session, builder, &Interrupts::default(), &mut |event| {
        waited |= matches!(event, SessionEvent::WaitingForSignOfLife { .. });
    });
    (reports.unwrap().remove(0), waited)
}

/// That the trial went on from step 20 in a second attempt, whole.
fn assert_taken_over(place: &Path, report: &TrialReport) {
    assert!(
        matches!(&report.action, Action::Resume { from: Some(at), .. } if at.step == 20),
        "{:?}",
        report.action
    );
    assert_eq!(report.summary.outcome, Some(Outcome::TargetReached));
    let folder = report.folder.clone().unwrap();
    assert_eq!(folder, store::next_attempt(place));
    let stored = store::read(&folder).unwrap();
    assert_eq!((stored.attempt, stored.live), (2, false));
    assert_eq!(stored.trial.summary, report.summary);
}

fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(process.try_into().unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

/// The process below `unshare`.
fn child_of(process: u32) -> u32 {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = std::fs::read_to_string(path).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn of_two_referees_who_begin_at_once_one_runs_the_trial() {
    for _ in 0..5 {
        let stage = stage();
        let both = [0, 1].map(|_| referee(&[], &stage.place, &Script::good()));
        let words = both.map(last_word);
        let busy = |word: &&String| word.contains("another bench is running this trial");
        assert!(
            words.iter().filter(busy).count() == 1 || words[0] == words[1],
            "{words:?}"
        );
        assert!(words.iter().any(|word| word.contains("target-reached")));
        let stored = store::read(&stage.place).unwrap();
        assert_eq!(stored.outcome(), Some(&Outcome::TargetReached));
        assert!(!stage.place.join(LEASE_FILE).exists());
    }
}

#[test]
fn a_killed_owners_trial_goes_on_where_it_is() {
    let stage = stage();
    let mut owner = hung(&[], &stage.place).unwrap();
    assert_eq!(run_session(&stage.session)[0].action, Action::Busy);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert_eq!(lease::look(&stage.place), State::Gone);
    let (report, waited) = run(&stage.session);
    assert_eq!(report.folder, Some(stage.place.clone()));
    assert_eq!(report.summary.outcome, Some(Outcome::TargetReached));
    assert!(!waited && !stage.place.join(LEASE_FILE).exists());
}

#[test]
fn a_stopped_owner_keeps_its_trial_unless_somebody_insists() {
    let mut stage = stage();
    let owner = hung(&[], &stage.place).unwrap();
    signal(owner.id(), Signal::STOP);
    assert_eq!(run_session(&stage.session)[0].action, Action::Busy);
    stage.session.options.take_over = true;
    let (report, _) = run(&stage.session);
    assert_taken_over(&stage.place, &report);
    let next = report.folder.unwrap();
    let before = std::fs::read(next.join("events.jsonl")).unwrap();
    signal(owner.id(), Signal::CONT);
    let word = last_word(owner);
    assert!(
        word.contains("another bench took this trial over"),
        "{word}"
    );
    assert_eq!(std::fs::read(next.join("events.jsonl")).unwrap(), before);
    stage.session.options.take_over = false;
    assert_eq!(run_session(&stage.session)[0].action, Action::Skip);
}

#[test]
fn an_owner_on_another_machine_is_gone_when_its_counter_stands_still() {
    let mut stage = stage();
    let Some(mut owner) = hung(&ELSEWHERE, &stage.place) else {
        eprintln!("SKIPPED: this machine lets nobody make namespaces of processes and times");
        return;
    };
    // Alive: the counter moves within a beat or two.
    let (report, waited) = run(&stage.session);
    assert_eq!((report.action, waited), (Action::Busy, true));
    // The whole other machine is gone.
    owner.kill().unwrap();
    owner.wait().unwrap();
    stage.session.lapse = 3 * lease::BEAT;
    let gone = Instant::now();
    // This process saw it alive a moment ago, and believes so for two beats more.
    let (report, waited) = loop {
        let (report, waited) = run(&stage.session);
        if report.action != Action::Busy {
            break (report, waited);
        }
        thread::sleep(lease::BEAT / 5);
    };
    assert!(waited && gone.elapsed() >= 2 * lease::BEAT);
    assert_taken_over(&stage.place, &report);
}

#[test]
fn an_owner_that_was_taken_for_gone_and_comes_back_harms_nothing() {
    let mut stage = stage();
    let Some(owner) = hung(&ELSEWHERE, &stage.place) else {
        eprintln!("SKIPPED: this machine lets nobody make namespaces of processes and times");
        return;
    };
    let inner = child_of(owner.id());
    signal(inner, Signal::STOP);
    stage.session.lapse = 2 * lease::BEAT;
    let (report, _) = run(&stage.session);
    assert_taken_over(&stage.place, &report);
    let next = report.folder.unwrap();
    let before = std::fs::read(next.join("events.jsonl")).unwrap();
    signal(inner, Signal::CONT);
    let word = last_word(owner);
    assert!(
        word.contains("another bench took this trial over"),
        "{word}"
    );
    assert_eq!(std::fs::read(next.join("events.jsonl")).unwrap(), before);
    assert_eq!(run_session(&stage.session)[0].action, Action::Skip);
    let (stored, errors) = store::scan(&stage.session.runs);
    assert_eq!((store::latest(stored).len(), errors.len()), (1, 0));
}
