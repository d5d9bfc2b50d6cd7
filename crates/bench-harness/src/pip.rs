//! pip's ordinary client, however it is installed.

use crate::home::Home;
use std::path::Path;
use std::process::{Command, Stdio};

/// A way to run pip on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Pip {
    words: &'static [&'static str],
}

/// In order of trust: a bare `pip` may belong to another Python.
const WAYS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// The first that takes several platforms for one download and knows today's names for them.
const OLDEST: (u32, u32) = (20, 3);

impl Pip {
    /// The first way that works and is new enough.
    pub(crate) fn find(home: &Home) -> Option<Pip> {
        WAYS.into_iter()
            .map(|words| Pip { words })
            .filter(|pip| home.program(pip.words[0]).is_some())
            .find(|pip| pip.version(home).is_some_and(|version| version >= OLDEST))
    }

    fn version(&self, home: &Home) -> Option<(u32, u32)> {
        let mut command = self.command(home);
        command
            .arg("--version")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        parse_version(&String::from_utf8_lossy(&command.output().ok()?.stdout))
    }

    /// `pip download` of pinned and hashed requirements into `folder`, dependencies left out, wheels only.
    /// Its temporary files lie in `folder` too, where their growth can be watched, and no second copy is left in its own cache.
    pub(crate) fn download(&self, home: &Home, requirements: &Path, folder: &Path) -> Command {
        let mut command = self.command(home);
        command
            .args([
                "download",
                "--no-deps",
                "--require-hashes",
                "--only-binary=:all:",
            ])
            .args([
                "--no-cache-dir",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
            ])
            .arg("--dest")
            .arg(folder)
            .arg("--requirement")
            .arg(requirements)
            .env("TMPDIR", folder);
        command
    }

    /// How it is run, for people.
    pub(crate) fn name(&self) -> String {
        self.words.join(" ")
    }

    fn command(&self, home: &Home) -> Command {
        let mut command = home.command(self.words[0]);
        command.args(&self.words[1..]);
        command
    }
}

/// `pip 23.2.1 from /usr/lib/python3 (python 3.11)`.
fn parse_version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said
        .strip_prefix("pip ")?
        .split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The hash that pip expected and the one it got, where its last words are about that.
pub(crate) fn hash_mismatch(said: &str) -> Option<(String, String, String)> {
    let word_after = |marker: &str| {
        let rest = &said[said.find(marker)? + marker.len()..];
        Some(rest.split_whitespace().next()?.to_owned())
    };
    let expected = word_after("Expected sha256")?;
    let found = word_after("Got ")?;
    let file = said
        .lines()
        .take_while(|line| !line.contains("Expected sha256"))
        .last()
        .and_then(|line| line.split_whitespace().next())
        .unwrap_or("a package");
    Some((file.to_owned(), expected, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let cases = [
            ("pip 23.2.1 from /usr/lib (python 3.11)", Some((23, 2))),
            ("pip 9.0.3 from /usr/lib (python 3.6)", Some((9, 0))),
            ("pip 26.0 from /usr/lib (python 3.14)", Some((26, 0))),
            ("pip 26.1b1 from /usr/lib (python 3.14)", Some((26, 1))),
            ("", None),
        ];
        for (said, version) in cases {
            assert_eq!(parse_version(said), version, "{said}");
        }
    }

    #[test]
    fn reads_a_mismatch_out_of_pips_words() {
        let said = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.\n    torch==2.11.0 from https://example.org/torch.whl (from -r libtorch.lock (line 2)):\n        Expected sha256 aaaa\n             Got        bbbb";
        assert_eq!(
            hash_mismatch(said),
            Some((
                "torch==2.11.0".to_owned(),
                "aaaa".to_owned(),
                "bbbb".to_owned()
            ))
        );
        assert_eq!(hash_mismatch("ERROR: No matching distribution found"), None);
    }
}
