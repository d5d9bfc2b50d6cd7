//! What a person, a log or a program sees while a command works.
//!
//! The thread that supervises trials only sends notes; a thread of its own writes, so that a slow or stopped terminal never holds up a trial.

mod bars;
mod estimate;
mod lines;
mod note;

pub(crate) use note::Note;

use bench_harness::program::BuildProgress;
use bench_harness::progress::Progress;
use bench_harness::session::SessionEvent;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often a terminal is drawn anew.
const REDRAW: Duration = Duration::from_millis(500);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A bar on a terminal, else lines with timestamps.
    Human,
    /// Nothing.
    Quiet,
    /// One JSON line a note, on standard output.
    Json,
}

impl Style {
    /// What `--quiet` means.
    pub(crate) fn of(quiet: bool) -> Style {
        match quiet {
            true => Style::Quiet,
            false => Style::Human,
        }
    }
}

/// Draws notes, on the writing thread.
trait View {
    fn show(&mut self, note: &Note);

    /// Called every [`REDRAW`] and at the end.
    fn redraw(&mut self) {}
}

/// Sends notes to the thread that writes. Dropping it waits until all is written.
pub(crate) struct Reporter {
    notes: Option<Sender<Note>>,
    writer: Option<JoinHandle<()>>,
}

impl Reporter {
    /// Starts the writing thread. Without one nothing is shown, which harms no trial.
    pub(crate) fn start(style: Style) -> Reporter {
        let (sender, receiver) = channel();
        let writer = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || write(&receiver, view(style).as_mut()));
        Reporter {
            notes: Some(sender),
            writer: writer.ok(),
        }
    }

    /// Tells of set-up and data.
    pub(crate) fn work(&self, progress: Progress) {
        self.send(Note::from(progress));
    }

    /// Tells of a session.
    pub(crate) fn session(&self, event: SessionEvent<'_>) {
        if let Some(note) = Note::of(event) {
            self.send(note);
        }
    }

    /// Tells of a build without a session.
    pub(crate) fn build(&self, progress: BuildProgress<'_>) {
        self.send(Note::from(progress));
    }

    fn send(&self, note: Note) {
        if let Some(notes) = &self.notes {
            // The writer only goes away when it panicked, which has been reported.
            let _ = notes.send(note);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.notes = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn view(style: Style) -> Box<dyn View> {
    match style {
        Style::Quiet => Box::new(lines::Nothing),
        Style::Json => Box::new(lines::Json),
        Style::Human if console::Term::stderr().is_term() => Box::new(bars::Bars::new()),
        Style::Human => Box::new(lines::Lines::new()),
    }
}

fn write(notes: &Receiver<Note>, view: &mut dyn View) {
    loop {
        match notes.recv_timeout(REDRAW) {
            Ok(note) => view.show(&note),
            Err(RecvTimeoutError::Timeout) => view.redraw(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
