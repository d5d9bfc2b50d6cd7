//! Sentences in lines that fit.

/// A sentence in lines of at most this many characters: indented by two, and by four where it goes on. Words that fit into no line are cut.
pub fn wrapped(sentence: &str, width: usize) -> String {
    folded(sentence, width, ["  ", "    "])
}

/// The same with other indents of the first line and of those after it.
pub fn folded(sentence: &str, width: usize, [first, rest]: [&str; 2]) -> String {
    let room = width.saturating_sub(rest.len()).max(1);
    let mut lines = vec![first.to_owned()];
    for word in sentence.split(' ') {
        let word: Vec<char> = word.chars().collect();
        for (position, piece) in pieces(&word, room).into_iter().enumerate() {
            let line = lines.last().map_or(0, |line| line.chars().count());
            let is_begun = lines.last().is_some_and(|line| !line.trim().is_empty());
            if position > 0 || (is_begun && line + piece.len() + 1 > width) {
                lines.push(rest.to_owned());
            }
            if let Some(line) = lines.last_mut() {
                let gap = if line.trim().is_empty() { "" } else { " " };
                line.push_str(gap);
                line.extend(piece);
            }
        }
    }
    lines.join("\n")
}

/// A word in pieces that fit; an empty word is one.
fn pieces(word: &[char], room: usize) -> Vec<&[char]> {
    match word.is_empty() {
        true => vec![word],
        false => word.chunks(room).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_between_words_and_long_words_are_cut() {
        let sentence = "adamw: held up by a quota of the container";
        assert_eq!(
            wrapped(sentence, 22),
            "  adamw: held up by a\n    quota of the\n    container"
        );
        assert_eq!(
            wrapped("a/path/without/end", 12),
            "  a/path/w\n    ithout/e\n    nd"
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider(sentence in "[a-z /]{0,80}", width in 6usize..60) {
            for line in wrapped(&sentence, width).lines() {
                prop_assert!(line.chars().count() <= width, "{line:?} in {width}");
            }
        }
    }
}
