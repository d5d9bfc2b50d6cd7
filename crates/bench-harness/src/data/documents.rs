//! A collection of texts as bytes, split by whole documents.

use super::shard::FileError;
use super::source::SourceError;
use super::split::Sink;
use super::tokens;
use bench_core::spec::dataset::{DocumentFormat, Markup};
use std::path::Path;

/// The text of one split: its documents one after another, each in memory by itself. Any bytes are text.
pub(crate) fn decode<'a>(
    format: &DocumentFormat,
    split: &str,
    documents: impl Iterator<Item = (&'a str, &'a Path)>,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    for (place, (_, path)) in documents.enumerate() {
        if format.split_of(place) != split {
            continue;
        }
        let document = std::fs::read(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut text = Vec::with_capacity(document.len() + 1);
        match format.markup {
            Markup::Plain => plain(&document, &mut text),
            Markup::Tagged => tagged(&document, &mut text),
        }
        sink(tokens::block(text.len(), text))?;
    }
    Ok(())
}

fn plain(document: &[u8], text: &mut Vec<u8>) {
    text.extend(document);
    text.push(0);
}

/// A word is what stands before the last `/`: `1/2/cd` is `1/2`.
fn tagged(document: &[u8], text: &mut Vec<u8>) {
    for line in document.split(|&byte| byte == b'\n') {
        let mut separator = None;
        for token in line
            .split(u8::is_ascii_whitespace)
            .filter(|token| !token.is_empty())
        {
            let end = token.iter().rposition(|&byte| byte == b'/');
            text.extend(separator.replace(b' '));
            text.extend(&token[..end.unwrap_or(token.len())]);
        }
        text.extend(separator.map(|_| b'\n'));
    }
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: DocumentFormat = DocumentFormat {
        markup: Markup::Tagged,
        every: 3,
        validation: 2,
        test: 3,
    };

    fn text(format: &DocumentFormat, split: &str, documents: &[&[u8]]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let write = |(number, document): (usize, &&[u8])| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, document).unwrap();
            path
        };
        let paths: Vec<_> = documents.iter().enumerate().map(write).collect();
        let named = paths.iter().map(|path| ("", path.as_path()));
        let mut all = Vec::new();
        let mut sink = |block: crate::data::block::Block| {
            all.extend(&block.get("tokens").unwrap().bytes);
            Ok(())
        };
        decode(format, split, named, &mut sink).unwrap();
        all
    }

    #[test]
    fn tags_and_empty_lines_go_and_documents_stay_whole() {
        let documents: [&[u8]; 4] = [
            b"\n\tThe/at 1/2/cd ``/`` end/nn ./.\n\n\tA/at b\n",
            b"V/nn",
            b"T/nn",
            b"C/nn",
        ];
        let of = |split| text(&FORMAT, split, &documents);
        assert_eq!(of("train"), b"The 1/2 `` end .\nA b\n\nC\n\n");
        assert_eq!(of("validation"), b"V\n\n");
        assert_eq!(of("test"), b"T\n\n");
        let format = DocumentFormat {
            markup: Markup::Plain,
            ..FORMAT
        };
        assert_eq!(text(&format, "train", &documents[2..]), b"T/nn\0");
    }

    proptest! {
        #[test]
        fn every_document_is_in_one_split(documents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let documents: Vec<&[u8]> = documents.iter().map(Vec::as_slice).collect();
            let format = DocumentFormat { markup: Markup::Plain, ..FORMAT };
            let all: usize = ["train", "validation", "test"].iter().map(|split| text(&format, split, &documents).len()).sum();
            prop_assert_eq!(all, documents.iter().map(|document| document.len() + 1).sum::<usize>());
            // Arbitrary bytes are no sound markup, and are read all the same.
            text(&FORMAT, "train", &documents);
        }
    }
}
