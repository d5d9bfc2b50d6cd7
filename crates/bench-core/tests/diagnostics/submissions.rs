//! Submissions, their search spaces and their programs.

use super::common::{SUBMISSION, file, files_with, source};
use super::{told, told_of};
use bench_core::spec::catalog::Catalog;
use bench_core::spec::schema::Kind;

#[test]
fn submissions() {
    snapshot!(told(
        Kind::Submission,
        &[
            (
                "min above max",
                "{ min: 1e-4, max: 1e-2,",
                "{ min: 1e-1, max: 1e-2,"
            ),
            (
                "no logarithm",
                "{ min: 1e-4, max: 1e-2,",
                "{ min: 0, max: 1e-2,"
            ),
            ("a default outside", "default: 1e-3", "default: 1"),
            ("a default of no value", "default: 0.9 }", "default: 0.8 }"),
            ("no default", ", default: 0.1 }", " }"),
            ("a range's field misspelt", "scale: log", "scle: log"),
            ("an unknown scale", "scale: log", "scale: logarithmic"),
            (
                "nothing to choose from",
                "values: [0.0, 0.9, 0.99]",
                "values: []"
            ),
            (
                "a range that is a list",
                "{ min: 0.0, max: 0.5, default: 0.1 }",
                "[0.0, 0.5]"
            ),
            (
                "a group of an unknown role",
                "roles: [bias]",
                "roles: [biases]"
            ),
            (
                "a group's unknown hyperparameter",
                "{ weight-decay: 0.0 }",
                "{ weight-decy: 0.0 }"
            ),
            (
                "a point's unknown hyperparameter",
                "search-space:",
                "points: [{ lr: 1 }]\nsearch-space:"
            ),
            (
                "a number with a comma",
                "nesterov: true",
                "nesterov: true\n  rate: 0,001"
            ),
            (
                "a number in quotes, among others",
                "[0.0, 0.9, 0.99]",
                "[0.0, 0.9, \"0.99\"]"
            ),
            (
                "a group's percentage",
                "{ weight-decay: 0.0 }",
                "{ weight-decay: 5% }"
            ),
            (
                "a point's text for a switch",
                "search-space:",
                "points: [{ nesterov: yes please, learning-rate: \"0.1\" }]\nsearch-space:"
            ),
            ("a warmup below nothing", "warmup: 5%", "warmup: -5%"),
            ("no ruleset", "[external-tuning]", "[]"),
            ("an unknown ruleset", "[external-tuning]", "[extern-tuning]"),
            ("a share beyond all", "warmup: 5%", "warmup: 105%"),
            (
                "a schedule without settings",
                "{ warmup-cosine: { warmup: 5% } }",
                "warmup-cosine"
            ),
            (
                "settings for a schedule without",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ constant: {} }"
            ),
            ("an unknown schedule", "warmup-cosine:", "warmup-cosin:"),
            (
                "an unknown shape of cooldown",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ wsd: { cooldown: 20%, shape: linar } }"
            ),
            (
                "shares beyond the horizon",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ wsd: { warmup: 50%, cooldown: 60%, shape: exponential } }"
            ),
            (
                "a power of nothing",
                "{ warmup-cosine: { warmup: 5% } }",
                "{ power: { a: 4.6, b: 0.5, batch-size: 0, tokens-per-step: 8, peak: 1 } }"
            ),
            ("no norm", "global-norm: 1.0", "global-norm: 0"),
            ("an unknown workload", "{ tiny: 16 }", "{ tinny: 16 }"),
            ("a batch of nothing", "default: 32", "default: 0"),
        ]
    ));
}

#[test]
fn programs_in_python() {
    snapshot!(told(
        Kind::Submission,
        &[
            (
                "a file and a package",
                "search-space:",
                "python: { file: lion.py, package: lion_pytorch, version: 0.2.5, class: Lion }\nsearch-space:"
            ),
            (
                "neither",
                "search-space:",
                "python: { class: Lion }\nsearch-space:"
            ),
            (
                "a file elsewhere",
                "search-space:",
                "python: { file: ../lion.py }\nsearch-space:"
            ),
            (
                "a file of another kind",
                "search-space:",
                "python: { file: lion.rs, class: Lion }\nsearch-space:"
            ),
            (
                "a package without a version",
                "search-space:",
                "python: { package: lion_pytorch, class: Lion }\nsearch-space:"
            ),
            (
                "a package without a class",
                "search-space:",
                "python: { package: lion_pytorch, version: 0.2.5 }\nsearch-space:"
            ),
            (
                "a key misspelt",
                "search-space:",
                "python: { fil: lion.py }\nsearch-space:"
            ),
        ]
    ));
}

#[test]
fn what_nobody_means_is_remarked_where_it_is_written() {
    let text = SUBMISSION
        .replace("weight-decay: 0.0 }", "weight-decay: -5 }")
        .replace("nesterov: true", "nesterov: true\n  beta1: 1.0")
        .replace("[0.0, 0.9, 0.99]", "[0.0, 0.9, 1.5]");
    let mut files = files_with(Kind::Submission, &text);
    files.push(file(
        Kind::Submission,
        "variant",
        "extends: ../plain\nsearch-space: { learning-rate: -0.1 }\n",
    ));
    let catalog = Catalog::parse(files);
    assert!(catalog.diagnostics.is_empty());
    let remarks: Vec<String> = catalog.remarks.iter().map(ToString::to_string).collect();
    snapshot!(remarks.join("\n"));
}

#[test]
fn a_submission_needs_a_program() {
    let mut files = files_with(Kind::Submission, SUBMISSION);
    files.iter_mut().for_each(|file| file.has_crate = false);
    snapshot!(told_of(files));
}

#[test]
fn algoperf_search_spaces() {
    let space = |text: &str, submission: &str| {
        let mut files = files_with(Kind::Submission, submission);
        let path = "submissions/plain/tuning_search_space.json";
        files[3].search_space = Some(source(path, text));
        format!("== {text}\n{}", told_of(files))
    };
    let fixed = "schema: 1\nrulesets: [external-tuning]\nbatch-size: { default: 1 }\nsearch-space: { learning-rate: 0.1 }\n";
    snapshot!([
        space(r#"{"learning_rate": {"min": 1, "max": 0, "scaling": "log"}, "b": 3}"#, fixed),
        space(r#"{"learnin_rate": {"min": 1, "max": 2, "scaling": "log"}, "beta": {"feasible_points": [1]}}"#, fixed),
        space(r#"[{"learning_rate": 1}, {"beta": 2}]"#, fixed),
        space(r#"[{"learning_rate": "0.1"}, {"learning_rate": true}]"#, fixed),
        space(r#"{"learning_rate": {"feasible_points": [0.1, "0,2"]}}"#, fixed),
        space("[{]", fixed),
        space("[]", fixed),
        space("{}", fixed),
        space("[{\"learning_rate\": 1},\n {\"learning_rate\": 1, \"learning_rate\": 2}]", fixed),
        space(r#"{"learning_rate": {"min": 1, "max": 2, "max": 3, "scaling": "log"}}"#, fixed),
        space(r#"{"momentum": {"feasible_points": [1]}}"#, SUBMISSION),
    ].concat());
}
