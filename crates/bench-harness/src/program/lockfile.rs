//! The part of a `Cargo.lock` that some packages depend on, and keeping it up with manifests.

use super::{ProgramError, output};
use crate::home::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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

/// Has cargo enter what a workspace's manifests say into its lock file, without the network where that is enough; what was added, as cargo writes it.
/// Nothing that was locked moves.
///
/// # Errors
/// What cargo says.
pub(crate) fn update(
    home: &Home,
    name: &str,
    manifest: &Path,
) -> Result<Vec<String>, ProgramError> {
    let mut said = String::new();
    for network in [&["--offline"][..], &[]] {
        let output = home
            .command("cargo")
            .args(["update", "--workspace", "--color", "never"])
            .args(network)
            .arg("--manifest-path")
            .arg(manifest)
            .current_dir(&home.root)
            .output()
            .map_err(output::no_cargo)?;
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            let lines = said.lines().map(str::trim);
            let added = lines.filter_map(|line| line.strip_prefix("Adding "));
            return Ok(added.map(str::to_owned).collect());
        }
    }
    Err(output::cargo_error(name, said))
}

/// Whether a package is locked with dependencies of these names, and of no others.
pub(super) fn knows(lock: &str, package: &str, dependencies: &BTreeSet<String>) -> bool {
    let mut packages = lock.split("[[package]]").skip(1).map(parse);
    // Packages of registries have a source.
    let own = packages.find(|found| found.name == package && !found.text.contains("\nsource = "));
    own.is_some_and(|own| own.dependencies.into_iter().collect::<BTreeSet<_>>() == *dependencies)
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

    #[test]
    fn a_dependency_that_came_or_went_is_noticed() {
        let knows = |package, names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            knows(LOCK, package, &names)
        };
        assert!(knows("lion", &["log", "sdk"]));
        assert!(knows("serde", &[]));
        assert!(!knows("lion", &["sdk"]));
        assert!(!knows("lion", &["log", "rand", "sdk"]));
        assert!(!knows("absent", &[]));
    }
}
