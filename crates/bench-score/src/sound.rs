//! Whether a record adds up: its lines among themselves, and `run.json` with them.
//!
//! What this finds are accidents and one-sided edits. Whoever rewrites all of a record consistently is found out by running the trial again, and by
//! nothing else.

use bench_core::outcome::{FailureKind, Outcome};
use bench_core::protocol::Metrics;
use bench_core::record::{FREE_INIT, Line, Phases, ResumedFrom, RunRecord, TrialEvent};
use bench_core::run::{RunSpec, SplitName};
use std::collections::BTreeMap;
use std::fmt;

/// The two files of a record.
pub const RUN_FILE: &str = "run.json";
/// One line for each thing that happened.
pub const EVENTS_FILE: &str = "events.jsonl";

/// What is wrong in a record, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// [`RUN_FILE`] or [`EVENTS_FILE`].
    pub file: &'static str,
    /// 1-based; none where it is the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, with the value.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// What `run.json` says against itself: hashes that are not those of the configuration that stands beside them.
pub(crate) fn of_run(text: &str, record: &RunRecord) -> Vec<Fault> {
    let fault = |key: &str, what: String| Fault {
        file: RUN_FILE,
        line: line_of(text, key),
        what,
    };
    let identity = match record.run.identity() {
        Ok(identity) => identity,
        Err(error) => return vec![fault("run", error.to_string())],
    };
    let said = [
        ("config-hash", &record.config_hash, &identity.config_hash),
        (
            "comparability-key",
            &record.comparability_key,
            &identity.comparability_key,
        ),
    ];
    let differs = said.into_iter().filter(|(_, said, found)| said != found);
    let differs = differs.map(|(key, said, found)| {
        let what =
            format!("`{key}` is {said:.12}, but `run` has {found:.12}: one of them was changed");
        fault(key, what)
    });
    differs.collect()
}

/// Where a key stands, for a person to look at.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let key = format!("\"{key}\"");
    let index = text.lines().position(|line| line.contains(&key))?;
    Some(index + 1)
}

/// What the lines, each with its number, say against themselves or against a record that is over.
pub(crate) fn of_lines(record: &RunRecord, lines: &[(usize, Line)]) -> Vec<Fault> {
    let mut audit = Audit {
        run: &record.run,
        part: None,
        evaluated: BTreeMap::new(),
        ended: None,
        faults: Vec::new(),
    };
    for (number, line) in lines {
        audit.observe(*number, line);
    }
    if let Some(outcome) = &record.outcome {
        audit.finish(outcome);
    }
    audit.faults
}

/// Follows the lines of a trial, part by part.
struct Audit<'a> {
    run: &'a RunSpec,
    part: Option<Part>,
    /// Step to submission time of the evaluations that count.
    evaluated: BTreeMap<u64, u64>,
    /// The last line, where it is an end.
    ended: Option<(usize, Outcome)>,
    faults: Vec<Fault>,
}

/// What the lines of a part have come to: from a start to an end.
#[derive(Default)]
struct Part {
    t: f64,
    resumed: bool,
    step: u64,
    submission_ns: u64,
    /// Trained, and not yet evaluated.
    due: bool,
    /// The submission said that it was done, so that its last interval may have had no step.
    done: bool,
    over: bool,
}

impl Audit<'_> {
    fn fault(&mut self, line: usize, what: String) {
        self.faults.push(Fault {
            file: EVENTS_FILE,
            line: Some(line),
            what,
        });
    }

    fn observe(&mut self, number: usize, line: &Line) {
        self.ended = None;
        if let TrialEvent::Started { resumed, .. } = &line.event {
            self.start(number, line.t, *resumed);
            return;
        }
        self.follow(number, line);
        match &line.event {
            TrialEvent::Ready {
                init_ns,
                charged_ns,
                ..
            } => self.charge(number, *init_ns, *charged_ns),
            TrialEvent::Trained {
                step,
                interval_ns,
                submission_ns,
                ..
            } => self.train(number, *step, *interval_ns, *submission_ns),
            TrialEvent::Evaluated {
                step,
                submission_ns,
                metrics,
                ..
            } => {
                self.evaluate(number, *step, *submission_ns);
                self.measure(number, metrics);
            }
            TrialEvent::Ended {
                outcome, phases, ..
            } => self.end(number, outcome, phases),
            _ => {}
        }
    }

    /// A part begins where an evaluation that counts has been, or at the very start.
    fn start(&mut self, number: usize, t: f64, resumed: Option<ResumedFrom>) {
        let from = resumed.unwrap_or(ResumedFrom {
            step: 0,
            submission_ns: 0,
        });
        if resumed.is_some() && self.evaluated.get(&from.step) != Some(&from.submission_ns) {
            let what = format!(
                "goes on from step {} at {} ns, where no evaluation stands",
                from.step, from.submission_ns
            );
            self.fault(number, what);
        }
        match resumed {
            Some(_) => self.evaluated.retain(|step, _| *step <= from.step),
            None => self.evaluated.clear(),
        }
        self.part = Some(Part {
            t,
            resumed: resumed.is_some(),
            step: from.step,
            submission_ns: from.submission_ns,
            ..Part::default()
        });
    }

    /// Time goes on, and nothing comes after an end.
    fn follow(&mut self, number: usize, line: &Line) {
        // A program that did not build has an end, and nothing before it.
        let Some(part) = &mut self.part else { return };
        let (was, over) = (part.t, part.over);
        part.t = line.t;
        if line.t < was {
            self.fault(number, format!("`t` falls from {was} to {}", line.t));
        }
        if over {
            self.fault(number, "stands after `ended`".to_owned());
        }
    }

    /// What `init` took beyond what is free is submission time, where a trial begins and not where it goes on.
    fn charge(&mut self, number: usize, init_ns: u64, charged_ns: u64) {
        let part = self.part.get_or_insert_default();
        let free = match part.resumed {
            true => u64::MAX,
            false => u64::try_from(FREE_INIT.as_nanos()).unwrap_or(u64::MAX),
        };
        let due = init_ns.saturating_sub(free);
        part.submission_ns = part.submission_ns.saturating_add(charged_ns);
        if charged_ns != due {
            let what = format!(
                "`charged-ns` is {charged_ns}, but an `init` of {init_ns} ns is charged {due} here"
            );
            self.fault(number, what);
        }
    }

    fn train(&mut self, number: usize, step: u64, interval_ns: u64, submission_ns: u64) {
        let part = self.part.get_or_insert_default();
        let before = std::mem::replace(
            part,
            Part {
                t: part.t,
                resumed: part.resumed,
                step,
                submission_ns,
                due: true,
                done: step == part.step,
                over: part.over,
            },
        );
        if before.due {
            let what = format!("step {} was trained to and never evaluated", before.step);
            self.fault(number, what);
        }
        if step < before.step || before.done {
            let what = format!("step {step} comes after step {}", before.step);
            self.fault(number, what);
        }
        if interval_ns == 0 {
            self.fault(number, "`interval-ns` is 0".to_owned());
        }
        let sum = before.submission_ns.checked_add(interval_ns);
        if sum != Some(submission_ns) {
            let what = format!(
                "`submission-ns` is {submission_ns}, but {} and an interval of {interval_ns} make another sum",
                before.submission_ns
            );
            self.fault(number, what);
        }
    }

    fn evaluate(&mut self, number: usize, step: u64, submission_ns: u64) {
        let part = self.part.get_or_insert_default();
        let (due, trained) = (
            std::mem::take(&mut part.due),
            (part.step, part.submission_ns),
        );
        self.evaluated.insert(step, submission_ns);
        if !due {
            let what = format!("evaluates step {step}, and nothing was trained since the last");
            self.fault(number, what);
        } else if trained != (step, submission_ns) {
            let what = format!(
                "evaluates step {step} at {submission_ns} ns, but training came to step {} at {} ns",
                trained.0, trained.1
            );
            self.fault(number, what);
        }
    }

    /// What is NaN or infinitely bad is a divergence, which happens; what is better than the best never does.
    fn measure(&mut self, number: usize, metrics: &BTreeMap<SplitName, Metrics>) {
        let run = self.run;
        for (split, values) in metrics {
            for metric in &run.workload.metrics {
                let (smallest, largest) = (metric.smallest(), metric.largest());
                let name = metric.name();
                let value = values.get(name).map_or(f64::NAN, |value| value.0);
                if !value.is_nan() && !(smallest..=largest).contains(&value) {
                    let split = split.name();
                    let what =
                        format!("{split} {name} is {value}, outside of {smallest} .. {largest}");
                    self.fault(number, what);
                }
            }
        }
    }

    fn end(&mut self, number: usize, outcome: &Outcome, phases: &Phases) {
        if let Some(part) = &mut self.part {
            part.over = true;
        }
        if phases.parts() != Some(phases.wall_ns) {
            let what = format!("the phases do not sum to `wall-ns`, {}", phases.wall_ns);
            self.fault(number, what);
        }
        self.ended = Some((number, outcome.clone()));
    }

    /// The last line is the end that `run.json` tells of.
    fn finish(&mut self, outcome: &Outcome) {
        // Where the record itself failed, its end could not be written.
        if matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Record) {
            return;
        }
        match self.ended.take() {
            Some((_, ended)) if ended == *outcome => {}
            Some((number, ended)) => {
                let what = format!(
                    "`ended` says {}, but run.json says {}",
                    ended.name(),
                    outcome.name()
                );
                self.fault(number, what);
            }
            None => self.faults.push(Fault {
                file: EVENTS_FILE,
                line: None,
                what: format!(
                    "run.json says {}, but the last line is no `ended`",
                    outcome.name()
                ),
            }),
        }
    }
}

/// What `run.json` says of the lines as bytes.
pub(crate) fn of_digest(text: &str, record: &RunRecord, events: &str) -> Option<Fault> {
    let found = blake3::hash(events.as_bytes()).to_hex();
    let what = match &record.events_digest {
        Some(said) if *said == *found => return None,
        Some(said) => {
            format!("`events-digest` is {said:.12}, but {EVENTS_FILE} has {found:.12}")
        }
        // Of before there was one, or not over.
        None if record.is_older() || record.outcome.is_none() => return None,
        None => "is over, and has no `events-digest`".to_owned(),
    };
    Some(Fault {
        file: RUN_FILE,
        line: line_of(text, "events-digest"),
        what,
    })
}
