//! Text as token numbers: bytes, or 16-bit little-endian numbers one after another.

use super::columns::{Array, Columns};
use bench_core::spec::dataset::TokenFormat;
use bytes::Bytes;
use safetensors::Dtype;

/// The column of a split of text.
const TOKENS: &str = "tokens";

/// A file is no list of such tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It ends within a number.
    #[error("{file}: ends at byte {offset} within a token: each takes two bytes")]
    Truncated {
        /// Role and name of the file.
        file: String,
        /// Its length.
        offset: u64,
    },
    /// It has a token that the vocabulary has not.
    #[error("{file}: byte {offset} begins token {token}, beyond a vocabulary of {vocabulary}")]
    Beyond {
        /// Role and name of the file.
        file: String,
        /// Where.
        offset: u64,
        /// The token.
        token: u64,
        /// Different tokens.
        vocabulary: u64,
    },
}

/// The tokens of files one after another, each given with its name for errors.
pub(crate) fn decode<'a>(
    format: &TokenFormat,
    files: impl Iterator<Item = (&'a str, &'a Bytes)> + Clone,
) -> Result<Columns, TokenError> {
    let width = format.width();
    for (file, bytes) in files.clone() {
        if bytes.len() % width != 0 {
            return Err(TokenError::Truncated {
                file: file.to_owned(),
                offset: bytes.len() as u64,
            });
        }
        if let Some((place, token)) = first_beyond(format, bytes) {
            return Err(TokenError::Beyond {
                file: file.to_owned(),
                offset: (place * width) as u64,
                token,
                vocabulary: format.vocabulary,
            });
        }
    }
    let dtype = match width {
        1 => Dtype::U8,
        _ => Dtype::U16,
    };
    let parts: Vec<&Bytes> = files.map(|(_, bytes)| bytes).collect();
    // One file, as large ones are, is not copied.
    let bytes = match parts.as_slice() {
        [one] => Bytes::clone(one),
        many => many.iter().flat_map(|part| part.iter().copied()).collect(),
    };
    Ok(column(dtype, bytes.len() / width, bytes))
}

/// A split's only column.
pub(crate) fn column(dtype: Dtype, tokens: usize, bytes: Bytes) -> Columns {
    let shape = vec![tokens];
    Columns::one(
        TOKENS,
        Array {
            dtype,
            shape,
            bytes,
        },
    )
}

/// The first token that the vocabulary has not, and its place.
fn first_beyond(format: &TokenFormat, bytes: &[u8]) -> Option<(usize, u64)> {
    let beyond = |&(_, token): &(usize, u64)| token >= format.vocabulary;
    match format.width() {
        1 => bytes
            .iter()
            .map(|&byte| byte.into())
            .enumerate()
            .find(beyond),
        _ => {
            let pairs = bytes.as_chunks().0.iter();
            let tokens = pairs.map(|&pair| u16::from_le_bytes(pair).into());
            tokens.enumerate().find(beyond)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(vocabulary: u64, bytes: &[u8]) -> Result<Columns, TokenError> {
        decoded_of(vocabulary, &[bytes])
    }

    fn decoded_of(vocabulary: u64, files: &[&[u8]]) -> Result<Columns, TokenError> {
        let copied = |bytes: &&[u8]| Bytes::copy_from_slice(bytes);
        let files: Vec<Bytes> = files.iter().map(copied).collect();
        let files = ["train/a.bin", "train/b.bin"].into_iter().zip(&files);
        decode(&TokenFormat { vocabulary }, files)
    }

    #[test]
    fn bytes_and_pairs_become_one_column() {
        let text = decoded(256, b"abc").unwrap();
        assert_eq!(text.examples(), 3);
        let pairs = decoded(50_257, &[1, 0, 0x50, 0xC4]).unwrap();
        let array = pairs.get(TOKENS).unwrap();
        assert_eq!(
            (array.dtype, array.shape.as_slice()),
            (Dtype::U16, [2].as_slice())
        );
    }

    #[test]
    fn what_is_no_list_of_tokens_is_refused() {
        let error = |vocabulary, bytes: &[u8]| decoded(vocabulary, bytes).unwrap_err().to_string();
        assert_eq!(
            error(1_000, &[1, 0, 2]),
            "train/a.bin: ends at byte 3 within a token: each takes two bytes"
        );
        assert_eq!(
            error(100, b"ab~"),
            "train/a.bin: byte 2 begins token 126, beyond a vocabulary of 100"
        );
        assert_eq!(
            error(1_000, &[0, 0, 0xE8, 3]),
            "train/a.bin: byte 2 begins token 1000, beyond a vocabulary of 1000"
        );
    }

    #[test]
    fn each_of_several_files_is_whole() {
        let error = |files: &[&[u8]]| decoded_of(1_000, files).unwrap_err().to_string();
        // Together they would be two tokens.
        assert_eq!(
            error(&[&[1, 0, 2], &[0]]),
            "train/a.bin: ends at byte 3 within a token: each takes two bytes"
        );
        assert_eq!(
            error(&[&[1, 0], &[0, 0, 0xE8, 3]]),
            "train/b.bin: byte 2 begins token 1000, beyond a vocabulary of 1000"
        );
        assert_eq!(
            decoded_of(1_000, &[&[1, 0], &[2, 0]]).unwrap().examples(),
            2
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(vocabulary in 1_u64..70_000, bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            if let Ok(columns) = decoded(vocabulary, &bytes) {
                prop_assert_eq!(columns.hash(), columns.slice(0, columns.examples()).unwrap().hash());
            }
        }
    }
}
