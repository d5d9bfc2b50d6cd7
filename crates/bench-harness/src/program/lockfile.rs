//! The part of a `Cargo.lock` that some packages depend on.

use std::collections::{BTreeMap, BTreeSet};

/// One `[[package]]`.
#[derive(Debug, Default)]
struct Package {
    name: String,
    /// Its whole text, which names version, source and checksum.
    text: String,
    dependencies: Vec<String>,
}

/// The entries of `roots` and of all that they depend on, sorted. Where two versions of a package are locked and it is not said which, both count.
pub(crate) fn closure(lock: &str, roots: &[&str]) -> Vec<String> {
    let mut packages: BTreeMap<String, Vec<Package>> = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let package = parse(block);
        packages
            .entry(package.name.clone())
            .or_default()
            .push(package);
    }
    let mut wanted: Vec<&str> = roots.to_vec();
    let mut seen = BTreeSet::new();
    let mut texts = Vec::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name) {
            continue;
        }
        for package in packages.get(name).into_iter().flatten() {
            texts.push(package.text.clone());
            wanted.extend(package.dependencies.iter().map(String::as_str));
        }
    }
    texts.sort();
    texts
}

/// The name in an entry.
pub(crate) fn name(entry: &str) -> Option<&str> {
    let line = entry
        .lines()
        .find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim_matches('"'))
}

/// Cargo writes one value a line, and dependencies as `"name"`, `"name version"` or `"name version (source)"`.
fn parse(block: &str) -> Package {
    let mut package = Package {
        text: block.trim().to_owned(),
        ..Package::default()
    };
    for line in block.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("name = ") {
            package.name = name.trim_matches('"').to_owned();
        } else if line.starts_with('"') {
            let name = line.trim_matches(['"', ',']).split(' ').next();
            package.dependencies.extend(name.map(str::to_owned));
        }
    }
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "lion"
version = "0.1.0"
dependencies = [
 "sdk",
 "log 0.4.1",
]

[[package]]
name = "log"
version = "0.4.1"
checksum = "aa"

[[package]]
name = "other"
version = "0.1.0"
dependencies = [
 "serde",
]

[[package]]
name = "sdk"
version = "0.1.0"
dependencies = [
 "lion",
]

[[package]]
name = "serde"
version = "1.0.0"
"#;

    #[test]
    fn only_what_is_depended_on_counts() {
        let names: Vec<String> = closure(LOCK, &["lion"])
            .iter()
            .map(|text| text.lines().next().unwrap().to_owned())
            .collect();
        assert_eq!(
            names,
            [r#"name = "lion""#, r#"name = "log""#, r#"name = "sdk""#]
        );
        assert!(closure(LOCK, &["absent"]).is_empty());
    }
}
