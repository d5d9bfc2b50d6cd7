//! What a new submission is a copy of, and the copy under another name.

use super::alone::TOOLCHAIN;
use super::rename::Rename;
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
    pub(super) fn rule() -> Source {
        Source::starter(&[
            ("src/lib.rs", include_str!("template/lib.rs.txt")),
            ("src/main.rs", include_str!("template/main.rs.txt")),
        ])
    }

    /// The same as a whole training algorithm, whose step is written out.
    pub(super) fn wide() -> Source {
        Source::starter(&[
            ("src/lib.rs", include_str!("template/wide-lib.rs.txt")),
            ("src/rule.rs", include_str!("template/wide-rule.rs.txt")),
            ("src/main.rs", include_str!("template/wide-main.rs.txt")),
        ])
    }

    /// An optimizer in Python, with a search space.
    pub(super) fn optimizer() -> Source {
        let files = [
            ("optimizer.py", include_str!("template/optimizer.py.txt")),
            ("submission.yaml", include_str!("template/python.yaml")),
        ];
        let file = |(path, text): (&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
        Source::python("starter", files.map(file).into())
    }

    /// Files in Python. Nothing in them is called after the submission.
    pub(super) fn python(name: &str, files: Vec<File>) -> Source {
        Source {
            name: name.to_owned(),
            files,
        }
    }

    /// The files of a template, with what all have.
    fn starter(sources: &[(&str, &str)]) -> Source {
        let shared = [
            ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
            ("submission.yaml", include_str!("template/submission.yaml")),
        ];
        let file = |(path, text): &(&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
        Source {
            name: "starter".to_owned(),
            files: shared.iter().chain(sources).map(file).collect(),
        }
    }

    /// Settings that extend the submission in a folder. They have their name already, so that nothing in them is renamed.
    pub(super) fn variant(name: &str, of: &Path, settings: &str) -> Source {
        let schema = "# yaml-language-server: $schema=crates/bench-core/schema/submission.json";
        // A name of JSON is one of YAML, whatever is in it.
        let base = serde_json::Value::from(of.to_string_lossy());
        let text = format!("{schema}\nschema: 1\nextends: {base}\n{settings}");
        Source {
            name: name.to_owned(),
            files: vec![(PathBuf::from("submission.yaml"), text.into_bytes())],
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

    /// The files under another name, in `submissions/` or elsewhere.
    pub(super) fn renamed(&self, name: &str, is_member: bool) -> Vec<File> {
        let rename = Rename::new(&self.name, name, is_member, &self.files);
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
    // Those of a crate that stands alone are written anew for each place.
    let settled = name == "Cargo.lock" || name == TOOLCHAIN;
    !(built || hidden || settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(files: &'a [File], path: &str) -> &'a str {
        let file = files.iter().find(|(its, _)| its == Path::new(path));
        std::str::from_utf8(&file.unwrap().1).unwrap()
    }

    #[test]
    fn the_wide_starter_takes_a_name() {
        let files = Source::wide().renamed("my-algo", true);
        assert!(text(&files, "src/main.rs").contains("run_algorithm::<my_algo::MyAlgo>()"));
        assert!(text(&files, "src/lib.rs").contains("impl TrainingAlgorithm for MyAlgo {"));
        assert!(text(&files, "src/rule.rs").contains("impl UpdateRule for Momentum {"));
    }

    #[test]
    fn the_starter_takes_a_name() {
        let files = Source::rule().renamed("my-algo", true);
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
        let files = Source::rule().renamed("step", true);
        assert!(text(&files, "src/main.rs").contains("run::<step::Starter>()"));
    }
}
