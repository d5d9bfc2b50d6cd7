//! Schedules against other people's, and what holds of all of them.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::schedule::Schedule;
use bench_core::schedule::golden::{self, Verdict};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn parsed(text: &str) -> Schedule {
    Schedule::parse(text).unwrap()
}

#[test]
fn sequences_equal_the_recorded_ones() {
    let folder = std::env::var_os("BENCH_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join("goldens/schedules.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no recorded schedules at {}", path.display());
        return;
    };
    for outcome in golden::check(&text).unwrap() {
        assert!(
            matches!(outcome.verdict, Verdict::Equal { .. }),
            "{outcome:?}"
        );
    }
}

/// What PyTorch's own schedulers say, each with a base rate of 1 and as many steps as it has rates here:
///
/// ```python
/// p = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=0.9); s = SCHEDULER(p, …); rates = []
/// for _ in range(10): rates.append(p.param_groups[0]["lr"]); p.step(); s.step()
/// ```
#[test]
fn sequences_equal_pytorchs() {
    let cases: [(&str, &str, [f64; 10]); 8] = [
        (
            "StepLR(step_size=3, gamma=0.1)",
            "step{every: 3, gamma: 0.1}",
            [
                1.0,
                1.0,
                1.0,
                0.1,
                0.1,
                0.1,
                0.010000000000000002,
                0.010000000000000002,
                0.010000000000000002,
                0.0010000000000000002,
            ],
        ),
        (
            "PolynomialLR(total_iters=10, power=2.0)",
            "polynomial{power: 2}",
            [
                1.0,
                0.81,
                0.6400000000000001,
                0.48999999999999994,
                0.36000000000000004,
                0.25000000000000006,
                0.16000000000000006,
                0.09000000000000007,
                0.039999999999999994,
                0.009999999999999998,
            ],
        ),
        (
            "CyclicLR(base_lr=0.1, max_lr=1.0, step_size_up=3)",
            "cyclic{base: 0.1, up: 3}",
            [
                0.1,
                0.40000000000000013,
                0.6999999999999998,
                1.0,
                0.7000000000000003,
                0.3999999999999998,
                0.1,
                0.4000000000000006,
                0.6999999999999995,
                1.0,
            ],
        ),
        (
            "CyclicLR(…, step_size_up=2, step_size_down=1, mode='triangular2')",
            "cyclic{base: 0.1, up: 2, down: 1, mode: halved}",
            [
                0.1,
                0.5499999999999999,
                0.9999999999999998,
                0.1,
                0.32499999999999984,
                0.5499999999999996,
                0.1,
                0.21250000000000008,
                0.32499999999999996,
                0.1,
            ],
        ),
        (
            "CyclicLR(…, step_size_up=2, mode='exp_range', gamma=0.9)",
            "cyclic{base: 0.1, up: 2, mode: {gamma: 0.9}}",
            [
                0.1,
                0.505,
                0.8290000000000001,
                0.42805000000000004,
                0.1,
                0.3657205,
                0.5782969000000001,
                0.3152336050000001,
                0.1,
                0.27433922005000005,
            ],
        ),
        (
            "OneCycleLR(max_lr=1.0, total_steps=10)",
            "one-cycle{}",
            [
                0.040000000000000036,
                0.52,
                1.0,
                0.9504846320134737,
                0.8117456539497631,
                0.6112620219362893,
                0.38874197806371075,
                0.18825834605023697,
                0.049519367986526286,
                4e-06,
            ],
        ),
        (
            "OneCycleLR(…, pct_start=0.4, anneal_strategy='linear', div_factor=10.0, final_div_factor=100.0)",
            "one-cycle{up: 0.4, anneal: linear, div-factor: 10, final-div-factor: 100}",
            [
                0.1,
                0.4,
                0.7,
                1.0,
                0.8335,
                0.667,
                0.5005,
                0.3340000000000001,
                0.16749999999999998,
                0.0010000000000000009,
            ],
        ),
        (
            "OneCycleLR(…, three_phase=True)",
            "one-cycle{three-phase: true}",
            [
                0.040000000000000036,
                0.52,
                1.0,
                0.52,
                0.04,
                0.0361807218535102,
                0.0261817218535102,
                0.013822278146489805,
                0.0038232781464898036,
                4e-06,
            ],
        ),
    ];
    for (scheduler, text, expected) in cases {
        let sequence = parsed(text).over(10);
        for (step, expected) in expected.into_iter().enumerate() {
            let found = sequence.at(step as u64);
            assert!(
                (found - expected).abs() < 1e-15,
                "{scheduler} step {step}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn every_family_reads_itself_back() {
    for (text, name) in FAMILIES.into_iter().zip(Schedule::NAMES) {
        let schedule = parsed(text);
        assert_eq!(schedule.name(), name);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(
            serde_json::from_str::<Schedule>(&json).unwrap(),
            schedule,
            "{json}"
        );
    }
}

/// What is written with defaults has one form, and old forms stay as they were.
#[test]
fn defaults_are_not_written() {
    let written = |text: &str| serde_json::to_string(&parsed(text)).unwrap();
    insta::assert_snapshot!(FAMILIES.map(written).join("\n"));
}

#[test]
fn wrong_ones_are_told() {
    let told = |text: &str| match Schedule::parse(text) {
        Ok(schedule) => format!("{text}: {schedule:?}"),
        Err(error) => format!("{text}: {error}"),
    };
    let wrong = [
        "wsdd{cooldown: 20%}",
        "lion",
        "wsd",
        "wsd{cooldwn: 20%}",
        "wsd{warmup: 60%, cooldown: 60%}",
        "wsd{cooldown: 20%, shape: exponential}",
        "wsd{cooldown: 20%, shape: {half-life: 0}}",
        "step{every: 0, gamma: 0.1}",
        "refined{norms: [1, 0], for: adam}",
        "{wsd: {cooldown: 20%",
    ];
    insta::assert_snapshot!(wrong.map(told).join("\n"));
}

const FAMILIES: [&str; 12] = [
    "constant",
    "warmup-cosine{warmup: 5%}",
    "warmup-linear{warmup: 5%, decay: 90%, end: 0.1}",
    "linear-decay{}",
    "wsd{warmup: 5%, cooldown: 20%, shape: 1-sqrt, floor: 0.1}",
    "power{warmup: 5%, a: 0.0056, b: -0.51, batch-size: 128, tokens-per-step: 128, peak: 2e-3, cooldown: 20%}",
    "cyclic{base: 0.1, up: 10%, mode: {gamma: 0.99}}",
    "one-cycle{}",
    "inverse-sqrt{warmup: 5%}",
    "step{every: 30%, gamma: 0.1}",
    "polynomial{power: 2}",
    "refined{norms: [3, 2, 1, 1], for: sgd}",
];

proptest! {
    /// Whatever the horizon and the step, also beyond it, a factor is a number from 0 to 1.
    #[test]
    fn factors_lie_between_0_and_1(family in 0..FAMILIES.len(), horizon in 0_u64..3000, step in 0_u64..4000) {
        let factor = parsed(FAMILIES[family]).factor(step, horizon);
        prop_assert!((0.0..=1.0).contains(&factor), "{}: {factor}", FAMILIES[family]);
    }

    /// Every shape of cooldown begins at 1, ends at its floor and never rises.
    #[test]
    fn cooldowns_fall_to_the_floor(shape in 0..6_usize, floor in 0.01..0.9_f64, cooldown in 1_u64..200) {
        let shape = ["linear", "cosine", "1-sqrt", "1-square", "mirror-cosine", "exponential"][shape];
        let text = format!("wsd{{cooldown: {cooldown}, shape: {shape}, floor: {floor}}}");
        let sequence = parsed(&text).over(200);
        let factors: Vec<f64> = (0..=200).map(|step| sequence.at(step)).collect();
        prop_assert_eq!(factors[(200 - cooldown) as usize], 1.0);
        prop_assert!((factors[200] - floor).abs() < 1e-12);
        prop_assert!(factors.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12), "{}", text);
    }

    /// One schedule on a horizon twice as long reaches the same factor in twice the steps, up to what rounding to steps makes.
    #[test]
    fn shares_scale_with_the_horizon(step in 0_u64..1000) {
        let schedule = parsed("wsd{warmup: 10%, cooldown: 20%}");
        prop_assert!((schedule.factor(step, 1000) - schedule.factor(2 * step, 2000)).abs() < 1e-12);
    }
}
