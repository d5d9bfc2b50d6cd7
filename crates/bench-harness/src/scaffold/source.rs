//! What a new submission is a copy of, and the copy under another name.

use super::name::{camel, identifier};
use super::{ScaffoldError, failed};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A file's path in its submission, and what is in it.
pub(super) type File = (PathBuf, Vec<u8>);

/// A submission's files.
pub(super) struct Source {
    pub(super) name: String,
    files: Vec<File>,
}

impl Source {
    /// Gradient descent with momentum: the page that most algorithms begin as.
    pub(super) fn starter() -> Source {
        let file = |path: &str, text: &str| (PathBuf::from(path), text.as_bytes().to_vec());
        Source {
            name: "starter".to_owned(),
            files: vec![
                file("Cargo.toml", include_str!("template/Cargo.toml.txt")),
                file("submission.yaml", include_str!("template/submission.yaml")),
                file("src/lib.rs", include_str!("template/lib.rs.txt")),
                file("src/main.rs", include_str!("template/main.rs.txt")),
            ],
        }
    }

    /// The files of a submission's folder, without what was built there.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Source, ScaffoldError> {
        let mut files = Vec::new();
        let entries = WalkDir::new(folder)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(is_source);
        for entry in entries {
            let entry = entry.map_err(|cause| failed("cannot read", folder)(cause.into()))?;
            if entry.file_type().is_file() {
                let bytes =
                    std::fs::read(entry.path()).map_err(failed("cannot read", entry.path()))?;
                let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                files.push((path.to_owned(), bytes));
            }
        }
        let name = folder.file_name().unwrap_or_default();
        Ok(Source {
            name: name.to_string_lossy().into_owned(),
            files,
        })
    }

    /// Whether there is a program, and not only settings.
    pub(super) fn has_crate(&self) -> bool {
        self.files
            .iter()
            .any(|(path, _)| path == Path::new("Cargo.toml"))
    }

    /// The files under another name.
    pub(super) fn renamed(&self, name: &str) -> Vec<File> {
        let rename = Rename::new(&self.name, name, &self.files);
        let renamed = |(path, bytes): &File| {
            let bytes = match std::str::from_utf8(bytes) {
                Ok(text) => rename.apply(path, text).into_bytes(),
                Err(_) => bytes.clone(),
            };
            (path.clone(), bytes)
        };
        self.files.iter().map(renamed).collect()
    }
}

fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let built = entry.file_type().is_dir() && name == "target";
    let hidden = entry.depth() > 0 && name.starts_with('.');
    !(built || hidden || name == "Cargo.lock")
}

/// One name in the place of another.
struct Rename<'a> {
    old: &'a str,
    new: &'a str,
    /// The main type's old and new name; the old one stays where the new one means something already.
    types: Option<(String, String)>,
}

impl<'a> Rename<'a> {
    fn new(old: &'a str, new: &'a str, files: &[File]) -> Rename<'a> {
        let (from, to) = (camel(old), camel(new));
        let is_used = files
            .iter()
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
            .any(|text| replace_word(text, &to, "") != text);
        Rename {
            old,
            new,
            types: (!is_used).then_some((from, to)),
        }
    }

    fn apply(&self, path: &Path, text: &str) -> String {
        let (old, new) = (self.old, self.new);
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => {
                return text.replace(&format!("name = \"{old}\""), &format!("name = \"{new}\""));
            }
            Some("yaml") => {
                return text.replacen("\nabout: ", &format!("\nabout: {new}, which began as "), 1);
            }
            Some("rs") => text
                .replace(&format!("submissions/{old}"), &format!("submissions/{new}"))
                .replace(
                    &format!("{}::", identifier(old)),
                    &format!("{}::", identifier(new)),
                ),
            _ => return text.to_owned(),
        };
        match &self.types {
            Some((from, to)) => replace_word(&text, from, to),
            None => text,
        }
    }
}

/// Replaces a word where it stands alone.
fn replace_word(text: &str, from: &str, to: &str) -> String {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let last = before.chars().next_back().or(replaced.chars().next_back());
        let alone = !part_of_word(last) && !part_of_word(after.chars().next());
        replaced.push_str(before);
        replaced.push_str(if alone { to } else { from });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(files: &'a [File], path: &str) -> &'a str {
        let file = files.iter().find(|(its, _)| its == Path::new(path));
        std::str::from_utf8(&file.unwrap().1).unwrap()
    }

    #[test]
    fn the_starter_takes_a_name() {
        let files = Source::starter().renamed("my-algo");
        assert_eq!(
            text(&files, "Cargo.toml")
                .matches("name = \"my-algo\"")
                .count(),
            2
        );
        assert!(text(&files, "src/main.rs").contains("run::<my_algo::MyAlgo>()"));
        assert!(text(&files, "src/lib.rs").contains("impl UpdateRule for MyAlgo {"));
        assert!(
            text(&files, "submission.yaml").contains("about: my-algo, which began as gradient")
        );
        let all: String = files
            .iter()
            .map(|(_, bytes)| String::from_utf8_lossy(bytes))
            .collect();
        assert!(!all.to_lowercase().contains("starter"), "{all}");
    }

    #[test]
    fn a_type_that_is_there_keeps_its_meaning() {
        let files = Source::starter().renamed("step");
        assert!(text(&files, "src/main.rs").contains("run::<step::Starter>()"));
    }

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(
            replace_word("Pbt Pbts aPbt Pbt<R>", "Pbt", "Mine"),
            "Mine Pbts aPbt Mine<R>"
        );
    }
}
