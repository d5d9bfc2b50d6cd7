//! What a person is told about a mistake: the place, the message, the help. One file a kind of file, one snapshot a table.

#[path = "../common/mod.rs"]
mod common;

use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::diagnostic::Diagnostic;
use bench_core::spec::schema::Kind;
use common::{files_with, sound};

/// A mistake: its name, and what is written in place of what.
type Mistake = (&'static str, &'static str, &'static str);

/// A snapshot without the table that it is of.
macro_rules! snapshot {
    ($text:expr) => {
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!($text);
        })
    };
}

mod datasets;
mod files;
mod submissions;
mod workloads;

fn told(kind: Kind, mistakes: &[Mistake]) -> String {
    let mut told = String::new();
    for (name, right, wrong) in mistakes {
        assert!(sound(kind).contains(right), "{right}");
        let text = sound(kind).replacen(right, wrong, 1);
        let catalog = Catalog::parse(files_with(kind, &text));
        assert!(!catalog.diagnostics.is_empty(), "{name}: nothing is told");
        told += &format!("== {name}\n");
        told.extend(catalog.diagnostics.iter().map(shown));
    }
    told
}

/// Place, line, underline, message, help.
fn shown(diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic.position();
    let text = diagnostic.source.text.lines().nth(line - 1).unwrap_or("");
    let rest = text.chars().count().saturating_sub(column - 1);
    let underlined = diagnostic.span.length.clamp(1, rest.max(1));
    format!(
        "{diagnostic}\n  | {text}\n  | {:>start$}{}\n  help: {}\n",
        "",
        "^".repeat(underlined),
        diagnostic.help.as_deref().unwrap_or("-"),
        start = column - 1,
    )
}

fn told_of(files: Vec<File>) -> String {
    Catalog::parse(files)
        .diagnostics
        .iter()
        .map(shown)
        .collect()
}
