//! Names that become part of a path: of suites, submissions and workloads.
//!
//! Records and pages come from other people. A name in them is read through here before it touches a path, so that none leads out of the folder
//! that it is meant for.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;

/// What file systems allow.
const LONGEST: usize = 255;

/// One part of a path: a file or folder in some other one, and never a way to somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name: a name has no `/`, `\\` or control characters, does not begin with `.` and is no longer than {LONGEST} bytes"
)]
pub struct NameError(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        let leads_away = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
        let is_name = !text.is_empty()
            && text.len() <= LONGEST
            && !text.starts_with('.')
            && !text.contains(leads_away);
        match is_name {
            true => Ok(Name(text.to_owned())),
            false => Err(NameError(text.chars().take(LONGEST).collect())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for Name {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads a field that holds a name, and refuses anything else.
///
/// # Errors
/// When it is no text, or no name.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Name::parse(&text)
        .map(|name| name.0)
        .map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in [
            "adamw",
            "schedule-free-adamw",
            "fashion-mnist-mlp",
            "My algorithm 2.0",
            "é",
        ] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        let long = "x".repeat(256);
        for text in [
            "",
            ".",
            "..",
            ".hidden",
            "../x",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{1b}[31m",
            &long,
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_said_with_its_escapes() {
        let told = Name::parse("a\u{1b}[31m").unwrap_err().to_string();
        assert!(told.starts_with(r#""a\u{1b}[31m" is no name"#), "{told}");
    }
}
