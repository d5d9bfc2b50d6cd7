//! Schedules that no recorded file has against the schedulers of PyTorch, of Hugging Face's transformers and of the authors of cooldown shapes. The
//! numbers here were printed by these, as each test says.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::schedule::Schedule;

/// What is written on the left, its schedule here, and its rates at a base rate of 1 in a training of ten steps.
type Case = (&'static str, &'static str, [f64; 10]);

fn equal(cases: &[Case]) {
    for (scheduler, text, expected) in cases {
        let sequence = Schedule::parse(text).unwrap().over(10);
        for (step, expected) in expected.iter().enumerate() {
            let found = sequence.at(step as u64);
            assert!(
                (found - expected).abs() < 1e-15,
                "{scheduler} step {step}: {found} for {expected}"
            );
        }
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
    let cases: [Case; 8] = [
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
    equal(&cases);
}

/// What `transformers` 5.24 makes of the same optimizer, by the same loop.
#[test]
fn sequences_equal_transformers() {
    let cases: [Case; 2] = [
        (
            "get_inverse_sqrt_schedule(p, num_warmup_steps=3)",
            "inverse-sqrt{warmup: 3}",
            [
                0.0,
                0.3333333333333333,
                0.6666666666666666,
                1.0,
                0.8660254037844387,
                0.7745966692414834,
                0.7071067811865475,
                0.6546536707079771,
                0.6123724356957945,
                0.5773502691896258,
            ],
        ),
        (
            "get_polynomial_decay_schedule_with_warmup(p, num_warmup_steps=2, num_training_steps=10, lr_end=0.1, power=2.0)",
            "polynomial{warmup: 2, power: 2, end: 0.1}",
            [
                0.0,
                0.5,
                1.0,
                0.7890625,
                0.60625,
                0.4515625,
                0.325,
                0.2265625,
                0.15625,
                0.11406250000000001,
            ],
        ),
    ];
    equal(&cases);
}

/// What `wsd_schedule(10, final_lr_factor=0.1, n_warmup=2, init_div_factor=100, fract_decay=0.5, decay_type=…)` gives for steps 0 to 9, of
/// epfml/schedules-and-scaling ce6b405, `src/optim/utils.py` (Hägele et al., arXiv:2405.18392); its other shapes are in the recorded file.
#[test]
fn cooldowns_equal_their_authors() {
    let cases: [Case; 3] = [
        (
            "exp",
            "wsd{warmup: 2, start: 0.01, cooldown: 5, shape: exponential, floor: 0.1}",
            [
                0.01,
                0.505,
                1.0,
                1.0,
                1.0,
                1.0,
                0.6309573444801932,
                0.39810717055349726,
                0.251188643150958,
                0.15848931924611134,
            ],
        ),
        (
            "miror_cosine",
            "wsd{warmup: 2, start: 0.01, cooldown: 5, shape: mirror-cosine, floor: 0.1}",
            [
                0.01,
                0.505,
                1.0,
                1.0,
                1.0,
                1.0,
                0.7259423525312738,
                0.5909423525312737,
                0.5090576474687264,
                0.3740576474687262,
            ],
        ),
        (
            "square",
            "wsd{warmup: 2, start: 0.01, cooldown: 5, shape: 1-square, floor: 0.1}",
            [
                0.01,
                0.505,
                1.0,
                1.0,
                1.0,
                1.0,
                0.964,
                0.856,
                0.676,
                0.42399999999999993,
            ],
        ),
    ];
    equal(&cases);
}
