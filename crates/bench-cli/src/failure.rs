//! Why a command ended badly, as a person reads it.

mod from;
mod snippet;

use crate::exit::Exit;
use annotate_snippets::Level;
use bench_core::spec::diagnostic::Diagnostic;
use bench_harness::program::ProgramError;
use bench_report::visible;
use console::Style;
use std::error::Error;
use std::io::{self, Write as _};

/// Why a command ended badly.
pub(crate) enum Failure {
    /// Mistakes in specs, all at once.
    Specs(Vec<Diagnostic>),
    /// Anything else.
    Error {
        exit: Exit,
        error: Box<dyn Error>,
        help: Option<String>,
    },
    /// The reader of the output went away, which is its right.
    Quiet,
}

/// A message without a library's error behind it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Message(String);

impl Failure {
    /// The user asked for something that there is not.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<Option<String>>) -> Failure {
        Failure::new(Exit::Usage, Message(message.into()), help)
    }

    /// A library's error with its exit code and what to do about it.
    pub(crate) fn new(
        exit: Exit,
        error: impl Into<Box<dyn Error>>,
        help: impl Into<Option<String>>,
    ) -> Failure {
        Failure::Error {
            exit,
            error: error.into(),
            help: help.into(),
        }
    }

    /// Standard output failed.
    pub(crate) fn output(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Quiet,
            _ => Failure::new(
                Exit::Results,
                Message(format!("cannot write the output: {error}")),
                None,
            ),
        }
    }

    /// Something that cannot happen did.
    pub(crate) fn bug(error: impl Error + 'static) -> Failure {
        Failure::new(Exit::Bug, error, crate::bug::HELP.to_owned())
    }

    /// Says it on standard error; the exit code that goes with it.
    pub(crate) fn report(self) -> Exit {
        match self {
            Failure::Quiet => Exit::Ok,
            Failure::Specs(diagnostics) => {
                say(&snippet::render(&diagnostics, &Level::ERROR));
                Exit::Usage
            }
            Failure::Error { exit, error, help } => {
                // Rustc's own report stands above the line that sums it up.
                if let Some(build) = error.downcast_ref::<ProgramError>() {
                    let report = match console::colors_enabled_stderr() {
                        true => build.coloured().to_owned(),
                        false => build.diagnostics(),
                    };
                    say(report.trim_end());
                }
                say(&chain(error.as_ref(), help.as_deref()));
                exit
            }
        }
    }
}

/// Says what is probably not meant, and goes on.
pub(crate) fn remark(remarks: &[Diagnostic]) {
    if !remarks.is_empty() {
        say(&snippet::render(remarks, &Level::WARNING));
    }
}

/// `error:`, a `cause:` for each error below it, `help:`.
fn chain(error: &dyn Error, help: Option<&str>) -> String {
    let bold = Style::new().for_stderr().bold();
    let label = |text: &str, style: Style| style.apply_to(format!("{text}:")).to_string();
    let mut said = error.to_string();
    let mut lines = vec![format!(
        "{} {}",
        label("error", bold.clone().red()),
        visible::lines(&said)
    )];
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        // Some libraries repeat the cause in their own message.
        if !said.contains(&words) {
            let label = label("cause", bold.clone());
            lines.push(format!("{label} {}", visible::lines(&words)));
        }
        said = words;
        next = cause.source();
    }
    if let Some(help) = help {
        let label = label("help", bold.cyan());
        lines.push(format!("{label} {}", visible::lines(help)));
    }
    lines.join("\n")
}

fn say(text: &str) {
    // Where the terminal is gone the exit code has to do.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
