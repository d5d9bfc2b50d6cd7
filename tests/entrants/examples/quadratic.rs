//! How many steps algorithms need down a parabola whose curvatures are of many sizes, at the best learning rate of a grid, with linear decay.
//!
//! Fifty dimensions with curvatures from 0.01 to 100, gradients with noise, 300 steps; reached is 1 % of the loss
//! at the start. Prints `{"arm": {"seed": steps}}` as JSON, with null where no rate of the grid gets there. Every draw is the seed's.

use anyhow::Result;
use bench_core::spec::submission::Role;
use bench_sdk::tch::{Device, Kind, Tensor};
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use bench_sdk::{FirstOrder, TrainingAlgorithm};
use bench_torch::random::{Key, Stream};
use std::collections::BTreeMap;
use std::rc::Rc;

const DIMENSIONS: i64 = 50;
const STEPS: u64 = 300;
/// Of gradients, as a share of the root of the curvature: each direction is as noisy as the next, and has as much of the loss at the start.
const NOISE: f64 = 0.1;
const SEEDS: [u64; 3] = [1, 2, 3];
/// Thirteen rates, four to a factor of ten.
const RATES: i32 = 13;
const LOWEST_RATE: f64 = 1e-3;

/// Sophia as its paper analyses it (section 4): Newton's step, clipped at the learning rate. Curvatures are exact here, so there is nothing to
/// average; the momentum is AdamW's.
const NEWTON: &[(&str, f64)] = &[("gamma", 1.0), ("beta2", 0.0), ("beta1", 0.9)];
/// The same, with curvatures averaged as by default.
const AVERAGED: &[(&str, f64)] = &[("gamma", 1.0), ("beta1", 0.9)];

/// What is run, and where from.
struct Arm {
    submission: &'static str,
    /// Hyperparameters other than the defaults.
    own: &'static [(&'static str, f64)],
    start: Start,
    steps: fn(&Arm, f64, u64) -> Result<Option<u64>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// Each direction has as much of the loss as the next.
    Scaled,
    /// Each direction is as long as the next, so that the steepest have nearly all of the loss.
    Even,
}

const fn arm<A: TrainingAlgorithm>(
    submission: &'static str,
    own: &'static [(&'static str, f64)],
    start: Start,
) -> Arm {
    Arm {
        submission,
        own,
        start,
        steps: steps::<A>,
    }
}

fn main() -> Result<()> {
    type Adamw = FirstOrder<adamw::Adamw>;
    type Lion = FirstOrder<lion::Lion>;
    type Sgd = FirstOrder<sgd_nesterov::Sgd>;
    use Start::{Even, Scaled};
    use sophia_h::SophiaH;
    let arms = [
        ("adamw", arm::<Adamw>("adamw", &[], Scaled)),
        ("lion", arm::<Lion>("lion", &[], Scaled)),
        ("sgd-nesterov", arm::<Sgd>("sgd-nesterov", &[], Scaled)),
        ("sophia-h", arm::<SophiaH>("sophia-h", NEWTON, Scaled)),
        (
            "sophia-h, curvatures averaged",
            arm::<SophiaH>("sophia-h", AVERAGED, Scaled),
        ),
        ("even start: adamw", arm::<Adamw>("adamw", &[], Even)),
        (
            "even start: sgd-nesterov",
            arm::<Sgd>("sgd-nesterov", &[], Even),
        ),
        (
            "even start: sophia-h",
            arm::<SophiaH>("sophia-h", NEWTON, Even),
        ),
    ];
    let mut found: BTreeMap<&str, BTreeMap<u64, Option<u64>>> = BTreeMap::new();
    for (name, arm) in arms {
        for seed in SEEDS {
            let mut best: Option<u64> = None;
            for number in 0..RATES {
                let rate = LOWEST_RATE * 10.0_f64.powf(f64::from(number) / 4.0);
                let reached = (arm.steps)(&arm, rate, seed)?;
                best = best.into_iter().chain(reached).min();
            }
            let _ = found.entry(name).or_default().insert(seed, best);
        }
    }
    #[expect(clippy::print_stdout, reason = "what the program is for")]
    {
        println!("{}", serde_json::to_string(&found)?);
    }
    Ok(())
}

/// Steps to 1 % of the loss at the start, at one learning rate.
fn steps<A: TrainingAlgorithm>(arm: &Arm, rate: f64, seed: u64) -> Result<Option<u64>> {
    let options = (Kind::Double, Device::Cpu);
    let exponents = Tensor::f_linspace(-2, 2, DIMENSIONS, options)?;
    let curvatures = Tensor::f_full_like(&exponents, 10.0)?.f_pow(&exponents)?;
    let roots = curvatures.f_sqrt()?;
    let normal = move |purpose: &str, step: u64| {
        let mut stream = Stream::new(&Key::new(seed, purpose).step(step))?;
        stream.normal(&[DIMENSIONS], 0.0, 1.0, Kind::Double)
    };
    let start = match arm.start {
        Start::Scaled => normal("start", 0)? / &roots,
        Start::Even => normal("start", 0)?,
    };
    let parabola = Rc::new(move |x: &Tensor| (x * x * &curvatures / 2.0).f_sum(Kind::Double));
    let goal = parabola(&start)?.f_double_value(&[])? / 100.0;
    let loss = {
        let parabola = parabola.clone();
        move |x: &[&Tensor], step: u64| {
            let noise = normal("noise", step)? * NOISE * &roots;
            Ok(parabola(x[0])? + noise.f_dot(x[0])?)
        }
    };
    let mut own = vec![("learning-rate", rate), ("weight-decay", 0.0)];
    own.extend(arm.own);
    let plan = Plan {
        hyperparameters: bench_entrants::defaults(arm.submission, &own)?,
        schedule: Box::new(|step| 1.0 - step as f64 / STEPS as f64),
        steps: STEPS,
        clipping: None,
        form: Form::Fastest,
    };
    let mut descent: Descent<A> = Descent::new(plan, vec![(Role::Weight, start)], loss)?;
    for step in 1..=STEPS {
        descent.step()?;
        let x = descent.parameters()[0].tensor.f_detach()?;
        if parabola(&x)?.f_double_value(&[])? <= goal {
            return Ok(Some(step));
        }
    }
    Ok(None)
}
