//! A collection of texts as bytes, split by whole documents.

use super::columns::Columns;
use super::tokens;
use bench_core::spec::dataset::{DocumentFormat, Markup};
use safetensors::Dtype;

/// The text of one split: its documents one after another. Any bytes are text.
pub(crate) fn decode<'a>(
    format: &DocumentFormat,
    split: &str,
    documents: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Columns {
    let mut text = Vec::new();
    for (place, (_, document)) in documents.enumerate() {
        if format.split_of(place) == split {
            match format.markup {
                Markup::Plain => plain(document, &mut text),
                Markup::Tagged => tagged(document, &mut text),
            }
        }
    }
    tokens::column(Dtype::U8, text.len(), text.into())
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
        let named = documents.iter().map(|document| ("", *document));
        decode(format, split, named)
            .get("tokens")
            .unwrap()
            .bytes
            .to_vec()
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
