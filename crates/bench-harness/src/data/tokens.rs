//! Text as token numbers: bytes, or 16-bit little-endian numbers one after another.

use super::block::{Block, Cells};
use super::input::{Input, PIECE};
use super::source::SourceError;
use super::split::{ContentError, Sink};
use bench_core::spec::dataset::TokenFormat;
use std::path::Path;

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

/// The tokens of files one after another, each given with its name for errors, without the first `skipped`.
pub(crate) fn decode<'a>(
    format: &TokenFormat,
    files: impl Iterator<Item = (&'a str, &'a Path)>,
    mut skipped: u64,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let width = format.number().width();
    for (name, path) in files {
        let mut input = Input::plain(name, path)?;
        let passed = input.skip(skipped * width as u64)?;
        skipped -= passed / width as u64;
        loop {
            let first = input.offset;
            let bytes = input.next(PIECE)?;
            if input.offset % width as u64 != 0 {
                return Err(error(TokenError::Truncated {
                    file: name.to_owned(),
                    offset: input.offset,
                }));
            }
            if bytes.is_empty() {
                break;
            }
            if let Some((place, token)) = first_beyond(format, &bytes) {
                return Err(error(TokenError::Beyond {
                    file: name.to_owned(),
                    offset: first + (place * width) as u64,
                    token,
                    vocabulary: format.vocabulary,
                }));
            }
            sink(block(bytes.len() / width, bytes))?;
        }
    }
    Ok(())
}

/// Tokens as the column they are.
pub(crate) fn block(tokens: usize, bytes: Vec<u8>) -> Block {
    Block::new(tokens, [("tokens", Cells::fixed(bytes))])
}

fn error(error: TokenError) -> SourceError {
    ContentError::from(error).into()
}

/// The first token that the vocabulary has not, and its place.
fn first_beyond(format: &TokenFormat, bytes: &[u8]) -> Option<(usize, u64)> {
    let beyond = |&(_, token): &(usize, u64)| token >= format.vocabulary;
    match format.number().width() {
        1 if format.vocabulary > u8::MAX.into() => None,
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

    fn decoded(vocabulary: u64, bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
        decoded_of(vocabulary, &[bytes], 0)
    }

    fn decoded_of(vocabulary: u64, files: &[&[u8]], skipped: u64) -> Result<Vec<u8>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let write = |(bytes, name): (&&[u8], &str)| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let paths: Vec<_> = files.iter().zip(["a.bin", "b.bin"]).map(write).collect();
        let named = ["train/a.bin", "train/b.bin"].into_iter();
        let named = named.zip(paths.iter().map(|path| path.as_path()));
        let mut all = Vec::new();
        decode(&TokenFormat { vocabulary }, named, skipped, &mut |block| {
            all.extend(&block.get("tokens").unwrap().bytes);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn bytes_and_pairs_become_one_column() {
        assert_eq!(decoded(256, b"abc").unwrap(), b"abc");
        let pairs = [1, 0, 0x50, 0xC4];
        assert_eq!(decoded(50_257, &pairs).unwrap(), pairs);
        assert_eq!(decoded_of(50_257, &[&pairs, &[7, 0]], 2).unwrap(), [7, 0]);
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
        let error = |files: &[&[u8]]| decoded_of(1_000, files, 0).unwrap_err().to_string();
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
            decoded_of(1_000, &[&[1, 0], &[2, 0]], 0).unwrap(),
            [1, 0, 2, 0]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(vocabulary in 1_u64..70_000, bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            if let Ok(tokens) = decoded(vocabulary, &bytes) {
                prop_assert_eq!(tokens, bytes);
            }
        }
    }
}
