//! Populations and searches, which train several models in turn, on functions small enough to work out by hand what becomes of every step.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod population;
mod search;

use bench_sdk::prelude::*;
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Gradient descent that remembers how far it has gone: state that a loser has to take over.
pub(crate) struct Gradient {
    pub(crate) learning_rate: f64,
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
pub(crate) fn parabola<A: TrainingAlgorithm>(
    hyperparameters: Hyperparameters,
    steps: u64,
) -> Descent<A> {
    let plan = Plan {
        hyperparameters,
        schedule: Box::new(|_| 1.0),
        steps,
        clipping: None,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(&[1.0_f64]))];
    let half_square = |x: &[&Tensor], _| Ok((x[0] * x[0] / 2.0).f_sum(Kind::Double)?);
    Descent::new(plan, start, half_square).unwrap()
}

pub(crate) fn evaluated<A: TrainingAlgorithm>(descent: &mut Descent<A>) -> f64 {
    descent.evaluated().unwrap()[0].double_value(&[0])
}

/// What one of two members is, worked out beside the population.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) x: f64,
    pub(crate) gone: f64,
    pub(crate) rate: f64,
}

impl Expected {
    pub(crate) fn step(&mut self) {
        let rate = if self.gone > 0.5 { 0.5 } else { 1.0 } * self.rate;
        self.gone += rate * self.x.abs();
        self.x -= rate * self.x;
    }
}

/// How many examples an algorithm trains on in twice as many steps as there are examples.
pub(crate) fn trained_on<A: TrainingAlgorithm>(
    hyperparameters: Hyperparameters,
    examples: u64,
) -> usize {
    let plan = Plan {
        hyperparameters,
        schedule: Box::new(|_| 1.0),
        steps: examples,
        clipping: None,
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

/// The last of a name.
pub(crate) fn value_of(logged: &[(String, f64)], name: &str) -> f64 {
    let mut named = logged.iter().filter(|(other, _)| other == name);
    named.next_back().unwrap().1
}
