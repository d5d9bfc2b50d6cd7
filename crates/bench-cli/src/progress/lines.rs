//! Progress for logs and programs: a line a note.

use super::View;
use super::note::{Note, Planned};
use bench_core::number::Measured;
use bench_core::record::TrialEvent;
use bench_core::run::SplitName;
use bench_harness::recorder::now;
use bench_report::{units, visible};
use bench_score::TrialSummary;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// Shows nothing.
pub(super) struct Nothing;

impl View for Nothing {
    fn show(&mut self, _: &Note) {}
}

/// One JSON line a note, on standard output.
pub(super) struct Json;

impl View for Json {
    fn show(&mut self, note: &Note) {
        if let Ok(line) = serde_json::to_string(note) {
            // Who stops reading does not stop the run.
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }
}

/// How often a log is told how far a build is.
const EVERY: Duration = Duration::from_secs(5);

/// One line with a timestamp for what matters, on standard error.
pub(super) struct Lines {
    words: Words,
    /// When a crate was last told of.
    compiled: Option<Instant>,
}

impl Lines {
    pub(super) fn new() -> Lines {
        Lines {
            words: Words::default(),
            compiled: None,
        }
    }

    /// Whether a log needs no line of it: a build passes through hundreds of crates.
    fn is_too_often(&mut self, note: &Note) -> bool {
        if !matches!(note, Note::Compiling { .. }) {
            return false;
        }
        let often = self.compiled.is_some_and(|last| last.elapsed() < EVERY);
        if !often {
            self.compiled = Some(Instant::now());
        }
        often
    }
}

impl View for Lines {
    fn show(&mut self, note: &Note) {
        if self.is_too_often(note) {
            return;
        }
        if let Some(words) = self.words.of(note) {
            let now = now();
            // To the second: `2026-01-01T12:00:00Z`.
            let now = now.get(..19).unwrap_or(&now);
            let mut out = io::stderr().lock();
            for line in words.lines() {
                let _ = writeln!(out, "{now}Z  {line}");
            }
        }
    }
}

/// Notes in words. Those that come many times a second have none.
#[derive(Default)]
pub(super) struct Words {
    trials: Vec<Planned>,
}

impl Words {
    /// One or more lines, which steer no terminal; but rustc has its colours.
    pub(super) fn of(&mut self, note: &Note) -> Option<String> {
        let words = self.raw(note)?;
        match note {
            Note::BuildFailed { .. } => Some(words),
            _ => Some(visible::lines(&words).into_owned()),
        }
    }

    fn raw(&mut self, note: &Note) -> Option<String> {
        Some(match note {
            Note::Waited { behind } => format!("waiting for {behind}"),
            Note::Began { what, bytes } => match bytes {
                Some(bytes) => format!("{what} ({})", units::bytes(*bytes)),
                None => what.clone(),
            },
            Note::Noted { message } => message.clone(),
            Note::Planned { trials } => {
                self.trials.clone_from(trials);
                return plan(trials);
            }
            Note::Building { submission } => format!("building {submission}"),
            Note::Compiling {
                crate_name,
                done,
                of,
            } => {
                // Without the path, which cargo tells of crates that lie here.
                let named = crate_name.split(" (").next().unwrap_or(crate_name);
                match (done, of) {
                    (Some(done), Some(of)) => format!("compiling {named}, {done} of {of} done"),
                    _ => format!("compiling {named}"),
                }
            }
            Note::Built {
                submission,
                seconds,
            } if *seconds >= 1.0 => {
                format!("built {submission} in {}", units::roughly(*seconds))
            }
            Note::BuildFailed {
                message,
                diagnostics,
                coloured,
                ..
            } => {
                let shown = match console::colors_enabled_stderr() {
                    true => coloured,
                    false => diagnostics,
                };
                format!("{shown}\n{message}").trim().to_owned()
            }
            Note::TrialStarted { index, step, .. } => {
                let title = self.trials.get(*index)?.title();
                match step {
                    0 => format!("{title}: started"),
                    step => format!("{title}: goes on from step {}", units::count(*step)),
                }
            }
            Note::Recorded { index, line } => recorded(self.trials.get(*index)?, line)?,
            Note::TrialEnded { index, summary, .. } => ended(self.trials.get(*index)?, summary),
            Note::TrialSkipped { index, summary, .. } => {
                skipped(self.trials.get(*index)?, summary)?
            }
            Note::Advanced { .. } | Note::Ended | Note::Built { .. } | Note::Stepped { .. } => {
                return None;
            }
        })
    }

    pub(super) fn trials(&self) -> &[Planned] {
        &self.trials
    }
}

/// `12 trials: 3 finished, 1 goes on, 8 to run`; nothing to say about a single new one.
fn plan(trials: &[Planned]) -> Option<String> {
    let count = |action: &str| trials.iter().filter(|trial| trial.action == action).count();
    let parts: Vec<String> = [
        (count("skip"), "finished"),
        (count("busy"), "run by another command"),
        (count("resume"), "to go on with"),
        (count("run"), "to run"),
    ]
    .into_iter()
    .filter(|&(n, _)| n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    (trials.len() > 1).then(|| format!("{} trials: {}", trials.len(), parts.join(", ")))
}

fn recorded(trial: &Planned, event: &TrialEvent) -> Option<String> {
    match event {
        TrialEvent::Evaluated {
            step,
            submission_ns,
            metrics,
            ..
        } => {
            let Measured(value) = *metrics.get(&SplitName::Validation)?.get(trial.metric)?;
            Some(format!(
                "{}: step {}, {} of {}, validation {} {}{}",
                trial.title(),
                units::count(*step),
                units::seconds(*submission_ns as f64 / 1e9),
                units::roughly(trial.budget_seconds),
                trial.metric,
                units::significant(value),
                trial.goal(),
            ))
        }
        TrialEvent::Warned { message } => Some(format!("{}: warning: {message}", trial.title())),
        _ => None,
    }
}

/// How a trial ended, in one line.
fn ended(trial: &Planned, summary: &TrialSummary) -> String {
    format!("{}: {}", trial.title(), outcome(summary))
}

fn outcome(summary: &TrialSummary) -> String {
    use bench_core::outcome::Outcome;
    let name = summary.outcome.as_ref().map_or("not run", Outcome::name);
    match (&summary.outcome, summary.hit()) {
        (_, Some(hit)) => format!(
            "{name} in {} and {} steps",
            units::seconds(hit.at.submission_ns as f64 / 1e9),
            units::count(hit.at.step)
        ),
        (Some(Outcome::Failed(failure)), None) => format!("{name}: {}", failure.message),
        (_, None) => format!(
            "{name} after {} and {} steps",
            units::seconds(summary.submission_seconds()),
            units::count(summary.steps)
        ),
    }
}

/// A finished trial's record is there already; of a dry run there may be nothing.
fn skipped(trial: &Planned, summary: &TrialSummary) -> Option<String> {
    match trial.action {
        "busy" => Some(format!("{}: another command runs it now", trial.title())),
        "skip" => Some(format!(
            "{}: finished before, {}",
            trial.title(),
            outcome(summary)
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::record::Line;
    use bench_core::run::RunSpec;
    use bench_harness::session::{Action, PlannedTrial};
    use bench_score::{Trial, parse_events};
    use std::path::Path;

    fn fixture(name: &str) -> (RunSpec, Vec<Line>, Trial) {
        let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs/single");
        let folder = runs.join(name);
        let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let trial = Trial::parse(&text("run.json"), &text("events.jsonl")).unwrap();
        let lines = parse_events(&text("events.jsonl")).unwrap();
        (RunSpec::clone(&trial.record.run), lines, trial)
    }

    /// What a session says that finds the first trial finished and runs the second.
    fn notes() -> Vec<Note> {
        let (first, _, finished) = fixture("adamw/blobs/study-1/trial-1-ec7ace9a944d");
        let (second, lines, trial) = fixture("heavy-ball/blobs/study-1/trial-1-002c8ed7b6ff");
        let planned = |run, action| {
            let trial = PlannedTrial {
                suite: "single".to_owned(),
                run,
                context: Default::default(),
                data: Default::default(),
                device_index: 0,
            };
            Planned::new(&trial, &action, None)
        };
        let mut notes = vec![
            Note::Waited {
                behind: "another run on this machine (process 7, `bench run adamw`, for 3m 5s)"
                    .to_owned(),
            },
            Note::Began {
                what: "downloading libtorch".to_owned(),
                bytes: Some(190 << 20),
            },
            Note::Advanced { bytes: 95 << 20 },
            Note::Ended,
            Note::Planned {
                trials: vec![
                    planned(first, Action::Skip),
                    planned(second, Action::Run { attempt: 1 }),
                ],
            },
            Note::Building {
                submission: "heavy-ball".to_owned(),
            },
            Note::Compiling {
                crate_name: "heavy-ball v0.1.0 (/x)".to_owned(),
                done: Some(3),
                of: Some(12),
            },
            Note::Built {
                submission: "heavy-ball".to_owned(),
                seconds: 12.3,
            },
            Note::TrialSkipped {
                index: 0,
                folder: None,
                summary: Box::new(finished.summary),
            },
            Note::TrialStarted {
                index: 1,
                folder: "runs".into(),
                step: 0,
                submission_seconds: 0.0,
            },
            Note::Stepped {
                index: 1,
                step: 10,
                submission_seconds: 0.1,
            },
        ];
        let recorded = lines.into_iter().map(|line| Note::Recorded {
            index: 1,
            line: line.event,
        });
        notes.extend(recorded);
        notes.push(Note::TrialEnded {
            index: 1,
            folder: None,
            summary: Box::new(trial.summary),
        });
        notes
    }

    #[test]
    fn a_log_of_a_session() {
        let mut words = Words::default();
        let lines: Vec<String> = notes().iter().filter_map(|note| words.of(note)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_bar_shows_every_note() {
        let mut bars = crate::progress::bars::Bars::new();
        for note in notes() {
            bars.show(&note);
            bars.redraw();
        }
    }

    #[test]
    fn every_note_is_a_json_object_with_its_name() {
        for note in notes() {
            let json = serde_json::to_value(&note).unwrap();
            assert!(json["note"].is_string(), "{json}");
        }
    }
}
