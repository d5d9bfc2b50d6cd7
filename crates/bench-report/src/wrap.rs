//! Sentences in lines that fit.

/// A sentence in lines of at most this many characters where its words allow it: indented by two, and by four where it goes on.
pub fn wrapped(sentence: &str, width: usize) -> String {
    let mut lines = vec!["  ".to_owned()];
    for word in sentence.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 4 && line + word.chars().count() + 1 > width {
            lines.push("    ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            let gap = if line.trim().is_empty() { "" } else { " " };
            line.push_str(gap);
            line.push_str(word);
        }
    }
    lines.join("\n")
}
