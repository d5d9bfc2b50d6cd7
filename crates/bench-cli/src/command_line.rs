//! Commands as they are printed, to be typed as they stand: made of one value that holds what was typed, and quoted for a shell.

use std::fmt;

/// A command with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    words: Vec<String>,
}

impl CommandLine {
    /// `bench` and a verb, as in `run` or `data fetch`.
    pub(crate) fn new(verb: &str) -> CommandLine {
        let words = ["bench"].into_iter().chain(verb.split(' '));
        CommandLine {
            words: words.map(str::to_owned).collect(),
        }
    }

    /// What was typed to start this process.
    pub(crate) fn typed() -> CommandLine {
        let words = std::env::args_os().skip(1);
        let words = words.map(|word| word.to_string_lossy().into_owned());
        CommandLine {
            words: ["bench".to_owned()].into_iter().chain(words).collect(),
        }
    }

    /// With one word more.
    pub(crate) fn word(mut self, word: impl fmt::Display) -> CommandLine {
        self.words.push(word.to_string());
        self
    }

    /// With `--name`, where it holds.
    pub(crate) fn flag(self, name: &str, holds: bool) -> CommandLine {
        match holds {
            true => self.word(format_args!("--{name}")),
            false => self,
        }
    }

    /// With `--name value`, where there is one.
    pub(crate) fn option(self, name: &str, value: Option<impl fmt::Display>) -> CommandLine {
        match value {
            Some(value) => self.flag(name, true).word(value),
            None => self,
        }
    }

    /// Without a `--name` that takes no value.
    pub(crate) fn without(mut self, name: &str) -> CommandLine {
        self.words
            .retain(|word| word.strip_prefix("--") != Some(name));
        self
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// A word that a shell gives back as it is.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    // A comment begins with `#`, and only there.
    let is_plain = word
        .chars()
        .enumerate()
        .all(|(place, c)| plain(c) || (c == '#' && place > 0));
    match is_plain && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn words_that_need_no_quotes_have_none() {
        let line = CommandLine::new("data fetch")
            .word("index.html#0123")
            .option("results", Some("a b"))
            .option("seed", None::<u64>)
            .flag("fresh", true)
            .flag("quiet", false);
        let expected = "bench data fetch index.html#0123 --results 'a b' --fresh";
        assert_eq!(line.to_string(), expected);
        let without = "bench data fetch index.html#0123 --results 'a b'";
        assert_eq!(line.without("fresh").to_string(), without);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("~/runs"), "'~/runs'");
        assert_eq!(quoted("#1"), "'#1'");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
        #[test]
        fn a_shell_gives_every_word_back(words in proptest::collection::vec("[ -~é\n]{0,12}", 1..8)) {
            let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            let script = format!("printf '%s\\0' {}", quoted.join(" "));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
            proptest::prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
    }
}
