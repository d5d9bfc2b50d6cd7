//! Variants: what their keys do to their base's.

mod common;

use bench_core::spec::catalog::{Catalog, File};
use bench_core::spec::diagnostic::Diagnostic;
use bench_core::spec::schema::Kind;
use bench_core::spec::submission::{Dimension, Value};
use bench_core::spec::workload::{Model, TargetSource};
use common::{
    DATASET, HARNESS, SUBMISSION, WORKLOAD, base, file, files_with, folder, request, source,
};
use std::path::Path;

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
    assert_eq!(entrant.program_folder, Path::new("submissions/plain"));
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

/// As whoever reads files gives it: the checkout's paths are relative to it, its folders are not.
fn outside(name: &str, text: &str) -> File {
    let mut file = file(Kind::Submission, name, text);
    let path = format!("/home/me/{name}/submission.yaml");
    file.source = source(&path, text);
    file.folder = folder(&path);
    file.base = base(Kind::Submission, &file.folder, text);
    file
}

fn with_outside(texts: &[(&str, &str)]) -> Vec<File> {
    let mut files = files_with(Kind::Harness, HARNESS);
    for file in &mut files {
        file.folder = Path::new("/home/checkout").join(&file.folder);
    }
    files.extend(texts.iter().map(|(name, text)| outside(name, text)));
    files
}

#[test]
fn outside_submissions_extend_by_path() {
    for path in [
        "../../checkout/submissions/plain",
        "/home/checkout/submissions/plain",
        "../other",
    ] {
        let text = format!("extends: {path}\nschedule: constant\n");
        let other = "extends: ../../checkout/submissions/plain\n";
        let catalog = sound(with_outside(&[("mine", &text), ("other", other)]));
        let mine = &catalog.submissions["mine"];
        assert_eq!(mine.program, "plain", "{path}");
        let program = Path::new("/home/checkout/submissions/plain");
        assert_eq!(mine.program_folder, program);
    }
}

#[test]
fn what_would_work_is_offered() {
    let told = |files: Vec<File>| -> Vec<String> {
        let help = |d: &Diagnostic| d.help.clone().unwrap_or_default();
        Catalog::parse(files).diagnostics.iter().map(help).collect()
    };
    for (written, offered) in [
        ("plain", "did you mean `../../checkout/submissions/plain`?"),
        (
            "../plane/",
            "did you mean `../../checkout/submissions/plain`?",
        ),
        (
            "/x/plain/submission.yaml",
            "did you mean `/home/checkout/submissions/plain`?",
        ),
        (
            "../nothing-like-it",
            "expected `../../checkout/submissions/plain`",
        ),
    ] {
        let text = format!("extends: {written}\n");
        assert_eq!(
            told(with_outside(&[("mine", &text)])),
            [offered],
            "{written}"
        );
    }
    for (written, offered) in [("plain", "../plain"), ("../plan", "../plain")] {
        let mut files = files_with(Kind::Harness, HARNESS);
        files.push(file(
            Kind::Submission,
            "v",
            &format!("extends: {written}\n"),
        ));
        assert_eq!(told(files), [format!("did you mean `{offered}`?")]);
    }
}

#[test]
fn mistakes_are_found_by_the_name_of_what_they_keep_out() {
    let lost = "extends: ../../checkout/submissions/plan\n";
    let of_lost = "extends: ../lost\n";
    let mut files = with_outside(&[("lost", lost), ("of-lost", of_lost), ("odd", "x: 1\n")]);
    let broken = SUBMISSION.replace("schedule:", "schedul:");
    files.push(outside("broken", &broken));
    files.push(outside("of-broken", "extends: ../broken\n"));
    let catalog = Catalog::parse(files);
    let shown = |name: &str| -> Vec<String> {
        assert!(catalog.is_broken(Kind::Submission, name), "{name}");
        let mistakes = catalog.mistakes_of(Kind::Submission, name);
        mistakes.iter().map(ToString::to_string).collect()
    };
    let misspelt = "/home/me/broken/submission.yaml:4:1: unknown field `schedul`";
    assert_eq!(shown("broken"), [misspelt]);
    assert_eq!(shown("of-broken"), [misspelt]);
    insta::assert_snapshot!(shown("of-lost").join("\n"), @"/home/me/of-lost/submission.yaml:1:10: `lost` itself extends `../../checkout/submissions/plan`, and there is no such submission");
    assert!(!shown("odd").is_empty());
    assert!(catalog.mistakes_of(Kind::Submission, "plain").is_empty());
    let path = Path::new("/home/me/of-broken/submission.yaml");
    assert_eq!(catalog.mistakes_in(path).len(), 1);
}

/// `tiny`, variants of it, and what is told: place, message and help.
fn of_variants(variants: &[(&str, &str)]) -> (Catalog, Vec<String>) {
    let mut files = files_with(Kind::Harness, HARNESS);
    // In the order of their names, as whoever reads the folder has them: some before their base.
    files.splice(
        0..0,
        variants
            .iter()
            .map(|(name, text)| file(Kind::Workload, name, text)),
    );
    let few = DATASET.replace("train, count: 200", "train, count: 100");
    files.push(file(Kind::Dataset, "few", &few));
    let catalog = Catalog::parse(files);
    let told = |d: &Diagnostic| format!("{d}\n  help: {}", d.help.as_deref().unwrap_or("-"));
    let told = catalog.diagnostics.iter().map(told).collect();
    (catalog, told)
}

#[test]
fn what_a_variant_makes_wrong_is_told_in_the_variant() {
    let (catalog, told) = of_variants(&[
        ("a-metrics", "extends: tiny\nmetrics: [cross-entropy]\n"),
        ("b-right", "extends: tiny\nstep-hint: 200\n"),
        (
            "c-steps",
            "extends: tiny\nabout: short\nbudget: { time: 1s, steps: 20 }\n",
        ),
        ("d-of-metrics", "extends: a-metrics\nthreads: 1\n"),
        (
            "e-data",
            "extends: tiny\ninput: { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] }\n",
        ),
        ("f-input", "extends: tiny\ninput: { std: [1, 1] }\n"),
        ("g-part", "extends: tiny\ntrain-examples: 150\n"),
        (
            "h-of-part",
            "extends: g-part\nabout: on fewer\ndataset: few\n",
        ),
    ]);
    insta::assert_snapshot!(told.join("\n"), @r"
    workloads/a-metrics.yaml:2:1: the target's metric `error-rate` is not computed (`target.metric` is in workloads/tiny.yaml:8:19)
      help: add it to `metrics`, or choose one of: cross-entropy
    workloads/c-steps.yaml:3:21: the first evaluation, after 50 steps, would come after the budget's last step, 20 (`evaluate.every-steps` is in workloads/tiny.yaml:11:26)
      help: lower `every-steps` or raise `budget.steps`
    workloads/e-data.yaml:2:16: 3 means for `images` of 1 channels
      help: give as many, or one for all
    workloads/f-input.yaml:2:8: `mean` has 1 values and `std` has 2
      help: give one of each for every channel, or one for all
    workloads/h-of-part.yaml:3:1: data set `few` has 100 training examples, not 150 (`train-examples` is in workloads/g-part.yaml:2:17)
      help: at most 100
    ");
    assert_eq!(
        catalog.workloads.keys().collect::<Vec<_>>(),
        ["b-right", "g-part", "tiny"]
    );
    let mistakes = |path: &str| catalog.mistakes_in(Path::new(path)).len();
    assert_eq!(mistakes("workloads/tiny.yaml"), 0);
    assert_eq!(mistakes("workloads/b-right.yaml"), 0);
    assert_eq!(mistakes("workloads/a-metrics.yaml"), 1);
    // It has none of its own, and is kept out by its base's.
    assert_eq!(mistakes("workloads/d-of-metrics.yaml"), 1);
    let mistakes = |name| catalog.mistakes_of(Kind::Workload, name).len();
    assert_eq!((mistakes("tiny"), mistakes("d-of-metrics")), (0, 1));
}

#[test]
fn what_a_base_has_by_itself_is_told_there_alone() {
    let mut files = files_with(
        Kind::Workload,
        &WORKLOAD
            .replace("[error-rate, cross-entropy]", "[cross-entropy]")
            .replace("step-hint: 300\n", ""),
    );
    files.push(file(
        Kind::Workload,
        "variant",
        "extends: tiny\nthreads: 1\n",
    ));
    files.push(file(
        Kind::Workload,
        "two",
        "extends: tiny\ndataset: dust\n",
    ));
    let catalog = Catalog::parse(files);
    let paths: Vec<String> = catalog
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(paths.join("\n"), @r"
    workloads/tiny.yaml:1:1: missing field `step-hint`
    workloads/tiny.yaml:8:19: the target's metric `error-rate` is not computed
    workloads/two.yaml:2:10: unknown data set `dust`
    ");
    assert!(catalog.workloads.is_empty());
}

#[test]
fn a_second_search_space_is_told_where_it_was_added() {
    let mut files = files_with(Kind::Harness, HARNESS);
    let mut variant = file(Kind::Submission, "mine", "extends: ../plain\n");
    let space = r#"{"learning_rate": {"min": 0.1, "max": 1, "scaling": "log"}}"#;
    variant.search_space = Some(source("submissions/mine/tuning_search_space.json", space));
    files.push(variant);
    let catalog = Catalog::parse(files);
    let told: Vec<String> = catalog
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    submissions/mine/tuning_search_space.json:1:1: a second search space: `search-space.learning-rate` has one in submissions/plain/submission.yaml:10:3
    submissions/mine/tuning_search_space.json:1:1: a second search space: `search-space.momentum` has one in submissions/plain/submission.yaml:11:3
    submissions/mine/tuning_search_space.json:1:1: a second search space: `search-space.weight-decay` has one in submissions/plain/submission.yaml:12:3
    ");
    assert!(catalog.submissions.contains_key("plain"));
    assert!(catalog.is_broken(Kind::Submission, "mine"));
}

#[test]
fn a_target_found_on_something_else_is_provisional() {
    let calibrated = WORKLOAD.replace("source: provisional", "source: \"a paper, table 3\"");
    let paper = TargetSource::Words("a paper, table 3".to_owned());
    let of = |text: &str| {
        let mut files = files_with(Kind::Workload, &calibrated);
        files.push(file(
            Kind::Workload,
            "variant",
            &format!("extends: tiny\n{text}"),
        ));
        files.push(file(
            Kind::Workload,
            "again",
            "extends: variant\nthreads: 1\n",
        ));
        let catalog = sound(files);
        let target = &catalog.workloads["variant"].target;
        assert_eq!(catalog.workloads["again"].target.source, target.source);
        assert_eq!(catalog.workloads["tiny"].target.source, Some(paper.clone()));
        let remarks = catalog.remarks_in(Path::new("workloads/variant.yaml"));
        assert_eq!(
            remarks.len(),
            usize::from(target.is_provisional()),
            "{text}"
        );
        (
            target.is_provisional(),
            remarks.first().map(ToString::to_string),
        )
    };
    for text in [
        "target: { validation: 0.125 }",
        "target: { metric: cross-entropy }",
        "target: { test: 0.5 }",
        "model: { mlp: { hidden: [4] } }",
        "loss: { cross-entropy: { label-smoothing: 10% } }",
        "input: { mean: [0.1] }",
        "label-noise: 10%",
        "train-examples: 50",
        "one-epoch: true\nbudget: { steps: 100 }",
    ] {
        assert!(of(text).0, "{text}");
    }
    for text in [
        "budget: { time: 9s }",
        "step-hint: 100",
        "label-noise: 0",
        "model: { mlp: { hidden: [16, 8] } }",
        "target: { validation: 0.125, source: mine }",
        "label-noise: 10%\ntarget: { source: mine }",
    ] {
        assert_eq!(of(text), (false, None), "{text}");
    }
    insta::assert_snapshot!(of("about: x\nmodel: { mlp: { hidden: [4] } }").1.unwrap(), @"workloads/variant.yaml:3:1: the target is provisional: workloads/tiny.yaml says where it comes from, and `model` is another here");
}

#[test]
fn a_submission_without_any_program_is_broken() {
    let mut file = outside("mine", SUBMISSION);
    file.has_crate = false;
    let mut files = with_outside(&[]);
    files.push(file);
    let catalog = Catalog::parse(files);
    assert!(catalog.is_broken(Kind::Submission, "mine"));
    assert_eq!(catalog.mistakes_of(Kind::Submission, "mine").len(), 1);
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
