//! A mistake in a file, with the place where a person can mend it.

use super::yaml::BYTE_ORDER_MARK;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A text that people wrote, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// For messages; relative to the checkout where it lies inside.
    pub path: PathBuf,
    /// The whole file.
    pub text: String,
}

/// Bytes of a source: from `start`, `length` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Number of bytes.
    pub length: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
    /// What is wrong, with the offending value.
    pub message: String,
    /// What to do, with the nearest valid name where there is one.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Line and column, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span)
    }
}

impl Source {
    /// A file's bytes as text. What is not UTF-8 becomes a replacement character, of which whoever reads the text tells.
    pub fn of(path: PathBuf, bytes: &[u8]) -> Source {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Source { path, text }
    }

    /// Line and column of a span's first character, both from 1; columns count characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let start = self.text.floor_char_boundary(span.start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..]
                .trim_start_matches(BYTE_ORDER_MARK)
                .chars()
                .count()
                + 1,
        )
    }

    /// `path:line:column`.
    pub(crate) fn place(&self, span: Span) -> String {
        let (line, column) = self.position(span);
        format!("{}:{line}:{column}", self.path.display())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.source.place(self.span), self.message)
    }
}

/// The valid name nearest to a wrong one, when it is near enough to be what was meant; else the shortest of which it is a word.
pub fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let valid: Vec<&str> = valid.into_iter().collect();
    let distances = valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name));
    let near = distances
        .filter(|(distance, name)| *distance <= 1 + name.len().max(wrong.len()) / 3)
        .min();
    let holds = |name: &&&str| name.split(['-', '_']).any(|word| word == wrong);
    near.map(|(_, name)| name).or_else(|| {
        valid
            .iter()
            .filter(holds)
            .min_by_key(|name| name.len())
            .copied()
    })
}

/// A help line for a wrong name: the nearest one, or all of them.
pub(crate) fn name_help(wrong: &str, valid: &[&str]) -> Option<String> {
    help_with(wrong, valid, str::to_owned)
}

/// The same, where something else than the name is to be written.
pub(crate) fn help_with(
    wrong: &str,
    valid: &[&str],
    written: impl Fn(&str) -> String,
) -> Option<String> {
    let quoted = |name: &str| format!("`{}`", written(name));
    match (nearest(wrong, valid.iter().copied()), valid) {
        (Some(name), _) => Some(format!("did you mean {}?", quoted(name))),
        (None, []) => None,
        (None, names) => {
            let all: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            Some(format!("expected {}", all.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Arc::new(Source {
            path: "x.yaml".into(),
            text: "a: 1\nß: é: 2\n".to_owned(),
        });
        let at = |start| Diagnostic {
            source: source.clone(),
            span: Span { start, length: 1 },
            message: "m".to_owned(),
            help: None,
        };
        assert_eq!(at(0).position(), (1, 1));
        assert_eq!(at(5).position(), (2, 1));
        assert_eq!(at(9).position(), (2, 4));
        assert_eq!(at(999).position(), (3, 1));
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(
            nearest("max-step", ["max-steps", "wall"]),
            Some("max-steps")
        );
        assert_eq!(nearest("qqqqqq", ["max-steps", "wall"]), None);
        assert_eq!(
            name_help("qqqqqq", &["a", "b"]).unwrap(),
            "expected `a`, `b`"
        );
    }
}
