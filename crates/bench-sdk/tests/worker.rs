//! A submission's program over the protocol: by itself, under command, resumed, and failing in every way.

mod support;

use bench_core::outcome::FailureKind;
use bench_core::protocol::{Command, Event, Passes, Task};
use bench_core::run::Resume;
use bench_core::spec::workload::{CrossEntropy, Loss, Model};
use bench_torch::snapshot;
use bench_workloads::{build_model, model};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Worker, evaluation, folder, task};
use tch::{Device, Kind};

#[test]
fn without_commands_it_runs_to_the_step_budget() {
    let folder = folder();
    let mut worker = Worker::ready(&task(folder.path(), "none"));
    worker.hang_up();
    let events = worker.rest();
    assert!(worker.child.wait().unwrap().success());
    let mut losses = Vec::new();
    let mut steps = Vec::new();
    for event in &events {
        if let Event::EvalDue {
            step,
            loss,
            claim,
            complete,
            ..
        } = event
        {
            steps.push(*step);
            losses.push(loss.unwrap().0);
            let [low, median, _, high] = claim.step_quantiles.unwrap();
            assert!(!complete && low <= median && median <= high && high <= claim.seconds);
            assert!(
                claim.input_seconds + claim.update_seconds + claim.prepare_seconds <= claim.seconds
            );
        }
    }
    assert_eq!(steps, [10, 20, 30, 40]);
    assert!(losses[3] < losses[0], "{losses:?}");
    let logged = events
        .iter()
        .filter(|event| matches!(event, Event::Logged { .. }))
        .count();
    assert_eq!(logged, 40);
    let Some(Event::Stopped { unread, state, .. }) = events.last() else {
        panic!("{:?}", events.last());
    };
    assert_eq!(unread, &["never-read"]);
    // The average, and the training weights while the average is in place.
    assert_eq!(*state, Some(2 * 172));
}

#[test]
fn under_command_it_answers_in_order() {
    let folder = folder();
    let mut worker = Worker::ready(&task(folder.path(), "none"));
    let steps: Vec<u64> = (0..5).map(|_| worker.train(None)).collect();
    // Past the budget only because it was told to.
    assert_eq!(steps, [10, 20, 30, 40, 50]);
    worker.send(&Command::Stop);
    assert!(matches!(worker.rest().last(), Some(Event::Stopped { .. })));
    assert!(worker.child.wait().unwrap().success());
}

#[test]
fn what_is_not_finite_is_told_at_the_end() {
    let folder = folder();
    let told = |rate: f64| {
        let mut task = task(folder.path(), "none");
        let rate = bench_core::spec::submission::Value::Number(rate);
        task.run
            .hyperparameters
            .insert("learning-rate".to_owned(), rate);
        let mut worker = Worker::ready(&task);
        worker.train(None);
        worker.send(&Command::Stop);
        let warned = |event| match event {
            Event::Warned { message } => Some(message),
            _ => None,
        };
        worker
            .rest()
            .into_iter()
            .filter_map(warned)
            .collect::<Vec<String>>()
    };
    assert_eq!(told(0.2), Vec::<String>::new());
    let told = told(1e38);
    let [message] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(
        message.starts_with("the training loss was not finite from step "),
        "{message}"
    );
    assert!(
        message.contains("`net.layer1.weight`") && message.contains("numbers"),
        "{message}"
    );
}

#[test]
fn a_resumed_trial_ends_with_the_bits_of_an_uninterrupted_one() {
    let folder = folder();
    resumes_with_the_same_bits(folder.path(), task(folder.path(), "none"));
}

#[test]
fn so_it_does_with_dropout_wrong_labels_and_one_epoch_of_a_part() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    let workload = &mut task.run.workload;
    workload.one_epoch = true;
    workload.train_examples = Some(430);
    workload.label_noise = 0.2;
    workload.loss = Loss::CrossEntropy(CrossEntropy {
        label_smoothing: 0.1,
    });
    if let Model::Mlp(mlp) = &mut workload.model {
        mlp.dropout = 0.3;
    }
    // 40 steps of 8 are 320 of the 330 examples that are not held out.
    task.run.submission.batch_size = 8;
    resumes_with_the_same_bits(folder.path(), task);
}

#[test]
fn one_epoch_ends_with_its_data() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    task.run.workload.one_epoch = true;
    let mut worker = Worker::ready(&task);
    worker.hang_up();
    let Some(Event::Failed { message, step, .. }) = worker.rest().pop() else {
        panic!("it trained on");
    };
    // 100 are held out, and 12 steps of 32 take 384.
    assert_eq!(step, Some(12));
    assert!(
        message.starts_with("the training data ends after 412 examples and 416 are wanted"),
        "{message}"
    );
}

fn resumes_with_the_same_bits(folder: &Path, mut task: Task) {
    let [whole, half, resumed] = ["whole", "half", "resumed"].map(|name| folder.join(name));

    let mut worker = Worker::ready(&task);
    worker.train(None);
    worker.train(Some(evaluation(10, 0.5)));
    let at_20 = worker.snapshot(&half);
    worker.train(Some(evaluation(20, 0.4)));
    worker.train(Some(evaluation(30, 0.3)));
    let expected = worker.snapshot(&whole);
    worker.send(&Command::Stop);
    assert!(worker.child.wait().is_ok_and(|status| status.success()));
    assert_ne!(at_20, expected);

    task.local.resume = Some(Resume {
        snapshot: half,
        step: 20,
        submission_seconds: 1.0,
    });
    let mut worker = Worker::ready(&task);
    assert_eq!(worker.train(Some(evaluation(20, 0.4))), 30);
    worker.train(Some(evaluation(30, 0.3)));
    assert!(worker.snapshot(&resumed) == expected, "the files differ");
}

#[test]
fn the_seed_decides_every_bit() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    let mut end = |seed| {
        task.run.seed.value = seed;
        let mut worker = Worker::ready(&task);
        worker.train(None);
        worker.snapshot(&folder.path().join("end"))
    };
    let (first, again, other) = (end(1), end(1), end(2));
    assert!(first == again, "two runs with one seed differ");
    assert!(first != other, "two seeds give the same");
}

#[test]
fn a_snapshot_of_another_step_is_refused() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    let mut worker = Worker::ready(&task);
    worker.train(None);
    let snapshot = folder.path().join("ten");
    worker.snapshot(&snapshot);
    task.local.resume = Some(Resume {
        snapshot,
        step: 20,
        submission_seconds: 1.0,
    });
    let mut worker = Worker::start(&task);
    assert!(matches!(worker.event(), Event::Initialising));
    let Event::Failed { message, .. } = worker.event() else {
        panic!("no failure");
    };
    assert_eq!(
        message,
        "the trial cannot go on from its snapshot: the snapshot is of step 10, not 20"
    );
}

#[test]
fn training_that_is_complete_says_so() {
    let folder = folder();
    let mut worker = Worker::ready(&task(folder.path(), "complete"));
    worker.hang_up();
    let due = worker.rest().into_iter().find_map(|event| match event {
        Event::EvalDue { step, complete, .. } => Some((step, complete)),
        _ => None,
    });
    assert_eq!(due, Some((8, true)));
}

#[test]
fn failures_are_told_in_one_sentence_with_their_line() {
    let folder = folder();
    let product = "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)";
    let two_dimensions =
        "linalg.svd: input should have at least 2 dimensions, but has 1 dimensions instead";
    let missing = "hyperparameter `learning_rate` is read but not in the search space of submission.yaml; `learning-rate` is, and nothing has read it";
    let cases = [
        ("init-error", FailureKind::Error, "no such thing", 0),
        ("number", FailureKind::Error, missing, 0),
        ("panic", FailureKind::Panic, "at the disco", 5),
        ("torch", FailureKind::Panic, product, 5),
        (
            "torch-error",
            FailureKind::Error,
            &format!("the product: {product}"),
            5,
        ),
        (
            "hessian",
            FailureKind::Error,
            "libtorch could not differentiate: invalid gradient at index 0 - got [1, 3] but expected shape compatible with [8, 16]",
            5,
        ),
        ("decomposition", FailureKind::Panic, two_dimensions, 5),
        ("decomposition-error", FailureKind::Error, two_dimensions, 5),
    ];
    for (fault, kind, message, step) in cases {
        let mut worker = Worker::start(&task(folder.path(), fault));
        worker.hang_up();
        let Some(Event::Failed {
            kind: k,
            message: m,
            location,
            step: s,
        }) = worker.rest().pop()
        else {
            panic!("{fault} did not fail");
        };
        assert_eq!((k, m.as_str(), s), (kind, message, Some(step)), "{fault}");
        let location = location.unwrap_or_default();
        assert!(
            location.starts_with("crates/bench-sdk/examples/misbehave.rs:"),
            "{fault}: `{location}`"
        );
        assert!(!worker.child.wait().unwrap().success());
    }
}

#[test]
fn training_off_the_clock_is_a_failure_of_its_own_kind() {
    let folder = folder();
    let no_data = "is off the clock, where there are no batches, losses or gradients: take them in `step`; examples to hold out, replicas, shapes, roles and streams are there before";
    let no_change =
        "weights and buffers stay as they are while the clock stands still; change them in `step`";
    let cases = [
        ("train-in-init", format!("`init` {no_data}")),
        ("judge-in-init", format!("`init` {no_data}")),
        (
            "weights-in-init",
            format!("`init` changed `net.layer1.weight`: {no_change}"),
        ),
        (
            "weights-in-warm-up",
            format!("the warm-up changed `net.layer1.weight`: {no_change}"),
        ),
    ];
    for (fault, expected) in cases {
        let mut worker = Worker::start(&task(folder.path(), fault));
        worker.hang_up();
        let Some(Event::Failed { kind, message, .. }) = worker.rest().pop() else {
            panic!("{fault} did not fail");
        };
        assert_eq!(
            (kind, message),
            (FailureKind::OffClock, expected),
            "{fault}"
        );
    }
    let mut worker = Worker::ready(&task(folder.path(), "weights-in-state"));
    worker.train(None);
    worker.send(&Command::Snapshot {
        folder: folder.path().to_owned(),
    });
    let Some(Event::Failed { kind, message, .. }) = worker.rest().pop() else {
        panic!("it wrote a snapshot");
    };
    let expected = format!("`state` changed `net.layer1.weight`: {no_change}");
    assert_eq!((kind, message), (FailureKind::OffClock, expected));
}

/// What `init` was refused and did not insist on is no failure, and no training either.
#[test]
fn an_init_that_is_refused_quietly_trains_nothing() {
    let folder = folder();
    let [quiet, plain] = ["quiet-in-init", "none"].map(|fault| {
        let mut worker = Worker::ready(&task(folder.path(), fault));
        worker.train(None);
        worker.snapshot(&folder.path().join(fault))
    });
    assert!(quiet[0] == plain[0], "weights differ");
}

/// Before the clock, as an evaluator builds them; on resume, as the snapshot has them.
#[test]
fn a_worker_tells_the_digest_of_the_weights_that_it_begins_with() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    let run = &task.run;
    let model = build_model(&run.workload, &run.dataset, Device::Cpu, Kind::Float, 7).unwrap();
    let built = snapshot::digest(&model::state(model.as_ref())).unwrap();
    let mut worker = Worker::start(&task);
    assert_eq!(worker.weights(), Some(built));
    worker.train(None);
    let place = folder.path().join("ten");
    let [weights, _] = worker.snapshot(&place);
    task.local.resume = Some(Resume {
        snapshot: place,
        step: 10,
        submission_seconds: 1.0,
    });
    let digest = blake3::hash(&weights).to_hex().to_string();
    assert_eq!(Worker::start(&task).weights(), Some(digest));
}

#[test]
fn examples_are_told_with_every_interval() {
    let folder = folder();
    let mut worker = Worker::ready(&task(folder.path(), "none"));
    worker.hang_up();
    let passes: Vec<Passes> = worker
        .rest()
        .into_iter()
        .filter_map(|event| match event {
            Event::EvalDue { passes, .. } => Some(passes),
            _ => None,
        })
        .collect();
    let each = Passes {
        forward: 320,
        backward: 320,
        judged: 0,
    };
    assert_eq!(passes, [each; 4]);
}

#[test]
fn memory_that_runs_out_is_a_kind_of_its_own() {
    let folder = folder();
    let mut worker = Worker::start(&task(folder.path(), "memory"));
    worker.hang_up();
    let last = worker.rest().pop();
    assert!(
        matches!(
            last,
            Some(Event::Failed {
                kind: FailureKind::OutOfMemory,
                ..
            })
        ),
        "{last:?}"
    );
}

#[test]
fn missing_data_is_the_environments_fault() {
    let folder = folder();
    let task = task(folder.path(), "none");
    std::fs::remove_dir_all(folder.path().join("train")).unwrap();
    let Event::Failed { kind, message, .. } = Worker::start(&task).event() else {
        panic!("no failure");
    };
    assert_eq!(kind, FailureKind::Environment);
    assert!(message.contains("/train"), "{message}");
}

#[test]
fn a_stray_print_does_not_reach_the_referee() {
    let folder = folder();
    let mut worker = Worker::ready(&task(folder.path(), "print"));
    assert_eq!(worker.train(None), 10);
}

#[test]
fn a_worker_whose_referee_is_gone_ends_by_itself() {
    let folder = folder();
    let mut task = task(folder.path(), "none");
    task.run.workload.budget.steps = 100_000_000;
    task.run.workload.evaluate.every_steps = 100_000_000;
    let mut worker = Worker::ready(&task);
    worker.send(&Command::Train {
        evaluation: None,
        submission_seconds: 0.0,
    });
    worker.hang_up();
    let began = Instant::now();
    while worker.child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "it trains on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!worker.child.wait().unwrap().success());
}

/// A panic of libtorch's comes with seventy lines of C++ frames, of which a check shows none: what failed is in its report.
#[test]
fn a_check_tells_a_panic_in_one_line() {
    let folder = folder();
    let mut check = std::process::Command::new(support::program())
        .arg("check")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let task = serde_json::to_string(&task(folder.path(), "torch")).unwrap();
    let mut input = check.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, task.as_bytes()).unwrap();
    drop(input);
    let output = check.wait_with_output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}{errors}");
    assert!(said.contains("mat1 and mat2"), "{said}");
    assert_eq!(errors, "");
    assert!(!said.contains("frame #"), "{said}");
}
