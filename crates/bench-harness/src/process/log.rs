//! Standard error of a program into a file of bounded size, with the last lines at hand for messages.

use crate::channel::Source;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a log may grow to, in bytes.
const MAX_LOG: u64 = 64 << 20;
const TAIL: usize = 16 << 10;
/// How long the rest of the output may take once the process is gone; longer only if a stray process holds the pipe.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// A program's standard error, being copied by a thread.
#[derive(Debug, Default)]
pub(super) struct Log {
    tail: Arc<Mutex<Vec<u8>>>,
    copier: Option<JoinHandle<()>>,
}

impl Log {
    /// Opens a log to go on at its end.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }

    /// Copies `errors` into `file` until they end.
    pub(super) fn follow(
        source: Source,
        errors: impl Read + Send + 'static,
        file: File,
    ) -> io::Result<Log> {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&tail);
        let copier = thread::Builder::new()
            .name(format!("{} errors", source.name()))
            .spawn(move || copy(errors, file, &shared))?;
        Ok(Log {
            tail,
            copier: Some(copier),
        })
    }

    /// Waits for the last bytes of a process that has ended.
    pub(super) fn finish(&mut self) {
        let deadline = Instant::now() + LAST_BYTES;
        while let Some(copier) = &self.copier
            && !copier.is_finished()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(1));
        }
        self.copier = None;
    }

    /// The end of what was written.
    pub(super) fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).into_owned()
    }
}

fn copy(mut errors: impl Read, mut file: File, tail: &Mutex<Vec<u8>>) {
    let mut written = file.metadata().map_or(0, |metadata| metadata.len());
    let mut full = written >= MAX_LOG;
    let mut buffer = vec![0; 64 << 10];
    // It is read to its end whatever becomes of the file: a full pipe would block the program.
    while let Ok(read @ 1..) = errors.read(&mut buffer) {
        let bytes = &buffer[..read];
        remember(
            &mut tail.lock().unwrap_or_else(PoisonError::into_inner),
            bytes,
        );
        if full {
            continue;
        }
        written += read as u64;
        full = file.write_all(bytes).is_err();
        if !full && written >= MAX_LOG {
            full = true;
            let _ = writeln!(
                file,
                "\n[bench: {MAX_LOG} bytes reached, the rest was dropped]"
            );
        }
    }
}

fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    tail.extend_from_slice(bytes);
    let surplus = tail.len().saturating_sub(TAIL);
    tail.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_its_end_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stderr.log");
        let flood = io::repeat(b'x').take(MAX_LOG + (1 << 20));
        let errors = flood.chain(&b"\nthe end"[..]);
        let mut log = Log::follow(Source::Worker, errors, Log::open(&path).unwrap()).unwrap();
        log.copier.take().unwrap().join().unwrap();
        assert!(log.tail().ends_with("\nthe end"));
        let size = path.metadata().unwrap().len();
        assert!((MAX_LOG..MAX_LOG + (1 << 17)).contains(&size), "{size}");
        log.finish();
    }
}
