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

impl Pip {
    /// The first way that works.
    pub(crate) fn find(home: &Home) -> Option<Pip> {
        WAYS.into_iter().map(|words| Pip { words }).find(|pip| {
            home.program(pip.words[0]).is_some()
                && pip
                    .command(home)
                    .arg("--version")
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
        })
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
