//! Populations and searches on functions small enough to work out by hand what becomes of every step.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use auto_lrs::{AutoLrs, Forecast};
use bench_core::spec::submission::Value;
use bench_sdk::prelude::*;
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use pbt::Pbt;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Gradient descent that remembers how far it has gone: state that a loser has to take over.
struct Gradient {
    learning_rate: f64,
    gone: f64,
}

impl UpdateRule for Gradient {
    fn new(group: &Group) -> Result<Gradient> {
        let learning_rate = group.hyperparameters.number("learning-rate")?;
        let gone = 0.0;
        Ok(Gradient {
            learning_rate,
            gone,
        })
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        // The rate halves once a distance has been gone, whoever went it.
        let rate = if self.gone > 0.5 { 0.5 } else { 1.0 } * self.learning_rate;
        for (parameter, gradient) in update.parameters.iter().zip(update.gradients) {
            let _ = parameter
                .tensor
                .shallow_clone()
                .f_sub_(&(gradient * rate))?;
            self.gone += rate * gradient.f_norm()?.f_double_value(&[])?;
        }
        Ok(())
    }

    fn state(&mut self, state: &mut State) -> Result<()> {
        state.visit("gone", &mut self.gone)
    }
}

/// On the parabola `x^2 / 2` from 1, whatever the example.
fn parabola<A: TrainingAlgorithm>(hyperparameters: Hyperparameters, steps: u64) -> Descent<A> {
    let plan = Plan {
        hyperparameters,
        schedule: Box::new(|_| 1.0),
        steps,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(&[1.0_f64]))];
    let half_square = |x: &[&Tensor], _| Ok((x[0] * x[0] / 2.0).f_sum(Kind::Double)?);
    Descent::new(plan, start, half_square).unwrap()
}

fn evaluated<A: TrainingAlgorithm>(descent: &mut Descent<A>) -> f64 {
    descent.evaluated().unwrap()[0].double_value(&[0])
}

/// What one of two members is, worked out beside the population.
#[derive(Clone, Copy)]
struct Expected {
    x: f64,
    gone: f64,
    rate: f64,
}

impl Expected {
    fn step(&mut self) {
        let rate = if self.gone > 0.5 { 0.5 } else { 1.0 } * self.rate;
        self.gone += rate * self.x.abs();
        self.x -= rate * self.x;
    }
}

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

/// How many examples an algorithm trains on in twice as many steps as there are examples.
fn trained_on<A: TrainingAlgorithm>(hyperparameters: Hyperparameters, examples: u64) -> usize {
    let plan = Plan {
        hyperparameters,
        schedule: Box::new(|_| 1.0),
        steps: examples,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(&[1.0_f64]))];
    let trained_on = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = trained_on.clone();
    let half_square = move |x: &[&Tensor], example| {
        let loss = (x[0] * x[0] / 2.0).f_sum(Kind::Double)?;
        if loss.requires_grad() {
            seen.borrow_mut().insert(example);
        }
        Ok(loss)
    };
    let mut descent: Descent<A> = Descent::new(plan, start, half_square).unwrap();
    for _ in 0..2 * examples {
        descent.step().unwrap();
    }
    trained_on.borrow().len()
}

/// A member of two sees ten examples in a generation, and eighty steps of each are more than an epoch; a candidate of 64 steps sees two between two
/// evaluations. So many are held out, and not the half that is asked for: all others are trained on.
#[test]
fn no_more_is_held_out_than_is_seen_between_two_evaluations() {
    assert_eq!(trained_on::<Pbt<Gradient>>(two_members(0.5), 80), 70);
    let own = [
        ("hold-out", 0.5),
        ("longest-stage", 1.0),
        ("learning-rate-max", 3e-2),
    ];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    assert_eq!(trained_on::<AutoLrs<Gradient>>(hyper, 640), 638);
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
fn a_gene_that_the_rule_does_not_read_is_told() {
    let misspelt = two_members_with(0.1, "learning-rat");
    let plan = Plan {
        hyperparameters: misspelt,
        schedule: Box::new(|_| 1.0),
        steps: 80,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(&[1.0_f64]))];
    let loss = |x: &[&Tensor], _| Ok(x[0].f_sum(Kind::Double)?);
    let told = Descent::<Pbt<Gradient>>::new(plan, start, loss).err();
    assert_eq!(
        told.unwrap().to_string(),
        "`evolve` names `learning-rat`, which the rule does not read; it reads learning-rate"
    );
}

/// The last of a name.
fn value_of(logged: &[(String, f64)], name: &str) -> f64 {
    let mut named = logged.iter().filter(|(other, _)| other == name);
    named.next_back().unwrap().1
}

/// Two stages of 200 steps, each after ten candidates of 20. Every candidate begins where the stage does, and so does the training, at the rate whose
/// forecast was the lowest.
#[test]
fn a_stage_is_trained_from_its_checkpoint_at_the_best_rate() {
    let own = [("learning-rate-min", 1e-3), ("learning-rate-max", 3e-2)];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, 800);
    for _ in 0..2 {
        let began = evaluated(&mut descent);
        let (mut rates, mut forecasts) = (Vec::new(), Vec::new());
        for step in 0..200 {
            descent.step().unwrap();
            let logged = descent.all_logged().unwrap();
            if step == 0 {
                rates.push(value_of(&logged, "learning-rate"));
            }
            match step % 20 {
                19 => {
                    forecasts.push(value_of(&logged, "forecast"));
                    rates.push(value_of(&logged, "learning-rate"));
                    assert_eq!(evaluated(&mut descent), began);
                }
                _ => assert!(evaluated(&mut descent) < began),
            }
        }
        assert_eq!((rates.len(), forecasts.len()), (11, 10));
        let lowest = (0..10).min_by(|&a, &b| forecasts[a].total_cmp(&forecasts[b]));
        assert_eq!(rates[10], rates[lowest.unwrap()]);
        // The rule's own state is the checkpoint's as well: it halves the rate after some way, in the second stage from the start.
        descent.step().unwrap();
        let factor = if began < 0.5 { 0.5 } else { 1.0 };
        let shrunk = 1.0 - evaluated(&mut descent) / began;
        assert!((shrunk - factor * rates[10]).abs() < 1e-12, "{shrunk}");
        for _ in 1..200 {
            descent.step().unwrap();
        }
        let _ = descent.all_logged().unwrap();
    }
}

/// After a stage of 200 steps and its search, 399 steps left are too few for another; 600 are two halves of 300, or are left by one of 200 with 200 more.
#[test]
fn no_search_is_begun_that_the_budget_does_not_pay_back() {
    // Steps at which a rate is begun with.
    let rates = |longest: f64, steps: u64| -> Vec<u64> {
        let own = [
            ("first-stage", 0.01),
            ("longest-stage", longest),
            ("learning-rate-min", 1e-3),
            ("learning-rate-max", 3e-2),
        ];
        let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
        let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, steps);
        let begins = |_: &u64| {
            descent.step().unwrap();
            let logged = descent.all_logged().unwrap();
            logged.iter().any(|(name, _)| name == "learning-rate")
        };
        (0..steps + 20).filter(begins).collect()
    };
    let search = |first: u64, trial: u64| {
        let rest = (1..=10).map(move |number| first + trial * number - 1);
        std::iter::once(first).chain(rest)
    };
    assert_eq!(rates(0.2, 799), Vec::from_iter(search(0, 20)));
    let second = |trial| Vec::from_iter(search(0, 20).chain(search(400, trial)));
    assert_eq!(rates(0.5, 1000), second(30));
    assert_eq!(rates(0.2, 1000), second(20));
}

/// One stage of full length, 640 steps, whose candidates are given 64: enough for the held-out loss to judge, after every second step.
#[test]
fn long_candidates_are_judged_by_the_held_out_loss() {
    let own = [
        ("first-stage", 1.0),
        ("longest-stage", 1.0),
        ("learning-rate-min", 1e-3),
        ("learning-rate-max", 3e-2),
    ];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let mut descent: Descent<AutoLrs<Gradient>> = parabola(hyper, 640);
    descent.step().unwrap();
    let mut rate = value_of(&descent.all_logged().unwrap(), "learning-rate");
    for candidate in 0..3 {
        let (x, gone) = (1.0, 0.0);
        let mut expected = Expected { x, gone, rate };
        let mut course = Vec::new();
        for step in 1..=64 {
            if (candidate, step) != (0, 1) {
                descent.step().unwrap();
            }
            expected.step();
            if step % 2 == 0 {
                course.push(expected.x * expected.x / 2.0);
            }
        }
        let logged = descent.all_logged().unwrap();
        let found = value_of(&logged, "forecast");
        // 320 losses make the stage, the first of which comes after two steps.
        let forecast = Forecast::fit(&course, false).at(319.0);
        assert!((found - forecast).abs() < 1e-9, "{found} {forecast}");
        rate = value_of(&logged, "learning-rate");
    }
}

/// Every candidate diverges: what is trained is the lowest rate, not whichever came first.
#[test]
fn where_all_candidates_diverge_the_lowest_rate_is_trained() {
    let own = [("learning-rate-min", 1e30), ("learning-rate-max", 1e32)];
    let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
    let start = || parabola::<AutoLrs<Gradient>>(hyper.clone(), 800);
    let (mut descent, mut resumed) = (start(), None);
    for step in 1..=210 {
        descent.step().unwrap();
        // What is evaluated meanwhile is the checkpoint, once a candidate has nothing to show.
        let shown = evaluated(&mut descent);
        let loss = descent.told_loss().unwrap();
        if step <= 200 {
            assert!(shown.is_finite() && shown * shown < f64::INFINITY);
            assert!(loss.is_none_or(f64::is_finite), "{loss:?}");
        }
        // Resumed from there, the candidate goes on as it was.
        match &mut resumed {
            None if step == 15 => resumed = Some(descent.resumed_in(start()).unwrap()),
            None => {}
            Some(other) => {
                other.step().unwrap();
                assert_eq!(evaluated(other).to_bits(), shown.to_bits(), "{step}");
            }
        }
    }
    let logged = descent.all_logged().unwrap();
    assert!((value_of(&logged, "learning-rate") / 1e30 - 1.0).abs() < 1e-12);
}
