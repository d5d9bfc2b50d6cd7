//! Files out of registry packages, opened without any program: Debian packages, wheels and tarballs.

use super::pattern;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

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

/// The wanted files' contents by role; `files` maps roles to paths (or patterns) inside, `archive` is for errors.
pub(crate) fn extract(
    archive: &str,
    bytes: &[u8],
    files: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Bytes>, ArchiveError> {
    let archive = archive.to_owned();
    let contents = match open(bytes, files) {
        Some(Ok(contents)) => contents,
        Some(Err(message)) => return Err(ArchiveError::Damaged { archive, message }),
        None => return Err(ArchiveError::Kind { archive }),
    };
    let mut found = Contents::new();
    for (role, path) in files {
        let path = inside(path);
        let before = found.len();
        if pattern::is_pattern(path) {
            let several = contents
                .iter()
                .filter(|(name, _)| pattern::matches(path, name));
            found
                .extend(several.map(|(name, content)| (pattern::key(role, name), content.clone())));
        } else if let Some(content) = contents.get(path) {
            found.insert(role.clone(), content.clone());
        }
        if found.len() == before {
            let file = path.to_owned();
            return Err(ArchiveError::Lacks { archive, file });
        }
    }
    Ok(found)
}

type Contents = BTreeMap<String, Bytes>;

/// Told apart by their first bytes, since names lie.
fn open(bytes: &[u8], files: &BTreeMap<String, String>) -> Option<Result<Contents, String>> {
    let wanted = |path: &str| {
        let mut files = files.values();
        files.any(|file| pattern::matches(inside(file), inside(path)))
    };
    if bytes.starts_with(b"!<arch>\n") {
        Some(debian_package(bytes).and_then(|data| tarball(data.as_slice(), wanted)))
    } else if bytes.starts_with(b"PK\x03\x04") {
        Some(wheel(bytes, wanted))
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        Some(tarball(flate2::read::GzDecoder::new(bytes), wanted))
    } else {
        None
    }
}

/// A Debian package is an `ar` archive whose member `data.tar.xz` holds the files.
fn debian_package(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut members = ar::Archive::new(bytes);
    while let Some(member) = members.next_entry() {
        let mut member = member.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
        if !name.starts_with("data.tar") {
            continue;
        }
        let mut packed = Vec::new();
        member
            .read_to_end(&mut packed)
            .map_err(|error| error.to_string())?;
        let mut data = Vec::new();
        match name.as_str() {
            "data.tar" => data = packed,
            "data.tar.xz" => lzma_rs::xz_decompress(&mut Cursor::new(packed), &mut data)
                .map_err(|error| error.to_string())?,
            "data.tar.gz" => {
                flate2::read::GzDecoder::new(packed.as_slice())
                    .read_to_end(&mut data)
                    .map_err(|error| error.to_string())?;
            }
            _ => {
                return Err(format!(
                    "its files are packed as {name}, which is not supported"
                ));
            }
        }
        return Ok(data);
    }
    Err("it has no member data.tar".to_owned())
}

fn wheel(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Contents, String> {
    let mut contents = Contents::new();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| e.to_string())?;
        let path = entry.name().map_err(|e| e.to_string())?.into_owned();
        if wanted(&path) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(|e| e.to_string())?;
            contents.insert(inside(&path).to_owned(), content.into());
        }
    }
    Ok(contents)
}

fn tarball(reader: impl Read, wanted: impl Fn(&str) -> bool) -> Result<Contents, String> {
    let mut contents = Contents::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if wanted(&path) {
            let mut content = Vec::new();
            entry
                .read_to_end(&mut content)
                .map_err(|error| error.to_string())?;
            contents.insert(inside(&path).to_owned(), content.into());
        }
    }
    Ok(contents)
}

/// Tarballs name the same file `./a` or `a`.
fn inside(path: &str) -> &str {
    path.trim_start_matches("./")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

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

    fn extract_bytes(bytes: &[u8], files: &[(&str, &str)]) -> Result<Contents, ArchiveError> {
        let files = files
            .iter()
            .map(|(role, path)| ((*role).to_owned(), (*path).to_owned()))
            .collect();
        extract("a", bytes, &files)
    }

    #[test]
    fn all_kinds_give_the_same_files() {
        let files: [(&str, &[u8]); 2] = [("usr/share/a", b"first"), ("usr/share/b", b"second")];
        for bytes in [debian_of(&files), wheel_of(&files), npm_of(&files)] {
            let contents = extract_bytes(&bytes, &[("one", "./usr/share/b")]).unwrap();
            assert_eq!(
                contents,
                BTreeMap::from([("one".to_owned(), Bytes::from_static(b"second"))])
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
