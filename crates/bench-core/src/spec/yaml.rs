//! The one file that knows YAML crates: a text becomes a JSON value, and every node of it keeps its place.
//!
//! `serde_yaml` reads the values. It forgets lines, and in a map it keeps the last of two equal keys without a word,
//! so a parser of events walks the text as well and notes places, duplicates, and numbers that JSON does not have.

use super::diagnostic::Span;
use crate::number::MOST;
use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Levels of nesting that a spec may have; no real one comes near.
const DEEPEST: usize = 64;

/// A parsed file.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Merge keys and aliases applied.
    pub value: Value,
    /// Pointer (`/model/mlp/hidden/0`) to places.
    pub places: BTreeMap<String, Place>,
    /// Pointers of numbers that JSON does not have: already told, and null in `value`.
    pub lost: BTreeSet<String>,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Its key, where it is a map's value.
    pub key: Option<Span>,
    /// Itself.
    pub value: Span,
}

/// Something wrong with the text itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mistake {
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

/// What some editors begin a file with. It says nothing.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a text. A document comes back whenever the text is YAML at all, even with mistakes in it, so that all can be told at once.
pub(crate) fn parse(text: &str) -> (Option<Document>, Vec<Mistake>) {
    let mut walk = Walk::new(text);
    if let Err(mistake) = walk.all() {
        return (None, vec![mistake]);
    }
    match value(walk.text, walk.merges) {
        Ok(value) => {
            let document = Document {
                value,
                places: walk.places,
                lost: walk.lost,
            };
            (Some(document), walk.mistakes)
        }
        Err(error) => {
            // A duplicate keeps the reader from going on; it has been told.
            if walk.mistakes.is_empty() {
                let start = error.location().map_or(0, |location| location.index());
                let start = text.len() - walk.text.len() + start;
                walk.mistakes.push(Mistake {
                    span: Span {
                        start: text.floor_char_boundary(start),
                        length: 0,
                    },
                    message: unreadable(&error),
                    help: None,
                });
            }
            (None, walk.mistakes)
        }
    }
}

/// The reader's words without the place, which is told by itself.
fn unreadable(error: &serde_yaml::Error) -> String {
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    format!("cannot be read: {}", &words[..end])
}

fn value(text: &str, merges: bool) -> Result<Value, serde_yaml::Error> {
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value = if merges {
        let mut value: serde_yaml::Value = serde_yaml::from_str(text)?;
        value.apply_merge()?;
        serde_yaml::from_value(value)?
    } else {
        // Unlike the way above, this one reads on over duplicate keys.
        serde_yaml::from_str(text)?
    };
    // A file of comments alone is an empty map, not a null.
    Ok(match value {
        Value::Null => Value::Object(serde_json::Map::new()),
        value => whole(value),
    })
}

/// `1e3` is a whole number: how a number is spelled means nothing.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(x) if number.is_f64() && x.fract() == 0.0 && x.abs() <= MOST as f64 => {
                Value::from(x as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect(),
        other => other,
    }
}

/// One level of nesting.
enum Level {
    Map {
        pointer: String,
        key: Option<(String, Span)>,
        seen: BTreeMap<String, Span>,
    },
    List {
        pointer: String,
        next: usize,
    },
}

struct Walk<'a> {
    text: &'a str,
    /// Byte of every character, since the parser counts characters.
    bytes: Vec<usize>,
    levels: Vec<Level>,
    places: BTreeMap<String, Place>,
    lost: BTreeSet<String>,
    mistakes: Vec<Mistake>,
    /// Whether there are merge keys.
    merges: bool,
}

impl<'a> Walk<'a> {
    fn new(whole: &'a str) -> Walk<'a> {
        let text = whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole);
        let skipped = whole.len() - text.len();
        let bytes = text
            .char_indices()
            .map(|(byte, _)| skipped + byte)
            .chain([whole.len()])
            .collect();
        Walk {
            text,
            bytes,
            levels: Vec::new(),
            places: BTreeMap::new(),
            lost: BTreeSet::new(),
            mistakes: Vec::new(),
            merges: false,
        }
    }

    fn all(&mut self) -> Result<(), Mistake> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, marks) = event.map_err(|error| Mistake {
                span: Span {
                    start: self.byte(error.marker().index()),
                    length: 0,
                },
                message: format!("not YAML: {}", error.info()),
                help: None,
            })?;
            let span = self.span(marks);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Mistake {
                            span,
                            message: "a second document in one file".to_owned(),
                            help: Some("write one file for each".to_owned()),
                        });
                    }
                }
                Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
                Event::Alias(_) => {
                    self.node(span);
                }
                Event::MappingStart(..) => {
                    let pointer = self.node(span);
                    self.not_too_deep(span)?;
                    self.levels.push(Level::Map {
                        pointer,
                        key: None,
                        seen: BTreeMap::new(),
                    });
                }
                Event::SequenceStart(..) => {
                    let pointer = self.node(span);
                    self.not_too_deep(span)?;
                    self.levels.push(Level::List { pointer, next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    self.levels.pop();
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn not_too_deep(&self, span: Span) -> Result<(), Mistake> {
        if self.levels.len() < DEEPEST {
            return Ok(());
        }
        Err(Mistake {
            span,
            message: format!("nested deeper than {DEEPEST} levels"),
            help: None,
        })
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) {
        if let Some(Level::Map {
            key: key @ None,
            seen,
            ..
        }) = self.levels.last_mut()
        {
            *key = Some((text.to_owned(), span));
            self.merges |= text == "<<";
            if seen.insert(text.to_owned(), span).is_some() {
                self.mistakes.push(Mistake {
                    span,
                    message: format!("duplicate key `{text}`"),
                    help: Some("keep one of them".to_owned()),
                });
            }
            return;
        }
        let pointer = self.node(span);
        if style == ScalarStyle::Plain
            && let Some((message, help)) = no_number(text)
        {
            self.lost.insert(pointer);
            self.mistakes.push(Mistake {
                span,
                message,
                help: Some(help),
            });
        }
    }

    /// Notes a value's place and returns its pointer.
    fn node(&mut self, value: Span) -> String {
        let (pointer, key) = match self.levels.last_mut() {
            None => (String::new(), None),
            Some(Level::List { pointer, next }) => {
                *next += 1;
                (format!("{pointer}/{}", *next - 1), None)
            }
            Some(Level::Map { pointer, key, .. }) => match key.take() {
                Some((name, span)) => (format!("{pointer}/{}", escape(&name)), Some(span)),
                // A map or list as a key: no spec has one, the schema will say so.
                None => (format!("{pointer}/?"), None),
            },
        };
        self.places.insert(pointer.clone(), Place { key, value });
        pointer
    }

    fn span(&self, marks: Marks) -> Span {
        let (start, end) = (self.byte(marks.start.index()), self.byte(marks.end.index()));
        Span {
            start,
            length: end.saturating_sub(start),
        }
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes
            .get(character)
            .or(self.bytes.last())
            .copied()
            .unwrap_or_default()
    }
}

/// Why a text that looks like a number is none, and what to do: `.nan` and `.inf` as YAML has them, `nan` and `inf` as others write them, too many digits.
fn no_number(text: &str) -> Option<(String, String)> {
    let bare = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let infinite = text.parse().is_ok_and(|x: f64| !x.is_finite());
    if infinite || matches!(bare.as_str(), ".nan" | ".inf") {
        let message = format!("`{text}` is not a finite number");
        return Some((message, "write a number".to_owned()));
    }
    let digits = !bare.is_empty() && bare.bytes().all(|digit| digit.is_ascii_digit());
    let whole = || text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    (digits && !whole()).then(|| {
        let message = format!("`{text}` is too large for a whole number");
        (message, format!("at most {MOST}"))
    })
}

/// A part of a JSON pointer as a key.
pub(crate) fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A key as a part of a JSON pointer.
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str, span: Span) -> &str {
        &text[span.start..span.start + span.length]
    }

    #[test]
    fn every_node_has_its_place() {
        let text = "a: {b: [1, zwei]}\né: &x {c: 3}\nd: *x\n";
        let (document, mistakes) = parse(text);
        let document = document.unwrap();
        assert_eq!(mistakes, []);
        assert_eq!(document.value["d"]["c"], 3);
        let place = document.places["/a/b/1"];
        assert_eq!((at(text, place.value), place.key), ("zwei", None));
        assert_eq!(at(text, document.places["/é/c"].key.unwrap()), "c");
        assert_eq!(at(text, document.places["/d"].key.unwrap()), "d");
    }

    #[test]
    fn duplicates_and_nan_are_all_found() {
        let (document, mistakes) = parse("a: 1\nb: {c: .nan, c: -.INF}\na: 2\n");
        assert!(document.is_some());
        let messages: Vec<_> = mistakes
            .iter()
            .map(|mistake| mistake.message.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "`.nan` is not a finite number",
                "duplicate key `c`",
                "`-.INF` is not a finite number",
                "duplicate key `a`"
            ]
        );
    }

    #[test]
    fn merge_keys_and_comments() {
        let (document, _) = parse("# c\nbase: &b {x: 1}\nuse: {<<: *b, y: 2}\n");
        assert_eq!(
            document.unwrap().value["use"],
            serde_json::json!({"x": 1, "y": 2})
        );
        assert_eq!(
            parse("# only a comment\n").0.unwrap().value,
            serde_json::json!({})
        );
        assert!(parse("a: [1\n").0.is_none());
    }

    #[test]
    fn a_byte_order_mark_says_nothing() {
        let text = "\u{feff}a: 1\nb: [é, 2]\n";
        let (document, mistakes) = parse(text);
        let document = document.unwrap();
        assert_eq!(mistakes, []);
        assert_eq!(document.value, parse(&text[3..]).0.unwrap().value);
        assert_eq!(at(text, document.places["/a"].key.unwrap()), "a");
        assert_eq!(at(text, document.places["/b/1"].value), "2");
        assert_eq!(parse("\u{feff}").0.unwrap().value, serde_json::json!({}));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n\t\u{e9}]{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_yaml_like_text_panics(words in proptest::collection::vec(
            prop_oneof!["a", ": ", "- ", "\n", "  ", "\\{", "\\}", "\\[", "\\]", "&x ", "\\*x", "<<", "\"", "'", "#", "\\|", ">", "---\n", "!t "], 0..40)) {
            let _ = parse(&words.concat());
        }
    }
}
