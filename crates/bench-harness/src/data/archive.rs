//! Files out of registry packages, opened without any program: Debian packages, wheels and tarballs.

use super::pattern;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

/// An archive cannot be opened or lacks a file.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is damaged.
    #[error("the archive {archive} is damaged: {message}")]
    Damaged {
        /// The archive's name.
        archive: String,
        /// The decoder's words.
        message: String,
    },
    /// It is none of the known kinds.
    #[error("the archive {archive} is no Debian package, wheel or tarball")]
    Kind {
        /// The archive's name.
        archive: String,
    },
    /// A file is not in it.
    #[error("the archive {archive} holds no file {file}")]
    Lacks {
        /// The archive's name.
        archive: String,
        /// The path inside.
        file: String,
    },
}

/// The wanted files by role, put into the folder `into`; `files` maps roles to paths (or patterns) inside, `name` is for errors. Nothing is held in memory.
pub(crate) fn extract(
    name: &str,
    path: &Path,
    files: &BTreeMap<String, String>,
    into: &Path,
) -> Result<BTreeMap<String, PathBuf>, ArchiveError> {
    let archive = name.to_owned();
    let contents = match open(path, files, into) {
        Ok(Some(contents)) => contents,
        Err(message) => return Err(ArchiveError::Damaged { archive, message }),
        Ok(None) => return Err(ArchiveError::Kind { archive }),
    };
    let mut found = Contents::new();
    for (role, path) in files {
        let path = inside(path);
        let before = found.len();
        if pattern::is_pattern(path) {
            let several = contents
                .iter()
                .filter(|(name, _)| pattern::matches(path, name));
            found.extend(several.map(|(name, file)| (pattern::key(role, name), file.clone())));
        } else if let Some(file) = contents.get(path) {
            found.insert(role.clone(), file.clone());
        }
        if found.len() == before {
            let file = path.to_owned();
            return Err(ArchiveError::Lacks { archive, file });
        }
    }
    Ok(found)
}

/// Paths inside to where the files were put.
type Contents = BTreeMap<String, PathBuf>;

/// Told apart by their first bytes, since names lie.
fn open(
    path: &Path,
    files: &BTreeMap<String, String>,
    into: &Path,
) -> Result<Option<Contents>, String> {
    let wanted = |path: &str| {
        let mut files = files.values();
        files.any(|file| pattern::matches(inside(file), inside(path)))
    };
    let mut reader = BufReader::new(File::open(path).map_err(words)?);
    let start = reader.fill_buf().map_err(words)?;
    if start.starts_with(b"!<arch>\n") {
        let data = debian_package(reader, into)?;
        tarball(data, wanted, into).map(Some)
    } else if start.starts_with(b"PK\x03\x04") {
        wheel(reader, wanted, into).map(Some)
    } else if start.starts_with(&[0x1f, 0x8b]) {
        let unpacked = flate2::bufread::GzDecoder::new(reader);
        tarball(unpacked, wanted, into).map(Some)
    } else {
        Ok(None)
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A Debian package is an `ar` archive whose member `data.tar.xz` holds the files. The tarball is put beside them.
fn debian_package(reader: impl Read, into: &Path) -> Result<BufReader<File>, String> {
    let mut members = ar::Archive::new(reader);
    while let Some(member) = members.next_entry() {
        let member = member.map_err(words)?;
        let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
        if !name.starts_with("data.tar") {
            continue;
        }
        let path = into.join("data.tar");
        let mut data = BufWriter::new(File::create(&path).map_err(words)?);
        let mut member = BufReader::new(member);
        match name.as_str() {
            "data.tar" => drop(io::copy(&mut member, &mut data).map_err(words)?),
            "data.tar.xz" => lzma_rs::xz_decompress(&mut member, &mut data).map_err(words)?,
            "data.tar.gz" => {
                let mut unpacked = flate2::bufread::GzDecoder::new(member);
                io::copy(&mut unpacked, &mut data).map_err(words)?;
            }
            _ => {
                return Err(format!(
                    "its files are packed as {name}, which is not supported"
                ));
            }
        }
        data.flush().map_err(words)?;
        return Ok(BufReader::new(File::open(&path).map_err(words)?));
    }
    Err("it has no member data.tar".to_owned())
}

fn wheel(
    reader: BufReader<File>,
    wanted: impl Fn(&str) -> bool,
    into: &Path,
) -> Result<Contents, String> {
    let mut contents = Contents::new();
    let mut archive = zip::ZipArchive::new(reader).map_err(words)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(words)?;
        let path = entry.name().map_err(words)?.into_owned();
        if wanted(&path) {
            put(&path, &mut entry, into, &mut contents)?;
        }
    }
    Ok(contents)
}

fn tarball(
    reader: impl Read,
    wanted: impl Fn(&str) -> bool,
    into: &Path,
) -> Result<Contents, String> {
    let mut contents = Contents::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(words)? {
        let mut entry = entry.map_err(words)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if wanted(&path) {
            put(&path, &mut entry, into, &mut contents)?;
        }
    }
    Ok(contents)
}

/// Writes a file under a name of ours: one out of an archive may lead anywhere.
fn put(
    path: &str,
    content: &mut impl Read,
    into: &Path,
    contents: &mut Contents,
) -> Result<(), String> {
    let place = into.join(format!("file-{}", contents.len()));
    let mut file = File::create(&place).map_err(words)?;
    io::copy(content, &mut file).map_err(words)?;
    contents.insert(inside(path).to_owned(), place);
    Ok(())
}

/// Tarballs name the same file `./a` or `a`.
fn inside(path: &str) -> &str {
    path.trim_start_matches("./")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    pub(crate) fn debian_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut tar_of(files).as_slice(), &mut packed).unwrap();
        let mut builder = ar::Builder::new(Vec::new());
        for (name, content) in [
            ("debian-binary", b"2.0\n".as_slice()),
            ("data.tar.xz", &packed),
        ] {
            let header = ar::Header::new(name.as_bytes().to_vec(), content.len() as u64);
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    pub(crate) fn wheel_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(*path, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn npm_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar_of(files)).unwrap();
        encoder.finish().unwrap()
    }

    /// What stands in the files that come out of an archive.
    fn extract_bytes(
        bytes: &[u8],
        files: &[(&str, &str)],
    ) -> Result<BTreeMap<String, Vec<u8>>, ArchiveError> {
        let files = files
            .iter()
            .map(|(role, path)| ((*role).to_owned(), (*path).to_owned()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        std::fs::write(&path, bytes).unwrap();
        let found = extract("a", &path, &files, folder.path())?;
        let read = |(role, path)| (role, std::fs::read(path).unwrap());
        Ok(found.into_iter().map(read).collect())
    }

    #[test]
    fn all_kinds_give_the_same_files() {
        let files: [(&str, &[u8]); 2] = [("usr/share/a", b"first"), ("usr/share/b", b"second")];
        for bytes in [debian_of(&files), wheel_of(&files), npm_of(&files)] {
            let contents = extract_bytes(&bytes, &[("one", "./usr/share/b")]).unwrap();
            assert_eq!(
                contents,
                BTreeMap::from([("one".to_owned(), b"second".to_vec())])
            );
            let several = extract_bytes(&bytes, &[("all", "usr/share/?")]).unwrap();
            assert_eq!(several.keys().collect::<Vec<_>>(), ["all/a", "all/b"]);
            let error = extract_bytes(&bytes, &[("one", "usr/c")]).unwrap_err();
            assert!(
                error.to_string().ends_with("holds no file usr/c"),
                "{error}"
            );
            let error =
                extract_bytes(&bytes[..bytes.len() / 2], &[("one", "usr/share/b")]).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
        let error = extract_bytes(b"<html>", &[]).unwrap_err();
        assert!(matches!(error, ArchiveError::Kind { .. }));
    }

    proptest! {
        #[test]
        fn damaged_archives_never_panic(kind in 0usize..3, position in 0usize..10_000, flip in 1u8..) {
            let files: [(&str, &[u8]); 1] = [("usr/share/a", b"content")];
            let mut bytes = [debian_of, wheel_of, npm_of][kind](&files);
            let position = position % bytes.len();
            bytes[position] ^= flip;
            let _ = extract_bytes(&bytes, &[("one", "usr/share/a")]);
        }
    }
}
