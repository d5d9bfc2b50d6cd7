//! Cargo at work: its artifacts, its progress, and its errors, whole and in one line.

use super::packages::Target;
use super::{BuildProgress, Listener, ProgramError};
use crate::interrupt::Interrupts;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often a silent build is asked whether it should stop.
const LOOK: Duration = Duration::from_millis(100);
/// Rustc's own reports, in its colours, in lines that programs read.
const FORMAT: &str = "json-diagnostic-rendered-ansi";

/// A line of [`FORMAT`].
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        executable: Option<PathBuf>,
        target: Target,
        #[serde(default)]
        filenames: Vec<PathBuf>,
    },
    #[serde(rename = "compiler-message")]
    Diagnosed { message: Diagnostic },
    #[serde(other)]
    Other,
}

/// One of rustc's, as its own report says it and taken apart.
#[derive(Debug, Deserialize)]
struct Diagnostic {
    message: String,
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    column_start: usize,
    is_primary: bool,
}

impl Diagnostic {
    /// Rustc ends with a count of its errors, which is none.
    fn is_error(&self) -> bool {
        self.level.starts_with("error") && !self.message.starts_with("aborting due to")
    }

    /// "mismatched types, at src/lib.rs:3:5".
    fn line(&self) -> String {
        match self.spans.iter().find(|span| span.is_primary) {
            Some(span) => format!(
                "{}, at {}:{}:{}",
                self.message, span.file_name, span.line_start, span.column_start
            ),
            None => self.message.clone(),
        }
    }
}

/// A line of cargo's, from one of its two outputs.
enum Said {
    Message(String),
    Text(String),
}

/// What came of one run of cargo.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) success: bool,
    pub(super) executables: BTreeMap<String, PathBuf>,
    /// All that was made, or was there.
    pub(super) files: Vec<PathBuf>,
    /// Rustc's reports, in its colours, and what cargo says besides.
    text: String,
    /// The compiler's errors, a line each.
    errors: Vec<String>,
    /// Crates done and crates in all, by cargo's own count.
    count: Option<(usize, usize)>,
}

/// Runs cargo in a process group of its own, so that an interrupt ends the compilers too.
pub(super) fn run(
    mut command: std::process::Command,
    interrupts: &Interrupts,
    listener: &mut Listener<'_>,
) -> Result<Built, ProgramError> {
    let mut cargo = command
        .args(["--message-format", FORMAT])
        // Cargo counts for a terminal only, as wide as that is.
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(no_cargo)?;
    let group = Pid::from_child(&cargo);
    let (sender, said) = channel();
    follow(cargo.stdout.take(), Said::Message, sender.clone())?;
    follow(cargo.stderr.take(), Said::Text, sender)?;
    let mut built = Built::default();
    loop {
        match said.recv_timeout(LOOK) {
            Ok(Said::Message(line)) => built.note_message(&line),
            Ok(Said::Text(line)) => built.note_text(&line, listener),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if interrupts.requested() {
            let _ = kill_process_group(group, Signal::TERM);
            let _ = cargo.wait();
            return Err(ProgramError::Interrupted);
        }
    }
    built.success = cargo.wait().map_err(no_cargo)?.success();
    Ok(built)
}

impl Built {
    fn note_message(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact {
                executable,
                target,
                filenames,
            }) => {
                self.files.extend(filenames);
                self.executables
                    .extend(executable.map(|executable| (target.name, executable)));
            }
            Ok(Message::Diagnosed { message }) => {
                self.text
                    .push_str(message.rendered.as_deref().unwrap_or_default());
                if message.is_error() {
                    self.errors.push(message.line());
                }
            }
            _ => {}
        }
    }

    /// `   Compiling lion v0.1.0 (…)` and `    Building [=>   ] 3/12: lion` are progress, all else is for the person who reads the error.
    fn note_text(&mut self, line: &str, listener: &mut Listener<'_>) {
        // What cargo draws over again stands before a carriage return.
        for part in line.split('\r').filter(|part| !part.trim().is_empty()) {
            let part = part.trim_end();
            match part.trim_start().split_once(' ') {
                Some(("Compiling" | "Documenting", krate)) => listener(BuildProgress::Compiling {
                    krate,
                    count: self.count,
                }),
                Some(("Blocking", lock)) => {
                    let lock = lock.trim_start_matches("waiting for ");
                    listener(BuildProgress::Noted(&format!(
                        "waiting for another cargo: {lock}"
                    )));
                }
                Some(("Building", bar)) => self.count = count(bar).or(self.count),
                _ => {
                    self.text.push_str(part);
                    self.text.push('\n');
                }
            }
        }
    }

    /// Why there is no program.
    pub(super) fn error(self, submission: &str) -> ProgramError {
        let Some(first) = self.errors.first() else {
            return cargo_error(submission, self.text);
        };
        let more = match self.errors.len() {
            1 => String::new(),
            2 => "; and 1 more error".to_owned(),
            n => format!("; and {} more errors", n - 1),
        };
        ProgramError::Compile {
            submission: submission.to_owned(),
            first: first.clone() + &more,
            diagnostics: self.text,
        }
    }
}

/// `[=>   ] 3/12: lion` as 3 and 12.
fn count(bar: &str) -> Option<(usize, usize)> {
    let (_, rest) = bar.split_once("] ")?;
    let (done, all) = rest.split(':').next()?.trim().split_once('/')?;
    Some((done.parse().ok()?, all.parse().ok()?))
}

fn follow(
    output: Option<impl Read + Send + 'static>,
    wrap: fn(String) -> Said,
    sender: Sender<Said>,
) -> Result<(), ProgramError> {
    let Some(output) = output else { return Ok(()) };
    thread::Builder::new()
        .name("cargo output".to_owned())
        .spawn(move || {
            let lines = BufReader::new(output).split(b'\n').map_while(Result::ok);
            let lines = lines.map(|line| wrap(String::from_utf8_lossy(&line).into_owned()));
            // Nobody listens any more once the build was interrupted.
            let _ = { lines }.try_for_each(|said| sender.send(said));
        })
        .map(drop)
        .map_err(no_cargo)
}

pub(super) fn cargo_error(submission: &str, text: String) -> ProgramError {
    ProgramError::Cargo {
        submission: submission.to_owned(),
        first: reason(&text),
        diagnostics: text,
    }
}

/// What stopped cargo in one line, and what to do about the two mistakes that authors outside of the workspace meet.
fn reason(text: &str) -> String {
    let first = first_error(text);
    // Cargo puts the reason below everything that it was doing when it met it.
    let innermost = text
        .rsplit_once("Caused by:")
        .map_or("", |(_, below)| below);
    let mut lines = innermost.lines().map(str::trim);
    let innermost = lines.find(|line| !line.is_empty());
    let innermost = innermost.map(|line| with_list(line, lines));
    let reason = innermost.map_or(first.clone(), |cause| format!("{first}: {cause}"));
    match () {
        () if text.contains("failed to find a workspace root") => format!(
            "{first}, which belongs to a workspace: `bench new PATH --from NAME` makes a copy that stands alone"
        ),
        () if text.contains("--locked was passed") => {
            format!("{first}: {} brings it up to date", update(&first))
        }
        () => reason,
    }
}

/// The command that lets a lock file follow its manifests. Cargo names the file, beside which the workspace's manifest lies.
fn update(error: &str) -> String {
    const COMMAND: &str = "cargo update --workspace";
    let path = error.split_once("lock file ").map(|(_, rest)| rest);
    let folder = path.and_then(|path| path.split_once("/Cargo.lock"));
    match folder {
        Some((folder, _)) => format!("`{COMMAND} --manifest-path '{folder}/Cargo.toml'`"),
        None => format!("`{COMMAND}`"),
    }
}

/// The first line that is an error, with what it announces.
fn first_error(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let Some(error) = lines.find(|line| line.starts_with("error")) else {
        return "it gave no reason".to_owned();
    };
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    with_list(message, lines)
}

/// A report without the colours of a terminal.
pub(super) fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A sequence ends with its first letter.
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        plain.push_str(end.and_then(|end| part.get(end + 1..)).unwrap_or_default());
    }
    plain
}

/// A line that announces what stands below it, and that.
fn with_list<'a>(line: &str, below: impl Iterator<Item = &'a str>) -> String {
    let is_item = |item: &&str| line.ends_with(':') && !item.is_empty();
    let items: Vec<&str> = below.take_while(is_item).collect();
    format!("{line} {}", items.join(", ")).trim_end().to_owned()
}

/// The files of packages on this disk that a program was compiled from, as cargo notes them beside it: `program: file file`, a space in a name escaped.
/// Nothing where it notes nothing.
pub(super) fn compiled_from(program: &Path) -> Vec<PathBuf> {
    let notes = fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let files = notes
        .split_once(": ")
        .map_or("", |(_, files)| files.trim_end());
    let files = files.replace("\\ ", "\0");
    let files = files.split(' ').filter(|file| !file.is_empty());
    let files = files.map(|file| PathBuf::from(file.replace('\0', " ")));
    // A configuration may have them noted relative to a folder that is not told.
    files.filter(|file| file.is_absolute()).collect()
}

pub(super) fn no_cargo(cause: io::Error) -> ProgramError {
    ProgramError::Io {
        what: "cannot run cargo".to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(messages: &[serde_json::Value], text: &str) -> (Built, Vec<String>) {
        let mut built = Built::default();
        let mut said = Vec::new();
        for message in messages {
            built.note_message(&message.to_string());
        }
        for line in text.lines() {
            built.note_text(line, &mut |progress| said.push(format!("{progress:?}")));
        }
        (built, said)
    }

    fn message(level: &str, message: &str, line: Option<usize>) -> serde_json::Value {
        let span = |line| serde_json::json!({"file_name": "src/lib.rs", "line_start": line, "column_start": 5, "is_primary": true});
        serde_json::json!({"reason": "compiler-message", "message": {
            "level": level,
            "message": message,
            "rendered": format!("\u{1b}[1m{level}\u{1b}[0m: {message}\n"),
            "spans": line.map(span).into_iter().collect::<Vec<_>>(),
        }})
    }

    #[test]
    fn what_a_program_was_compiled_from_is_read_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("lion");
        assert_eq!(compiled_from(&program), [""; 0].map(PathBuf::from));
        fs::write(
            folder.path().join("lion.d"),
            "/t/lion: /a/src/lib.rs /my\\ own/main.rs\n",
        )
        .unwrap();
        let files = ["/a/src/lib.rs", "/my own/main.rs"].map(PathBuf::from);
        assert_eq!(compiled_from(&program), files);
    }

    #[test]
    fn all_errors_are_shown_and_the_first_is_told_in_one_line() {
        let mut messages = vec![
            message("warning", "unused", Some(1)),
            message("error", "mismatched types", Some(3)),
            message("error", "aborting due to 1 previous error", None),
        ];
        let text = "error: could not compile `lion` (lib) due to 1 previous error\n";
        let told = |messages: &[_]| built(messages, text).0.error("lion");
        assert_eq!(
            told(&messages).to_string(),
            "submission `lion` does not compile: mismatched types, at src/lib.rs:3:5"
        );
        messages.push(message("error", "use of moved value: `v`", Some(7)));
        let error = told(&messages);
        assert!(
            error.to_string().ends_with("lib.rs:3:5; and 1 more error"),
            "{error}"
        );
        assert_eq!(
            error.diagnostics(),
            "warning: unused\nerror: mismatched types\nerror: aborting due to 1 previous error\nerror: use of moved value: `v`\nerror: could not compile `lion` (lib) due to 1 previous error\n"
        );
        assert!(error.coloured().contains("\u{1b}[1merror\u{1b}[0m: use"));
        messages.push(message("error", "another", Some(9)));
        let error = told(&messages);
        assert!(
            error.to_string().ends_with("; and 2 more errors"),
            "{error}"
        );
    }

    #[test]
    fn what_cargo_says_of_its_progress() {
        let text = "   Compiling tch v0.24.0\n    Building [=>    ] 3/12: torch-sys, lion  \r    Building [==>    ] 7/12: lion  \r\n   Compiling lion v0.1.0 (/x)\n    Blocking waiting for file lock on build directory\n";
        let (built, said) = built(&[], text);
        assert_eq!(
            said,
            [
                "Compiling { krate: \"tch v0.24.0\", count: None }",
                "Compiling { krate: \"lion v0.1.0 (/x)\", count: Some((7, 12)) }",
                "Noted(\"waiting for another cargo: file lock on build directory\")",
            ]
        );
        assert_eq!(built.text, "");
    }

    #[test]
    fn what_stops_cargo_is_told_in_one_line() {
        let told = |text: &str| cargo_error("lion", text.to_owned()).to_string();
        let copied = told(
            "error: failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n  error inheriting `edition` from workspace root manifest's `workspace.package.edition`\n\nCaused by:\n  failed to find a workspace root\n",
        );
        assert!(copied.contains("`bench new PATH --from NAME`"), "{copied}");
        let stale = "error: cannot update the lock file /x y/Cargo.lock because --locked was passed to prevent this\n";
        let stale = told(stale);
        assert!(
            stale.ends_with(
                "`cargo update --workspace --manifest-path '/x y/Cargo.toml'` brings it up to date"
            ),
            "{stale}"
        );
        assert_eq!(
            told(
                "error: multiple workspace roots found in the same workspace:\n  /x/a\n  /x\n\nnote: x\n"
            ),
            "cargo cannot build submission `lion`: multiple workspace roots found in the same workspace: /x/a, /x"
        );
        assert_eq!(
            told(
                "error: failed to load `x`\n\nCaused by:\n  failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n  no name\n"
            ),
            "cargo cannot build submission `lion`: failed to load `x`: no name"
        );
    }
}
