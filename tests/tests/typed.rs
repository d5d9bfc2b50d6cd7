//! The real command with programs that follow a script: what it prints as a command does what it says, and what a comparison of two revisions finds.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_tests::checkout::{Checkout, follows};
use bench_tests::script::{Act, Moment, Script};

/// What a text says can be typed: after `rerun:`, at the beginning of a line of its own, and between backticks. Words in capitals stand for something.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.trim_start().strip_prefix("rerun: ") {
            found.push(command.to_owned());
        } else if line.starts_with("  bench ") {
            let command = line.trim_start().split("   ").next().unwrap();
            found.push(command.to_owned());
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            found.extend(
                quoted
                    .filter(|part| part.starts_with("bench "))
                    .map(str::to_owned),
            );
        }
    }
    let stands_for = |word: &str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase());
    found.retain(|command| !command.split(' ').any(stands_for));
    found
}

#[test]
fn every_command_that_is_printed_can_be_typed_and_is_of_what_was_typed() {
    let checkout = Checkout::new();
    checkout.write("my values.yaml", "learning-rate: 2e-3\n");
    let options = "--hyperparameters 'my values.yaml' --results 'r 1' --time-budget 20s";
    let line = format!("bench run adamw {options}");
    let first = checkout.does(&line, "");
    assert!(first.contains("target-reached"), "{first}");
    let again = checkout.does(&line, "");
    let fresh = "bench run adamw --results 'r 1' --hyperparameters 'my values.yaml' --time-budget 20s --fresh";
    let printed = commands(&again);
    assert!(printed.iter().any(|command| command == fresh), "{again}");
    assert_eq!(checkout.trials("r 1"), 1);
    for command in printed {
        checkout.does(&command, "");
    }
    assert_eq!(
        checkout.trials("r 1"),
        2,
        "the fresh one, where the first one is"
    );

    // A failed trial alone is run again, of what was typed.
    let many = "bench run failing broken --suite both --ruleset external-tuning --trials 1 --studies 2 --results r2";
    let told = checkout.does(many, "");
    let printed = commands(&told);
    let rerun = "bench run failing --suite both --ruleset external-tuning --studies 2 --trials 1 --results r2 --only other/2.1 --rerun-failed";
    assert!(printed.contains(&rerun.to_owned()), "{told}");
    let before = checkout.trials("r2");
    checkout.does(rerun, "");
    assert_eq!(checkout.trials("r2"), before + 1);
    for command in printed.iter().filter(|command| *command != rerun) {
        checkout.does(command, "");
    }

    // A scheduler's commands, from a folder that was typed as `.`.
    let plan = "bench plan . --studies 2 --results '../../r 3' --json";
    let told = checkout.shell(plan, "submissions/adamw").stdout;
    let plan: serde_json::Value = serde_json::from_slice(&told).unwrap();
    let printed = plan["commands"].as_array().unwrap();
    assert_eq!(printed.len(), 2);
    for command in printed {
        checkout.does(command.as_str().unwrap(), "submissions/adamw");
    }
    assert_eq!(checkout.trials("r 3"), 2);

    for (line, printed) in [
        ("bench leaderboard --results 'no ne'", 1),
        ("bench status --results 'no one'", 1),
        ("bench compare results/baselines/adamw adamw --studies 1", 1),
        (
            "bench compare adamw failing --studies 1 --read-only --results r5",
            1,
        ),
        ("bench run adamw --results r6 --only 9.9", 1),
        ("bench leaderboard --freeze-reference adamw --results r7", 1),
        ("bench clean", 1),
    ] {
        let (_, told) = checkout.says(line, "");
        let found = commands(&told);
        assert_eq!(found.len(), printed, "{line}: {told}");
        // What a command removes is not removed here.
        for command in found.iter().filter(|found| !found.contains("clean")) {
            checkout.does(command, "");
        }
    }
    assert_eq!(
        checkout.trials("no ne"),
        1,
        "made where they were looked for"
    );
    assert!(checkout.root().join("results/baselines/adamw").is_dir());
}

#[test]
fn two_revisions_are_followed_through_a_shortened_run_first() {
    let checkout = Checkout::new();
    checkout.commit();
    // Data that is not there is no answer: the two are measured, which fetches it.
    let compare = "bench compare adamw@HEAD adamw --studies 1 --json";
    let (code, told) = checkout.says(compare, "");
    assert!(code == 0 && !told.contains("shortened"), "{told}");
    assert!(told.contains("building adamw@HEAD"), "{told}");

    let same = checkout.says("bench compare adamw@HEAD adamw --expect none", "");
    assert_eq!(same.0, 0, "{}", same.1);
    let sentence = "identical: no bit differs in a shortened run of 1 workload";
    assert!(same.1.contains(sentence), "{}", same.1);

    let drifting = Script::good().worker(Moment::Train(2), Act::Drift);
    checkout.submission("adamw", &follows(&drifting));
    let (code, told) = checkout.says("bench compare adamw@HEAD adamw --expect none", "");
    assert_eq!(code, 10, "{told}");
    assert!(
        told.contains("first in the weights after step 2 (chain), of 30 steps"),
        "{told}"
    );
    // Where a change was meant, it is told and measured: there, the fake changes no metric that decides.
    let (_, told) = checkout.says("bench compare adamw@HEAD adamw --studies 1", "");
    assert!(told.contains("after step 2 (chain)"), "{told}");
    assert!(told.contains("n = 1"), "{told}");
    let (code, told) = checkout.says("bench compare adamw failing --expect none", "");
    assert!(
        code == 2 && told.contains("two programs of one submission"),
        "{told}"
    );
}

#[test]
fn a_base_that_speaks_another_protocol_does_not_compare() {
    let checkout = Checkout::new();
    let old = r#"fn main() { println!("{{\"v\":1,\"event\":\"failed\",\"kind\":\"error\",\"message\":\"no task\"}}"); }"#;
    checkout.submission("adamw", old);
    checkout.commit();
    checkout.submission("adamw", &follows(&Script::good()));
    checkout.does("bench data fetch synthetic", "");
    for by in ["", "--by time", "--expect none"] {
        let line = format!("bench compare adamw@HEAD adamw --studies 1 {by}");
        let (code, told) = checkout.says(&line, "");
        assert_eq!(code, 12, "{told}");
        let sentence = "adamw@HEAD speaks version 1 of the protocol";
        assert!(told.contains(sentence), "{told}");
    }
}
