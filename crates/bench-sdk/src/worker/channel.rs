//! Lines to and from the referee.

use anyhow::{Context, Result};
use bench_core::protocol::{Command, Event, Message, TRIAL_VARIABLE, Task};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::fs::File;
use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Exit code when the referee is gone.
const ORPHANED: i32 = 1;

/// The way out. The real standard output is held here alone: a stray print goes to standard error.
#[derive(Clone)]
pub(crate) struct Channel {
    output: Arc<Mutex<Output>>,
}

struct Output {
    file: File,
    training: bool,
}

impl Channel {
    /// Takes standard output over, and asks the kernel to end this process with its parent, since a stopped process reads no end of input.
    pub(crate) fn open() -> Result<Channel> {
        let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)
            .context("standard output is closed")?;
        rustix::stdio::dup2_stdout(rustix::stdio::stderr()).context("standard error is closed")?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        Ok(Channel::to(File::from(output)))
    }

    fn to(file: File) -> Channel {
        Channel {
            output: Arc::new(Mutex::new(Output {
                file,
                training: false,
            })),
        }
    }

    /// Writes a line, whole. `eval-due` and `failed` end the interval.
    pub(crate) fn say(&self, event: Event) -> Result<()> {
        let mut output = self.output();
        if matches!(event, Event::EvalDue { .. } | Event::Failed { .. }) {
            output.training = false;
        }
        output.write(event)
    }

    /// Begins an interval.
    pub(crate) fn begin_training(&self) {
        self.output().training = true;
    }

    /// Writes a sign of life, unless the interval is over already.
    pub(crate) fn say_stepped(&self, step: u64) -> Result<()> {
        let mut output = self.output();
        if output.training {
            output.write(Event::Stepped { step })
        } else {
            Ok(())
        }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    fn write(&mut self, event: Event) -> Result<()> {
        let mut line = serde_json::to_vec(&Message::from(event))?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .context("the referee does not listen any more")
    }
}

/// What comes in after the task.
pub(crate) enum Input {
    /// A command.
    Command(Command),
    /// The end, before any command: nobody supervises.
    Unsupervised,
}

/// Reads the task, and hands on what follows it from a thread of its own. None where standard input is empty.
pub(crate) fn listen() -> Result<Option<(Task, Receiver<Result<Input>>)>> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("standard input cannot be read")?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    let task = line
        .parse()
        .context("the first line of standard input is no task (`bench spec show` prints one)")?;
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut commands = 0;
        for line in std::io::stdin().lock().lines() {
            commands += 1;
            if sender.send(parse(line)).is_err() {
                return;
            }
        }
        let supervised = std::env::var_os(TRIAL_VARIABLE).is_some();
        match commands {
            0 if !supervised => {
                // Nobody to die with either: `spec show … | program &` outlives its shell.
                let _ = set_parent_process_death_signal(None);
                let _ = sender.send(Ok(Input::Unsupervised));
            }
            _ => orphaned(),
        }
    });
    Ok(Some((task, receiver)))
}

fn parse(line: std::io::Result<String>) -> Result<Input> {
    let line = line.context("standard input cannot be read")?;
    let command = serde_json::from_str(&line).with_context(|| format!("`{line}` is no command"))?;
    Ok(Input::Command(command))
}

/// The referee died: whatever is going on is of no use any more.
#[expect(
    clippy::exit,
    reason = "the training thread cannot be asked to stop in the middle of a step"
)]
fn orphaned() {
    std::process::exit(ORPHANED);
}
