//! From a request to a trial's configuration.

mod common;

use bench_core::run::SplitName;
use bench_core::spec::catalog::Catalog;
use bench_core::spec::resolve::{Request, ResolveError};
use bench_core::spec::schema::Kind;
use bench_core::spec::search::Point;
use bench_core::spec::submission::Value;
use common::{HARNESS, SUBMISSION, WORKLOAD, catalog_with, files_with, request, source};
use proptest::prelude::*;

fn catalog() -> Catalog {
    catalog_with(Kind::Harness, HARNESS)
}

#[test]
fn a_quick_start_uses_the_defaults_whoever_enters() {
    let catalog = catalog_with(
        Kind::Submission,
        &SUBMISSION.replace("[external-tuning]", "[self-tuning]"),
    );
    let mut request = request();
    let refused = catalog.resolve(&request).unwrap_err();
    assert!(
        matches!(refused, ResolveError::NotEntered { .. }),
        "{refused}"
    );
    request.ruleset = "quick-start";
    let run = catalog.resolve(&request).unwrap();
    assert_eq!(run.hyperparameters["learning-rate"], Value::Number(1e-3));
    assert_eq!(run.hyperparameters["nesterov"], Value::Flag(true));
}

#[test]
fn external_tuning_draws_and_keeps_what_is_fixed() {
    let (catalog, mut request) = (catalog(), request());
    let first = catalog.resolve(&request).unwrap();
    assert_ne!(first.hyperparameters["learning-rate"], Value::Number(1e-3));
    assert_eq!(first.hyperparameters["nesterov"], Value::Flag(true));
    request.trial = 2;
    let second = catalog.resolve(&request).unwrap();
    assert_ne!(first.hyperparameters, second.hyperparameters);
    assert_ne!(first.seed, second.seed);
    (request.study, request.trial, request.trials) = (2, 1, None);
    let next_study = catalog.resolve(&request).unwrap();
    (request.study, request.trial) = (1, 6);
    assert_eq!(
        next_study.hyperparameters,
        catalog.resolve(&request).unwrap().hyperparameters
    );
}

#[test]
fn fewer_trials_are_a_part_of_the_rulesets_and_more_are_other_rules() {
    let (catalog, mut request) = (catalog(), request());
    (request.study, request.trial) = (2, 2);
    let of_all = catalog.resolve(&request).unwrap();
    request.trials = Some(2);
    assert_eq!(catalog.resolve(&request).unwrap(), of_all);
    request.trials = Some(9);
    let of_more = catalog.resolve(&request).unwrap();
    assert_ne!(of_more.hyperparameters, of_all.hyperparameters);
    assert_ne!(
        of_more.comparability_key().unwrap(),
        of_all.comparability_key().unwrap()
    );
}

#[test]
fn a_list_of_points_ends_a_study() {
    let text = SUBMISSION.replace(
        "search-space:",
        "points: [{ momentum: 0.1 }, { momentum: 0.2 }]\nsearch-space:",
    );
    let catalog = catalog_with(Kind::Submission, &text);
    let rules = |name| catalog.ruleset(name).unwrap();
    assert_eq!(catalog.trials("plain", rules("external-tuning"), 5), 2);
    assert_eq!(catalog.trials("plain", rules("quick-start"), 5), 5);
    let run = catalog
        .resolve(&Request {
            trial: 2,
            ..request()
        })
        .unwrap();
    assert_eq!(run.hyperparameters["momentum"], Value::Number(0.2));
    assert_eq!(run.hyperparameters["learning-rate"], Value::Number(1e-3));
    let error = catalog
        .resolve(&Request {
            trial: 3,
            ..request()
        })
        .unwrap_err();
    assert!(matches!(error, ResolveError::Point { .. }), "{error}");
}

#[test]
fn own_values_go_over_the_defaults_and_are_checked() {
    let (catalog, mut request) = (catalog(), request());
    let own = Point::from([("momentum".to_owned(), Value::Number(0.5))]);
    request.hyperparameters = Some(&own);
    let run = catalog.resolve(&request).unwrap();
    assert_eq!(run.hyperparameters["momentum"], Value::Number(0.5));
    assert_eq!(run.hyperparameters["learning-rate"], Value::Number(1e-3));
    let wrong = Point::from([("momentun".to_owned(), Value::Number(0.5))]);
    request.hyperparameters = Some(&wrong);
    let error = catalog.resolve(&request).unwrap_err();
    let ResolveError::Hyperparameter { nearest, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(nearest.as_deref(), Some("momentum"));
}

#[test]
fn names_that_are_not_there_and_files_with_mistakes_differ() {
    let (catalog, mut request) = (catalog(), request());
    request.workload = "tinny";
    let error = catalog.resolve(&request).unwrap_err();
    let ResolveError::Unknown { nearest, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(nearest.as_deref(), Some("tiny"));
    let broken = Catalog::parse(files_with(
        Kind::Workload,
        &WORKLOAD.replace("steps: 400", "steps: 0"),
    ));
    request.workload = "tiny";
    let error = broken.resolve(&request).unwrap_err();
    assert!(matches!(error, ResolveError::Broken { .. }), "{error}");
    assert!(catalog.suite("smok").is_err() && catalog.suite("smoke").is_ok());
}

#[test]
fn batch_sizes_and_threads_follow_the_workload() {
    let catalog = catalog_with(Kind::Workload, &format!("{WORKLOAD}threads: 1\n"));
    let mut request = request();
    let run = catalog.resolve(&request).unwrap();
    assert_eq!((run.submission.batch_size, run.threads), (16, 1));
    request.threads = Some(4);
    assert_eq!(catalog.resolve(&request).unwrap().threads, 4);
}

#[test]
fn a_smaller_training_split_is_what_trials_see() {
    let text = format!("{WORKLOAD}train-examples: 150\n");
    let run = catalog_with(Kind::Workload, &text).resolve(&request());
    let run = run.unwrap();
    let seen = SplitName::ALL.map(|split| run.examples(split));
    assert_eq!(seen, [150, 50, 50]);
}

#[test]
fn an_epoch_that_ends_too_early_is_refused_before_anything_is_built() {
    let text = WORKLOAD
        .replace("steps: 400", "steps: 10")
        .replace("every-steps: 50", "every-steps: 3");
    let one_epoch = format!("{text}one-epoch: true\n");
    // Ten steps of 16 and three more, which may confirm a passage: 208 examples of 200.
    let error = catalog_with(Kind::Workload, &one_epoch)
        .resolve(&request())
        .unwrap_err();
    insta::assert_snapshot!(error, @"submission `plain` takes 16 examples a step on workload `tiny`, whose one epoch of 200 then ends after 12 steps; a trial may take 13, the evaluation that confirms a passage included");
    let unconfirmed = HARNESS.replace("trials: 5 }", "trials: 5, confirm: false }");
    let mut files = files_with(Kind::Workload, &one_epoch);
    files[0] = common::file(Kind::Harness, "harness", &unconfirmed);
    let run = Catalog::parse(files).resolve(&request()).unwrap();
    assert_eq!((run.budget_steps(), run.last_step()), (10, 10));
    assert!(
        catalog_with(Kind::Workload, &text)
            .resolve(&request())
            .is_ok()
    );
}

proptest! {
    /// Whatever the numbers: a trial of one epoch that is let through never needs more examples than there are.
    #[test]
    fn one_epoch_always_lasts(
        size in 1_u64..300, steps in 1_u64..200, every in 1_u64..200, kept in 1_u64..=200, confirm: bool,
    ) {
        let text = WORKLOAD
            .replace("steps: 400", &format!("steps: {steps}"))
            .replace("every-steps: 50", &format!("every-steps: {}", every.min(steps)));
        let text = format!("{text}one-epoch: true\ntrain-examples: {kept}\n");
        let harness = HARNESS.replace("trials: 5 }", &format!("trials: 5, confirm: {confirm} }}"));
        let mut files = files_with(Kind::Workload, &text);
        files[0] = common::file(Kind::Harness, "harness", &harness);
        let submission = SUBMISSION.replace("default: 32, workloads: { tiny: 16 }", &format!("default: {size}"));
        files[3] = common::file(Kind::Submission, "plain", &submission);
        let lasts = |steps: u64| size * steps <= kept;
        let extra = if confirm { every.min(steps) } else { 0 };
        match Catalog::parse(files).resolve(&request()) {
            Ok(run) => prop_assert!(lasts(run.last_step()) && run.last_step() == steps + extra),
            Err(ResolveError::Exhausted { .. }) => prop_assert!(!lasts(steps + extra)),
            // Not even a batch size of 1 would do: the file itself is wrong.
            Err(error) => prop_assert!(steps > kept && matches!(error, ResolveError::Broken { .. }), "{}", error),
        }
    }
}

#[test]
fn no_number_of_study_or_trial_panics() {
    let (catalog, mut request) = (catalog(), request());
    for (study, trial, trials) in [(0, 0, Some(0)), (u32::MAX, u32::MAX, Some(u32::MAX))] {
        (request.study, request.trial, request.trials) = (study, trial, trials);
        assert!(catalog.resolve(&request).is_ok());
    }
}

#[test]
fn algoperfs_file_is_searched_over_the_defaults() {
    let text = "schema: 1\nrulesets: [external-tuning]\nbatch-size: { default: 8 }\n\
                search-space: { learning-rate: 0.5, one-minus-beta1: 0.1, epsilon: 1e-8 }\n";
    let mut files = files_with(Kind::Submission, text);
    let json = r#"{
        "one_minus_beta1": { "min": 0.05, "max": 0.43, "scaling": "linear" },
        "learning_rate": { "min": 1e-4, "max": 1e-2, "scaling": "log" }
    }"#;
    let path = "submissions/plain/tuning_search_space.json";
    files[3].search_space = Some(source(path, json));
    let catalog = Catalog::parse(files);
    assert_eq!(catalog.diagnostics, []);
    let run = catalog.resolve(&request()).unwrap();
    let value = |name: &str| run.hyperparameters[name].as_number().unwrap();
    // Two dimensions: primes 983 and 991, the first for the file's first.
    assert!((value("one-minus-beta1") - (0.273_974_437_265_336_3 * 0.38 + 0.05)).abs() < 1e-14);
    assert!((value("learning-rate") - 1e-4 * 100_f64.powf(0.286_124_277_283_818_84)).abs() < 1e-14);
    assert_eq!(value("epsilon"), 1e-8);
}

/// The sound submission with another schedule and more dimensions.
fn scheduled(schedule: &str, space: &str) -> String {
    let text = SUBMISSION.replace("{ warmup-cosine: { warmup: 5% } }", schedule);
    text.replace("  nesterov: true\n", &format!("  nesterov: true\n{space}"))
}

#[test]
fn a_schedule_is_searched_by_naming_hyperparameters() {
    let text = scheduled(
        "{ wsd: { warmup: { hyperparameter: warmup }, cooldown: { hyperparameter: cooldown }, shape: { hyperparameter: shape } } }",
        "  warmup: { min: 0.01, max: 0.1, default: 0.05 }\n  cooldown: { values: [10%, 200], default: 10% }\n  shape: { values: [linear, 1-sqrt], default: linear }\n",
    );
    let catalog = catalog_with(Kind::Submission, &text);
    let own = |warmup: f64, cooldown: Value, shape: &str| {
        Point::from([
            ("warmup".to_owned(), Value::Number(warmup)),
            ("cooldown".to_owned(), cooldown),
            ("shape".to_owned(), Value::Text(shape.to_owned())),
        ])
    };
    let resolved = |point: Option<&Point>| {
        let request = Request {
            hyperparameters: point,
            ..request()
        };
        let run = catalog.resolve(&request);
        run.map(|run| {
            let named: Vec<&str> = run
                .submission
                .scheduled
                .iter()
                .map(String::as_str)
                .collect();
            assert_eq!(named, ["cooldown", "shape", "warmup"]);
            serde_json::to_value(run.submission.schedule).unwrap()
        })
    };
    // A share as AlgoPerf's `warmup_factor`, and a number of steps.
    let point = own(0.29, Value::Number(200.0), "1-sqrt");
    let expected =
        serde_json::json!({ "wsd": { "warmup": "29%", "cooldown": 200, "shape": "1-sqrt" } });
    assert_eq!(resolved(Some(&point)).unwrap(), expected);
    let drawn = resolved(None).unwrap();
    let warmup = drawn["wsd"]["warmup"]
        .as_str()
        .unwrap()
        .strip_suffix('%')
        .unwrap();
    assert!(
        (1.0..=10.0).contains(&warmup.parse::<f64>().unwrap()),
        "{drawn}"
    );
    let point = own(0.29, Value::Text("soon".to_owned()), "linear");
    let error = resolved(Some(&point)).unwrap_err().to_string();
    assert!(
        error.starts_with("the schedule of submission `plain` cannot have these hyperparameters: "),
        "{error}"
    );
}

#[test]
fn a_schedule_by_itself_resolves_as_it_always_did() {
    let run = catalog().resolve(&request()).unwrap();
    let identity = serde_json::to_value(&run.submission).unwrap();
    assert!(identity.get("scheduled").is_none(), "{identity}");
    assert_eq!(
        identity["schedule"],
        serde_json::json!({ "warmup-cosine": { "warmup": "5%" } })
    );
}

#[test]
fn gradient_norms_lie_beside_the_submission() {
    let text = scheduled("{ refined: { for: adam, norms: mlp.norms } }", "");
    let with = |norms: &str| {
        let mut files = files_with(Kind::Submission, &text);
        files[3].norms = vec![source("submissions/plain/mlp.norms", norms)];
        Catalog::parse(files)
    };
    let run = with("1.5\n\n2\n3e-1\n").resolve(&request()).unwrap();
    let schedule = serde_json::to_value(run.submission.schedule).unwrap();
    assert_eq!(
        schedule["refined"]["norms"],
        serde_json::json!([1.5, 2.0, 0.3])
    );
    let told = |catalog: Catalog| catalog.diagnostics[0].to_string();
    assert_eq!(
        told(with("1\ntwo\n")),
        "submissions/plain/submission.yaml:4:42: `mlp.norms`, line 2: `two` is no norm"
    );
    assert_eq!(
        told(with("0\n")),
        "submissions/plain/submission.yaml:4:42: `0` among the norms"
    );
    let absent = Catalog::parse(files_with(Kind::Submission, &text));
    assert_eq!(
        told(absent),
        "submissions/plain/submission.yaml:4:42: there is no file `mlp.norms` of norms beside this one"
    );
}

#[test]
fn mistakes_in_searched_schedules_have_their_places() {
    let told = |schedule: &str, space: &str| -> Vec<String> {
        let catalog = Catalog::parse(files_with(Kind::Submission, &scheduled(schedule, space)));
        let mistakes = catalog.diagnostics.iter();
        mistakes
            .map(|mistake| format!("{mistake}; {}", mistake.help.as_deref().unwrap_or_default()))
            .collect()
    };
    let named = "{ wsd: { warmup: { hyperparameter: warmup }, cooldown: 60% } }";
    assert_eq!(
        told(named, "  warm-up: 0.1\n"),
        [
            "submissions/plain/submission.yaml:4:46: unknown hyperparameter `warmup`; did you mean `warm-up`?"
        ]
    );
    assert_eq!(
        told(named, "  warmup: { min: 0.1, max: 0.5, default: 0.1 }\n"),
        [
            "submissions/plain/submission.yaml:4:66: with `warmup` at `0.5`: warmup and cooldown are 110% of the step hint together; lower one of them"
        ]
    );
    // Each end fits beside the default of the other, and both together do not.
    let both =
        "{ wsd: { warmup: { hyperparameter: warmup }, cooldown: { hyperparameter: cooldown } } }";
    assert_eq!(
        told(
            both,
            "  warmup: { min: 0.1, max: 0.8, default: 0.1 }\n  cooldown: { values: [10%, 50%], default: 10% }\n"
        ),
        [
            "submissions/plain/submission.yaml:4:11: with `cooldown` at `50%` and `warmup` at `0.8`: warmup and cooldown are 130% of the step hint together; narrow one of the ranges"
        ]
    );
    assert_eq!(
        told(named, "  warmup: fast\n"),
        [
            "submissions/plain/submission.yaml:4:28: `fast` cannot be read; write a number of steps like `200`, or a share of the step hint like `5%`"
        ]
    );
}
