//! What the checkout's workspace knows of its members: its list of them.

use super::ScaffoldError;
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = [\n    \"crates/x\",\n    \"submissions/adamw\",\n    \"submissions/lion\",\n]\n";

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
}
