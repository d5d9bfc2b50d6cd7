//! Bases that are turned serve as well as bases that are found, where gradients change slowly.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::spec::submission::Value;
use bench_sdk::FirstOrder;
use bench_sdk::prelude::*;
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use bench_torch::random::{Key, Stream};

const STEPS: u64 = 100;

/// Half the squared distance from a matrix of rank 3 after some steps of a rule with a basis of 3 vectors every two steps, as a share of the first.
fn left<R: UpdateRule>(submission: &str, bases: &str, shape: [i64; 2]) -> f64 {
    let normal = |purpose: &str, shape: [i64; 2]| {
        let mut stream = Stream::new(&Key::new(3, purpose)).unwrap();
        stream.normal(&shape, 0.0, 1.0, Kind::Double).unwrap()
    };
    let [rows, columns] = shape;
    let goal = normal("left", [rows, 3]).matmul(&normal("right", [3, columns]));
    let own = [
        ("learning-rate", 0.05),
        ("weight-decay", 0.0),
        ("rank", 3.0),
        ("projection-gap", 2.0),
    ];
    let space = bench_entrants::space(submission).unwrap();
    let defaults = space
        .iter()
        .map(|(name, dimension)| (name.clone(), dimension.default()));
    let mut values: std::collections::BTreeMap<String, Value> = defaults.collect();
    values.insert("bases".to_owned(), Value::Text(bases.to_owned()));
    let own = own.map(|(name, value)| (name.to_owned(), Value::Number(value)));
    values.extend(own);
    let plan = Plan {
        hyperparameters: Hyperparameters::new(values),
        schedule: Box::new(|_| 1.0),
        steps: STEPS,
        clipping: None,
        form: Form::Fastest,
    };
    let start = Tensor::zeros_like(&goal);
    let whole = goal.square().sum(Kind::Double).double_value(&[]);
    let to = goal.copy();
    let loss = move |x: &[&Tensor], _| Ok((x[0] - &to).square().sum(Kind::Double) / 2.0);
    let start = vec![(Role::Weight, start)];
    let mut descent: Descent<FirstOrder<R>> = Descent::new(plan, start, loss).unwrap();
    for _ in 0..STEPS {
        descent.step().unwrap();
    }
    let x = descent.parameters()[0].tensor.detach();
    (x - goal).square().sum(Kind::Double).double_value(&[]) / whole
}

#[test]
fn turned_bases_lead_as_far_as_singular_vectors() {
    for shape in [[12, 7], [7, 12]] {
        for (name, left) in [
            (
                "galore",
                left::<galore::Galore> as fn(&str, &str, [i64; 2]) -> f64,
            ),
            ("fira", left::<fira::Fira>),
        ] {
            let (found, turned) = (left(name, "svd", shape), left(name, "qr", shape));
            assert!(
                found < 0.2 && turned < 1.5 * found + 1e-3,
                "{name} {shape:?}: {turned} for {found}"
            );
        }
    }
}
