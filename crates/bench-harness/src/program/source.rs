//! What determines a program, and its hash.
//!
//! A program is determined by
//! - its packages on this disk: the submission's, the evaluator's, and what either is built on by a path, wherever that lies. Of each, every file, through
//!   links too, and the manifest as cargo reads it, with what it inherits from its workspace;
//! - the locked versions and checksums of all other packages that it depends on, patches included;
//! - the tables of the root manifest that reach into packages: profiles, patches, the resolver;
//! - cargo's configuration where it builds, and in the user's folder, as far as it is about compiling;
//! - the variables that change what compilers make, `RUSTFLAGS` for one, and the compiler's version.
//!
//! Settings (`submission.yaml`) are in the configuration's hash, and prose beside a manifest is in none. What the system provides (libtorch, whose version
//! is pinned; the C library; a C++ compiler's version) is not in it either: the program's own digest stands beside it in the record.

use super::ProgramError;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What a program is made of: labelled contents. The same content under the same label counts once, however often it is added.
#[derive(Debug, Clone, Default)]
pub struct Source {
    pieces: BTreeSet<(String, [u8; 32])>,
    /// Folders that are in it whole, by their real names and by those that were given.
    folders: Vec<PathBuf>,
}

impl Source {
    /// A content that has no file of its own: a version, a setting, a part of a file.
    pub fn add(&mut self, label: impl Into<String>, content: impl AsRef<[u8]>) {
        let digest = *blake3::hash(content.as_ref()).as_bytes();
        self.pieces.insert((label.into(), digest));
    }

    /// Every file of a package's folder that may be compiled, also those that links lead to.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn add_folder(&mut self, name: &str, folder: &Path) -> Result<(), ProgramError> {
        let entries = WalkDir::new(folder)
            .follow_links(true)
            .into_iter()
            .filter_entry(counts);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if leads_nowhere(&error) => continue,
                Err(error) => return Err(unreadable(folder)(error.into())),
            };
            if entry.file_type().is_file() {
                let path = entry.path();
                let relative = path.strip_prefix(folder).unwrap_or(path);
                let label = format!("file {name}/{}", relative.to_string_lossy());
                self.add(label, fs::read(path).map_err(unreadable(path))?);
            }
        }
        self.folders.extend([real(folder), folder.to_owned()]);
        Ok(())
    }

    /// The first of these files that is in no folder of this source.
    pub(super) fn first_outside<'a>(&self, files: &'a [PathBuf]) -> Option<&'a PathBuf> {
        let is_inside = |file: &&PathBuf| {
            // By its name, for a link inside of a folder may lead out of it; but a name with `..` says nothing.
            let goes_up = file.components().any(|part| part == Component::ParentDir);
            let place = file.parent().map(real).unwrap_or_default();
            self.folders
                .iter()
                .any(|folder| place.starts_with(folder) || !goes_up && file.starts_with(folder))
        };
        files.iter().find(|file| !is_inside(file))
    }

    /// The hash over all labels and contents.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("bench source v2");
        for (label, content) in &self.pieces {
            // With its length, so that no two lists of pieces look the same.
            hasher.update(&(label.len() as u64).to_le_bytes());
            hasher.update(label.as_bytes());
            hasher.update(content);
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Beside the manifest lie also settings, prose, what cargo builds, and hidden files of other programs; below it, everything may be compiled.
fn counts(entry: &DirEntry) -> bool {
    if entry.depth() != 1 {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let built = entry.file_type().is_dir() && name == "target";
    let hidden = name.starts_with('.') && name != ".cargo";
    let elsewhere = name == "submission.yaml" || name == "Cargo.lock" || name.ends_with(".md");
    !(built || hidden || elsewhere)
}

/// A link to nothing, as editors make them, or to a folder around it: nothing that is not there already can be compiled through it.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let missing = error.io_error().map(io::Error::kind) == Some(io::ErrorKind::NotFound);
    error.loop_ancestor().is_some() || missing && error.path().is_some_and(Path::is_symlink)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> ProgramError {
    let what = format!("cannot read {}", path.display());
    move |cause| ProgramError::Io {
        what: what.clone(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn every_file_that_may_be_compiled_counts_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let lion = folder.path().join("lion");
        write(&lion.join("src/lib.rs"), "fn lion() {}");
        write(&folder.path().join("elsewhere/table.txt"), "1 2 3");
        write(
            &folder.path().join("elsewhere/module/roar.rs"),
            "fn roar() {}",
        );
        symlink("../../elsewhere/table.txt", lion.join("src/table.txt")).unwrap();
        symlink("../../elsewhere/module", lion.join("src/module")).unwrap();
        let hash = || {
            let mut source = Source::default();
            source.add_folder("lion", &lion).unwrap();
            source.hash()
        };
        let first = hash();
        for path in [
            "lion/submission.yaml",
            "lion/README.md",
            "lion/Cargo.lock",
            "lion/target/debug/lion",
            "lion/.git/HEAD",
            "other/src/lib.rs",
        ] {
            write(&folder.path().join(path), "something else");
            assert_eq!(hash(), first, "{path}");
        }
        symlink("nobody@nowhere", lion.join("src/.#lib.rs")).unwrap();
        symlink("..", lion.join("src/around")).unwrap();
        assert_eq!(hash(), first, "links that lead to nothing new");
        let mut seen = vec![first];
        for path in [
            "lion/src/lib.rs",
            "lion/src/target/mod.rs",
            "lion/src/notes.md",
            "lion/src/.hidden.rs",
            "lion/.cargo/config.toml",
            "lion/build.rs",
            "elsewhere/table.txt",
            "elsewhere/module/roar.rs",
            "elsewhere/module/more.rs",
        ] {
            write(&folder.path().join(path), "something new");
            assert!(!seen.contains(&hash()), "{path}");
            seen.push(hash());
        }
    }

    #[test]
    fn labels_and_contents_count_and_their_order_does_not() {
        let of = |pieces: &[(&str, &str)]| {
            let mut source = Source::default();
            for (label, content) in pieces {
                source.add(*label, content);
            }
            source.hash()
        };
        assert_eq!(
            of(&[("a", "x"), ("b", "y")]),
            of(&[("b", "y"), ("a", "x"), ("a", "x")])
        );
        let all = [
            of(&[]),
            of(&[("a", "x")]),
            of(&[("a", "y")]),
            of(&[("b", "x")]),
            of(&[("a", "x"), ("a", "y")]),
        ];
        assert_eq!(BTreeSet::from(all.clone()).len(), all.len());
    }

    #[test]
    fn a_file_of_no_package_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let lion = folder.path().join("lion");
        write(&lion.join("src/lib.rs"), "");
        write(&folder.path().join("stray.rs"), "");
        symlink("../../stray.rs", lion.join("src/linked.rs")).unwrap();
        let mut source = Source::default();
        source.add_folder("lion", &lion).unwrap();
        let inside = [lion.join("src/lib.rs"), lion.join("src/linked.rs")];
        assert_eq!(source.first_outside(&inside), None);
        let stray = lion.join("src/../../stray.rs");
        assert_eq!(
            source.first_outside(std::slice::from_ref(&stray)),
            Some(&stray)
        );
    }
}
