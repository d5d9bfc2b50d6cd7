//! The two forms of every submission's elementwise maps agree, whatever the shapes, the strides, the kind of number and the hyperparameters
//! of its search space are: 100 steps with random gradients each.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use bench_core::spec::submission::{Choice, Dimension, Range, Role, Scale, Value};
use bench_sdk::tch::{Kind, Tensor};
use bench_sdk::testing::{Descent, Plan};
use bench_sdk::toolkit::elementwise::Form;
use bench_sdk::{FirstOrder, Hyperparameters, TrainingAlgorithm};
use bench_torch::random::{Key, Stream};
use proptest::prelude::*;
use std::collections::BTreeMap;

const STEPS: u64 = 100;

/// A parameter.
#[derive(Debug, Clone)]
struct Shape {
    role: Role,
    sizes: Vec<i64>,
    /// Its memory is that of its transpose.
    transposed: bool,
    /// Its gradient's memory is.
    gradient_transposed: bool,
}

#[derive(Debug, Clone)]
struct Case {
    shapes: Vec<Shape>,
    kind: Kind,
    hyperparameters: BTreeMap<String, Value>,
    seed: u64,
}

fn shape() -> impl Strategy<Value = Shape> {
    let role = prop::sample::select(vec![Role::Weight, Role::Bias, Role::Convolution]);
    let sizes = prop::collection::vec(0_i64..6, 0..5);
    (role, sizes, any::<bool>(), any::<bool>()).prop_map(
        |(role, sizes, transposed, gradient_transposed)| Shape {
            role,
            sizes,
            transposed,
            gradient_transposed,
        },
    )
}

fn value(dimension: Dimension) -> BoxedStrategy<Value> {
    match dimension {
        Dimension::Fixed(value) => Just(value).boxed(),
        Dimension::Choice(Choice { values, .. }) => prop::sample::select(values).boxed(),
        Dimension::Range(Range {
            min, max, scale, ..
        }) => (0.0..=1.0)
            .prop_map(move |x: f64| match scale {
                Scale::Linear => Value::Number(min + x * (max - min)),
                Scale::Log => Value::Number(min * (max / min).powf(x)),
            })
            .boxed(),
    }
}

fn case(submission: &str) -> impl Strategy<Value = Case> {
    let mut space = bench_entrants::space(submission).unwrap();
    if submission == "shampoo" {
        // Inverse roots of nearly singular matrices amplify the last digits in which the forms differ.
        let _ = space.insert("epsilon".to_owned(), Dimension::Fixed(Value::Number(1.0)));
    }
    let dimensions: Vec<_> = space
        .into_iter()
        .map(|(name, dimension)| value(dimension).prop_map(move |value| (name.clone(), value)))
        .collect();
    (
        prop::collection::vec(shape(), 1..5),
        prop::sample::select(vec![Kind::Float, Kind::Double]),
        dimensions,
        0_u64..1000,
    )
        .prop_map(|(shapes, kind, values, seed)| Case {
            shapes,
            kind,
            hyperparameters: values.into_iter().collect(),
            seed,
        })
}

fn transposed(tensor: &Tensor) -> Tensor {
    if tensor.dim() > 1 {
        tensor.transpose(0, -1)
    } else {
        tensor.shallow_clone()
    }
}

/// The parameters after all steps. The loss is a parabola's whose slope at 0 is random in each step.
fn descend<A: TrainingAlgorithm>(case: &Case, form: Form) -> anyhow::Result<Vec<Tensor>> {
    let (seed, kind) = (case.seed, case.kind);
    let normal = move |place: usize, step: u64, sizes: &[i64]| {
        let key = Key::new(seed, "forms").member(place as u64).step(step);
        Stream::new(&key)?.normal(sizes, 0.0, 1.0, kind)
    };
    let mut start = Vec::new();
    for (place, shape) in case.shapes.iter().enumerate() {
        let value = normal(place, STEPS, &shape.sizes)?;
        let value = match shape.transposed {
            true => transposed(&transposed(&value).contiguous()),
            false => value,
        };
        start.push((shape.role, value));
    }
    let shapes = case.shapes.clone();
    let loss = move |parameters: &[&Tensor], step: u64| {
        let mut total = Tensor::zeros([] as [i64; 0], (kind, bench_sdk::tch::Device::Cpu));
        for (place, (x, shape)) in parameters.iter().zip(&shapes).enumerate() {
            let x = match shape.gradient_transposed {
                true => transposed(x),
                false => x.shallow_clone(),
            };
            let slope = normal(place, step, &x.size())?;
            total += (&x * &x * 0.25 + x * slope).f_sum(kind)?;
        }
        Ok(total)
    };
    let plan = Plan {
        hyperparameters: Hyperparameters::new(case.hyperparameters.clone()),
        schedule: Box::new(|step| (step as f64 / 10.0).min(1.0)),
        steps: STEPS,
        clipping: None,
        form,
    };
    let mut descent: Descent<A> = Descent::new(plan, start, loss)?;
    for _ in 0..STEPS {
        descent.step()?;
    }
    let parameters = descent.parameters().iter();
    Ok(parameters.map(|p| p.tensor.detach()).collect())
}

fn forms_agree<A: TrainingAlgorithm>(case: &Case) -> Result<(), TestCaseError> {
    let fast = descend::<A>(case, Form::Fastest).unwrap();
    let reference = descend::<A>(case, Form::Reference).unwrap();
    let allowed = match case.kind {
        Kind::Double => 1e-12,
        _ => 1e-5,
    };
    for (place, (fast, reference)) in fast.iter().zip(&reference).enumerate() {
        if fast.numel() > 0 {
            let scale = reference.abs().max().double_value(&[]).max(1.0);
            let worst = (fast - reference).abs().max().double_value(&[]);
            prop_assert!(
                worst <= allowed * scale,
                "parameter {place} differs by {worst:e} of {scale:e}"
            );
        }
    }
    Ok(())
}

macro_rules! properties {
    ($($test:ident: $submission:literal is $algorithm:ty;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
            $(
                #[test]
                fn $test(case in case($submission)) {
                    forms_agree::<$algorithm>(&case)?;
                }
            )*
        }
    };
}

properties! {
    adamw: "adamw" is FirstOrder<adamw::Adamw>;
    nadamw: "nadamw" is FirstOrder<nadamw::Nadamw>;
    sgd_nesterov: "sgd-nesterov" is FirstOrder<sgd_nesterov::Sgd>;
    lion: "lion" is FirstOrder<lion::Lion>;
    sophia_g: "sophia-g" is sophia_g::SophiaG;
    sophia_h: "sophia-h" is sophia_h::SophiaH;
    schedule_free_adamw: "schedule-free-adamw" is FirstOrder<schedule_free_adamw::ScheduleFreeAdamw>;
    galore: "galore" is FirstOrder<galore::Galore>;
    fira: "fira" is FirstOrder<fira::Fira>;
    muon: "muon" is FirstOrder<muon::Muon>;
    shampoo: "shampoo" is FirstOrder<shampoo::Shampoo>;
}
