//! One source of a data set: the user's folder first, since what lies there needs no network; else the registry's client.

use super::archive::{self, ArchiveError};
use super::input::{Input, PIECE};
use super::pattern;
use super::shard::FileError;
use super::split::ContentError;
use crate::download::{self, DownloadError};
use crate::home::Home;
use crate::pip::Pip;
use crate::progress::Listener;
use bench_core::spec::dataset::{Package, RemoteFile, Source};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a source did not serve.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Its client failed.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// Debian's package lists do not know the package.
    #[error("{0} (are the package lists there? `apt-get update` fetches them)")]
    PackageLists(DownloadError),
    /// The client said it was done, but left no file.
    #[error("the client says that it downloaded {package}, but left no file")]
    Nothing {
        /// What was wanted.
        package: String,
    },
    /// The file is not the one that was pinned.
    #[error("{file} has sha256 {found}, expected {expected}")]
    Hash {
        /// Its name.
        file: String,
        /// What the spec says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// The archive cannot be opened.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The user's folder lacks a file.
    #[error("{} is not there", .0.display())]
    Absent(PathBuf),
    /// A file of the user's cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What the files hold is not what the spec says.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The prepared splits cannot be written, which is no source's fault.
    #[error("cannot write the prepared splits: {0}")]
    Store(FileError),
}

/// Where a source's files are, by role.
pub(crate) type Files = BTreeMap<String, PathBuf>;

/// Everything a source may need.
pub(crate) struct Desk<'a> {
    pub(crate) home: &'a Home,
    /// Where the user puts files for this data set.
    pub(crate) user_folder: &'a Path,
    /// sha256 of files in it, by name, where they are known.
    pub(crate) sha256: &'a BTreeMap<String, String>,
    /// The folder of the data set's file.
    pub(crate) folder: &'a Path,
    /// Empty, for downloads, and removed afterwards.
    pub(crate) scratch: &'a Path,
}

impl Desk<'_> {
    /// The source's files.
    pub(crate) fn obtain(
        &self,
        source: &Source,
        listener: &mut Listener,
    ) -> Result<Files, SourceError> {
        match source {
            Source::Https(files) => files
                .iter()
                .map(|(role, file)| Ok((role.clone(), self.remote(file, listener)?)))
                .collect(),
            Source::Debian(package) => self.package(package, Desk::debian, listener),
            Source::Python(package) => self.package(package, Desk::python, listener),
            Source::Npm(package) => self.package(package, Desk::npm, listener),
            Source::Folder(files) => self.supplied_files(self.user_folder, files),
            Source::Files(files) => self.supplied_files(self.folder, files),
        }
    }

    /// The user's files in a folder, each the owner's where that one's sum is known.
    fn supplied_files(
        &self,
        folder: &Path,
        files: &BTreeMap<String, String>,
    ) -> Result<Files, SourceError> {
        let found = supplied(folder, files)?.into_iter();
        let known = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match self.sha256.get(name.as_ref()) {
                Some(sha256) => checked(path, sha256),
                None => Ok(path),
            }
        };
        found.map(|(role, path)| Ok((role, known(path)?))).collect()
    }

    fn remote(&self, file: &RemoteFile, listener: &mut Listener) -> Result<PathBuf, SourceError> {
        if let Some(path) = self.at_hand(&file.sha256) {
            return Ok(path);
        }
        let path = self.scratch.join(file_name(&file.url));
        let mut command = self.home.command("curl");
        command
            .args(["--fail", "--location", "--silent", "--show-error"])
            .args(["--proto", "=https", "--connect-timeout", "20"])
            .args(["--speed-limit", "1000", "--speed-time", "60"])
            .arg("--output")
            .arg(&path)
            .arg(&file.url);
        self.download(command, file_name(&file.url), listener)?;
        checked(path, &file.sha256)
    }

    fn package(
        &self,
        package: &Package,
        client: fn(&Self, &Package) -> Result<Command, SourceError>,
        listener: &mut Listener,
    ) -> Result<Files, SourceError> {
        let archive = match self.at_hand(&package.sha256) {
            Some(path) => path,
            None => {
                let command = client(self, package)?;
                self.download(command, &package.package, listener)?;
                let path = downloaded(self.scratch).ok_or_else(|| SourceError::Nothing {
                    package: package.package.clone(),
                })?;
                checked(path, &package.sha256)?
            }
        };
        let unpacked = self.scratch.join("unpacked");
        std::fs::create_dir(&unpacked).map_err(|source| FileError::Io {
            path: unpacked.clone(),
            source,
        })?;
        let name = &package.package;
        Ok(archive::extract(name, &archive, &package.files, &unpacked)?)
    }

    fn debian(&self, package: &Package) -> Result<Command, SourceError> {
        let mut command = self.home.command("apt-get");
        command
            .args(["--quiet=2", "--option=Acquire::Retries=1"])
            .args(["--option=Acquire::http::Timeout=20"])
            .arg("download")
            .arg(format!("{}={}", package.package, package.version))
            .env("LC_ALL", "C")
            .current_dir(self.scratch);
        Ok(command)
    }

    fn python(&self, package: &Package) -> Result<Command, SourceError> {
        let pip = Pip::find(self.home).ok_or_else(|| DownloadError::Missing {
            program: "pip".to_owned(),
        })?;
        let Package {
            package: name,
            version,
            sha256,
            ..
        } = package;
        let path = self.scratch.join(REQUIREMENTS);
        let line = format!("{name}=={version} --hash=sha256:{sha256}\n");
        std::fs::write(&path, line).map_err(|source| FileError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(pip.download(self.home, &path, self.scratch))
    }

    fn npm(&self, package: &Package) -> Result<Command, SourceError> {
        let mut command = self.home.command("npm");
        command
            .args(["pack", "--silent"])
            .arg(format!("{}@{}", package.package, package.version))
            .current_dir(self.scratch);
        Ok(command)
    }

    fn download(
        &self,
        command: Command,
        what: &str,
        listener: &mut Listener,
    ) -> Result<(), SourceError> {
        let what = format!("downloading {what}");
        match download::run(self.home, command, self.scratch, what, None, listener) {
            Ok(()) => Ok(()),
            Err(error) if lists_are_missing(&error) => Err(SourceError::PackageLists(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// A file of the user's that is the wanted one, whatever its name.
    fn at_hand(&self, sha256: &str) -> Option<PathBuf> {
        std::fs::read_dir(self.user_folder)
            .ok()?
            .flatten()
            .filter(|entry| entry.path().is_file())
            .find_map(|entry| checked(entry.path(), sha256).ok())
    }
}

/// Files that are there already, by role: those of these names in a folder, or all that match.
pub(crate) fn supplied(
    folder: &Path,
    files: &BTreeMap<String, String>,
) -> Result<Files, SourceError> {
    let mut all = Files::new();
    for (role, name) in files {
        let path = folder.join(name);
        if path.is_file() {
            all.insert(role.clone(), path);
            continue;
        }
        let (folder, last) = (path.parent().unwrap_or(folder), path.file_name());
        let last = last.unwrap_or_default().to_string_lossy();
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let matching: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|found| pattern::is_pattern(&last) && pattern::matches(&last, found))
            .collect();
        if matching.is_empty() {
            return Err(SourceError::Absent(path));
        }
        let keyed = |found: String| (pattern::key(role, &found), folder.join(found));
        all.extend(matching.into_iter().map(keyed));
    }
    Ok(all)
}

const REQUIREMENTS: &str = "requirements.txt";

/// apt's way of saying that it has no lists, or lists of another suite.
fn lists_are_missing(error: &DownloadError) -> bool {
    let DownloadError::Failed { said, .. } = error else {
        return false;
    };
    [
        "Unable to locate package",
        "was not found",
        "Can't find a source",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// The archive that a client left in its folder.
fn downloaded(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.is_file() && !path.ends_with(REQUIREMENTS))
}

/// The file, if it has this sum.
fn checked(path: PathBuf, sha256: &str) -> Result<PathBuf, SourceError> {
    let mut hasher = Sha256::new();
    let mut input = Input::plain("", &path)?;
    loop {
        let piece = input.next(PIECE)?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
    }
    let found = hex(&hasher.finalize());
    if found == sha256 {
        return Ok(path);
    }
    Err(SourceError::Hash {
        file: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        expected: sha256.to_owned(),
        found,
    })
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last part of a URL.
pub(crate) fn file_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}
