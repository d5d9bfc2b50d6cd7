//! Records that do not add up: each is told with its file, its line and the value, and none counts.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::record::{FORMAT, RunRecord};
use bench_core::run::{Identity, PROTOCOL};
use bench_score::{ReadError, Trial, read};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Records that tests of all crates are made from.
fn fixtures() -> Vec<PathBuf> {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-cli/tests/fixtures/runs")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        match paths.iter().any(|path| path.ends_with("run.json")) {
            true => found.push(folder),
            false => folders.append(&mut paths),
        }
    }
    found.sort();
    found
}

/// `UPDATE_FIXTURES=1 cargo test -p bench-score --test sound fixtures` gives them the hashes that today's types make of them.
#[test]
fn the_fixtures_are_sound() {
    for folder in fixtures() {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            let mut record: RunRecord = serde_json::from_str(&text("run.json")).unwrap();
            record.format = FORMAT;
            record.run.protocol = PROTOCOL;
            let identity = record.run.identity().unwrap();
            record.config_hash = identity.config_hash;
            record.comparability_key = identity.comparability_key;
            let digest = blake3::hash(text("events.jsonl").as_bytes());
            record.events_digest = Some(digest.to_string());
            let new = serde_json::to_string_pretty(&record).unwrap() + "\n";
            fs::write(folder.join("run.json"), new).unwrap();
        }
        let read = Trial::parse(&text("run.json"), &text("events.jsonl"));
        assert!(read.is_ok(), "{}: {}", folder.display(), read.unwrap_err());
    }
}

/// A record of two parts: reached its target in the second.
struct Record {
    run: Value,
    events: Vec<Value>,
}

impl Record {
    fn resumed() -> Record {
        let folder = &fixtures()[0];
        let run = fs::read_to_string(folder.join("run.json")).unwrap();
        let phases = json!({
            "start-up-ns": 1, "warm-up-ns": 2, "training-ns": 3, "snapshot-ns": 4, "evaluation-ns": 5,
            "shut-down-ns": 6, "other-ns": 7, "wall-ns": 28,
        });
        let started = |resumed: Value| json!({ "t": 0.0, "event": "started", "at": "2026-01-01T00:00:00Z", "resumed": resumed });
        let trained = |t: f64, step: u64, ns: u64| {
            json!({
                "t": t, "event": "trained", "step": step, "interval-ns": 1_000_000, "submission-ns": ns, "loss": 1.0, "claim": {},
            })
        };
        let evaluated = |t: f64, step: u64, ns: u64, error: f64| {
            json!({
                "t": t, "event": "evaluated", "step": step, "submission-ns": ns, "evaluation-ns": 5,
                "metrics": { "validation": { "error-rate": error } }, "examples": { "validation": 500 },
            })
        };
        let ended = |t: f64, outcome: &str| json!({ "t": t, "event": "ended", "outcome": outcome, "phases": phases });
        let mut record = Record {
            run: serde_json::from_str(&run).unwrap(),
            events: vec![
                started(Value::Null),
                trained(1.0, 250, 1_000_000),
                evaluated(2.0, 250, 1_000_000, 0.5),
                trained(3.0, 500, 2_000_000),
                evaluated(4.0, 500, 2_000_000, 0.4),
                ended(5.0, "interrupted"),
                started(json!({ "step": 250, "submission-ns": 1_000_000 })),
                trained(1.0, 500, 2_000_000),
                evaluated(2.0, 500, 2_000_000, 0.05),
                trained(3.0, 750, 3_000_000),
                evaluated(4.0, 750, 3_000_000, 0.05),
                ended(5.0, "target-reached"),
            ],
        };
        record.run["outcome"] = json!("target-reached");
        record.seal();
        record
    }

    fn text(&self) -> String {
        let lines = self.events.iter().map(|line| line.to_string() + "\n");
        lines.collect()
    }

    /// The digest that a referee would have written.
    fn seal(&mut self) {
        self.run["events-digest"] = json!(blake3::hash(self.text().as_bytes()).to_string());
    }

    fn told(&self) -> String {
        let run = serde_json::to_string_pretty(&self.run).unwrap();
        match read(&run, &self.text()) {
            Ok(_) => "sound".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn an_untouched_record_is_sound() {
    assert_eq!(Record::resumed().told(), "sound");
}

/// Lines changed by somebody who also gave them their digest: they contradict each other.
#[test]
fn lines_that_do_not_add_up_are_told_with_their_number() {
    let cases: [(usize, &str, Value, &str); 16] = [
        (
            3,
            "/submission-ns",
            json!(1),
            "events.jsonl:3: evaluates step 250 at 1 ns",
        ),
        (
            2,
            "/submission-ns",
            json!(10),
            "events.jsonl:2: `submission-ns` is 10",
        ),
        (
            4,
            "/interval-ns",
            json!(7),
            "events.jsonl:4: `submission-ns` is 2000000",
        ),
        (
            4,
            "/interval-ns",
            json!(0),
            "events.jsonl:4: `interval-ns` is 0",
        ),
        (
            4,
            "/step",
            json!(200),
            "events.jsonl:4: step 200 comes after step 250",
        ),
        (5, "/step", json!(499), "events.jsonl:5: evaluates step 499"),
        (
            3,
            "/t",
            json!(0.5),
            "events.jsonl:3: `t` falls from 1 to 0.5",
        ),
        (
            9,
            "/metrics/validation/error-rate",
            json!(-5),
            "events.jsonl:9: validation error-rate is -5",
        ),
        (
            9,
            "/metrics/validation/error-rate",
            json!(1.5),
            "outside of 0 .. 1",
        ),
        (
            9,
            "/metrics/validation/error-rate",
            json!("-inf"),
            "error-rate is -inf",
        ),
        (
            7,
            "/resumed/step",
            json!(300),
            "events.jsonl:7: goes on from step 300 at 1000000 ns",
        ),
        (
            7,
            "/resumed/submission-ns",
            json!(1),
            "events.jsonl:7: goes on from step 250 at 1 ns",
        ),
        (
            12,
            "/outcome",
            json!("stopped"),
            "events.jsonl:12: `ended` says stopped, but run.json says target-reached",
        ),
        (
            12,
            "/phases/other-ns",
            json!(8),
            "events.jsonl:12: the phases do not sum to `wall-ns`, 28",
        ),
        (
            12,
            "/phases/other-ns",
            json!(u64::MAX),
            "events.jsonl:12: the phases do not sum",
        ),
        (
            11,
            "/metrics/validation/error-rate",
            json!(0.9),
            "no evaluation reached it",
        ),
    ];
    for (line, place, value, wanted) in cases {
        let mut record = Record::resumed();
        *record.events[line - 1].pointer_mut(place).unwrap() = value.clone();
        record.seal();
        let told = record.told();
        assert!(
            told.contains(wanted),
            "line {line}, {place} = {value}: {told}"
        );
    }
}

#[test]
fn lines_that_were_taken_out_or_put_in_are_told() {
    let change = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut record = Record::resumed();
        change(&mut record.events);
        record.seal();
        record.told()
    };
    // An evaluation that would have denied a passage.
    let told = change(&|events| drop(events.remove(8)));
    assert!(
        told.contains("events.jsonl:9: step 500 was trained to and never evaluated"),
        "{told}"
    );
    let told = change(&|events| events.insert(3, events[2].clone()));
    assert!(
        told.contains("events.jsonl:4: evaluates step 250, and nothing was trained"),
        "{told}"
    );
    let told = change(&|events| events.push(events[11].clone()));
    assert!(
        told.contains("events.jsonl:13: stands after `ended`"),
        "{told}"
    );
    let told = change(&|events| events.truncate(11));
    assert!(told.contains("the last line is no `ended`"), "{told}");
}

#[test]
fn a_change_on_one_side_alone_is_told() {
    // A target made easier ranked a submission first.
    let mut easier = Record::resumed();
    easier.run["run"]["workload"]["target"]["validation"] = json!(0.5);
    let told = easier.told();
    assert!(
        told.contains("`config-hash` is") && told.contains("`comparability-key` is"),
        "{told}"
    );
    assert!(told.starts_with("run.json:"), "{told}");
    let mut other = Record::resumed();
    other.run["config-hash"] = json!("0");
    assert!(
        other.told().contains("`config-hash` is 0, but `run` has"),
        "{}",
        other.told()
    );
    // A metric made better, within its range.
    let mut better = Record::resumed();
    better.events[8]["metrics"]["validation"]["error-rate"] = json!(0.04);
    let told = better.told();
    assert!(
        told.contains("`events-digest` is") && told.contains("but events.jsonl has"),
        "{told}"
    );
    let mut none = Record::resumed();
    none.run.as_object_mut().unwrap().remove("events-digest");
    assert!(
        none.told().contains("has no `events-digest`"),
        "{}",
        none.told()
    );
}

/// A referee was killed between its last line and the end of `run.json`: nothing is lost.
#[test]
fn lines_may_tell_more_than_a_run_that_has_no_end() {
    let mut record = Record::resumed();
    for key in ["outcome", "ended", "events-digest"] {
        record.run.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(record.told(), "sound");
    // Killed before: the last part is only begun.
    record.events.truncate(8);
    assert_eq!(record.told(), "sound");
}

/// Records of before there were digests: shown, marked, and checked for what they have.
#[test]
fn older_records_are_read_and_checked_over_what_is_stored() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format-1");
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let trial = Trial::parse(&text("run.json"), &text("events.jsonl")).unwrap();
    assert!(trial.record.is_older());
    assert_eq!(trial.record.run.protocol, 1);
    assert!(trial.summary.hit().is_some());
    // What is stored keeps its identity when it is written back.
    let back = serde_json::to_value(&trial.record).unwrap();
    let identity = Identity::of(&back["run"]);
    assert_eq!(identity.config_hash, trial.record.config_hash);
    let cut = text("events.jsonl").replace("\"ended\"", "\"warned\"");
    assert!(matches!(
        Trial::parse(&text("run.json"), &cut),
        Err(ReadError::Event { .. } | ReadError::Unsound(_))
    ));
}
