//! Files in a folder: which of them train, validate and test, and what the arrays in them are called.

use super::super::pattern;
use super::table::{ENDINGS, ending};
use super::{ArrayError, listed};
use bench_core::spec::dataset::ArrayFormat;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The files that are read, in the order of their names: of the folder and of folders in it; or the one that it is.
pub(super) fn listing(folder: &Path) -> Result<Vec<PathBuf>, ArrayError> {
    let known = |path: &Path| path.is_file() && ENDINGS.contains(&ending(path).as_str());
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let name = folder.display().to_string();
    let entries =
        std::fs::read_dir(folder).map_err(|error| ArrayError::of(&name, error.to_string()))?;
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
        files.extend(inside.map(|entry| entry.path()).filter(|path| known(path)));
        files.extend(known(&path).then_some(path));
    }
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => {
            let endings = ENDINGS.join("`, `.");
            Err(ArrayError::of(
                &name,
                format!("there is no file that ends in `.{endings}`"),
            ))
        }
    }
}

/// Files by role, by their names or those of their folders; all are `data` where no name says more.
pub(super) fn classified(
    folder: &Path,
    files: &[PathBuf],
) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
    let mut roles: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files {
        let role = ["train", "validation", "test"]
            .into_iter()
            .find(|role| plays(folder, path, role));
        roles
            .entry(role.unwrap_or(ArrayFormat::WHOLE).to_owned())
            .or_default()
            .push(path.clone());
    }
    for (role, paths) in &roles {
        let endings: BTreeSet<String> = paths.iter().map(|path| ending(path)).collect();
        if endings.len() > 1 {
            let names = listed(paths.iter().filter_map(|path| path.file_name()?.to_str()));
            return Err(format!(
                "the files of `{role}` are of several kinds: {names}; leave one kind in the folder"
            ));
        }
    }
    let has = |role: &str| roles.contains_key(role);
    match (has(ArrayFormat::WHOLE), has("train"), has("test")) {
        (true, false, false) if !has("validation") => Ok(roles),
        (false, true, true) => Ok(roles),
        (true, ..) => Err("some files are called `train`, `validation` or `test`, and others are not: leave one kind in the folder".to_owned()),
        _ => Err("files that are split already are at least `train` and `test`".to_owned()),
    }
}

fn plays(folder: &Path, path: &Path, role: &str) -> bool {
    let stem = stem(path);
    let parent = path.parent().filter(|parent| *parent != folder);
    let parent = parent
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy();
    words(role)
        .iter()
        .any(|word| stem == *word || parent == *word || without(&stem, word).is_some())
}

/// The name without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_lowercase()
}

/// A role's file below the folder, or a pattern that all of its files match, and no other.
pub(super) fn below(folder: &Path, role: &str, paths: &[PathBuf]) -> Result<String, String> {
    let relative = |path: &Path| match path == folder {
        true => path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        false => path
            .strip_prefix(folder)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned(),
    };
    let [first, ..] = paths else {
        return Err(format!("there is no file of `{role}`"));
    };
    if paths.len() == 1 {
        return Ok(relative(first));
    }
    let names: Vec<String> = paths.iter().map(|path| relative(path)).collect();
    let end: String = ending(first);
    let all = |pattern: &str| names.iter().all(|name| pattern::matches(pattern, name));
    let inside = names[0]
        .rsplit_once('/')
        .map_or(String::new(), |(inside, _)| format!("{inside}/"));
    let mut patterns = Vec::new();
    for word in words(role) {
        for joint in ['_', '-', '.'] {
            patterns.push(format!("{inside}*{joint}{word}.{end}"));
            patterns.push(format!("{inside}{word}{joint}*.{end}"));
        }
    }
    if !inside.is_empty() || role == ArrayFormat::WHOLE {
        patterns.push(format!("{inside}*.{end}"));
    }
    let found = patterns.into_iter().find(|pattern| all(pattern));
    found.ok_or_else(|| {
        format!("the names of `{role}` have no pattern: put them into a folder `{role}`")
    })
}

/// An array's name out of its file's.
pub(super) fn called(stem: &str, role: &str) -> String {
    let rest = words(role).iter().find_map(|word| without(stem, word));
    rest.unwrap_or(stem).to_owned()
}

/// What people call the files of a role.
fn words(role: &str) -> &'static [&'static str] {
    match role {
        "train" => &["train", "training"],
        "validation" => &["validation", "valid", "val", "dev"],
        "test" => &["test", "testing"],
        _ => &["data"],
    }
}

/// A name without a word at its beginning or end, where the word is there beside anything else.
fn without<'a>(stem: &'a str, word: &str) -> Option<&'a str> {
    let is_joint = |letter: char| ['_', '-', '.'].contains(&letter);
    let before = stem
        .strip_suffix(word)
        .and_then(|rest| rest.strip_suffix(is_joint));
    let behind = stem
        .strip_prefix(word)
        .and_then(|rest| rest.strip_prefix(is_joint));
    before.or(behind).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_names_its_array() {
        for (stem, role, expected) in [
            ("x", "data", "x"),
            ("x_train", "train", "x"),
            ("train-x", "train", "x"),
            ("train", "train", "train"),
            ("x_val", "validation", "x"),
            ("x_test", "train", "x_test"),
            ("strain", "train", "strain"),
        ] {
            assert_eq!(called(stem, role), expected, "{stem} of {role}");
        }
    }
}
