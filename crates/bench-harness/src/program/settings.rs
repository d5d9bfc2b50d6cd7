//! What reaches a program beside its packages: tables of manifests and of cargo's configuration, variables, and the compiler.

use super::ProgramError;
use super::source::{Source, unreadable};
use crate::home::Home;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Tables of a root manifest that reach into packages; what packages inherit is in their own.
const OF_MANIFEST: [&str; 4] = ["cargo-features", "patch", "profile", "replace"];
/// Tables of cargo's configuration that are not about compiling.
const NOT_COMPILING: [&str; 14] = [
    "alias",
    "cache",
    "cargo-new",
    "credential-alias",
    "doc",
    "future-incompat-report",
    "http",
    "include",
    "install",
    "net",
    "registries",
    "registry",
    "source",
    "term",
];
/// Keys of the table `build` that are not either.
const NOT_OF_BUILDS: [&str; 4] = [
    "jobs",
    "rustc-workspace-wrapper",
    "rustc-wrapper",
    "target-dir",
];
/// Names of cargo's configuration in a folder, the one that wins first.
const CONFIGURATIONS: [&str; 2] = ["config", "config.toml"];

/// The tables of a workspace's root manifest that reach its packages.
pub(super) fn add_manifest(source: &mut Source, root: &Path) -> Result<(), ProgramError> {
    let path = root.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
    let reaches = |table: &str, line: &str| {
        let resolver = table == "workspace" && line.starts_with("resolver");
        OF_MANIFEST.contains(&table) || resolver
    };
    source.add("tables of the root manifest", tables(&text, reaches));
    Ok(())
}

/// What cargo reads when it runs in `folder`: its configuration there, in all folders around it and in the user's; variables; the compiler.
pub(super) fn add_surroundings(
    source: &mut Source,
    home: &Home,
    folder: &Path,
) -> Result<(), ProgramError> {
    let around = folder.ancestors().map(|folder| folder.join(".cargo"));
    let mut places: Vec<PathBuf> = around.chain(home.building.cargo_home.clone()).collect();
    // The user's folder is often around the checkout too.
    let mut seen = Vec::new();
    places.retain(|place| {
        let new = !seen.contains(place);
        seen.push(place.clone());
        new
    });
    let configurations = places.iter().filter_map(|place| {
        let paths = CONFIGURATIONS.map(|name| place.join(name));
        paths.into_iter().find(|path| path.is_file())
    });
    for (distance, path) in configurations.enumerate() {
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        let told = tables(&text, compiles);
        if !told.is_empty() {
            source.add(format!("cargo's configuration {distance}"), told);
        }
    }
    for (name, value) in &home.building.flags {
        source.add(format!("variable {name}"), value.as_encoded_bytes());
    }
    source.add("compiler", compiler(home, folder)?);
    Ok(())
}

/// Whether a line of cargo's configuration is about what is compiled. How fast, where to, and out of which cache is not.
fn compiles(table: &str, line: &str) -> bool {
    let line = line.strip_prefix("build.").unwrap_or(line);
    let elsewhere = |name: &&str| line.starts_with(*name);
    !(NOT_COMPILING.contains(&table) || table == "build" && NOT_OF_BUILDS.iter().any(elsewhere))
}

/// What the compiler that cargo would call in `folder` says of itself.
fn compiler(home: &Home, folder: &Path) -> Result<Vec<u8>, ProgramError> {
    let flags = &home.building.flags;
    let named = ["RUSTC", "CARGO_BUILD_RUSTC"];
    let named = named.iter().find_map(|name| flags.get(*name));
    let rustc = named.cloned().unwrap_or_else(|| "rustc".into());
    let failed = |cause| ProgramError::Io {
        what: format!("cannot ask {} for its version", rustc.to_string_lossy()),
        cause,
    };
    let output = home.command(&rustc).arg("-vV").current_dir(folder).output();
    let output = output.map_err(failed)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(io::Error::other(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))),
    }
}

/// The lines that are wanted by the first part of their table's name, without remarks and empty lines. A line before all tables is of the table that its
/// key begins with.
fn tables(text: &str, wanted: impl Fn(&str, &str) -> bool) -> String {
    let mut kept = String::new();
    let mut table = String::new();
    let mut above = true;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = header(line) {
            (table, above) = (header.to_owned(), false);
        } else if let (true, Some(key)) = (above, key(line)) {
            key.clone_into(&mut table);
        }
        if wanted(&table, line) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The first part of a table's name: `profile` of `[profile.release]`.
fn header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim_end();
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    key(name.trim_start_matches('['))
}

/// The first part of a key: `build` of `build.rustflags = []`.
fn key(line: &str) -> Option<&str> {
    let line = line.trim_start_matches([' ', '"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let end = line.find(|c| !is_part(c)).unwrap_or(line.len());
    (end > 0).then(|| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_chosen_by_the_first_part_of_their_name() {
        let text = r#"
cargo-features = ["x"]
build.jobs = 3
profile.dev.debug = 1

[workspace]
resolver = "3"
members = [
    "crates/a",
]
# a remark
[profile.release] # of ours
lto = true

[profile.release.package]
"*" = { opt-level = 1 }

[[bin]]
name = "x"

[target.'cfg(unix)']
rustflags = [
    "-g",
]
"#;
        let reaches = |table: &str, line: &str| {
            OF_MANIFEST.contains(&table) || table == "workspace" && line.starts_with("resolver")
        };
        assert_eq!(
            tables(text, reaches),
            "cargo-features = [\"x\"]\nprofile.dev.debug = 1\nresolver = \"3\"\n[profile.release] # of ours\nlto = true\n[profile.release.package]\n\"*\" = { opt-level = 1 }\n"
        );
        let cargo = "build.jobs = 3\n[build]\njobs = 2\nrustflags = []\nrustc-wrapper = \"sccache\"\n[net]\nretry = 1\n[env]\nX = \"1\"\n";
        assert_eq!(
            tables(cargo, compiles),
            "[build]\nrustflags = []\n[env]\nX = \"1\"\n"
        );
        assert_eq!(
            tables(text, |table, _| table == "target"),
            "[target.'cfg(unix)']\nrustflags = [\n\"-g\",\n]\n"
        );
    }
}
