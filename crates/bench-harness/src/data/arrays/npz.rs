//! NumPy's archives: a zip file of arrays.

use super::ArrayError;
use super::header::Header;
use super::npy::{Arrays, Stream};
use super::table::Field;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Opens an archive. What is read of it is unpacked beside the others, into files without names.
pub(super) fn open(file: &str, path: &Path) -> Result<Arrays, ArrayError> {
    let mut archive = archive(file, path)?;
    let (mut fields, mut streams): (Vec<Field>, Vec<Stream>) = Default::default();
    for place in 0..archive.len() {
        let mut entry = archive
            .by_index(place)
            .map_err(|error| damaged(file, &error))?;
        let name = entry
            .name()
            .map_err(|error| damaged(file, &error))?
            .into_owned();
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        let told = format!("{file}/{name}");
        let header = Header::read(&told, &mut entry)?;
        fields.push(header.field(&name));
        let reader = Packed {
            file: file.to_owned(),
            path: path.to_owned(),
            place,
            unpacked: None,
        };
        streams.push(Stream::open(&told, Box::new(reader))?);
    }
    Ok(Arrays::of(file.to_owned(), fields, streams))
}

/// An entry, which is unpacked when it is first read.
struct Packed {
    file: String,
    path: PathBuf,
    place: usize,
    unpacked: Option<BufReader<File>>,
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let unpacked = match &mut self.unpacked {
            Some(unpacked) => unpacked,
            None => {
                let other = |error: String| io::Error::other(error);
                let mut archive =
                    archive(&self.file, &self.path).map_err(|error| other(error.to_string()))?;
                let mut entry = archive
                    .by_index(self.place)
                    .map_err(|error| other(error.to_string()))?;
                let mut file = tempfile::tempfile()?;
                io::copy(&mut entry, &mut file)?;
                file.rewind()?;
                self.unpacked.insert(BufReader::new(file))
            }
        };
        unpacked.read(buffer)
    }
}

fn archive(file: &str, path: &Path) -> Result<ZipArchive<BufReader<File>>, ArrayError> {
    let opened = File::open(path).map_err(|error| ArrayError::of(file, error.to_string()))?;
    ZipArchive::new(BufReader::new(opened)).map_err(|error| damaged(file, &error))
}

fn damaged(file: &str, error: &dyn std::error::Error) -> ArrayError {
    ArrayError::of(
        file,
        format!("this is no `.npz` archive that can be read: {error}"),
    )
}
