//! Whatever stands in the files: no panic, every mistake inside its text, healthy files unharmed.

mod common;

use bench_core::spec::catalog::Catalog;
use bench_core::spec::diagnostic::Diagnostic;
use bench_core::spec::schema::Kind;
use bench_core::spec::search::read_algoperf;
use bench_core::spec::submission::{Dimension, Value};
use bench_core::spec::{point, schema};
use common::{file, files_with, request, sound, source};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

fn check(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let (text, span) = (&diagnostic.source.text, diagnostic.span);
        assert!(
            span.start + span.length <= text.len(),
            "{diagnostic}: {span:?}"
        );
        assert!(text.is_char_boundary(span.start), "{diagnostic}: {span:?}");
        assert!(
            text.is_char_boundary(span.start + span.length),
            "{diagnostic}: {span:?}"
        );
        assert!(diagnostic.position() >= (1, 1));
    }
}

fn load(kind: Kind, text: &str) {
    let mut files = files_with(kind, text);
    files.push(file(Kind::Workload, "other", sound(Kind::Workload)));
    files[3].search_space = Some(source("submissions/plain/tuning_search_space.json", text));
    let catalog = Catalog::parse(files);
    check(&catalog.diagnostics);
    // Mistakes elsewhere leave this one alone; without its data it says so.
    assert!(catalog.workloads.contains_key("other") || kind == Kind::Dataset);
    let _ = catalog.resolve(&request());
    own_values(text);
    let _ = read_algoperf(text);
}

/// Every name is read, remarked or not, or reported: none is lost on the way.
fn own_values(text: &str) {
    let fixed = Dimension::Fixed(Value::Number(1.0));
    let space = BTreeMap::from([("a".to_owned(), fixed)]);
    match point::read(source("mine.yaml", text), &[&space]) {
        Ok(own) => {
            check(&own.remarks);
            assert!(!own.point.is_empty(), "{text:?}: nothing, and nothing said");
            assert!(own.point.values().all(|value| value.as_number().is_some()));
        }
        Err(diagnostics) => {
            check(&diagnostics);
            assert!(!diagnostics.is_empty());
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.to_vec())
}

/// Things that YAML and its readers stumble over.
fn scraps() -> impl Strategy<Value = String> {
    let scraps = [
        "a",
        "é",
        "\u{feff}",
        "\u{0}",
        ": ",
        "- ",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&x ",
        "*x",
        "<<: ",
        "<<: *x",
        "\"",
        "'",
        "#",
        " #",
        "|",
        ">",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "!!str ",
        "!t ",
        "? ",
        "~",
        "null",
        ".nan",
        "-.inf",
        "1e999",
        "-0.0",
        "0x10",
        "1_000",
        "99999999999999999999",
        "schema: 1\n",
        "extends: tiny\n",
        "extends: ../plain\n",
        "model: { mlp: { hidden: [1] } }\n",
        "search-space: { a: { min: 1 } }\n",
        "points: [{}]\n",
    ];
    select(scraps.to_vec()).prop_map(str::to_owned)
}

/// A sound text with something cut out, put in or said twice.
fn damaged() -> impl Strategy<Value = (Kind, String)> {
    let damage = (
        any::<Index>(),
        0..12_usize,
        prop_oneof![scraps(), any::<String>()],
    );
    (kinds(), prop::collection::vec(damage, 1..6)).prop_map(|(kind, damages)| {
        let mut text: Vec<char> = sound(kind).chars().collect();
        for (place, cut, put) in damages {
            let start = place.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, put.chars());
        }
        (kind, text.into_iter().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn any_text((kind, text) in (kinds(), any::<String>())) {
        load(kind, &text);
    }

    #[test]
    fn any_scraps((kind, scraps) in (kinds(), prop::collection::vec(scraps(), 0..60))) {
        load(kind, &scraps.concat());
    }

    #[test]
    fn any_bytes((kind, bytes) in (kinds(), prop::collection::vec(any::<u8>(), 0..300))) {
        load(kind, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn sound_texts_with_damages((kind, text) in damaged()) {
        load(kind, &text);
    }
}

#[test]
fn depth_and_aliases_do_not_exhaust_the_reader() {
    load(Kind::Workload, &"[".repeat(100_000));
    load(Kind::Workload, &"{a: ".repeat(100_000));
    load(Kind::Workload, &"- ".repeat(50_000));
    load(Kind::Workload, &"a:\n".repeat(500));
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let item = format!("*a{}, ", level - 1).repeat(9);
        laughs += &format!("a{level}: &a{level} [{item}]\n");
    }
    load(Kind::Harness, &laughs);
}

#[test]
fn schemas_are_json_schemas_that_editors_know() {
    for kind in Kind::ALL {
        let text = schema::text(kind);
        assert!(text.contains("https://json-schema.org/draft/2020-12/schema"));
        assert!(text.contains("\"additionalProperties\": false"));
    }
}
