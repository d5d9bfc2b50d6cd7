//! `bench new NAME --python`: a folder with a file in Python and its settings.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::workspace::assume;
use bench_harness::home::Home;
use bench_harness::python;
use std::fs;
use std::path::{Path, PathBuf};

/// An optimizer to begin with, and its settings.
const OPTIMIZER: &str = include_str!("optimizer.py.txt");
const SETTINGS: &str = include_str!("submission.yaml.txt");

/// Makes the folder: a copy of a file, and of what it imports from beside it, or an optimizer to begin with. Gives the files' names.
///
/// # Errors
/// When the folder is there, or the file is no submission.
pub(super) fn create(
    home: &Home,
    folder: &Path,
    from: Option<&str>,
) -> Result<Vec<PathBuf>, Failure> {
    if folder.exists() {
        let message = format!("{} is there already", folder.display());
        return Err(Failure::usage(message, "take another name".to_owned()));
    }
    let files = match from {
        None => vec![
            (PathBuf::from("optimizer.py"), OPTIMIZER.to_owned()),
            ("submission.yaml".into(), SETTINGS.to_owned()),
        ],
        Some(given) => copied(home, given)?,
    };
    let failed = |error| {
        let message = format!("cannot write {}: {error}", folder.display());
        Failure::new(Exit::Results, message, None)
    };
    for (name, text) in &files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
        fs::write(&path, text).map_err(failed)?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn copied(home: &Home, given: &str) -> Result<Vec<(PathBuf, String)>, Failure> {
    let Some((file, class)) = python::file_of(given) else {
        let message = format!("`{given}` is no Python file");
        let help =
            "write its path, as `my_optimizer.py`, and a class behind a colon where it has several";
        return Err(Failure::usage(message, help.to_owned()));
    };
    let (alone, names) = assume(home, &file, class.as_deref())?;
    let folder = alone.path.parent().unwrap_or(&alone.path);
    let read = |name: PathBuf| {
        let text = fs::read_to_string(folder.join(&name)).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", name.display()), None)
        });
        Ok((name, text?))
    };
    let mut files = names
        .into_iter()
        .map(read)
        .collect::<Result<Vec<_>, Failure>>()?;
    files.push(("submission.yaml".into(), alone.settings));
    Ok(files)
}
