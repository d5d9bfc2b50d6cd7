//! Pictures of schedules and of populations.

use crate::support::Checkout;
use std::fs;

/// What the command says, and the picture.
fn drawn(checkout: &Checkout, schedules: &[&str]) -> (String, String) {
    let mut command = checkout.bench("plot schedule --steps 200 --output schedules.svg");
    let told = checkout.told(command.args(schedules).output().unwrap());
    let svg = fs::read_to_string(checkout.path().join("schedules.svg"));
    (told, svg.unwrap_or_default())
}

#[test]
fn schedules_are_drawn_as_they_are_named() {
    let checkout = Checkout::new();
    let (told, svg) = drawn(&checkout, &["linear-decay{}", "wsd{cooldown: 20%}"]);
    assert_eq!(told, "exit 0\n--- stdout\n2 schedules in schedules.svg\n");
    let (_, bare) = drawn(&checkout, &["linear-decay", "wsd{cooldown: 20%}"]);
    assert_eq!(svg.replace("linear-decay{}", "linear-decay"), bare);
    assert!(svg.matches("<polyline").count() >= 2, "{svg}");
    // A submission is called so too: the schedule's name wins.
    let (told, svg) = drawn(&checkout, &["constant"]);
    assert!(told.starts_with("exit 0"), "{told}");
    let (_, of_folder) = drawn(&checkout, &["submissions/constant"]);
    assert_eq!(svg, of_folder);
}

#[test]
fn a_submissions_schedule_is_drawn_at_its_defaults() {
    let searched = "schema: 1
extends: ../adamw
schedule: { wsd: { warmup: { hyperparameter: warmup }, cooldown: { hyperparameter: cooldown } } }
search-space: { warmup: { min: 0.01, max: 0.1, default: 0.05 }, cooldown: { values: [20%, 40%], default: 40% } }
";
    let refined =
        "schema: 1\nextends: ../adamw\nschedule: { refined: { norms: run.norms, for: adam } }\n";
    let checkout = Checkout::new()
        .with("submissions/searched/submission.yaml", searched)
        .with("submissions/bent/submission.yaml", refined)
        .with("submissions/bent/run.norms", "4\n2\n1\n1\n");
    for (given, name, text) in [
        ("searched", "searched", "wsd{warmup: 5%, cooldown: 40%}"),
        (
            "submissions/searched",
            "searched",
            "wsd{warmup: 5%, cooldown: 40%}",
        ),
        ("bent", "bent", "refined{norms: [4, 2, 1, 1], for: adam}"),
    ] {
        let (told, svg) = drawn(&checkout, &[given]);
        assert_eq!(told, "exit 0\n--- stdout\n1 schedule in schedules.svg\n");
        assert!(svg.contains(&format!("\n{name}\n")), "{svg}");
        assert_eq!(svg.replace(name, text), drawn(&checkout, &[text]).1);
    }
}

#[test]
fn what_is_neither_schedule_nor_submission_is_told() {
    let checkout = Checkout::new().with(
        "submissions/lost/submission.yaml",
        "schema: 1\nextends: ../adam\n",
    );
    let given = [
        "linear-deca",
        "adamv",
        "elsewhere",
        "submissions/adamv",
        "lost",
        "wsd",
        "wsd{cooldown: {hyperparameter: rate}}",
    ];
    let told = given.map(|given| format!("$ {given}\n{}", drawn(&checkout, &[given]).0));
    insta::assert_snapshot!("schedules", told.join("\n"));
}

#[test]
fn the_newest_population_is_drawn() {
    let logged = |step: u64| {
        let values = r#""member-0/parent": 0, "member-0/fitness": 0.5"#;
        format!(
            "{{\"t\": 1.0, \"event\": \"logged\", \"step\": {step}, \"values\": {{ {values} }}}}\n"
        )
    };
    let folder = "results/runs/single/adamw/blobs";
    let newest = format!("{folder}/study-1/trial-1-ec7ace9a944d");
    let mut checkout = Checkout::new().with_records();
    for trial in [
        "study-1/trial-1-ec7ace9a944d",
        "study-3/trial-1-a33d8a59bd32",
    ] {
        let events = logged(100) + &logged(200);
        checkout = checkout.with_lines(&format!("{folder}/{trial}"), &events);
    }
    let record = format!("{newest}/run.json");
    let text = fs::read_to_string(checkout.path().join(&record)).unwrap();
    let checkout = checkout.with(&record, &text.replace("2026-01-01", "2026-02-01"));
    let told = checkout.says("plot lineage adamw/blobs --output lineage.svg");
    let expected = format!("the lineage of [checkout]/{newest} in lineage.svg\n");
    assert_eq!(told, format!("exit 0\n--- stdout\n{expected}"));
    let svg = fs::read_to_string(checkout.path().join("lineage.svg")).unwrap();
    assert!(svg.contains("adamw on blobs, study 1, trial 1"), "{svg}");
}

#[test]
fn a_submissions_rate_is_drawn_on_a_workload() {
    let checkout = Checkout::new();
    let drawn = |arguments: &str| {
        let told = checkout.says(&format!("plot schedule {arguments} --output r.svg"));
        let svg = fs::read_to_string(checkout.path().join("r.svg"));
        (told, svg.unwrap_or_default())
    };
    let (told, svg) = drawn("adamw --workload blobs");
    assert_eq!(told, "exit 0\n--- stdout\n1 schedule in r.svg\n");
    assert!(
        svg.contains("learning rate") && !svg.contains("factor on"),
        "{svg}"
    );
    let (told, _) = drawn("linear-decay --workload blobs");
    assert!(told.contains("is a schedule alone"), "{told}");
    let (told, _) = drawn("adamw --workload blob");
    assert!(told.contains("did you mean `blobs`?"), "{told}");
}
