//! What algorithms log and evaluate, on functions small enough to work it out by hand.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use auto_lrs::AutoLrs;
use bench_sdk::prelude::*;
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use sophia_g::SophiaG;
use sophia_h::SophiaH;

/// Down a function of one vector.
fn descent<A: TrainingAlgorithm>(
    hyperparameters: Hyperparameters,
    steps: u64,
    start: &[f64],
    function: impl Fn(&Tensor) -> Tensor + 'static,
) -> Descent<A> {
    let plan = Plan {
        hyperparameters,
        schedule: Box::new(|_| 1.0),
        steps,
        clipping: None,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(start))];
    Descent::new(plan, start, move |x: &[&Tensor], _| Ok(function(x[0]))).unwrap()
}

/// On `sum a x^2 / 2` the probe finds `a` itself, and at a rate of next to nothing `x` stays. After `t` updates and `n` refreshes `m` is
/// `(1 - 0.9^t) a x` and `h` is `(1 - 0.9^n) a`: a coordinate of positive `a` is not clipped where `|x|` is below the quotient of the two shares, which
/// is 1 in the first step, and 0.19 / 0.271 = 0.70 in the third. Where `a` is negative, every momentum but 0 is clipped.
#[test]
fn sophia_h_logs_the_win_rate_of_the_update_just_made() {
    let own = [
        ("learning-rate", 1e-9),
        ("weight-decay", 0.0),
        ("beta1", 0.9),
        ("beta2", 0.9),
        ("gamma", 1.0),
        ("hessian-interval", 2.0),
    ];
    let hyper = bench_entrants::defaults("sophia-h", &own).unwrap();
    let curvatures = Tensor::from_slice(&[1.0, 4.0, 2.0, -1.0, 3.0]);
    let start = [0.8, 2.0, 0.1, 0.3, 0.5];
    let mut descent: Descent<SophiaH> = descent(hyper, 4, &start, move |x| {
        (x * x * &curvatures / 2.0).sum(Kind::Double)
    });
    for _ in 0..4 {
        descent.step().unwrap();
    }
    let logged = descent.logged("win-rate").unwrap();
    assert_eq!(logged, [(0, 3.0 / 5.0), (2, 2.0 / 5.0)]);
}

/// A slope of 5 is clipped to 1, of the loss and of the loss on drawn labels. In the fourth step `m` is 0.34 and `h`, of one estimate, a tenth of 1:
/// whether `m` is below `rho h` turns at a `rho` of 3.4. Not clipped, `h` would be 25 times as large. In the second step there is no estimate yet.
#[test]
fn sophia_g_clips_its_estimate() {
    for (rho, expected) in [(3.3, 0.0), (3.5, 1.0)] {
        let own = [
            ("learning-rate", 1e-9),
            ("beta1", 0.9),
            ("beta2", 0.9),
            ("rho", rho),
            ("hessian-interval", 2.0),
        ];
        let plan = Plan {
            hyperparameters: bench_entrants::defaults("sophia-g", &own).unwrap(),
            schedule: Box::new(|_| 1.0),
            steps: 4,
            clipping: Some(1.0),
            form: Form::Fastest,
        };
        let start = vec![(Role::Weight, Tensor::from_slice(&[1.0]))];
        let slope = |x: &[&Tensor], _| Ok((x[0] * 5.0).sum(Kind::Double));
        let mut descent: Descent<SophiaG> = Descent::new(plan, start, slope).unwrap();
        for _ in 0..4 {
            descent.step().unwrap();
        }
        let logged = descent.logged("win-rate").unwrap();
        assert_eq!(logged, [(1, 0.0), (3, expected)]);
    }
}

/// Trains nothing, and wants twice its weights evaluated.
struct Doubled;

impl UpdateRule for Doubled {
    fn new(_group: &Group) -> Result<Doubled> {
        Ok(Doubled)
    }

    fn update(&mut self, _update: &Update) -> Result<()> {
        Ok(())
    }

    fn state(&mut self, _state: &mut State) -> Result<()> {
        Ok(())
    }

    fn evaluated(&self, group: &Group) -> Result<Option<Vec<Tensor>>> {
        let doubled = group.parameters.iter().map(|p| &p.tensor * 2.0);
        Ok(Some(doubled.collect()))
    }
}

#[test]
fn auto_lrs_refuses_a_schedule() {
    let plan = Plan {
        hyperparameters: bench_entrants::defaults("auto-lrs", &[]).unwrap(),
        schedule: Box::new(|step| if step == 0 { 0.5 } else { 1.0 }),
        steps: 400,
        clipping: None,
        form: Form::Fastest,
    };
    let start = vec![(Role::Weight, Tensor::from_slice(&[1.5]))];
    let square = |x: &[&Tensor], _| Ok((x[0] * x[0]).sum(Kind::Double));
    let told = Descent::<AutoLrs<Doubled>>::new(plan, start, square).err();
    assert_eq!(
        told.unwrap().to_string(),
        "the search is the schedule: write `schedule: constant` into submission.yaml"
    );
}

/// The square of 1.5 is the training loss, the square of 3 that of the weights to be evaluated; a loss that stays is forecast to stay.
#[test]
fn auto_lrs_judges_and_shows_the_weights_that_its_rule_wants_evaluated() {
    // Ten candidates of 20 steps are judged by the training loss, of 40 by the held-out loss.
    for (first_stage, trial, expected) in [(0.5, 20, 2.25), (1.0, 40, 9.0)] {
        let own = [("first-stage", first_stage), ("longest-stage", 1.0)];
        let hyper = bench_entrants::defaults("auto-lrs", &own).unwrap();
        let square = |x: &Tensor| (x * x).sum(Kind::Double);
        let mut descent: Descent<AutoLrs<Doubled>> = descent(hyper, 400, &[1.5], square);
        // The state of step 0 is that of a training that resumes.
        let trained = descent.parameters()[0].tensor.double_value(&[0]);
        let evaluated = descent.evaluated().unwrap()[0].double_value(&[0]);
        assert_eq!(evaluated, 2.0 * trained);
        for _ in 0..trial {
            descent.step().unwrap();
        }
        let logged = descent.logged("forecast").unwrap();
        assert_eq!(logged.len(), 1);
        let (step, forecast) = logged[0];
        let expected = expected * trained * trained / 2.25;
        assert_eq!(step, trial - 1);
        assert!((forecast - expected).abs() < 1e-9, "{forecast} {expected}");
    }
}
