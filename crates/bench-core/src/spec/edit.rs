//! Values of a YAML file changed where they stand: comments, order and spelling of everything else stay.

use super::yaml::{self, Document, escape};
use serde_json::{Map, Value};
use std::ops::Range;

/// A value that cannot be put in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not YAML.
    #[error("the file is not YAML: {0}")]
    Unreadable(String),
    /// `section` is there, and no map of names to values.
    #[error("`{0}` is no map, so that nothing can be set in it")]
    NoMap(String),
    /// The changed text does not say what it should, so it is not handed out.
    #[error(
        "cannot set `{key}` in `{section}` without changing something else; write `{key}: {value}` by hand"
    )]
    Elsewhere {
        /// Of the first level.
        section: String,
        /// Of the second.
        key: String,
        /// What should be there.
        value: String,
    },
}

/// Sets `section: { key: value }` in a text: in place, beside the other keys of the section, or in a new last line. `value` is YAML.
///
/// # Errors
/// When the text cannot be read, or the change would not be exactly this one: it is read again to see.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> Result<String, EditError> {
    set_below(text, &[section], key, value)
}

/// Sets `key: value` in a section below others. All sections but the first level's are there already.
///
/// # Errors
/// As [`set`].
pub fn set_below(
    text: &str,
    sections: &[&str],
    key: &str,
    value: &str,
) -> Result<String, EditError> {
    let document = read(text)?;
    let (place, new) = change(text, &document, sections, key, value)?;
    let mut changed = text.to_owned();
    changed.replace_range(place, &new);
    let elsewhere = || EditError::Elsewhere {
        section: sections.join("."),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let wanted = read(value).map_err(|_| elsewhere())?.value;
    let mut expected = document.value;
    let map = sections.iter().try_fold(&mut expected, |map, section| {
        let map = map.as_object_mut()?;
        Some(
            map.entry(*section)
                .or_insert_with(|| Value::Object(Map::new())),
        )
    });
    let map = map.and_then(Value::as_object_mut).ok_or_else(elsewhere)?;
    map.insert(key.to_owned(), wanted);
    match read(&changed) {
        Ok(document) if document.value == expected => Ok(changed),
        _ => Err(elsewhere()),
    }
}

/// Has a variant extend what lies at another path, where it extends something.
///
/// # Errors
/// When the text cannot be read.
pub fn extend(text: &str, base: &str) -> Result<String, EditError> {
    let document = read(text)?;
    let mut changed = text.to_owned();
    if let Some(place) = document.places.get("/extends") {
        let span = place.value;
        let written = &text[span.start..span.start + span.length];
        // The span of a quoted text goes on to what comes after its line.
        let quoted = written.starts_with(['"', '\'']);
        let closed = |length: usize| quoted && written[..length].ends_with(&written[..1]);
        let length = (2..written.len()).find(|length| closed(*length));
        let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        let base = match base.chars().all(is_plain) {
            true => base.to_owned(),
            false => Value::from(base).to_string(),
        };
        let end = span.start + length.unwrap_or(span.length);
        changed.replace_range(span.start..end, &base);
    }
    Ok(changed)
}

fn read(text: &str) -> Result<Document, EditError> {
    match yaml::parse(text) {
        (Some(document), mistakes) if mistakes.is_empty() => Ok(document),
        (_, mistakes) => Err(EditError::Unreadable(
            mistakes
                .into_iter()
                .next()
                .map_or_else(String::new, |mistake| mistake.message),
        )),
    }
}

/// Which bytes give way to what.
fn change(
    text: &str,
    document: &Document,
    sections: &[&str],
    key: &str,
    value: &str,
) -> Result<(Range<usize>, String), EditError> {
    let pointer: String = sections
        .iter()
        .map(|section| format!("/{}", escape(section)))
        .collect();
    let section = sections.join(".");
    if let Some(place) = document.places.get(&format!("{pointer}/{}", escape(key))) {
        let span = place.value;
        // No space is left at the end of a line that a block begins below.
        let start = match value.starts_with('\n') {
            true => text[..span.start].trim_end_matches(' ').len(),
            false => span.start,
        };
        return Ok((start..span.start + span.length, value.to_owned()));
    }
    let Some(there) = document.value.pointer(&pointer) else {
        let newline = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let line = format!("{newline}{section}: {{ {key}: {value} }}\n");
        return Ok((text.len()..text.len(), line));
    };
    let map = there.as_object().ok_or(EditError::NoMap(section))?;
    let start = document
        .places
        .get(&pointer)
        .map_or(0, |place| place.value.start);
    let prefix = format!("{pointer}/");
    let below = || {
        let places = document.places.iter();
        places.filter(|(name, _)| name.starts_with(&prefix))
    };
    if text[start..].starts_with('{') {
        // After the last value of all. Where that is inside of another map or list, the text comes out wrong and is refused.
        let ends = below().map(|(_, place)| place.value.start + place.value.length);
        let end = ends.max().unwrap_or(start + 1);
        let comma = if map.is_empty() { "" } else { "," };
        return Ok((end..end, format!("{comma} {key}: {value}")));
    }
    // A block: a line above its first key, at the same depth.
    let keys = below().filter_map(|(_, place)| place.key);
    let first = keys.map(|key| key.start).min().unwrap_or(start);
    let line = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = &text[line..first];
    let space = if value.starts_with('\n') { "" } else { " " };
    Ok((first..first, format!("{key}:{space}{value}\n{indent}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(text: &str, key: &str) -> Result<String, EditError> {
        set(text, "target", key, "0.5")
    }

    #[test]
    fn only_the_value_changes() {
        let text = "# a\ntarget: { metric: x, validation: 0.1 } # b\n\nbudget: {time: 60s}\n";
        let changed = target(text, "validation").unwrap();
        assert_eq!(changed, text.replace("0.1", "0.5"));
        let changed = target(text, "test").unwrap();
        assert_eq!(changed, text.replace("0.1 }", "0.1, test: 0.5 }"));
        let block = "target:\n  # c\n  metric: x # d\n  validation: 1e-1\nz: 1\n";
        let changed = target(block, "validation").unwrap();
        assert_eq!(changed, block.replace("1e-1", "0.5"));
        let changed = target(block, "test").unwrap();
        assert_eq!(changed, block.replace("metric", "test: 0.5\n  metric"));
        let below = "\n    a: 1";
        let changed = set(block, "target", "validation", below).unwrap();
        assert_eq!(changed, block.replace(" 1e-1", below));
        let changed = set(block, "target", "test", below).unwrap();
        assert_eq!(
            changed,
            block.replace("metric", "test:\n    a: 1\n  metric")
        );
    }

    #[test]
    fn sections_lie_in_sections() {
        let text = "splits:\n  train:\n    from: a # b\n    hash: unpinned\n  test: { from: b }\n";
        let changed = set_below(text, &["splits", "train"], "hash", "00").unwrap();
        assert_eq!(changed, text.replace("unpinned", "00"));
        let changed = set_below(text, &["splits", "test"], "hash", "00").unwrap();
        assert_eq!(changed, text.replace("from: b", "from: b, hash: 00"));
    }

    #[test]
    fn a_section_that_is_not_there_is_a_last_line() {
        let changed = target("extends: base", "validation").unwrap();
        assert_eq!(changed, "extends: base\ntarget: { validation: 0.5 }\n");
        let twice = target(&changed, "test").unwrap();
        assert_eq!(
            twice,
            "extends: base\ntarget: { validation: 0.5, test: 0.5 }\n"
        );
    }

    #[test]
    fn a_variant_extends_something_else() {
        let text = "# extends: none\nextends: ../a # b\nabout: c\n";
        let extended = |base| extend(text, base).unwrap();
        assert_eq!(extended("/x/a"), text.replace("../a", "/x/a"));
        assert_eq!(extended("/x: y/a"), text.replace("../a", "\"/x: y/a\""));
        let quoted = text.replace("../a", "'../a'");
        assert_eq!(extend(&quoted, "../b").unwrap(), extended("../b"));
        assert_eq!(extend("about: c\n", "../b").unwrap(), "about: c\n");
        assert!(extend("[1\n", "../b").is_err());
    }

    #[test]
    fn what_cannot_be_put_in_is_refused() {
        let refused = [
            "target: 7\n",
            "target: [1\n",
            "target: { a: [1, 2] }\n",
            "a: &x {b: 1}\ntarget: *x\n",
        ];
        for text in refused {
            assert!(target(text, "validation").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_comes_out_says_it(words in proptest::collection::vec(
            prop_oneof!["target", "validation", ": ", "\n", "  ", "\\{", "\\}", "1", ", ", "#", "\u{e9}"], 0..25)) {
            if let Ok(changed) = target(&words.concat(), "validation") {
                let value = read(&changed).unwrap().value;
                prop_assert_eq!(value["target"]["validation"].clone(), 0.5);
            }
        }
    }
}
