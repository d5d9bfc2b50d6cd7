//! Manifests as text: what is written by people is changed by a line, and stays theirs.

use super::source::File;
use super::{ScaffoldError, failed, profile};
use crate::home::Home;
use crate::program;
use std::path::{Path, PathBuf};

/// The root manifest with one member more, in the order of the alphabet among the submissions.
///
/// # Errors
/// When its list of members does not have one a line.
pub(super) fn with_member(path: &Path, text: &str, name: &str) -> Result<String, ScaffoldError> {
    let member = format!("submissions/{name}");
    let line = format!("    \"{member}\",");
    let lines: Vec<&str> = text.lines().collect();
    let wrong = || ScaffoldError::Manifest {
        path: path.to_owned(),
        what: format!("it has no list `members = [` with one a line: add \"{member}\" to it"),
    };
    let start = lines
        .iter()
        .position(|line| line.trim() == "members = [")
        .ok_or_else(wrong)?;
    let length = lines[start..]
        .iter()
        .position(|line| line.trim() == "]")
        .ok_or_else(wrong)?;
    let end = start + length;
    let later = |line: &&str| {
        let entry = line.trim().trim_end_matches(',').trim_matches('"');
        entry.starts_with("submissions/") && entry > member.as_str()
    };
    let place = lines[start..end]
        .iter()
        .position(later)
        .map_or(end, |place| start + place);
    let mut lines = lines;
    lines.insert(place, &line);
    Ok(lines.join("\n") + "\n")
}

/// The files as a workspace of their own: what they took from the checkout's workspace, given as manifest and lock file, is written out,
/// and paths are absolute.
///
/// # Errors
/// When the manifest takes something in a way that is not known here.
pub(super) fn detached(
    files: Vec<File>,
    (root, lock): (&str, &str),
    home: &Home,
    from: Option<&Path>,
) -> Result<Vec<File>, ScaffoldError> {
    let root_folder = home.root.display().to_string();
    let detach = |(path, bytes): File| {
        let text = String::from_utf8_lossy(&bytes);
        let text = match path.to_str() {
            Some("Cargo.toml") => detached_manifest(&text, (root, lock), home, from)?,
            Some("submission.yaml") => {
                text.replace("$schema=../..", &format!("$schema={root_folder}"))
            }
            _ => return Ok((path, bytes)),
        };
        Ok((path, text.into_bytes()))
    };
    files.into_iter().map(detach).collect()
}

fn detached_manifest(
    text: &str,
    (root, lock): (&str, &str),
    home: &Home,
    from: Option<&Path>,
) -> Result<String, ScaffoldError> {
    let mut lines = Vec::new();
    let mut section = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        // The checkout's lints are the checkout's.
        if section == "[lints]" {
            continue;
        }
        lines.push(match line.trim_end().strip_suffix(".workspace = true") {
            Some(key) if section == "[package]" => {
                value(root, "[workspace.package]", key, &home.root)?
            }
            Some(key) => value(root, "[workspace.dependencies]", key, &home.root)?,
            None => match from {
                Some(from) if section.contains("dependencies") => absolute(line, from),
                _ => line.to_owned(),
            },
        });
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let needs = dependencies(&lines);
    let own = "\n\n# A workspace of its own. By the checkout's profile what comes from a registry is built once for both, and all else as fast as there.\n[workspace]\n";
    Ok(lines.join("\n") + own + &profile::release(root, lock, &needs))
}

/// The packages that a manifest names as dependencies.
fn dependencies(lines: &[String]) -> Vec<&str> {
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
fn value(root: &str, table: &str, key: &str, folder: &Path) -> Result<String, ScaffoldError> {
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
fn absolute(line: &str, folder: &Path) -> String {
    const KEY: &str = "path = \"";
    let Some((before, rest)) = line.split_once(KEY) else {
        return line.to_owned();
    };
    let Some((path, after)) = rest.split_once('"') else {
        return line.to_owned();
    };
    let path = folder.join(path);
    let path = path.canonicalize().unwrap_or(path);
    format!("{before}{KEY}{}\"{after}", path.display())
}

/// Has cargo enter the new crate into its lock file, without the network where that is enough.
///
/// # Errors
/// What cargo says.
pub(super) fn lock(home: &Home, name: &str, manifest: &PathBuf) -> Result<(), ScaffoldError> {
    let mut text = String::new();
    for network in [&["--offline"][..], &[]] {
        let output = home
            .command("cargo")
            .args(["update", "--workspace", "--quiet"])
            .args(network)
            .arg("--manifest-path")
            .arg(manifest)
            .current_dir(&home.root)
            .output()
            .map_err(failed("cannot run cargo on", manifest))?;
        if output.status.success() {
            return Ok(());
        }
        text = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Err(ScaffoldError::Cargo(program::cargo_error(name, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = [\n    \"crates/x\",\n    \"submissions/adamw\",\n    \"submissions/lion\",\n]\n\n[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\nbench-sdk = { path = \"crates/bench-sdk\" }\n";
    const LOCK: &str = "[[package]]\nname = \"adamw\"\n\n[[package]]\nname = \"bench-sdk\"\n\n[[package]]\nname = \"lion\"\n";

    #[test]
    fn members_stay_in_order() {
        let with = |name| with_member(Path::new("Cargo.toml"), ROOT, name).unwrap();
        assert!(
            with("bees").contains("adamw\",\n    \"submissions/bees\",\n    \"submissions/lion")
        );
        assert!(with("zeno").contains("lion\",\n    \"submissions/zeno\",\n]\n"));
        let error = with_member(Path::new("Cargo.toml"), "members = []\n", "a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cargo.toml: it has no list `members = [` with one a line: add \"submissions/a\" to it"
        );
    }

    #[test]
    fn what_came_from_the_workspace_is_written_out() {
        let home = Home {
            root: "/co".into(),
            cache: "/cache".into(),
            user_data: None,
            user_libtorch: None,
            user_compiler: None,
            search_path: "".into(),
        };
        let text = "[package]\nname = \"a\"\nversion.workspace = true\n\n[dependencies]\nbench-sdk.workspace = true\nadamw = { path = \"../adamw\" }\n\n[lints]\nworkspace = true\n";
        let detach = |text| {
            detached_manifest(
                text,
                (ROOT, LOCK),
                &home,
                Some(Path::new("/co/submissions/pbt")),
            )
        };
        assert_eq!(
            detach(text).unwrap(),
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\n\n[dependencies]\nbench-sdk = { path = \"/co/crates/bench-sdk\" }\nadamw = { path = \"/co/submissions/pbt/../adamw\" }\n\n# A workspace of its own. By the checkout's profile what comes from a registry is built once for both, and all else as fast as there.\n[workspace]\n\n[profile.release.package]\nadamw = { debug = false, opt-level = 3 }\nbench-sdk = { debug = false, opt-level = 3 }\n"
        );
        let error = detach("[dependencies]\nnope.workspace = true\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "/co/Cargo.toml: `nope` is taken from [workspace.dependencies], where it is not"
        );
    }
}
