//! How far what was said is from what is right.

/// Fewest insertions, deletions and replacements that make one list the other (Levenshtein).
pub(crate) fn distance<T: PartialEq>(said: &[T], right: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// Wrong words, and words that there should be: at least one.
pub(crate) fn errors(said: &[String], right: &[String]) -> (usize, usize) {
    (distance(said, right), right.len().max(1))
}

/// A text's words.
pub(crate) fn plain(text: &str) -> Vec<String> {
    split(text).map(str::to_owned).collect()
}

/// A text's words as AlgoPerf's code counts them: those of `tf.Tensor(b'the text', shape=(), dtype=string)`, with the text as Python writes bytes.
pub(crate) fn printed(text: &str) -> Vec<String> {
    let quote = match text.contains('\'') && !text.contains('"') {
        true => '"',
        false => '\'',
    };
    let mut bytes = String::new();
    for byte in text.bytes() {
        match byte {
            b'\\' => bytes.push_str("\\\\"),
            b'\t' => bytes.push_str("\\t"),
            b'\n' => bytes.push_str("\\n"),
            b'\r' => bytes.push_str("\\r"),
            _ if char::from(byte) == quote => bytes.extend(['\\', quote]),
            b' '..=b'~' => bytes.push(char::from(byte)),
            _ => bytes.push_str(&format!("\\x{byte:02x}")),
        }
    }
    plain(&format!(
        "tf.Tensor(b{quote}{bytes}{quote}, shape=(), dtype=string)"
    ))
}

/// What is between white space, which is what Python means by that.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
