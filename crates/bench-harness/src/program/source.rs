//! The hash of what a submission's program is built from.

use super::ProgramError;
use super::lockfile;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Crates that every worker and the evaluator contain.
const SHARED_CRATES: [&str; 4] = ["bench-core", "bench-torch", "bench-workloads", "bench-sdk"];

/// Hashes a program's crate at `folder`, the crates it stands on in the checkout `root`, and the locked versions of all else.
///
/// Of the lock file only what `package` and the evaluator depend on counts: somebody else's new submission changes nothing here. Submissions
/// that it is built on do: `members` are the workspace's packages with their folders.
pub(super) fn hash(
    root: &Path,
    folder: &Path,
    package: &str,
    members: &[(String, PathBuf)],
) -> Result<String, ProgramError> {
    let mut hasher = blake3::Hasher::new_derive_key("bench source v1");
    add_tree(&mut hasher, "submission", folder)?;
    for name in SHARED_CRATES {
        add_tree(&mut hasher, name, &root.join("crates").join(name))?;
    }
    let own = folder.join("Cargo.lock");
    let path = if own.is_file() {
        own
    } else {
        root.join("Cargo.lock")
    };
    let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
    for dependency in lockfile::closure(&text, &[package, "bench-workloads"]) {
        add(&mut hasher, dependency.as_bytes());
        let is_it = |name: &str| dependency.starts_with(&format!("name = \"{name}\"\n"));
        let counted = is_it(package) || SHARED_CRATES.iter().any(|name| is_it(name));
        let member = members.iter().find(|(name, _)| !counted && is_it(name));
        if let Some((name, folder)) = member {
            add_tree(&mut hasher, name, folder)?;
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn add_tree(hasher: &mut blake3::Hasher, label: &str, folder: &Path) -> Result<(), ProgramError> {
    let entries = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(counts);
    for entry in entries {
        let entry = entry.map_err(|cause| unreadable(folder)(cause.into()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let relative = path.strip_prefix(folder).unwrap_or(path);
        add(hasher, label.as_bytes());
        add(hasher, relative.as_os_str().as_encoded_bytes());
        add(hasher, &fs::read(path).map_err(unreadable(path))?);
    }
    Ok(())
}

/// Settings are in the configuration's hash, prose is in none, and the lock file is taken apart.
fn counts(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let built = entry.file_type().is_dir() && name == "target";
    let hidden = entry.depth() > 0 && name.starts_with('.');
    let elsewhere = name == "submission.yaml" || name == "Cargo.lock" || name.ends_with(".md");
    !(built || hidden || elsewhere)
}

/// With its length, so that no two lists of pieces look the same.
fn add(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> ProgramError {
    let what = format!("cannot read {}", path.display());
    move |cause| ProgramError::Io {
        what: what.clone(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_built_counts_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let lion = root.join("submissions/lion");
        let lock = "[[package]]\nname = \"lion\"\nversion = \"0.1.0\"\n";
        write(&root.join("Cargo.lock"), lock);
        write(&lion.join("src/lib.rs"), "fn lion() {}");
        for name in SHARED_CRATES {
            write(&root.join("crates").join(name).join("src/lib.rs"), "");
        }
        let pride = ("pride".to_owned(), root.join("submissions/pride"));
        write(&pride.1.join("src/lib.rs"), "fn pride() {}");
        let members = [pride];
        let hash_now = || hash(root, &lion, "lion", &members).unwrap();
        let first = hash_now();
        let idle = [
            ("submissions/lion/submission.yaml", "schema: 1"),
            ("submissions/lion/README.md", "# Lion"),
            ("submissions/lion/target/debug/lion", "ELF"),
            ("submissions/lion/.git/HEAD", "ref"),
            ("submissions/other/src/lib.rs", "fn other() {}"),
            ("crates/bench-cli/src/main.rs", "fn main() {}"),
            (
                "Cargo.lock",
                &format!("{lock}\n[[package]]\nname = \"other\"\nversion = \"0.1.0\"\n"),
            ),
        ];
        for (path, text) in idle {
            write(&root.join(path), text);
            assert_eq!(hash_now(), first, "{path}");
        }
        let mut seen = vec![first];
        let telling = [
            ("submissions/lion/src/lib.rs", "fn lion() { roar() }"),
            ("submissions/lion/src/roar.rs", ""),
            ("crates/bench-sdk/src/lib.rs", "fn sdk() {}"),
            (
                "Cargo.lock",
                "[[package]]\nname = \"lion\"\nversion = \"0.2.0\"\n",
            ),
            (
                "Cargo.lock",
                "[[package]]\nname = \"lion\"\nversion = \"0.2.0\"\ndependencies = [\n \"pride\",\n]\n\n[[package]]\nname = \"pride\"\nversion = \"0.1.0\"\n",
            ),
            ("submissions/pride/src/lib.rs", "fn pride() { roar() }"),
        ];
        for (path, text) in telling {
            write(&root.join(path), text);
            assert!(!seen.contains(&hash_now()), "{path}");
            seen.push(hash_now());
        }
    }
}
