//! What is wrong with any file, and between files.

use super::common::{WORKLOAD, file, files_with};
use super::{told, told_of};
use bench_core::spec::schema::Kind;

#[test]
fn text() {
    snapshot!(told(
        Kind::Workload,
        &[
            ("not YAML", "[16, 8]", "[16, 8"),
            ("tabs", "step-hint: 300", "\tstep-hint: 300"),
            ("not a map", WORKLOAD, "- schema: 1\n"),
            ("an empty file", WORKLOAD, ""),
            ("a second document", "step-hint:", "---\nstep-hint:"),
            (
                "duplicate keys, everywhere",
                "step-hint: 300",
                "step-hint: 300\nbudget: { time: 1s, time: 2s, steps: 9 }"
            ),
            ("not a number", "validation: 0.1", "validation: .nan"),
            ("infinite", "validation: 0.1", "validation: 1e999"),
            ("a word for infinity", "test: 0.12", "test: -inf"),
            ("an unknown alias", "step-hint: 300", "step-hint: *hint"),
            ("a key that is no text", "step-hint: 300", "{ a: 1 }: 300"),
        ]
    ));
}

#[test]
fn harness() {
    snapshot!(told(
        Kind::Harness,
        &[
            ("an unknown device", "device: cpu", "device: gpu"),
            (
                "more threads than a number holds",
                "threads: 2",
                "threads: 5000000000"
            ),
            (
                "a home that no shell fills in",
                "results: results/runs",
                "results: ~/results"
            ),
            ("a suite of an unknown workload", "[tiny]", "[tiny, tny]"),
            ("a workload twice", "[tiny]", "[tiny, tiny]"),
            ("an empty suite", "[tiny]", "[]"),
            ("no trials", "trials: 5", "trials: 0"),
            (
                "trials of self-tuning",
                "studies: 3, trials: 1",
                "studies: 3, trials: 2"
            ),
            ("no budget", "budget-factor: 1.5", "budget-factor: 0"),
            ("a limit of no time", "shut-down: 10s", "shut-down: 0s"),
            ("a tolerance of everything", "claim: 0.05", "claim: 5"),
        ]
    ));
}

#[test]
fn all_at_once() {
    let text = "\
schema: 1
schema: 1
dataset: dost
model: { mlp: { hiden: [16, 0], activation: rellu } }
loss: cross-entropy
metrics: [cross-entropy]
target: { metric: error-rate, validation: .nan, test: 12 }
budget: { time: 60 parsecs, steps: 0 }
step-hint: many
evaluate: { evry-steps: 50, batch-size: 100, train-subset: 100 }
";
    snapshot!(told_of(files_with(Kind::Workload, text)));
}

#[test]
fn mistakes_of_a_base_are_told_once_and_in_the_base() {
    let mut files = files_with(Kind::Workload, &WORKLOAD.replace("relu", "rellu"));
    files.push(file(
        Kind::Workload,
        "wide",
        "extends: tiny\nschema: 1\nmodel: { mlp: { hidden: [0] } }\n",
    ));
    files.push(file(
        Kind::Workload,
        "own",
        "extends: nothing\nschema: 1\nmodl: 1\nthreads: 0\n",
    ));
    snapshot!(told_of(files));
}

#[test]
fn circles_are_named() {
    let files = vec![
        file(Kind::Workload, "a", "extends: b\n"),
        file(Kind::Workload, "b", "extends: c\n"),
        file(Kind::Workload, "c", "extends: b\n"),
        file(Kind::Submission, "x", "extends: ../x\n"),
        file(Kind::Submission, "y", "extends: ../z\n"),
    ];
    snapshot!(told_of(files));
}
