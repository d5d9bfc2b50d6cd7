//! NumPy's arrays: a header, then the numbers (numpy.lib.format, versions 1 to 3).

use super::super::pattern;
use super::ArrayError;
use super::folder::called;
use super::header::{Header, Stored};
use super::table::{Content, Dtype, Field, Rows, Table};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Several arrays that are read side by side.
pub(super) struct Arrays {
    file: String,
    fields: Vec<Field>,
    streams: Vec<Stream>,
    done: u64,
}

/// One array under way.
pub(super) struct Stream {
    file: String,
    header: Header,
    reader: Box<dyn Read>,
    /// Bytes read so far, header included.
    offset: u64,
    left: u64,
}

impl Arrays {
    /// Opens files that are one array each, called as they are: `x.npy` is `x`. The name of the role beside it is left out: `x_train.npy`, `train-x.npy`.
    pub(super) fn open(files: &[(String, &Path)]) -> Result<Arrays, ArrayError> {
        let mut fields = Vec::new();
        let mut streams = Vec::new();
        for (name, path) in files {
            let file = File::open(path).map_err(|error| ArrayError::of(name, error.to_string()))?;
            let stream = Stream::open(name, Box::new(BufReader::new(file)))?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            fields.push(stream.header.field(&called(&stem, pattern::role(name))));
            streams.push(stream);
        }
        let file: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Arrays::of(file.join(", "), fields, streams))
    }

    pub(super) fn of(file: String, fields: Vec<Field>, streams: Vec<Stream>) -> Arrays {
        Arrays {
            file,
            fields,
            streams,
            done: 0,
        }
    }
}

impl Table for Arrays {
    fn file(&self) -> &str {
        &self.file
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn next(&mut self, wanted: &[usize], most: usize) -> Result<Rows, ArrayError> {
        let contents = wanted
            .iter()
            .map(|&field| self.streams[field].next(most as u64));
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        let count = contents.first().map_or(0, |(rows, _)| *rows as usize);
        let first = self.done;
        self.done += count as u64;
        Ok(Rows {
            count,
            first,
            lines: Vec::new(),
            contents: contents.into_iter().map(|(_, content)| content).collect(),
        })
    }
}

impl Stream {
    /// Reads the header.
    pub(super) fn open(file: &str, mut reader: Box<dyn Read>) -> Result<Stream, ArrayError> {
        let header = Header::read(file, &mut reader)?;
        let left = header.shape.first().copied().unwrap_or(1);
        Ok(Stream {
            file: file.to_owned(),
            offset: header.length,
            header,
            reader,
            left,
        })
    }

    /// An array whose numbers begin at once.
    pub(super) fn bare(
        file: &str,
        shape: Vec<u64>,
        dtype: Dtype,
        offset: u64,
        reader: Box<dyn Read>,
    ) -> Stream {
        let swapped = false;
        Stream {
            file: file.to_owned(),
            left: shape.first().copied().unwrap_or(1),
            header: Header {
                shape,
                content: Stored::Numbers { dtype, swapped },
                length: offset,
            },
            reader,
            offset,
        }
    }

    fn next(&mut self, most: u64) -> Result<(u64, Content), ArrayError> {
        let rows = self.left.min(most);
        let row = self.header.row_bytes();
        let wanted = rows.saturating_mul(row);
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(wanted).read_to_end(&mut bytes);
        let offset = self.offset + bytes.len() as u64;
        if let Err(error) = read {
            return Err(ArrayError::at(
                &self.file,
                format!("byte {offset}"),
                error.to_string(),
            ));
        }
        if (bytes.len() as u64) < wanted {
            let problem = format!(
                "ends here, before the {} rows of {row} bytes that it announces",
                self.header.shape.first().copied().unwrap_or(1)
            );
            return Err(ArrayError::at(
                &self.file,
                format!("byte {offset}"),
                problem,
            ));
        }
        self.offset = offset;
        self.left -= rows;
        Ok((rows, self.header.content.read(bytes)))
    }
}
