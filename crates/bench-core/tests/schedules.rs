//! Schedules against recorded ones, and what holds of all of them; `schedulers.rs` compares those that no recorded file has.
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

/// Python's `int((200 - 20) * 0.7)` is 125, though seven tenths are 126.
#[test]
fn a_recorded_decay_is_cut_as_its_authors_cut_it() {
    let rate = |step: u64| match step {
        0..20 => step as f64 / 20.0,
        _ => 1.0 - 0.9 * ((step - 20).min(125) as f64 / 125.0),
    };
    let rates: Vec<f64> = (0..200).map(rate).collect();
    let file = serde_json::json!({ "schedules": [{
        "schedule": "warmup_linear_decay",
        "hyper": { "peak": 1.0, "step_hint": 200, "warmup_steps": 20, "end_factor": 0.1, "decay_steps_factor": 0.7 },
        "lr": rates,
    }] });
    let outcomes = golden::check(&file.to_string()).unwrap();
    assert!(
        matches!(outcomes[0].verdict, Verdict::Equal { .. }),
        "{outcomes:?}"
    );
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
        "cosine",
        "wsd",
        "wsd{cooldwn: 20%}",
        "wsd{warmup: 60%, cooldown: 60%}",
        "wsd{cooldown: 20%, shape: exponential}",
        "wsd{cooldown: 20%, shape: {half-life: 0}}",
        "step{every: 0, gamma: 0.1}",
        "refined{norms: [1, 0], for: adam}",
        "refined{norms: [], for: adam}",
        "one-cycle{up: 2}",
        "polynomial{power: -1}",
        "cyclic{up: 10, base: 3}",
        "warmup-cosine{warmup: 5%, start: -4}",
        "power{a: 1, b: 1, batch-size: 8, tokens-per-step: 8, peak: 1}",
        "constant{warmup: 5%}",
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

/// Also where a share comes to no step.
#[test]
fn without_a_cooldown_the_rate_stays_beyond_the_horizon() {
    assert_eq!(parsed("constant{}"), Schedule::Constant);
    for cooldown in ["0", "0%", "0.01%"] {
        let factor = parsed(&format!("wsd{{cooldown: {cooldown}}}")).factor(150, 100);
        assert_eq!(factor, 1.0, "{cooldown}");
        let settings = "a: 1, b: -0.5, batch-size: 1, tokens-per-step: 1, peak: 1";
        let power = parsed(&format!("power{{{settings}, cooldown: {cooldown}}}"));
        assert!(
            (power.factor(144, 100) - 1.0 / 12.0).abs() < 1e-15,
            "{cooldown}"
        );
    }
}

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

    /// A decay of so many steps is the schedule of a horizon that ends with it.
    #[test]
    fn a_cosine_may_have_a_horizon_of_its_own(warmup in 0_u64..50, decay in 1_u64..200, step in 0_u64..500) {
        let own = parsed(&format!("warmup-cosine{{warmup: {warmup}, decay: {decay}}}"));
        let whole = parsed(&format!("warmup-cosine{{warmup: {warmup}}}"));
        prop_assert_eq!(own.factor(step, 1000), whole.factor(step, warmup + decay));
    }

    /// One schedule on a horizon twice as long reaches the same factor in twice the steps, up to what rounding to steps makes.
    #[test]
    fn shares_scale_with_the_horizon(step in 0_u64..1000) {
        let schedule = parsed("wsd{warmup: 10%, cooldown: 20%}");
        prop_assert!((schedule.factor(step, 1000) - schedule.factor(2 * step, 2000)).abs() < 1e-12);
    }
}
