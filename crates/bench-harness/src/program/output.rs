//! Cargo at work: its artifacts, its progress, and its errors in one line.

use super::ProgramError;
use super::packages::Target;
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

/// A line of `--message-format=json-render-diagnostics`.
#[derive(Debug, Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Option<Target>,
}

/// A line of cargo's, from one of its two outputs.
enum Said {
    Artifact(String),
    Text(String),
}

/// What came of one run of cargo.
pub(super) struct Built {
    pub(super) success: bool,
    pub(super) executables: BTreeMap<String, PathBuf>,
    pub(super) text: String,
}

/// Runs cargo in a process group of its own, so that an interrupt ends the compilers too.
pub(super) fn run(
    mut command: std::process::Command,
    interrupts: &Interrupts,
    listener: &mut dyn FnMut(&str),
) -> Result<Built, ProgramError> {
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(no_cargo)?;
    let group = Pid::from_child(&cargo);
    let (sender, said) = channel();
    follow(cargo.stdout.take(), Said::Artifact, sender.clone())?;
    follow(cargo.stderr.take(), Said::Text, sender)?;
    let mut built = Built {
        success: false,
        executables: BTreeMap::new(),
        text: String::new(),
    };
    loop {
        match said.recv_timeout(LOOK) {
            Ok(Said::Artifact(line)) => built.note_artifact(&line),
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
    fn note_artifact(&mut self, line: &str) {
        if let Ok(Artifact {
            reason,
            executable: Some(executable),
            target: Some(target),
        }) = serde_json::from_str(line)
            && reason == "compiler-artifact"
        {
            self.executables.insert(target.name, executable);
        }
    }

    /// `   Compiling lion v0.1.0 (…)` is progress, all else is for the person who reads the error.
    fn note_text(&mut self, line: &str, listener: &mut dyn FnMut(&str)) {
        match line.trim_start().strip_prefix("Compiling ") {
            Some(krate) => listener(krate),
            None => {
                self.text.push_str(line);
                self.text.push('\n');
            }
        }
    }
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
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // Nobody listens any more once the build was interrupted.
            let _ = lines.map(wrap).try_for_each(|said| sender.send(said));
        })
        .map(drop)
        .map_err(no_cargo)
}

pub(super) fn build_error(submission: &str, text: String) -> ProgramError {
    match text
        .lines()
        .any(|line| line.starts_with("error: could not compile"))
    {
        true => ProgramError::Compile {
            submission: submission.to_owned(),
            first: first_error(&text),
            diagnostics: text,
        },
        false => cargo_error(submission, text),
    }
}

pub(crate) fn cargo_error(submission: &str, text: String) -> ProgramError {
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
            format!("{first}: `cargo update --workspace` in its folder brings that up to date")
        }
        () => reason,
    }
}

/// The first error with its place: "mismatched types, at src/lib.rs:3:5".
fn first_error(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let Some(error) = lines.find(|line| line.starts_with("error")) else {
        return "it gave no reason".to_owned();
    };
    let message = error.split_once(": ").map_or(error, |(_, message)| message);
    let below = lines.clone().next();
    match below.and_then(|line| line.strip_prefix("--> ")) {
        Some(place) => format!("{message}, at {place}"),
        None => with_list(message, lines),
    }
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
    files.map(|file| file.replace('\0', " ").into()).collect()
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
    fn the_first_error_is_told_in_one_line() {
        let rustc = "warning: unused\n  --> src/lib.rs:1:1\nerror[E0308]: mismatched types\n --> submissions/lion/src/lib.rs:3:5\n  |\nerror: could not compile `lion` (lib) due to 1 previous error\n";
        let error = build_error("lion", rustc.to_owned());
        assert_eq!(
            error.to_string(),
            "submission `lion` does not compile: mismatched types, at submissions/lion/src/lib.rs:3:5"
        );
        let copied = "error: failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n  error inheriting `edition` from workspace root manifest's `workspace.package.edition`\n\nCaused by:\n  failed to find a workspace root\n";
        let told = cargo_error("lion", copied.to_owned()).to_string();
        assert!(told.contains("`bench new PATH --from NAME`"), "{told}");
        let stale = "error: cannot update the lock file /x/Cargo.lock because --locked was passed to prevent this\n";
        let told = cargo_error("lion", stale.to_owned()).to_string();
        assert!(told.contains("`cargo update --workspace`"), "{told}");
        let roots = "error: multiple workspace roots found in the same workspace:\n  /x/a\n  /x\n\nnote: x\n";
        assert_eq!(
            cargo_error("lion", roots.to_owned()).to_string(),
            "cargo cannot build submission `lion`: multiple workspace roots found in the same workspace: /x/a, /x"
        );
        let cargo = "error: failed to load `x`\n\nCaused by:\n  failed to parse manifest at `/x/Cargo.toml`\n\nCaused by:\n  no name\n";
        assert_eq!(
            build_error("lion", cargo.to_owned()).to_string(),
            "cargo cannot build submission `lion`: failed to load `x`: no name"
        );
    }
}
