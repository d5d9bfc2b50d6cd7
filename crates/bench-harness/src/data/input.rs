//! A supplied file, read from its beginning to its end without being held, compressed or not.

use super::idx::IdxError;
use super::shard::FileError;
use super::source::SourceError;
use super::split::ContentError;
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
pub(crate) const PIECE: usize = 1 << 20;

/// A file under way.
pub(crate) struct Input {
    /// How errors name it.
    pub(crate) name: String,
    /// Bytes of content so far.
    pub(crate) offset: u64,
    path: PathBuf,
    reader: Reader,
}

enum Reader {
    Plain(BufReader<File>),
    Gzip(Box<GzDecoder<BufReader<File>>>),
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reader::Plain(plain) => plain.read(buffer),
            Reader::Gzip(packed) => packed.read(buffer),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl Input {
    /// Opens a file as it is.
    pub(crate) fn plain(name: &str, path: &Path) -> Result<Input, FileError> {
        let file = File::open(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Input {
            name: name.to_owned(),
            offset: 0,
            path: path.to_owned(),
            reader: Reader::Plain(BufReader::with_capacity(PIECE, file)),
        })
    }

    /// Opens a file, and undoes gzip where there is any: packages differ in whether they compress.
    pub(crate) fn open(name: &str, path: &Path) -> Result<Input, FileError> {
        let mut input = Input::plain(name, path)?;
        let Reader::Plain(mut plain) = input.reader else {
            return Ok(input);
        };
        let start = plain.fill_buf().map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        input.reader = match start.starts_with(&[0x1f, 0x8b]) {
            true => Reader::Gzip(Box::new(GzDecoder::new(plain))),
            false => Reader::Plain(plain),
        };
        Ok(input)
    }

    /// The next bytes, at most so many; fewer at the end alone.
    pub(crate) fn next(&mut self, most: usize) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::with_capacity(most.min(PIECE));
        let read = (&mut self.reader).take(most as u64).read_to_end(&mut bytes);
        self.offset += bytes.len() as u64;
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.stopped(error)),
        }
    }

    /// Goes past this many bytes, or to the end. Tells how many there were.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<u64, SourceError> {
        let skipped = match &mut self.reader {
            // Memory takes no part in it, and nor does the disk.
            Reader::Plain(plain) => {
                let there = plain.get_ref().metadata().map(|metadata| metadata.len());
                there.and_then(|there| {
                    let bytes = bytes.min(there.saturating_sub(self.offset));
                    plain.seek_relative(i64::try_from(bytes).unwrap_or(i64::MAX))?;
                    Ok(bytes)
                })
            }
            Reader::Gzip(packed) => io::copy(&mut packed.take(bytes), &mut io::sink()),
        };
        match skipped {
            Ok(skipped) => {
                self.offset += skipped;
                Ok(skipped)
            }
            Err(error) => Err(self.stopped(error)),
        }
    }

    fn stopped(&self, source: io::Error) -> SourceError {
        match &self.reader {
            Reader::Plain(_) => SourceError::File(FileError::Io {
                path: self.path.clone(),
                source,
            }),
            Reader::Gzip(_) => SourceError::Content(ContentError::Idx(IdxError::Gzip {
                file: self.name.clone(),
                offset: self.offset,
                message: source.to_string(),
            })),
        }
    }
}
