//! Progress on a terminal: one bar, and a line above it for each thing that ended.

use super::View;
use super::estimate::Estimate;
use super::lines::Words;
use super::note::{Note, Planned};
use bench_core::number::Measured;
use bench_core::record::TrialEvent;
use bench_core::run::SplitName;
use bench_report::units;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Instant;

/// Parts of a bar: enough for a smooth one.
const PARTS: u64 = 1000;
/// Redraws a second, whatever comes in.
const HERTZ: u8 = 2;

/// The bar and what it shows.
pub(super) struct Bars {
    bar: ProgressBar,
    words: Words,
    began: Instant,
    estimate: Estimate,
    /// Set-up or data work with a known size: bytes of all.
    size: Option<u64>,
    trial: Option<Running>,
}

/// The trial that runs.
struct Running {
    index: usize,
    step: u64,
    seconds: f64,
    metric: Option<f64>,
}

impl Bars {
    pub(super) fn new() -> Bars {
        let target = ProgressDrawTarget::stderr_with_hz(HERTZ);
        Bars {
            bar: ProgressBar::with_draw_target(Some(PARTS), target).with_style(spinner()),
            words: Words::default(),
            began: Instant::now(),
            estimate: Estimate::default(),
            size: None,
            trial: None,
        }
    }

    /// Work without a known end.
    fn spin(&self, message: String) {
        self.bar.set_style(spinner());
        self.bar.set_message(message);
    }

    /// A part of a build, which has a known end once cargo has counted.
    fn compile(&self, message: String, done: Option<usize>, of: Option<usize>) {
        let (Some(done), Some(of)) = (done, of) else {
            return self.spin(message);
        };
        self.bar.set_style(bar());
        self.bar.set_prefix("building".to_owned());
        self.bar
            .set_position(done as u64 * PARTS / of.max(1) as u64);
        self.bar.set_message(message);
    }

    fn begin(&mut self, what: &str, bytes: Option<u64>) {
        self.size = bytes;
        match bytes {
            Some(bytes) => {
                self.bar.set_style(bar());
                self.bar.set_position(0);
                self.bar.set_prefix(what.to_owned());
                self.bar
                    .set_message(format!("0 B of {}", units::bytes(bytes)));
            }
            None => self.spin(what.to_owned()),
        }
    }

    fn advance(&self, bytes: u64) {
        let Some(size) = self.size.filter(|&size| size > 0) else {
            return;
        };
        self.bar.set_position(bytes.saturating_mul(PARTS) / size);
        let message = format!("{} of {}", units::bytes(bytes), units::bytes(size));
        self.bar.set_message(message);
    }

    fn start(&mut self, running: Running) {
        self.estimate.started(self.began.elapsed());
        let all = self.words.trials();
        if let Some(trial) = all.get(running.index) {
            let place = format!(" ({} of {})", running.index + 1, all.len());
            let place = if all.len() > 1 { place } else { String::new() };
            self.bar.set_style(bar());
            self.bar.set_position(0);
            self.bar.set_prefix(trial.title() + &place);
        }
        self.trial = Some(running);
    }

    fn record(&mut self, event: &TrialEvent) {
        let Some(running) = &mut self.trial else {
            return;
        };
        match event {
            TrialEvent::Trained {
                step,
                submission_ns,
                ..
            } => {
                running.step = *step;
                running.seconds = *submission_ns as f64 / 1e9;
            }
            TrialEvent::Evaluated { metrics, .. } => {
                let metric = self
                    .words
                    .trials()
                    .get(running.index)
                    .map(|trial| trial.metric);
                let validation = metrics.get(&SplitName::Validation);
                let value = validation
                    .zip(metric)
                    .and_then(|(values, name)| values.get(name));
                running.metric = value.map(|&Measured(value)| value);
            }
            _ => {}
        }
    }

    fn draw_trial(&self, running: &Running, trial: &Planned) {
        let by_time = running.seconds / trial.budget_seconds;
        let by_steps = running.step as f64 / trial.budget_steps.max(1) as f64;
        let share = by_time.max(by_steps).clamp(0.0, 1.0);
        self.bar.set_position((share * PARTS as f64) as u64);
        let mut parts = vec![
            format!(
                "{} of {}",
                units::seconds(running.seconds),
                units::roughly(trial.budget_seconds)
            ),
            format!("step {}", units::count(running.step)),
        ];
        if let Some(value) = running.metric {
            let value = units::significant(value);
            parts.push(format!("{} {value}{}", trial.metric, trial.goal()));
        }
        if let Some(left) = self.estimate.left(self.began.elapsed(), share) {
            parts.push(format!(
                "at most {} left",
                units::roughly(left.as_secs_f64())
            ));
        }
        self.bar.set_message(parts.join(", "));
    }
}

impl View for Bars {
    fn show(&mut self, note: &Note) {
        let words = self.words.of(note);
        match note {
            Note::Began { what, bytes } => self.begin(what, *bytes),
            Note::Advanced { bytes } => self.advance(*bytes),
            Note::Ended => self.spin(String::new()),
            Note::Waited { .. } | Note::Building { .. } => self.spin(words.unwrap_or_default()),
            Note::Compiling { done, of, .. } => self.compile(words.unwrap_or_default(), *done, *of),
            Note::TrialStarted {
                index,
                step,
                submission_seconds,
                ..
            } => self.start(Running {
                index: *index,
                step: *step,
                seconds: *submission_seconds,
                metric: None,
            }),
            Note::Stepped {
                step,
                submission_seconds,
                ..
            } => {
                if let Some(running) = &mut self.trial {
                    (running.step, running.seconds) = (*step, *submission_seconds);
                }
            }
            Note::Recorded { line, .. } => {
                self.record(line);
                if let (TrialEvent::Warned { .. }, Some(words)) = (line, words) {
                    self.bar.println(words);
                }
            }
            Note::TrialEnded { .. } => {
                self.trial = None;
                self.estimate.ended(self.began.elapsed());
                self.spin(String::new());
                self.bar.println(words.unwrap_or_default());
            }
            Note::Planned { trials } => {
                let runs = trials.iter().filter(|trial| trial.runs()).count();
                self.estimate
                    .planned(u32::try_from(runs).unwrap_or(u32::MAX));
                words.into_iter().for_each(|words| self.bar.println(words));
            }
            Note::Noted { .. }
            | Note::Built { .. }
            | Note::BuildFailed { .. }
            | Note::TrialSkipped { .. } => {
                words.into_iter().for_each(|words| self.bar.println(words))
            }
        }
    }

    fn redraw(&mut self) {
        let trials = self.words.trials();
        match self
            .trial
            .as_ref()
            .and_then(|running| Some((running, trials.get(running.index)?)))
        {
            Some((running, trial)) => self.draw_trial(running, trial),
            None => self.bar.tick(),
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn bar() -> ProgressStyle {
    style("{prefix}\n  {bar:24} {wide_msg}")
}

fn spinner() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

/// Both templates are constants that the tests draw, so the fallback is never seen.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
