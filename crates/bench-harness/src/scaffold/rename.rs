//! A copy under another name: in manifests, settings and code, but not where its comments speak of others' work.

use super::name::{camel, identifier};
use super::source::File;
use std::path::Path;

/// One name in the place of another.
pub(super) struct Rename<'a> {
    old: &'a str,
    new: &'a str,
    /// What it is run by, in the place of its folder in the checkout.
    run: String,
    /// The main type's old and new name; the old one stays where the new one means something already.
    types: Option<(String, String)>,
}

impl<'a> Rename<'a> {
    pub(super) fn new(old: &'a str, new: &'a str, is_member: bool, files: &[File]) -> Rename<'a> {
        let (from, to) = (camel(old), camel(new));
        let is_used = files
            .iter()
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
            .any(|text| replace(text, &to, "", is_word) != text);
        let run = match is_member {
            true => format!("submissions/{new}"),
            false => ".".to_owned(),
        };
        Rename {
            old,
            new,
            run,
            types: (!is_used).then_some((from, to)),
        }
    }

    pub(super) fn apply(&self, path: &Path, text: &str) -> String {
        let (old, new) = (self.old, self.new);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => {
                text.replace(&format!("name = \"{old}\""), &format!("name = \"{new}\""))
            }
            Some("yaml") if old != new => began(text, new),
            Some("rs") => {
                let lines = text.split_inclusive('\n').enumerate();
                lines
                    .map(|(number, line)| self.line(number, line))
                    .collect()
            }
            _ => text.to_owned(),
        }
    }

    /// Code, and the title of a file, which is about what is renamed. The rest of what comments say is of the algorithm, its authors and other
    /// programs, so only code in them is renamed: what a backtick comes before.
    fn line(&self, number: usize, line: &str) -> String {
        let is_comment = line.trim_start().starts_with("//");
        let is_free = !is_comment || number == 0;
        let stands = |before: &str, after: &str| {
            is_word(before, after) && (is_free || before.ends_with(['`', '<']))
        };
        let old = identifier(self.old) + "::";
        let mut line = replace(line, &old, &(identifier(self.new) + "::"), |before, _| {
            stands(before, "")
        });
        if is_free {
            let folder = format!("submissions/{}", self.old);
            line = replace(&line, &folder, &self.run, |_, after| {
                !after.starts_with(is_part) && !after.starts_with('-')
            });
        }
        match &self.types {
            Some((from, to)) => replace(&line, from, to, stands),
            None => line,
        }
    }
}

/// Says in `about` where the copy comes from.
fn began(text: &str, new: &str) -> String {
    const KEY: &str = "\nabout: ";
    let Some((before, about)) = text.split_once(KEY) else {
        return text.to_owned();
    };
    let (quote, about) = match about.chars().next() {
        Some('"' | '\'') => about.split_at(1),
        // A text below its key.
        Some('|' | '>') | None => return text.to_owned(),
        Some(_) => ("", about),
    };
    format!("{before}{KEY}{quote}{new}, which began as {about}")
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether what lies between is a word that stands alone, and no part of another's path: `torch.optim.AdamW`, `KellerJordan/Muon`.
fn is_word(before: &str, after: &str) -> bool {
    let in_path = before.ends_with('/') || before.ends_with('.') && !before.ends_with("..");
    !in_path && !before.ends_with(is_part) && !after.starts_with(is_part)
}

/// Replaces what is found where that stands right between what is before and after it.
fn replace(text: &str, from: &str, to: &str, stands: impl Fn(&str, &str) -> bool) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(from) {
        let end = at + from.len();
        if stands(&text[..at], &text[end..]) {
            replaced.push_str(&text[done..at]);
            replaced.push_str(to);
            done = end;
        }
    }
    replaced.push_str(&text[done..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(old: &str, new: &str, is_member: bool, text: &str) -> String {
        let files = [("src/lib.rs".into(), text.as_bytes().to_vec())];
        Rename::new(old, new, is_member, &files).apply(Path::new("src/lib.rs"), text)
    }

    #[test]
    fn code_is_renamed_and_others_work_is_not() {
        let text = "//! Muon: momentum made orthogonal (`bench run submissions/muon`).
//!
//! Equals `KellerJordan/Muon`'s and `torch.optim.Muon`; Muon's authors say so. Use: `Muon<muon::Rest>`, [`Muon`], `Boxed<Muon>`.
/// Muon's state, of submissions/muon.
pub struct Muon; // submissions/muon-wsd

fn muon(rest: xmuon::Muons) -> muon::Muon {
    Muon { a, ..Muon::new(muon::Rest) }
}
";
        let expected = "//! MyMuon: momentum made orthogonal (`bench run submissions/my-muon`).
//!
//! Equals `KellerJordan/Muon`'s and `torch.optim.Muon`; Muon's authors say so. Use: `MyMuon<my_muon::Rest>`, [`MyMuon`], `Boxed<MyMuon>`.
/// Muon's state, of submissions/muon.
pub struct MyMuon; // submissions/muon-wsd

fn muon(rest: xmuon::Muons) -> my_muon::MyMuon {
    MyMuon { a, ..MyMuon::new(my_muon::Rest) }
}
";
        assert_eq!(renamed("muon", "my-muon", true, text), expected);
        let outside = renamed("muon", "my-muon", false, text);
        assert!(outside.starts_with("//! MyMuon: momentum made orthogonal (`bench run .`).\n"));
    }

    #[test]
    fn only_whole_words_are_replaced() {
        let text = "Pbt Pbts aPbt Pbt<R>";
        assert_eq!(
            replace(text, "Pbt", "Mine", is_word),
            "Mine Pbts aPbt Mine<R>"
        );
    }

    #[test]
    fn about_says_where_it_began() {
        for (about, expected) in [
            ("x", "b, which began as x"),
            ("\"x: y\"", "\"b, which began as x: y\""),
            ("'x'", "'b, which began as x'"),
            (">\n  x", ">\n  x"),
        ] {
            let text = |about| format!("schema: 1\nabout: {about}\nrulesets: []\n");
            assert_eq!(began(&text(about), "b"), text(expected));
        }
        assert_eq!(began("schema: 1\n", "b"), "schema: 1\n");
    }
}
