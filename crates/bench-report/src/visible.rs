//! Names and texts of others as a terminal may show them: what would steer it, or turn the order of letters, is written out.

use std::borrow::Cow;

/// A text for one cell or line: ends of lines are written out too.
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, steers)
}

/// A text of several lines, which keep their ends and tabulators.
pub fn lines(text: &str) -> Cow<'_, str> {
    written_out(text, |c| steers(c) && !matches!(c, '\n' | '\t'))
}

fn written_out(text: &str, steers: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&steers) {
        return Cow::Borrowed(text);
    }
    let written = |c: char| match steers(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(written).collect())
}

/// Control characters, ends of lines and paragraphs, and marks that change the direction of writing.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        let name = "a\u{1b}[31m|\u{1b}]0;title\u{7}\r\n\tb\u{202e}c\u{9b}1mé漢";
        assert_eq!(
            line(name),
            "a\\u{1b}[31m|\\u{1b}]0;title\\u{7}\\r\\n\\tb\\u{202e}c\\u{9b}1mé漢"
        );
        assert!(lines(name).contains("\\r\n\tb"));
        assert!(matches!(line("adamw, tuned"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_that_steers_is_left(text in any::<String>()) {
            prop_assert!(!line(&text).contains(steers));
            prop_assert!(!lines(&text).replace(['\n', '\t'], "").contains(steers));
        }
    }
}
