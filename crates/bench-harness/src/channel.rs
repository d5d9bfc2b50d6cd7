//! From a program's standard output to [`Arrival`]s: a thread that reads, stamps and forwards, and does nothing else.
//!
//! The stamp of `eval-due` ends an interval of submission time, so it is taken before the line is parsed or looked at.
//! A reader that did more could also let a 64 KiB pipe fill up, which would block the worker on the clock.

use bench_core::protocol::Message;
use bench_core::run::PROTOCOL;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Instant;

/// Longest line of the protocol, in bytes.
pub const MAX_LINE: usize = 1 << 20;
/// Lines that may wait for the referee before the program that writes them is held up.
pub const BACKLOG: usize = 1024;

/// Whose output it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The submission's program.
    Worker,
    /// The program that scores snapshots.
    Evaluator,
}

impl Source {
    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Source::Worker => "worker",
            Source::Evaluator => "evaluator",
        }
    }
}

/// One line, or the end.
#[derive(Debug)]
pub struct Arrival {
    /// Whose.
    pub source: Source,
    /// When its last byte was read.
    pub at: Instant,
    /// What.
    pub text: Text,
}

/// What a reader thread read.
#[derive(Debug)]
pub enum Text {
    /// A line without its newline.
    Line(Vec<u8>),
    /// The output ended in the middle of a line.
    Torn(Vec<u8>),
    /// A line longer than [`MAX_LINE`]; nothing is read after it.
    Oversized,
    /// The output ended.
    Closed,
}

/// A line that is no message of this protocol.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Not JSON, or not of the right shape.
    #[error("not a message: `{excerpt}` ({cause})")]
    Garbage {
        /// Its beginning.
        excerpt: String,
        /// What the parser says.
        cause: serde_json::Error,
    },
    /// Another version.
    #[error(
        "speaks version {found} of the protocol, this bench speaks {PROTOCOL}: program and bench must be of one revision"
    )]
    Version {
        /// Theirs.
        found: u32,
    },
    /// Cut off.
    #[error("the output ended in the middle of a line: `{excerpt}`")]
    Torn {
        /// Its beginning.
        excerpt: String,
    },
    /// Too long.
    #[error("a line longer than {MAX_LINE} bytes")]
    Oversized,
}

/// Forwards `output` line by line until it ends or nobody listens any more.
///
/// # Errors
/// When the thread cannot be started.
pub fn listen(
    source: Source,
    output: impl Read + Send + 'static,
    arrivals: SyncSender<Arrival>,
) -> std::io::Result<()> {
    thread::Builder::new()
        .name(format!("{} output", source.name()))
        .spawn(move || forward(source, BufReader::new(output), &arrivals))
        .map(drop)
}

fn forward(source: Source, mut output: impl BufRead, arrivals: &SyncSender<Arrival>) {
    loop {
        let text = next_text(&mut output);
        let at = Instant::now();
        let last = !matches!(text, Text::Line(_));
        let torn = matches!(text, Text::Torn(_));
        if arrivals.send(Arrival { source, at, text }).is_err() {
            return;
        }
        if torn {
            // Nobody listening any more is no matter here: this is the end either way.
            let _ = arrivals.send(Arrival {
                source,
                at,
                text: Text::Closed,
            });
        }
        if last {
            return;
        }
    }
}

fn next_text(output: &mut impl BufRead) -> Text {
    let mut line = Vec::new();
    let limit = MAX_LINE as u64 + 1;
    // A pipe that fails to read is over, like one that ended.
    let _ = output.by_ref().take(limit).read_until(b'\n', &mut line);
    match line.pop() {
        None => Text::Closed,
        Some(b'\n') => Text::Line(line),
        Some(_) if line.len() >= MAX_LINE => Text::Oversized,
        Some(byte) => {
            line.push(byte);
            Text::Torn(line)
        }
    }
}

/// The message in a line.
///
/// # Errors
/// When it is none of this protocol's version.
pub fn parse(line: &[u8]) -> Result<Message, ProtocolError> {
    /// The one field that every version has.
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let version = serde_json::from_slice::<Version>(line);
    if let Ok(Version { v: found }) = version
        && found != PROTOCOL
    {
        return Err(ProtocolError::Version { found });
    }
    serde_json::from_slice(line).map_err(|cause| ProtocolError::Garbage {
        excerpt: excerpt(line),
        cause,
    })
}

/// The beginning of what somebody wrote, fit for a message.
pub fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if shown.len() < bytes.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::sync::mpsc::sync_channel;

    fn texts(output: &[u8]) -> Vec<String> {
        let (sender, receiver) = sync_channel(BACKLOG);
        forward(Source::Worker, Cursor::new(output.to_vec()), &sender);
        drop(sender);
        receiver
            .iter()
            .map(|arrival| match arrival.text {
                Text::Line(line) => format!("line {}", excerpt(&line)),
                Text::Torn(line) => format!("torn {}", excerpt(&line)),
                Text::Oversized => "oversized".to_owned(),
                Text::Closed => "closed".to_owned(),
            })
            .collect()
    }

    #[test]
    fn every_way_an_output_can_end_is_told() {
        assert_eq!(texts(b""), ["closed"]);
        assert_eq!(texts(b"a\n\nb\n"), ["line a", "line ", "line b", "closed"]);
        assert_eq!(texts(b"a\nhal"), ["line a", "torn hal", "closed"]);
        let mut long = vec![b'x'; MAX_LINE];
        assert_eq!(texts(&long).last().map(String::as_str), Some("closed"));
        long.extend_from_slice(b"xx\n");
        assert_eq!(texts(&long), ["oversized"]);
    }

    #[test]
    fn bad_lines_are_errors_that_say_what_came() {
        let said = |line: &[u8]| parse(line).unwrap_err().to_string();
        assert!(said(b"Epoch 1: loss 0.3").starts_with("not a message: `Epoch 1: loss 0.3` ("));
        assert!(said(b"\xff\x00{").starts_with("not a message: `\u{fffd}\u{fffd}{` ("));
        assert!(said(br#"{"v":2,"event":"eval-due"}"#).contains("missing field"));
        // Of another version, all else may be different: that is told first.
        for (line, version) in [
            (&br#"{"v":1,"event":"ready"}"#[..], 1),
            (br#"{"v":7,"news":true}"#, 7),
        ] {
            let start =
                format!("speaks version {version} of the protocol, this bench speaks {PROTOCOL}");
            assert!(said(line).starts_with(&start), "{}", said(line));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_output_is_too_strange(output: Vec<u8>) {
            for line in output.split(|&byte| byte == b'\n') {
                let _ = parse(line);
                let _ = excerpt(line);
            }
            let ends = texts(&output);
            proptest::prop_assert_eq!(ends.last().map(String::as_str), Some("closed"));
        }
    }

    #[test]
    fn an_unknown_event_is_kept() {
        let message = parse(br#"{"v":2,"event":"dreamt","of":"sheep"}"#).unwrap();
        assert_eq!(message.event, bench_core::protocol::Event::Unknown);
    }
}
