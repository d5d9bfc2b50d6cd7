//! Files that somebody would miss.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {cause}", path.display())]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

/// Writes a file whole or not at all: the one way in which outputs are written.
///
/// # Errors
/// When it cannot be written; what stood there still stands.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_together(&[(path.to_owned(), bytes)]).map_err(|error| error.cause)
}

/// Sees whether a folder takes files, before hours of work are to go there: a few bytes, in a file without a name. Of a folder that is not there yet the
/// nearest one above it is asked.
///
/// # Errors
/// When it takes none: the superuser is refused too by a read-only file system and a full disk.
pub fn takes_files(folder: &Path) -> Result<(), WriteError> {
    const SOME: [u8; 4096] = [1; 4096];
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let existing = folder.ancestors().find(|folder| folder.exists());
    let existing = existing.unwrap_or(&folder);
    let file = tempfile::tempfile_in(existing);
    let written = file.and_then(|mut file| file.write_all(&SOME));
    written.map_err(|cause| WriteError {
        path: existing.to_owned(),
        cause,
    })
}

/// Writes files that belong together: none of them takes its name before all are on the disk, so that a full one leaves the old ones as they were.
///
/// # Errors
/// When one of them cannot be written.
pub fn write_together(files: &[(PathBuf, impl AsRef<[u8]>)]) -> Result<(), WriteError> {
    let mut staged = Vec::new();
    for (path, bytes) in files {
        let failed = |cause| WriteError {
            path: path.clone(),
            cause,
        };
        staged.push(Staged::write(path, bytes.as_ref()).map_err(failed)?);
    }
    for (file, (path, _)) in staged.iter_mut().zip(files) {
        file.publish().map_err(|cause| WriteError {
            path: path.clone(),
            cause,
        })?;
    }
    Ok(())
}

/// A file under another name, which is gone unless it takes its own.
struct Staged {
    /// None once it has its name, and where there is no name to take: a pipe or a device is written to at once.
    beside: Option<PathBuf>,
    path: PathBuf,
}

impl Staged {
    fn write(path: &Path, bytes: &[u8]) -> io::Result<Staged> {
        let there = fs::metadata(path);
        if there.as_ref().is_ok_and(|there| !there.is_file()) {
            File::options().write(true).open(path)?.write_all(bytes)?;
            return Ok(Staged {
                beside: None,
                path: path.to_owned(),
            });
        }
        // Through a link to the file, which keeps its link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let staged = Staged {
            beside: Some(beside.clone()),
            path,
        };
        let permissions = there.ok().map(|there| there.permissions());
        create(&beside, bytes, permissions)?;
        Ok(staged)
    }

    fn publish(&mut self) -> io::Result<()> {
        if let Some(beside) = &self.beside {
            fs::rename(beside, &self.path)?;
            self.beside = None;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

fn create(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_data()
}

/// blake3 of a file's bytes, as 64 hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Reads a text file. The byte order mark that some editors begin it with says nothing, and is left behind.
///
/// # Errors
/// When it cannot be read, or is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "its text is UTF-16; save it as UTF-8";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its text is not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{read_text, write_together, write_whole};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn replaces_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        fs::write(&path, "old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn texts_are_utf_8_with_a_mark_or_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_text(&path).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"{}").as_deref(), Ok("{}"));
        assert_eq!(read(b"\xef\xbb\xbf{}").as_deref(), Ok("{}"));
        assert_eq!(read(b"").as_deref(), Ok(""));
        assert_eq!(
            read(b"\xff\xfe{\0}\0"),
            Err("its text is UTF-16; save it as UTF-8".to_owned())
        );
        assert_eq!(read(b"caf\xe9"), Err("its text is not UTF-8".to_owned()));
    }

    #[test]
    fn a_failure_keeps_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "kept").unwrap();
        assert!(write_whole(&path, b"new").is_err());
        assert_eq!(fs::read(path.join("inside")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_files_that_belong_together_none_changes_when_one_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (page, table) = (folder.path().join("page"), folder.path().join("no/table"));
        fs::write(&page, "old").unwrap();
        let error = write_together(&[(page.clone(), "new"), (table.clone(), "new")]).unwrap_err();
        assert_eq!(error.path, table);
        assert_eq!(fs::read(&page).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_permissions_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
        write_whole("/dev/null".as_ref(), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
