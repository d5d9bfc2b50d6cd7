//! What stands before an array's numbers in NumPy's format (numpy.lib.format, versions 1 to 3), and how its entries are written.

use super::ArrayError;
use super::table::{Content, Dtype, Field, Holds};
use std::io::Read;

/// Of a header; NumPy itself reads less unless it is told to trust the file.
const LONGEST: u64 = 1 << 20;

/// What an array is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) shape: Vec<u64>,
    pub(super) content: Stored,
    /// Bytes before the numbers.
    pub(super) length: u64,
}

/// How an array's entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Numbers {
        dtype: Dtype,
        swapped: bool,
    },
    /// Letters of 4 bytes, so many an entry.
    Letters {
        count: usize,
        swapped: bool,
    },
    /// Bytes, so many an entry.
    Bytes {
        count: usize,
    },
}

impl Stored {
    pub(super) fn width(self) -> usize {
        match self {
            Stored::Numbers { dtype, .. } => dtype.width(),
            Stored::Letters { count, .. } => 4 * count,
            Stored::Bytes { count } => count,
        }
    }

    fn holds(self) -> Holds {
        match self {
            Stored::Numbers { dtype, .. } => Holds::Numbers(dtype),
            _ => Holds::Words,
        }
    }
}

impl Stored {
    pub(super) fn read(self, mut bytes: Vec<u8>) -> Content {
        let width = self.width().max(1);
        match self {
            Stored::Numbers { dtype, swapped } => {
                if swapped {
                    bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
                }
                Content::Numbers(dtype, bytes)
            }
            Stored::Letters { swapped, .. } => {
                let letter = |four: &[u8; 4]| {
                    let code = match swapped {
                        true => u32::from_be_bytes(*four),
                        false => u32::from_le_bytes(*four),
                    };
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                };
                let word = |entry: &[u8]| {
                    let letters = entry.as_chunks().0.iter().map(letter);
                    letters
                        .collect::<String>()
                        .trim_end_matches('\0')
                        .to_owned()
                };
                Content::Words(bytes.chunks_exact(width).map(word).collect())
            }
            Stored::Bytes { .. } => {
                let word = |entry: &[u8]| {
                    String::from_utf8_lossy(entry)
                        .trim_end_matches('\0')
                        .to_owned()
                };
                Content::Words(bytes.chunks_exact(width).map(word).collect())
            }
        }
    }
}

impl Header {
    /// Reads the header, and nothing behind it.
    pub(super) fn read(file: &str, reader: &mut dyn Read) -> Result<Header, ArrayError> {
        let wrong =
            |place: u64, problem: &str| ArrayError::at(file, format!("byte {place}"), problem);
        let mut taken = 0;
        let mut take = |bytes: &mut [u8]| {
            let read = reader.read_exact(bytes);
            let place = taken;
            taken += bytes.len() as u64;
            read.map_err(|_| wrong(place, "ends here, within the header of an array"))
        };
        let mut start = [0; 8];
        take(&mut start)?;
        if &start[..6] != b"\x93NUMPY" {
            return Err(wrong(
                0,
                "this is no `.npy` array: it does not begin with `\\x93NUMPY`",
            ));
        }
        let length = match start[6] {
            1 => {
                let mut two = [0; 2];
                take(&mut two)?;
                u64::from(u16::from_le_bytes(two))
            }
            2 | 3 => {
                let mut four = [0; 4];
                take(&mut four)?;
                u64::from(u32::from_le_bytes(four))
            }
            version => {
                return Err(wrong(
                    6,
                    &format!("version {version} of the format is not known"),
                ));
            }
        };
        if length > LONGEST {
            return Err(wrong(
                8,
                &format!("the header is said to have {length} bytes"),
            ));
        }
        let mut text = vec![0; length as usize];
        take(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let mut header = Header::parse(&text).map_err(|problem| wrong(10, &problem))?;
        header.length = taken;
        Ok(header)
    }

    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (60, 28, 28), }`.
    fn parse(text: &str) -> Result<Header, String> {
        let behind = |key: &str| {
            let (_, rest) = text
                .split_once(&format!("'{key}':"))
                .ok_or(format!("the header has no `{key}`"))?;
            Ok::<&str, String>(rest.trim_start())
        };
        let described = behind("descr")?;
        let kind = described
            .strip_prefix('\'')
            .and_then(|rest| rest.split('\'').next());
        let kind =
            kind.ok_or("arrays of records are not read: save each field as an array of its own")?;
        let shape = behind("shape")?;
        let shape = shape
            .strip_prefix('(')
            .and_then(|rest| rest.split(')').next());
        let shape = shape.ok_or("the header's `shape` is no list of sizes")?;
        let sizes = shape
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty());
        let shape: Vec<u64> = sizes
            .map(|size| size.parse().map_err(|_| format!("`{size}` is no size")))
            .collect::<Result<_, _>>()?;
        let content = stored(kind)?;
        let numbers = shape
            .iter()
            .try_fold(content.width().max(1) as u64, |all, &size| {
                all.checked_mul(size.max(1))
            });
        if numbers.is_none_or(|bytes| bytes > i64::MAX as u64) {
            return Err(format!(
                "an array of shape {shape:?} has no room in any file"
            ));
        }
        if behind("fortran_order")?.starts_with("True") && shape.len() > 1 {
            return Err(
                "the array is in Fortran's order: save `numpy.ascontiguousarray` of it".to_owned(),
            );
        }
        Ok(Header {
            shape,
            content,
            length: 0,
        })
    }

    pub(super) fn row_bytes(&self) -> u64 {
        let row: u64 = self.shape.iter().skip(1).product();
        row * self.content.width() as u64
    }

    /// As a field of this name.
    pub(super) fn field(&self, name: &str) -> Field {
        Field {
            name: name.to_owned(),
            rows: Some(self.shape.first().copied().unwrap_or(1)),
            shape: self.shape.iter().skip(1).copied().collect(),
            holds: self.content.holds(),
        }
    }
}

/// What a description like `<f4`, `|u1` or `<U10` means.
fn stored(kind: &str) -> Result<Stored, String> {
    let swapped = kind.starts_with('>');
    let plain = kind.trim_start_matches(['<', '>', '|', '=']);
    let count = |size: &str| {
        size.parse::<usize>()
            .ok()
            .filter(|&count| (1..=1 << 16).contains(&count))
    };
    let words = plain
        .split_at_checked(1)
        .and_then(|(letter, size)| Some((letter, count(size)?)));
    let dtype = match plain {
        "b1" => Dtype::Bool,
        "u1" => Dtype::U8,
        "i1" => Dtype::I8,
        "u2" => Dtype::U16,
        "i2" => Dtype::I16,
        "u4" => Dtype::U32,
        "i4" => Dtype::I32,
        "u8" => Dtype::U64,
        "i8" => Dtype::I64,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        _ => {
            return match words {
                Some(("U", count)) => Ok(Stored::Letters { count, swapped }),
                Some(("S", count)) => Ok(Stored::Bytes { count }),
                _ => Err(format!(
                    "arrays of `{kind}` are not read: save whole numbers, `float32`, `float64` or words"
                )),
            };
        }
    };
    Ok(Stored::Numbers { dtype, swapped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_an_array_is() {
        let header = |kind: &str, shape: &str| {
            Header::parse(&format!(
                "{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
            ))
        };
        let found = header(">i2", "(60, 28, 28)").unwrap();
        assert_eq!(
            (found.shape.as_slice(), found.row_bytes()),
            (&[60, 28, 28][..], 28 * 28 * 2)
        );
        assert_eq!(
            found.content,
            Stored::Numbers {
                dtype: Dtype::I16,
                swapped: true
            }
        );
        assert_eq!(header("<U3", "(2,)").unwrap().row_bytes(), 12);
        assert!(header("|O", "(2,)").unwrap_err().contains("`|O`"));
        assert!(
            header("<f8", "(9999999999999, 9999999999999)")
                .unwrap_err()
                .contains("no room")
        );
    }
}
