//! Text as token numbers: bytes, or 16-bit little-endian numbers one after another.

use super::columns::{Array, Columns};
use bench_core::spec::dataset::TokenFormat;
use safetensors::Dtype;

/// The column of a split of text.
const TOKENS: &str = "tokens";

/// A file is no list of such tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It ends within a number.
    #[error("`{file}` has {bytes} bytes, an odd number, where each token takes two")]
    Odd {
        /// The decoded file.
        file: String,
        /// Its length.
        bytes: usize,
    },
    /// It has a token that the vocabulary has not.
    #[error("`{file}` has token {token} at place {place}, beyond a vocabulary of {vocabulary}")]
    Beyond {
        /// The decoded file.
        file: String,
        /// The token.
        token: u64,
        /// Which one of the file, from 0 on.
        place: usize,
        /// Different tokens.
        vocabulary: u64,
    },
}

/// The tokens of a file.
pub(crate) fn decode(
    format: &TokenFormat,
    file: &str,
    bytes: Vec<u8>,
) -> Result<Columns, TokenError> {
    let (dtype, beyond) = match format.width() {
        1 => (
            Dtype::U8,
            first_beyond(format, bytes.iter().map(|&byte| byte.into())),
        ),
        _ => {
            let (pairs, rest) = bytes.as_chunks();
            if !rest.is_empty() {
                return Err(TokenError::Odd {
                    file: file.to_owned(),
                    bytes: bytes.len(),
                });
            }
            let tokens = pairs.iter().map(|&pair| u16::from_le_bytes(pair).into());
            (Dtype::U16, first_beyond(format, tokens))
        }
    };
    if let Some((place, token)) = beyond {
        return Err(TokenError::Beyond {
            file: file.to_owned(),
            token,
            place,
            vocabulary: format.vocabulary,
        });
    }
    Ok(column(dtype, bytes.len() / format.width(), bytes))
}

/// A split's only column.
pub(crate) fn column(dtype: Dtype, tokens: usize, bytes: Vec<u8>) -> Columns {
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

fn first_beyond(format: &TokenFormat, tokens: impl Iterator<Item = u64>) -> Option<(usize, u64)> {
    tokens
        .enumerate()
        .find(|&(_, token)| token >= format.vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(vocabulary: u64, bytes: &[u8]) -> Result<Columns, TokenError> {
        decode(&TokenFormat { vocabulary }, "train", bytes.to_vec())
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
            "`train` has 3 bytes, an odd number, where each token takes two"
        );
        assert_eq!(
            error(100, b"ab~"),
            "`train` has token 126 at place 2, beyond a vocabulary of 100"
        );
        assert_eq!(
            error(1_000, &[0, 0, 0xE8, 3]),
            "`train` has token 1000 at place 1, beyond a vocabulary of 1000"
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
