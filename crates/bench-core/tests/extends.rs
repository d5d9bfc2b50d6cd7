//! Variants: what their keys do to their base's.

mod common;

use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::schema::Kind;
use bench_core::spec::submission::{Dimension, Value};
use bench_core::spec::workload::Model;
use common::{HARNESS, SUBMISSION, WORKLOAD, file, files_with, request, source};

/// The sound checkout and a variant in it.
fn with(kind: Kind, name: &str, text: &str) -> Catalog {
    let mut files = files_with(Kind::Harness, HARNESS);
    files.insert(0, file(kind, name, text));
    sound(files)
}

fn sound(files: Vec<File>) -> Catalog {
    let catalog = Catalog::parse(files);
    let told: Vec<String> = catalog
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.is_empty(), "{told:#?}");
    catalog
}

#[test]
fn maps_are_merged_and_lists_replaced() {
    let text =
        "extends: tiny\nmodel: { mlp: { hidden: [4] } }\nbudget: { steps: 200 }\nthreads: 1\n";
    let catalog = with(Kind::Workload, "thin", text);
    let (base, thin) = (&catalog.workloads["tiny"], &catalog.workloads["thin"]);
    let (Model::Mlp(base_mlp), Model::Mlp(mlp)) = (&base.model, &thin.model) else {
        panic!("{:?}", thin.model)
    };
    assert_eq!(mlp.hidden, [4]);
    assert_eq!(mlp.activation, base_mlp.activation);
    assert_eq!(
        (thin.budget.steps, thin.budget.time),
        (200, base.budget.time)
    );
    assert_eq!((thin.threads, &thin.target), (Some(1), &base.target));
}

#[test]
fn another_choice_replaces_the_bases() {
    let text = "extends: tiny\nmodel: { resnet: { stages: [1], filters: 4 } }\n";
    let catalog = with(Kind::Workload, "conv", text);
    assert!(matches!(catalog.workloads["conv"].model, Model::Resnet(_)));

    let text = "extends: ../plain
search-space:
  learning-rate: { values: [0.1, 0.2], default: 0.1 }
  momentum: { min: 0.0, max: 1.0, default: 0.5 }
  weight-decay: { default: 0.2 }
  nesterov: false
schedule: constant
gradient-clipping: none
";
    let catalog = with(Kind::Submission, "other", text);
    let space = &catalog.submissions["other"].submission.search_space;
    assert!(matches!(space["learning-rate"], Dimension::Choice(_)));
    assert!(matches!(space["momentum"], Dimension::Range(_)));
    let Dimension::Range(decay) = &space["weight-decay"] else {
        panic!("{space:?}")
    };
    assert_eq!((decay.max, decay.default), (0.5, 0.2));
    assert_eq!(space["nesterov"], Dimension::Fixed(Value::Flag(false)));
}

#[test]
fn a_chain_goes_through_all_its_bases() {
    let mut files = files_with(Kind::Harness, HARNESS);
    files.push(file(
        Kind::Workload,
        "c",
        "extends: b\nbudget: { steps: 300 }\n",
    ));
    files.push(file(
        Kind::Workload,
        "b",
        "extends: tiny\nstep-hint: 7\nbudget: { steps: 200 }\n",
    ));
    let catalog = sound(files);
    let workload = &catalog.workloads["c"];
    assert_eq!((workload.step_hint, workload.budget.steps), (7, 300));
}

#[test]
fn a_variant_without_a_crate_runs_its_bases_program() {
    let text = "extends: ../plain\nrulesets: [self-tuning]\n";
    let catalog = with(Kind::Submission, "tuned", text);
    let entrant = &catalog.submissions["tuned"];
    assert_eq!(entrant.program, "plain");
    assert_eq!(
        entrant.program_folder,
        std::path::Path::new("submissions/plain")
    );
    let mut request = request();
    (request.submission, request.ruleset) = ("tuned", "self-tuning");
    let run = catalog.resolve(&request).unwrap();
    assert_eq!(
        (
            run.submission.name.as_str(),
            run.submission.program.as_str()
        ),
        ("tuned", "plain")
    );
}

#[test]
fn a_variant_that_changes_nothing_is_the_same_workload_under_another_name() {
    let catalog = with(Kind::Workload, "same", "extends: tiny\n");
    assert_eq!(
        catalog.workloads["same"].model,
        catalog.workloads["tiny"].model
    );
}

#[test]
fn outside_submissions_extend_by_their_own_path() {
    let mut files = files_with(Kind::Harness, HARNESS);
    let text = "extends: ../../checkout/submissions/plain\n";
    let mut own = file(Kind::Submission, "mine", text);
    own.source = source("/home/me/mine/submission.yaml", text);
    let mut base = file(Kind::Submission, "plain", SUBMISSION);
    base.source = source(
        "/home/checkout/submissions/plain/submission.yaml",
        SUBMISSION,
    );
    files.retain(|file| file.kind != Kind::Submission);
    files.extend([own, base]);
    assert_eq!(sound(files).submissions["mine"].program, "plain");
}

#[test]
fn a_broken_base_breaks_its_variants_and_no_other_file() {
    let mut files = files_with(
        Kind::Workload,
        &WORKLOAD.replace("steps: 400", "steps: 400, steps: 500"),
    );
    files.push(file(
        Kind::Workload,
        "variant",
        "extends: tiny\nbudget: { steps: 9 }\nevaluate: { every-steps: 3 }\n",
    ));
    files.push(file(Kind::Workload, "healthy", WORKLOAD));
    let catalog = Catalog::parse(files);
    assert_eq!(catalog.diagnostics.len(), 1, "{:?}", catalog.diagnostics);
    assert!(catalog.is_broken(Kind::Workload, "variant"));
    assert_eq!(catalog.workloads.keys().collect::<Vec<_>>(), ["healthy"]);
    // The suite names a workload that is there, if broken: no second mistake.
    assert!(catalog.harness.is_some());
}
