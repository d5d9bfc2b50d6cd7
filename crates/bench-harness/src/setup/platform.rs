//! What the machine must be and have: checked before anything is downloaded.

use super::SetupError;
use crate::home::Home;
use crate::pip::Pip;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

/// The oldest glibc that PyTorch's wheels run with.
const OLDEST: Glibc = Glibc(2, 28);

/// bench does not run here.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// Another system or processor.
    #[error("bench runs on Linux on x86-64 only, and this is {system} on {processor}")]
    Machine {
        /// As Rust names it.
        system: &'static str,
        /// As Rust names it.
        processor: &'static str,
    },
    /// Another C library.
    #[error(
        "bench needs the C library glibc {OLDEST} or newer, and none was found (Alpine and other musl systems have none)"
    )]
    NoGlibc,
    /// An old C library.
    #[error("bench needs glibc {OLDEST} or newer, and this is glibc {found}")]
    OldGlibc {
        /// What there is.
        found: Glibc,
    },
}

/// A version of the GNU C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc(pub u32, pub u32);

impl std::fmt::Display for Glibc {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A program that is not there, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTool {
    /// What it is.
    pub what: &'static str,
    /// The command that installs it on Debian and its kin.
    pub debian: &'static str,
    /// The command that installs it on Fedora and its kin.
    pub fedora: &'static str,
}

/// Builds submissions.
pub const CARGO: MissingTool = MissingTool {
    what: "cargo, Rust's build program",
    debian: "apt install rustup",
    fedora: "dnf install rustup",
};
/// Builds the binding of libtorch.
pub const COMPILER: MissingTool = MissingTool {
    what: "a C++ compiler (`c++`, or what CXX names)",
    debian: "apt install g++",
    fedora: "dnf install gcc-c++",
};
/// Fetches libtorch.
pub const PIP: MissingTool = MissingTool {
    what: "pip 20.3 or newer, Python's package client",
    debian: "apt install python3-pip",
    fedora: "dnf install python3-pip",
};

impl MissingTool {
    /// What to do.
    pub fn advice(&self) -> String {
        let MissingTool { debian, fedora, .. } = self;
        format!("`{debian}` on Debian, `{fedora}` on Fedora")
    }
}

/// Refuses machines that no wheel exists for.
///
/// # Errors
/// Says what the machine is, and what it should be.
pub fn check_platform() -> Result<(), PlatformError> {
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    if (system, processor) != ("linux", "x86_64") {
        return Err(PlatformError::Machine { system, processor });
    }
    match glibc() {
        Some(found) if found >= OLDEST => Ok(()),
        Some(found) => Err(PlatformError::OldGlibc { found }),
        None => Err(PlatformError::NoGlibc),
    }
}

/// This machine's C library, if it is glibc.
pub fn glibc() -> Option<Glibc> {
    let mut command = Command::new("getconf");
    command.arg("GNU_LIBC_VERSION");
    parse_glibc(&first_line(command)?)
}

fn parse_glibc(line: &str) -> Option<Glibc> {
    let mut parts = line.strip_prefix("glibc ")?.split('.');
    Some(Glibc(
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    ))
}

/// What libtorch's binding is compiled with, and its first words about itself.
pub fn compiler(home: &Home) -> Option<(OsString, String)> {
    let name = home.user_compiler.clone().unwrap_or_else(|| "c++".into());
    let mut command = home.command(&name);
    command.arg("--version");
    let version = first_line(command)?;
    Some((name, version))
}

fn first_line(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().next()?.trim().to_owned())
}

/// Names every missing program at once.
pub(super) fn check_tools(home: &Home) -> Result<Pip, SetupError> {
    let mut missing = Vec::new();
    if home.program("cargo").is_none() {
        missing.push(CARGO);
    }
    if compiler(home).is_none() {
        missing.push(COMPILER);
    }
    match Pip::find(home) {
        Some(pip) if missing.is_empty() => return Ok(pip),
        Some(_) => {}
        None => missing.push(PIP),
    }
    Err(SetupError::Tools(missing))
}

pub(super) fn list_missing(missing: &[MissingTool]) -> String {
    let mut text = "programs are missing:".to_owned();
    for tool in missing {
        let _ = write!(text, "\n  {}: {}", tool.what, tool.advice());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc() {
        let cases = [
            ("glibc 2.36", Some(Glibc(2, 36))),
            ("glibc 2.9", Some(Glibc(2, 9))),
            ("glibc 2.28.9000", Some(Glibc(2, 28))),
            ("musl 1.2", None),
            ("glibc two", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse_glibc(line), expected, "{line}");
        }
        assert!(Glibc(2, 9) < OLDEST);
        assert!(Glibc(3, 0) > OLDEST);
    }
}
