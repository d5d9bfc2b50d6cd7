//! Files that a Python process reads: listed, hashed, and copied to a place that no later edit reaches.

use super::{PythonError, io};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Files by their path below a folder, with their content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files(pub(crate) Vec<(String, Vec<u8>)>);

impl Files {
    /// Those of a folder, or some of them.
    pub(crate) fn read(folder: &Path, names: &[PathBuf]) -> Result<Files, PythonError> {
        let read = |name: &PathBuf| {
            let path = folder.join(name);
            let content = fs::read(&path).map_err(io("read", &path))?;
            Ok((name.to_string_lossy().into_owned(), content))
        };
        let files = names.iter().map(read).collect::<Result<_, PythonError>>();
        Ok(Files(files?))
    }

    /// blake3 over names and contents.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, content) in &self.0 {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&(content.len() as u64).to_le_bytes());
            hasher.update(content);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// A copy below `folder`, in a folder named by the digest: whole, or not there.
    pub(crate) fn keep(&self, folder: &Path) -> Result<PathBuf, PythonError> {
        let place = folder.join(&self.digest()[..32]);
        if self.is_at(&place) {
            return Ok(place);
        }
        fs::create_dir_all(folder).map_err(io("make", folder))?;
        let staged = tempfile::Builder::new()
            .prefix(".partial-")
            .tempdir_in(folder)
            .map_err(io("make a folder in", folder))?;
        for (name, content) in &self.0 {
            let path = staged.path().join(name);
            let parent = path.parent().unwrap_or(&path);
            fs::create_dir_all(parent).map_err(io("make", parent))?;
            fs::write(&path, content).map_err(io("write", &path))?;
        }
        // What lies there is not what its name says.
        let _ = fs::remove_dir_all(&place);
        match fs::rename(staged.path(), &place) {
            Ok(()) => Ok(place),
            Err(_) if self.is_at(&place) => Ok(place),
            Err(error) => Err(io("rename a folder to", &place)(error)),
        }
    }

    fn is_at(&self, place: &Path) -> bool {
        let names: Vec<PathBuf> = self.0.iter().map(|(name, _)| name.into()).collect();
        place.is_dir()
            && listing(place) == names
            && Files::read(place, &names).is_ok_and(|there| there == *self)
    }
}

/// Files of a folder that a program may read, in the order of their names: no caches, no hidden ones, nothing of version control.
pub(crate) fn listing(folder: &Path) -> Vec<PathBuf> {
    let counts = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "__pycache__")
    };
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    let files = entries.into_iter().filter_entry(counts).flatten();
    let mut files: Vec<PathBuf> = files
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_owned()))
        .filter(|path| path.extension().is_none_or(|ending| ending != "pyc"))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_named_by_its_content_and_mended() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        for path in ["a.py", "part/b.py", "__pycache__/a.pyc", ".git/HEAD"] {
            let path = own.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x = 1").unwrap();
        }
        let names = listing(&own);
        assert_eq!(names, [PathBuf::from("a.py"), "part/b.py".into()]);
        let files = Files::read(&own, &names).unwrap();
        let kept = files.keep(&folder.path().join("kept")).unwrap();
        assert_eq!(listing(&kept), names);
        fs::write(kept.join("a.py"), "x = 2").unwrap();
        assert_eq!(files.keep(&folder.path().join("kept")).unwrap(), kept);
        assert_eq!(fs::read_to_string(kept.join("a.py")).unwrap(), "x = 1");
        fs::write(own.join("a.py"), "x = 3").unwrap();
        let edited = Files::read(&own, &names).unwrap();
        assert_ne!(edited.digest(), files.digest());
    }
}
