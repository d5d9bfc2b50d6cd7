//! Fetching through the registries' ordinary clients, watched from outside.
//!
//! Their progress bars cannot be parsed; the size of the folder they write into can be read.

use crate::home::Home;
use crate::progress::{Listener, Progress};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// A download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The client is not on this machine.
    #[error("{program} is not installed")]
    Missing {
        /// Its name.
        program: String,
    },
    /// The client cannot be started or watched.
    #[error("cannot run {program}: {source}")]
    Run {
        /// Its name.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The client gave up.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// Its name.
        program: String,
        /// Its exit status.
        status: ExitStatus,
        /// Its last words.
        said: String,
    },
}

const POLL: Duration = Duration::from_millis(50);

/// Runs `command` to its end, reporting the size of `folder` as progress on `what`.
///
/// # Errors
/// When the client is missing or fails, with what it said on its standard error.
pub(crate) fn run(
    home: &Home,
    mut command: Command,
    folder: &Path,
    what: String,
    bytes: Option<u64>,
    listener: &mut Listener,
) -> Result<(), DownloadError> {
    let program = command.get_program().to_string_lossy().into_owned();
    if !program.contains('/') && home.program(&program).is_none() {
        return Err(DownloadError::Missing { program });
    }
    listener(Progress::Began { what, bytes });
    let outcome = watch(&mut command, folder, listener);
    listener(Progress::Ended);
    match outcome {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((status, said)) => Err(DownloadError::Failed {
            program,
            status,
            said,
        }),
        Err(source) => Err(DownloadError::Run { program, source }),
    }
}

fn watch(
    command: &mut Command,
    folder: &Path,
    listener: &mut Listener,
) -> std::io::Result<(ExitStatus, String)> {
    let mut words = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words.try_clone()?)
        .spawn()?;
    let mut seen = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL);
        let size = folder_size(folder);
        if size != seen {
            seen = size;
            listener(Progress::Advanced { bytes: size });
        }
    };
    Ok((status, last_words(&mut words)?))
}

/// Bytes of all files under a folder; what vanishes meanwhile counts nothing.
pub fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The end of what a client said, without the lines that say nothing.
fn last_words(file: &mut File) -> std::io::Result<String> {
    const LINES: usize = 12;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty())
        .collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}
