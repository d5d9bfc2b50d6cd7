//! Populations of two members.

use crate::{Expected, Gradient, evaluated, parabola, trained_on, value_of};
use bench_core::spec::submission::Value;
use bench_sdk::prelude::*;
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use pbt::Pbt;
use std::collections::BTreeMap;

/// Two members, a decision every ten steps of each in 80.
fn two_members(hold_out: f64) -> Hyperparameters {
    two_members_with(hold_out, "learning-rate")
}

fn two_members_with(hold_out: f64, evolve: &str) -> Hyperparameters {
    let (min, max) = (format!("{evolve}-min"), format!("{evolve}-max"));
    let numbers = [
        ("members", 2.0),
        ("generations", 4.0),
        ("hold-out", hold_out),
        ("fraction", 0.5),
        ("resample-probability", 0.0),
        (min.as_str(), 1e-3),
        (max.as_str(), 1e-1),
        ("learning-rate", 0.0),
    ];
    let numbers = numbers.map(|(name, value)| (name.to_owned(), Value::Number(value)));
    let texts = [("exploit", "truncation"), ("evolve", evolve)];
    let texts = texts.map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned())));
    let values: BTreeMap<String, Value> = numbers.into_iter().chain(texts).collect();
    Hyperparameters::new(values)
}

/// The worse takes over the better's weights and state, and its rate times 0.8 or 1.2; who is shown to an evaluation is the better.
#[test]
fn losers_take_over_weights_state_and_a_changed_rate() {
    let mut descent: Descent<Pbt<Gradient>> = parabola(two_members(0.1), 80);

    let mut members = [Expected {
        x: 1.0,
        gone: 0.0,
        rate: 0.0,
    }; 2];
    let mut copies = 0;
    for generation in 0..4 {
        let mut logged = Vec::new();
        for step in 0..20 {
            descent.step().unwrap();
            logged.extend(descent.all_logged().unwrap());
            if generation == 0 && step == 0 {
                for (number, member) in members.iter_mut().enumerate() {
                    member.rate = value_of(&logged, &format!("member-{number}/learning-rate"));
                }
                assert!(members[0].rate != members[1].rate);
            }
            members[step % 2].step();
        }
        let fitness = members.map(|member| -member.x * member.x / 2.0);
        for (number, expected) in fitness.iter().enumerate() {
            let found = value_of(&logged, &format!("member-{number}/fitness"));
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        let best = usize::from(fitness[1] > fitness[0]);
        for number in 0..2 {
            let parent = value_of(&logged, &format!("member-{number}/parent"));
            assert_eq!(parent, best as f64);
            let rate = value_of(&logged, &format!("member-{number}/learning-rate"));
            if number != best {
                let factors = [0.8, 1.2].map(|factor| (factor * members[best].rate).min(0.1));
                assert!(
                    factors.iter().any(|factor| (rate - factor).abs() < 1e-15),
                    "{rate}"
                );
                members[number] = Expected {
                    rate,
                    ..members[best]
                };
                copies += 1;
            }
            assert_eq!(rate, members[number].rate);
        }
        let shown = evaluated(&mut descent);
        assert!((shown - members[best].x).abs() < 1e-12, "{shown}");
    }
    assert_eq!(copies, 4);
}

/// A member of two sees ten examples in a generation, and eighty steps of each are more than an epoch. So many are held out, and not the half that is
/// asked for: all others are trained on.
#[test]
fn no_more_is_held_out_than_a_member_sees_in_a_generation() {
    assert_eq!(trained_on::<Pbt<Gradient>>(two_members(0.5), 80), 70);
}

/// Gradient descent at one over the rate.
struct Inverse(Gradient);

impl UpdateRule for Inverse {
    fn new(group: &Group) -> Result<Inverse> {
        let mut rule = Gradient::new(group)?;
        rule.learning_rate = 1.0 / rule.learning_rate;
        Ok(Inverse(rule))
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        self.0.update(update)
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        self.0.state(state)
    }
}

/// Of two members one diverges before anything is decided: the population shows the other's weights and tells the other's loss.
#[test]
fn a_member_that_diverges_is_not_the_populations_end() {
    let wide = two_members(0.1).with("learning-rate-min", 1e-64);
    let wide = wide.with("learning-rate-max", 1e56);
    let mut descent: Descent<Pbt<Inverse>> = parabola(wide, 80);
    descent.step().unwrap();
    let logged = descent.all_logged().unwrap();
    let rate = |number| value_of(&logged, &format!("member-{number}/learning-rate"));
    // The first, which is shown until a decision falls.
    assert!(1.0 / rate(0) > 1e20 && 1.0 / rate(1) < 2.0);
    let mut fitness = Vec::new();
    for step in 2..=40 {
        descent.step().unwrap();
        let shown = evaluated(&mut descent);
        let loss = descent.told_loss().unwrap();
        assert!(shown.is_finite() && loss.is_none_or(f64::is_finite));
        if step % 20 == 0 {
            let logged = descent.all_logged().unwrap();
            fitness
                .push([0, 1].map(|member| value_of(&logged, &format!("member-{member}/fitness"))));
        }
    }
    // It goes on as a copy of the other.
    assert!(!fitness[0][0].is_finite() && fitness[0][1].is_finite());
    assert!(fitness[1].iter().all(|fitness| fitness.is_finite()));
}

#[test]
fn what_makes_no_population_is_told() {
    let told = |hyperparameters: Hyperparameters, schedule: fn(u64) -> f64| {
        let plan = Plan {
            hyperparameters,
            schedule: Box::new(schedule),
            steps: 80,
            clipping: None,
            form: Form::Fastest,
        };
        let start = vec![(Role::Weight, Tensor::from_slice(&[1.0_f64]))];
        let loss = |x: &[&Tensor], _| Ok(x[0].f_sum(Kind::Double)?);
        let told = Descent::<Pbt<Gradient>>::new(plan, start, loss).err();
        told.unwrap().to_string()
    };
    let sound = || two_members_with(0.1, "learning-rate");
    assert_eq!(
        told(two_members_with(0.1, "learning-rat"), |_| 1.0),
        "`evolve` names `learning-rat`, which the rule does not read; it reads learning-rate"
    );
    assert_eq!(
        told(sound(), |step| if step < 40 { 1.0 } else { 0.5 }),
        "a population finds its own schedule, and a member sees its share of the steps only: write `schedule: constant` into submission.yaml"
    );
    assert_eq!(
        told(sound().with("fraction", 0.0), |_| 1.0),
        "`fraction` is 0; the worst and the best of a population are shares above 0, and 0.5 at most"
    );
    assert_eq!(
        told(sound().with("resample-probability", 1.5), |_| 1.0),
        "`resample-probability` is 1.5, which is no probability"
    );
}
