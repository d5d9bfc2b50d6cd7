//! What a training promises an algorithm, on functions whose derivatives are known.

use super::*;
use crate::check::function::Function;
use bench_core::spec::submission::{Norm, Role};
use std::collections::BTreeSet;
use tch::Kind;

fn vector(values: &[f64]) -> Tensor {
    Tensor::from_slice(values)
}

fn list(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(&tensor.detach().to_kind(Kind::Double)).unwrap()
}

/// `sum x^3` of two parameters, with 50 examples in random order.
fn cubic() -> Training {
    cubic_with(|settings| settings)
}

fn cubic_for(one_epoch: bool) -> Training {
    cubic_with(|settings| Settings {
        one_epoch,
        ..settings
    })
}

fn cubic_with(change: impl FnOnce(Settings) -> Settings) -> Training {
    let start = ["a", "b"].map(|name| (name.to_owned(), Role::Weight, vector(&[1.0, -2.0])));
    let cube = |x: &Tensor| (x * x * x).sum(Kind::Double);
    let loss = move |x: &[&Tensor], _: &bench_workloads::Batch| Ok(cube(x[0]) + cube(x[1]));
    let problem = Function::new(start.into(), 50, 1, Box::new(loss)).unwrap();
    let settings = Settings {
        shuffle: true,
        batch_size: 8,
        seed: 5,
        ..Settings::plain(Hyperparameters::default(), 100)
    };
    let mut training = Training::new(Box::new(problem), Rc::new(change(settings)));
    training.open();
    training
}

/// What an author may ask for, by name.
type Call = (&'static str, fn(&mut Training) -> Result<()>);

/// Of the author's own making: numbers of the right shape are no training examples, but they pass through the model all the same.
fn own_batch() -> bench_workloads::Batch {
    let number = Tensor::from_slice(&[0_i64]);
    bench_workloads::Batch::new(number.shallow_clone(), number)
}

const ON_THE_CLOCK: [Call; 15] = [
    ("next_batch", |t| t.next_batch().map(drop)),
    ("batch", |t| {
        t.batch(&Tensor::from_slice(&[0_i64])).map(drop)
    }),
    ("evaluate", |t| {
        t.evaluate(&Tensor::from_slice(&[0_i64])).map(drop)
    }),
    ("evaluation_loss", |t| {
        t.evaluation_loss(&Tensor::from_slice(&[0_i64])).map(drop)
    }),
    ("is_sound", |t| {
        t.is_sound(&Tensor::from_slice(&[0_i64])).map(drop)
    }),
    ("outputs", |t| t.outputs(&own_batch()).map(drop)),
    ("loss", |t| t.loss(&own_batch()).map(drop)),
    ("losses", |t| t.losses(&own_batch()).map(drop)),
    ("observed_loss", |t| {
        t.observed_loss(&own_batch(), &|_, _, _| {}).map(drop)
    }),
    ("gradients", |t| t.gradients(&own_batch()).map(drop)),
    ("gradients_of", |t| {
        let weight = t.parameters()[0].tensor.shallow_clone();
        t.gradients_of(&weight.sum(Kind::Double)).map(drop)
    }),
    ("hessian_vector_product", |t| {
        let ones = [vector(&[1.0, 1.0]), vector(&[1.0, 1.0])];
        t.hessian_vector_product(&own_batch(), &ones).map(drop)
    }),
    ("sampled_loss", |t| t.sampled_loss(&own_batch()).map(drop)),
    ("with_sampled_labels", |t| {
        t.with_sampled_labels(&own_batch()).map(drop)
    }),
    ("recalibrate", |t| t.recalibrate(1).map(drop)),
];

const ALWAYS: [Call; 6] = [
    ("shuffled", |t| t.shuffled(0, 8).map(drop)),
    ("replica", |t| {
        let replica = t.replica(1)?;
        t.within(&replica, |t| t.stream("noise").map(drop))
    }),
    ("stream", |t| t.stream("noise").map(drop)),
    ("signs", |t| t.signs().map(drop)),
    ("hold_out", |t| t.hold_out(3).map(drop)),
    ("what is known", |t| {
        let _ = (
            t.numbers(),
            t.examples(),
            t.batch_size(),
            t.step_hint(),
            t.budget(),
        );
        let _ = (t.parameters()[0].role, t.has_schedule(), t.device());
        t.log("nothing", 0.0);
        Ok(())
    }),
];

#[test]
fn off_the_clock_there_is_no_data_and_no_derivative() {
    let mut training = cubic();
    training.shut();
    for (name, call) in ON_THE_CLOCK {
        let error = call(&mut training).expect_err(name);
        assert!(
            error.downcast_ref::<OffClock>().is_some(),
            "{name}: {error}"
        );
        assert_eq!(
            error.to_string(),
            "an evaluation is off the clock, where there are no batches, losses or gradients: take them in `step`; examples to hold out, replicas, shapes, roles and streams are there before"
        );
    }
    // In a copy it is the same.
    let replica = training.replica(1).unwrap();
    let inside = training.within(&replica, |t| t.next_batch().map(drop));
    assert!(inside.unwrap_err().downcast_ref::<OffClock>().is_some());
    assert!(training.take_passes().is_empty());
    for (name, call) in ALWAYS {
        call(&mut training).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    training.open();
    training.next_batch().unwrap();
    training.gradients(&own_batch()).unwrap();
}

#[test]
fn what_runs_off_the_clock_leaves_the_model_as_it_was() {
    let mut training = cubic();
    let shut = training.off_clock("`init`", |training| training.next_batch().map(drop));
    let told = shut.unwrap_err().to_string();
    assert!(told.starts_with("`init` is off the clock, where"), "{told}");
    let changed = training.off_clock("`state`", |training| {
        let _guard = tch::no_grad_guard();
        let mut x = training.parameters()[1].tensor.shallow_clone();
        x += 1e-12;
        Ok(())
    });
    assert_eq!(
        changed.unwrap_err().to_string(),
        "`state` changed `b`: weights and buffers stay as they are while the clock stands still; change them in `step`"
    );
    // Afterwards it is as before.
    assert_eq!(training.off_clock("`init`", |_| Ok(7)).unwrap(), 7);
    training.next_batch().unwrap();
}

#[test]
fn examples_are_counted_forward_backward_and_judged() {
    let mut training = cubic();
    let mut counted = |work: &dyn Fn(&mut Training) -> Result<()>| {
        work(&mut training).unwrap();
        training.advance();
        let passes = training.take_passes();
        [passes.forward, passes.backward, passes.judged]
    };
    let gradient = counted(&|t| {
        let batch = t.next_batch()?;
        t.gradients(&batch).map(drop)
    });
    assert_eq!(gradient, [8, 8, 0]);
    // Parts that are added up go backward together.
    let parts = counted(&|t| {
        let (a, b) = (t.next_batch()?, t.batch(&Tensor::from_slice(&[0_i64, 1]))?);
        let loss = t.loss(&a)? + t.loss(&b)?;
        t.gradients_of(&loss).map(drop)
    });
    assert_eq!(parts, [10, 10, 0]);
    let product = counted(&|t| {
        let batch = t.next_batch()?;
        t.hutchinson(&batch).map(drop)
    });
    assert_eq!(product, [8, 16, 0]);
    let zeroth_order = counted(&|t| {
        let batch = t.next_batch()?;
        let _guard = tch::no_grad_guard();
        (0..2).try_for_each(|_| t.loss(&batch).map(drop))
    });
    assert_eq!(zeroth_order, [16, 0, 0]);
    // A loss that nobody differentiates is no part of the next step's derivative.
    let looked_at = counted(&|t| {
        let batch = t.next_batch()?;
        t.loss(&batch).map(drop)
    });
    assert_eq!(looked_at, [8, 0, 0]);
    assert_eq!(
        gradient,
        counted(&|t| {
            let batch = t.next_batch()?;
            t.gradients(&batch).map(drop)
        })
    );
    // A known function has nothing to judge by, and was asked for three examples.
    let judged = counted(&|t| {
        let _ = t.evaluation_loss(&Tensor::from_slice(&[0_i64, 1, 2]));
        Ok(())
    });
    assert_eq!(judged, [0, 0, 3]);
}

#[test]
fn a_gradient_at_another_point_leaves_the_weights() {
    let mut training = cubic();
    let batch = training.next_batch().unwrap();
    let point = [vector(&[3.0, 1.0]), vector(&[0.0, 0.0])];
    let there = training
        .at(&point, |training| training.gradients(&batch))
        .unwrap();
    assert_eq!(list(&there.values[0]), [27.0, 3.0]);
    assert_eq!(list(&there.values[1]), [0.0, 0.0]);
    let here = training.gradients(&batch).unwrap();
    assert_eq!(list(&here.values[0]), [3.0, 12.0]);
    assert_eq!(here.loss.double_value(&[]), -14.0);
    // A failure inside comes back to the weights too.
    let failed: Result<()> = training.at(&point, |_| anyhow::bail!("no"));
    assert!(failed.is_err());
    assert_eq!(list(&training.parameters()[0].tensor), [1.0, -2.0]);
    assert!(training.at(&point[..1], |_| Ok(())).is_err());
}

#[test]
fn a_replica_is_trained_in_the_models_place() {
    let mut training = cubic();
    let replica = training.replica(3).unwrap();
    let own = training
        .stream("noise")
        .unwrap()
        .normal(&[2], 0.0, 1.0, Kind::Double)
        .unwrap();
    let drawn = training
        .within(&replica, |training| {
            assert_eq!(training.step(), 0);
            let batch = training.next_batch()?;
            let gradients = training.gradients(&batch)?;
            let _guard = tch::no_grad_guard();
            let mut x = training.parameters()[0].tensor.shallow_clone();
            x -= &gradients.values[0];
            Ok(training
                .stream("noise")?
                .normal(&[2], 0.0, 1.0, Kind::Double)?)
        })
        .unwrap();
    assert_eq!(list(&replica.parameters[0]), [-2.0, -14.0]);
    assert_eq!(list(&training.parameters()[0].tensor), [1.0, -2.0]);
    assert_ne!(list(&own), list(&drawn), "a member draws its own numbers");
}

#[test]
fn a_checkpoint_is_gone_back_to() {
    let mut training = cubic();
    let checkpoint = training.replica(0).unwrap();
    let examples = Tensor::from_slice(&[1_i64, 2]);
    let before = training.evaluation_loss(&examples).unwrap();
    {
        let _guard = tch::no_grad_guard();
        let mut x = training.parameters()[0].tensor.shallow_clone();
        x += 1.0;
    }
    assert_ne!(training.evaluation_loss(&examples).unwrap(), before);
    training.restore(&checkpoint).unwrap();
    assert_eq!(training.evaluation_loss(&examples).unwrap(), before);
    assert!(training.parameters()[0].tensor.requires_grad());
    assert_eq!(list(&checkpoint.parameters[0]), [1.0, -2.0]);
}

#[test]
fn a_replica_is_shown_and_hidden_again() {
    let training = cubic();
    let (mut best, mut other) = (training.replica(1).unwrap(), training.replica(2).unwrap());
    {
        let _guard = tch::no_grad_guard();
        best.parameters[0] += 1.0;
    }
    other.copy_from(&best).unwrap();
    assert_eq!(
        (list(&other.parameters[0]), other.member),
        (vec![2.0, -1.0], 2)
    );
    let mut exchange = crate::toolkit::Exchange::default();
    exchange.show(&training, &other).unwrap();
    assert_eq!(list(&training.parameters()[0].tensor), [2.0, -1.0]);
    assert!(exchange.show(&training, &other).is_err());
    exchange.hide(&training).unwrap();
    assert_eq!(list(&training.parameters()[0].tensor), [1.0, -2.0]);
}

#[test]
fn a_hessian_times_a_vector_is_exact() {
    let mut training = cubic();
    let batch = training.next_batch().unwrap();
    let v = [vector(&[1.0, 1.0]), vector(&[0.5, 0.0])];
    let product = training.hessian_vector_product(&batch, &v).unwrap();
    assert_eq!(list(&product[0]), [6.0, -12.0]);
    assert_eq!(list(&product[1]), [3.0, 0.0]);
}

/// The gradient of `sum x^3` at (1, -2) is 3 and 12 for each of the two parameters.
#[test]
fn the_norm_that_is_logged_is_that_before_clipping() {
    for (norm, expected) in [(Norm::L1, 30.0), (Norm::L2, 306.0_f64.sqrt())] {
        let mut training = cubic_with(|settings| Settings {
            gradient_norm: Some(norm),
            clipping: Clipping::GlobalNorm(1.0),
            ..settings
        });
        let batch = training.next_batch().unwrap();
        let mut gradients = training.gradients(&batch).unwrap();
        training.clip(&mut gradients).unwrap();
        let clipped = crate::toolkit::global_norm(&gradients.values).unwrap();
        assert!((clipped.double_value(&[]) - 1.0).abs() < 1e-6);
        let logged = training.take_logged();
        assert_eq!(logged.len(), 1);
        assert_eq!(
            (logged[0].step, logged[0].name.as_str()),
            (0, "gradient-norm")
        );
        assert!((logged[0].value.double_value(&[]) - expected).abs() < 1e-12);
    }
    // Nothing is logged unasked.
    let mut training = cubic();
    let batch = training.next_batch().unwrap();
    let mut gradients = training.gradients(&batch).unwrap();
    training.clip(&mut gradients).unwrap();
    assert!(training.take_logged().is_empty());
}

#[test]
fn parts_of_a_batch_add_up() {
    let mut training = cubic();
    let batch = training.next_batch().unwrap();
    let mut sum = training.gradients(&batch).unwrap();
    let other = training.gradients(&batch).unwrap();
    sum.accumulate(&other, 0.5).unwrap();
    assert_eq!(list(&sum.values[0]), [4.5, 18.0]);
    assert_eq!(sum.loss.double_value(&[]), -21.0);
}

/// What a member's loss is, the trial's is not, until it is told.
#[test]
fn a_members_loss_is_its_own() {
    let mut training = cubic();
    let told = |training: &Training| training.told_loss().map(|loss| loss.double_value(&[]));
    let member = training.replica(1).unwrap();
    let at_member = |training: &mut Training| {
        let batch = training.next_batch()?;
        Ok(training.gradients(&batch)?.loss * f64::NAN)
    };
    let loss = training.within(&member, at_member).unwrap();
    assert_eq!(told(&training), None);
    let batch = training.next_batch().unwrap();
    let _ = training.gradients(&batch).unwrap();
    let _ = training.within(&member, at_member).unwrap();
    assert_eq!(told(&training), Some(-14.0));
    training.tell_loss(Some(&loss));
    assert!(told(&training).unwrap().is_nan());
    training.tell_loss(None);
    assert_eq!(told(&training), None);
}

#[test]
fn a_share_is_held_out_up_to_a_number() {
    for (share, at_most, expected) in [(0.1, 50, 5), (0.1, 3, 3), (1e-9, 3, 1), (0.1, 0, 1)] {
        let held_out = cubic().hold_out_share(share, at_most).unwrap();
        assert_eq!(held_out.numel(), expected, "{share} {at_most}");
    }
    for share in [0.0, 1.0, f64::NAN] {
        let told = cubic().hold_out_share(share, 50).unwrap_err().to_string();
        assert_eq!(
            told,
            format!("hold-out is {share}, which is no share of the examples")
        );
    }
}

#[test]
fn every_example_comes_once_an_epoch_and_none_that_is_held_out() {
    let mut training = cubic();
    let out: BTreeSet<i64> = {
        let out = training.hold_out(10).unwrap();
        Vec::try_from(&out).unwrap().into_iter().collect()
    };
    assert_eq!((out.len(), training.examples()), (10, 40));
    assert!(training.hold_out(1).is_err());
    for epoch in 0..2 {
        let shown = training.shuffled(40 * epoch, 40).unwrap();
        let shown: BTreeSet<i64> = Vec::try_from(&shown).unwrap().into_iter().collect();
        assert_eq!(shown.len(), 40);
        assert!(shown.is_disjoint(&out));
    }
    let metrics = training.evaluate(&Tensor::from_slice(&[1_i64, 2])).unwrap();
    assert_eq!(metrics["loss"].0, -14.0);
}

#[test]
fn in_one_epoch_an_example_comes_in_one_step_of_a_member() {
    let mut training = cubic_for(true);
    let told = |result: Result<bench_workloads::Batch>| result.unwrap_err().to_string();
    let first = training.shuffled(0, 8).unwrap();
    let index = first.int64_value(&[0]);
    for _ in 0..2 {
        training.next_batch().unwrap();
        training.batch(&first).unwrap();
    }
    let member = training.replica(1).unwrap();
    training.advance();
    training.next_batch().unwrap();
    assert_eq!(
        told(training.batch(&first.narrow(0, 0, 1))),
        format!(
            "example {index} was trained on in an earlier step and is taken again in step 1, but this workload trains for one epoch: each example comes once"
        )
    );
    // A member has an epoch of its own, and statistics are of no weight's gradient.
    training
        .within(&member, |training| training.batch(&first))
        .unwrap();
    training.recalibrate(60).unwrap();
    let saved = crate::state::Contents::save(&mut |state| training.state(state)).unwrap();
    let mut resumed = cubic_for(true);
    saved.load(&mut |state| resumed.state(state)).unwrap();
    resumed.resume_at(1, Vec::new());
    assert!(told(resumed.batch(&first)).contains("in an earlier step"));
    resumed.resume_at(2, Vec::new());
    resumed.next_batch().unwrap();
    training.resume_at(5, Vec::new());
    training.next_batch().unwrap();
    training.resume_at(6, Vec::new());
    assert_eq!(
        told(training.next_batch()),
        "the training data ends after 50 examples and 56 are wanted: this workload trains for one epoch, without those held out; take smaller batches, or hold out fewer"
    );
    let _ = training.hold_out(10).unwrap();
    assert!(training.shuffled(32, 8).is_ok() && training.shuffled(33, 8).is_err());
}

#[test]
fn draws_are_functions_of_purpose_step_and_call() {
    let draw = |training: &mut Training, purpose: &str| {
        let tensor = training
            .stream(purpose)
            .unwrap()
            .normal(&[3], 0.0, 1.0, Kind::Double);
        format!("{:?}", list(&tensor.unwrap()))
    };
    let all = || {
        let mut training = cubic();
        let mut drawn = Vec::new();
        for _ in 0..2 {
            drawn.push(draw(&mut training, "noise"));
            drawn.push(draw(&mut training, "noise"));
            drawn.push(draw(&mut training, "labels"));
            training.advance();
        }
        drawn
    };
    let first = all();
    assert_eq!(first, all());
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn sampled_labels_follow_the_model() {
    let mut training = cubic();
    let batch = training.next_batch().unwrap();
    let sampled = training.with_sampled_labels(&batch).unwrap();
    assert_eq!(sampled.targets.size(), batch.targets.size());
    assert_ne!(
        list(&sampled.targets.flatten(0, -1)),
        list(&batch.targets.flatten(0, -1))
    );
    assert_eq!(list(sampled.inputs()), list(batch.inputs()));
}

#[test]
fn a_second_look_moves_no_statistics_and_tells_no_loss() {
    let problem = crate::check::kinds::with_running_statistics()
        .problem()
        .unwrap();
    let settings = Settings {
        batch_size: 4,
        ..Settings::plain(Hyperparameters::default(), 10)
    };
    let mut training = Training::new(problem, Rc::new(settings));
    training.open();
    let batch = training.next_batch().unwrap();
    let statistics = |training: &Training| -> Vec<Vec<f64>> {
        let buffers = training.buffers().iter();
        buffers
            .map(|buffer| list(&buffer.tensor.flatten(0, -1)))
            .collect()
    };
    let before = statistics(&training);
    let first = training.gradients(&batch).unwrap();
    let moved = statistics(&training);
    assert_ne!(moved, before);
    let told = training.told_loss().unwrap().double_value(&[]);
    let point: Vec<Tensor> = training
        .tensors()
        .iter()
        .map(|x| x.detach() * 2.0)
        .collect();
    let second = training
        .at(&point, |training| {
            training.again(|training| training.gradients(&batch))
        })
        .unwrap();
    assert_eq!(statistics(&training), moved);
    assert_ne!(second.loss.double_value(&[]), first.loss.double_value(&[]));
    assert_eq!(training.told_loss().unwrap().double_value(&[]), told);
    // What comes after a look that failed moves them again.
    let failed: Result<()> = training.again(|_| anyhow::bail!("no"));
    assert!(failed.is_err());
    let _ = training.gradients(&batch).unwrap();
    assert_ne!(statistics(&training), moved);
}

#[test]
fn batches_of_changing_size_go_on_where_the_last_ended() {
    let take = |training: &mut Training, sizes: &[u64]| -> Vec<f64> {
        let one = |&size: &u64| {
            let batch = training.next_batch_of(size).unwrap();
            training.advance();
            list(batch.inputs())
        };
        sizes.iter().flat_map(one).collect()
    };
    let mut whole = cubic();
    let order = list(&whole.shuffled(0, 60).unwrap());
    assert_eq!(take(&mut whole, &[3, 5, 1, 51]), order);
    // Saved and loaded in the middle; a member goes on for itself.
    let mut first = cubic();
    assert_eq!(take(&mut first, &[3, 5]), order[..8]);
    let member = first.replica(1).unwrap();
    first
        .within(&member, |training| training.next_batch_of(4))
        .unwrap();
    let saved = crate::state::Contents::save(&mut |state| first.state(state)).unwrap();
    let mut resumed = cubic();
    saved.load(&mut |state| resumed.state(state)).unwrap();
    assert_eq!(take(&mut resumed, &[1, 51]), order[8..]);
    let own = resumed.within(&member, |training| {
        assert_eq!(training.positions[&1], 4);
        training.shuffled(4, 2)
    });
    let next = resumed.within(&member, |training| training.next_batch_of(2));
    assert_eq!(list(next.unwrap().inputs()), list(&own.unwrap()));
}
