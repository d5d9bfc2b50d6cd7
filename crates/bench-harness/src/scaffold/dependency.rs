//! Lines of manifests that name dependencies, and the paths in them.

use super::{Place, ScaffoldError};
use bench_core::spec::catalog::way;
use std::path::{Path, PathBuf};

/// A dependency's line as a member has it: relative where its path lies in the checkout.
pub(super) fn within(line: &str, place: &Place) -> String {
    let Place {
        home, folder, from, ..
    } = *place;
    with_path(line, |path| {
        let path = from.map_or(path.to_owned(), |from| real(&from.join(path)));
        match path.starts_with(&home.root) {
            true => way(folder, &path),
            false => path,
        }
    })
}

/// The packages that a manifest names as dependencies.
pub(super) fn dependencies(lines: &[String]) -> Vec<&str> {
    let mut section = "";
    let mut names = Vec::new();
    for line in lines {
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies") {
            names.extend(line.split_once(" = ").map(|(name, _)| name));
        }
    }
    names
}

/// A line of a table of the root manifest, with its path made absolute.
///
/// # Errors
/// When there is none with that key.
pub(super) fn value(
    root: &str,
    table: &str,
    key: &str,
    folder: &Path,
) -> Result<String, ScaffoldError> {
    let lines = root.lines().skip_while(|line| *line != table).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    let line = lines.find(|line| line.starts_with(&format!("{key} = ")));
    let line = line.ok_or_else(|| ScaffoldError::Manifest {
        path: folder.join("Cargo.toml"),
        what: format!("`{key}` is taken from {table}, where it is not"),
    })?;
    Ok(absolute(line, folder))
}

/// A dependency's line with `path` made absolute.
pub(super) fn absolute(line: &str, folder: &Path) -> String {
    with_path(line, |path| real(&folder.join(path)))
}

/// With links resolved, where it is there.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A dependency's line with another `path` where it has one.
fn with_path(line: &str, other: impl Fn(&Path) -> PathBuf) -> String {
    const KEY: &str = "path = \"";
    let Some((before, rest)) = line.split_once(KEY) else {
        return line.to_owned();
    };
    let Some((path, after)) = rest.split_once('"') else {
        return line.to_owned();
    };
    let path = other(Path::new(path));
    format!("{before}{KEY}{}\"{after}", path.display())
}
