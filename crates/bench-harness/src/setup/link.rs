//! Which version a libtorch is, and the checkout's link to it.

use super::{SetupError, VERSION, failed};
use std::path::{Path, PathBuf};

/// A folder is no libtorch, or not the right one.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// A part is missing.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It does not say which version it is.
    #[error(
        "neither build-version nor include/torch/headeronly/version.h says which version it is"
    )]
    Unknown,
    /// It is another version.
    #[error("it holds libtorch {0}, and only {VERSION} fits")]
    Other(String),
}

/// The version of a libtorch folder, without the `+cpu` or `+cu130` of its build.
///
/// # Errors
/// When the folder holds no libtorch, or does not say which.
pub fn version_of(folder: &Path) -> Result<String, VersionError> {
    for part in ["lib/libtorch_cpu.so", "lib/libc10.so", "include/torch"] {
        let path = folder.join(part);
        if !path.exists() {
            return Err(VersionError::Missing(path));
        }
    }
    if let Ok(text) = std::fs::read_to_string(folder.join("build-version")) {
        let version = text.trim();
        return Ok(version.split('+').next().unwrap_or(version).to_owned());
    }
    std::fs::read_to_string(folder.join("include/torch/headeronly/version.h"))
        .ok()
        .and_then(|header| version_in(&header))
        .ok_or(VersionError::Unknown)
}

fn version_in(header: &str) -> Option<String> {
    let number = |name: &str| -> Option<u32> {
        let marker = format!("#define TORCH_VERSION_{name} ");
        let line = header.lines().find_map(|line| line.strip_prefix(&marker))?;
        line.trim().parse().ok()
    };
    let (major, minor, patch) = (number("MAJOR")?, number("MINOR")?, number("PATCH")?);
    Some(format!("{major}.{minor}.{patch}"))
}

/// Whether following the link ends at `folder`.
pub(super) fn leads_to(link: &Path, folder: &Path) -> bool {
    match (link.canonicalize(), folder.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Makes or replaces the link, in one step: a build that runs meanwhile sees the old one or the new one.
pub(super) fn make(link: &Path, folder: &Path) -> Result<(), SetupError> {
    if leads_to(link, folder) {
        return Ok(());
    }
    if link
        .symlink_metadata()
        .is_ok_and(|there| !there.is_symlink())
    {
        return Err(SetupError::NotALink(link.to_owned()));
    }
    let temporary = link.with_extension(format!("{}", std::process::id()));
    let _ = std::fs::remove_file(&temporary);
    std::os::unix::fs::symlink(folder, &temporary).map_err(failed("make the link", &temporary))?;
    std::fs::rename(&temporary, link).map_err(failed("make the link", link))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder that looks like a libtorch of this version.
    pub(in crate::setup) fn libtorch(folder: &Path, build_version: Option<&str>) {
        std::fs::create_dir_all(folder.join("lib")).unwrap();
        std::fs::create_dir_all(folder.join("include/torch/headeronly")).unwrap();
        for name in ["libtorch_cpu.so", "libc10.so"] {
            std::fs::write(folder.join("lib").join(name), "").unwrap();
        }
        if let Some(version) = build_version {
            std::fs::write(folder.join("build-version"), version).unwrap();
        }
    }

    #[test]
    fn versions() {
        let folder = tempfile::tempdir().unwrap();
        let error = version_of(folder.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("lib/libtorch_cpu.so does not exist")
        );
        libtorch(folder.path(), None);
        assert!(matches!(
            version_of(folder.path()),
            Err(VersionError::Unknown)
        ));
        let header = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 9\n#define TORCH_VERSION_PATCH 1\n";
        let path = folder.path().join("include/torch/headeronly/version.h");
        std::fs::write(path, header).unwrap();
        assert_eq!(version_of(folder.path()).unwrap(), "2.9.1");
        for text in ["2.11.0", "2.11.0\n", "2.11.0+cpu\n", "2.11.0+cu130"] {
            libtorch(folder.path(), Some(text));
            assert_eq!(version_of(folder.path()).unwrap(), "2.11.0");
        }
    }

    #[test]
    fn a_link_is_replaced_but_never_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join(".libtorch");
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        std::fs::create_dir(&a).unwrap();
        std::fs::create_dir(&b).unwrap();
        for target in [&a, &b, &b, &a] {
            make(&link, target).unwrap();
            assert!(leads_to(&link, target));
        }
        std::fs::remove_dir(&a).unwrap();
        make(&link, &b).unwrap();
        std::fs::remove_file(&link).unwrap();
        std::fs::create_dir(&link).unwrap();
        assert!(matches!(make(&link, &b), Err(SetupError::NotALink(_))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
