//! A copied manifest as text: what people wrote is changed by the line, and stays theirs.

use super::dependency::{absolute, dependencies, value, within};
use super::{Place, ScaffoldError, profile};

/// A copied manifest for the place of the copy, given the checkout's manifest and lock file.
///
/// # Errors
/// When it takes something from the workspace in a way that is not known here.
pub(super) fn settled(
    text: &str,
    root: (&str, &str),
    place: &Place,
) -> Result<String, ScaffoldError> {
    // A copy of what stands alone has a workspace of its own to leave behind; any other is a member as it is.
    let alone = text.lines().any(|line| line.trim_end() == "[workspace]");
    let text = without_workspace(text);
    match place.is_member {
        true if alone => Ok(attached(&text, root.0, place)),
        true => Ok(text),
        false => detached(&text, root, place),
    }
}

/// Without the tables that only the root of a workspace has, and the comments above them.
fn without_workspace(text: &str) -> String {
    let is_roots = |line: &str| {
        let table = line.trim_start_matches('[').split([']', '.']).next();
        matches!(table, Some("workspace" | "profile"))
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut is_kept = true;
    for line in text.lines() {
        if line.starts_with('[') {
            is_kept = !is_roots(line);
            while !is_kept && kept.last().is_some_and(|line| line.starts_with('#')) {
                kept.pop();
            }
        }
        if is_kept {
            kept.push(line);
        }
    }
    joined(&kept)
}

/// Lines without the empty ones at the end.
fn joined(lines: &[&str]) -> String {
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// As a member of the checkout's workspace: what a copy that stood alone had written out is taken from there again.
fn attached(text: &str, root: &str, place: &Place) -> String {
    let mut lines = Vec::new();
    let mut section = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let table = match section {
            "[package]" => "[workspace.package]",
            _ if section.contains("dependencies") => "[workspace.dependencies]",
            _ => {
                lines.push(line.to_owned());
                continue;
            }
        };
        let key = line.split(" = ").next().unwrap_or(line);
        let shared = value(root, table, key, &place.home.root);
        lines.push(match shared.is_ok_and(|shared| shared == line) {
            true => format!("{key}.workspace = true"),
            false => within(line, place),
        });
    }
    let lints = match lines.iter().any(|line| line == "[lints]") {
        true => "",
        false => "\n[lints]\nworkspace = true\n",
    };
    lines.join("\n") + "\n" + lints
}

/// As a workspace of its own: what was taken from the checkout's is written out, and paths are absolute.
///
/// # Errors
/// When the manifest takes something in a way that is not known here.
fn detached(
    text: &str,
    (root, lock): (&str, &str),
    place: &Place,
) -> Result<String, ScaffoldError> {
    let folder = &place.home.root;
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
            Some(key) if section == "[package]" => value(root, "[workspace.package]", key, folder)?,
            Some(key) => value(root, "[workspace.dependencies]", key, folder)?,
            None => match place.from {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use std::path::Path;

    const ROOT: &str = "[workspace]\nmembers = [\n    \"crates/x\",\n    \"submissions/adamw\",\n    \"submissions/lion\",\n]\n\n[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\nbench-sdk = { path = \"crates/bench-sdk\" }\n";
    const LOCK: &str = "[[package]]\nname = \"adamw\"\n\n[[package]]\nname = \"bench-sdk\"\n\n[[package]]\nname = \"lion\"\n";

    fn home() -> Home {
        Home {
            root: "/co".into(),
            cache: "/cache".into(),
            user_data: None,
            user_python: None,
            user_libtorch: None,
            user_compiler: None,
            building: Default::default(),
            search_path: "".into(),
        }
    }

    fn copied(text: &str, from: &str, to: &str) -> Result<String, ScaffoldError> {
        let place = Place {
            home: &home(),
            folder: Path::new(to),
            from: Some(Path::new(from)),
            is_member: to.starts_with("/co/submissions"),
        };
        settled(text, (ROOT, LOCK), &place)
    }

    const MEMBER: &str = "[package]
name = \"a\"
version.workspace = true

[dependencies]
bench-sdk.workspace = true
adamw = { path = \"../adamw\" }

[lints]
workspace = true
";
    const ALONE: &str = "[package]
name = \"a\"
version = \"0.1.0\"

[dependencies]
bench-sdk = { path = \"/co/crates/bench-sdk\" }
adamw = { path = \"/co/submissions/adamw\" }

# A workspace of its own. By the checkout's profile what comes from a registry is built once for both, and all else as fast as there.
[workspace]

[profile.release.package]
adamw = { debug = false, opt-level = 3 }
bench-sdk = { debug = false, opt-level = 3 }
";

    #[test]
    fn what_came_from_the_workspace_is_written_out_and_back() {
        let out = copied(MEMBER, "/co/submissions/pbt", "/x/a").unwrap();
        assert_eq!(out.replace("/submissions/pbt/../", "/submissions/"), ALONE);
        assert_eq!(copied(ALONE, "/x/p", "/x/a").unwrap(), ALONE);
        assert_eq!(copied(ALONE, "/x/p", "/co/submissions/a").unwrap(), MEMBER);
        let beside = "/co/submissions/pbt";
        assert_eq!(copied(MEMBER, beside, "/co/submissions/a").unwrap(), MEMBER);
        let error = copied("[dependencies]\nnope.workspace = true\n", "/x/p", "/x/a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "/co/Cargo.toml: `nope` is taken from [workspace.dependencies], where it is not"
        );
    }

    #[test]
    fn what_people_added_stays() {
        let text = "[package]
name = \"a\"
# One's own.
version = \"2.0.0\"

# Fast.
# Very.
[profile.release]
lto = true

[workspace]
[workspace.lints.rust]
unsafe_code = \"deny\"

[dependencies]
rand = \"0.9\"
other = { path = \"../other\" }
";
        let dropped = "# Fast.
# Very.
[profile.release]
lto = true

[workspace]
[workspace.lints.rust]
unsafe_code = \"deny\"

";
        let other = text
            .replace(dropped, "")
            .replace("../other", "/x/p/../other");
        assert_eq!(
            copied(text, "/x/p", "/co/submissions/a").unwrap(),
            other + "\n[lints]\nworkspace = true\n"
        );
    }
}
