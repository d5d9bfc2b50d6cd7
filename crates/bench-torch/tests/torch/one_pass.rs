use crate::rules::{AdamW, Descent, Everything};
use crate::{difference, normal, same_bits};
use bench_torch::gradient::{Graph, gradients};
use bench_torch::one_pass::{self, Elementwise, Float, OnePassError};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

/// No tensors: the state of a rule without any.
const NONE: [&[Tensor]; 0] = [];

/// A tensor of this shape whose memory is in another order, where it can be.
fn permuted(tensor: &Tensor) -> Tensor {
    let last: Vec<i64> = (0..tensor.dim() as i64).rev().collect();
    tensor.permute(&last).contiguous().permute(&last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn adamw_equals_its_expressions(
        shapes in prop::collection::vec(prop::collection::vec(0_i64..40, 0..4), 1..4),
        double: bool,
        strided_gradient: bool,
        strided_parameter: bool,
    ) {
        let (kind, tolerance) = if double { (Kind::Double, 1e-14) } else { (Kind::Float, 1e-5) };
        let arrange = |tensor: Tensor, permute: bool| if permute { permuted(&tensor) } else { tensor };
        let parameters: Vec<Tensor> =
            shapes.iter().map(|shape| arrange(normal(shape, kind), strided_parameter)).collect();
        let state = || -> Vec<Tensor> { parameters.iter().map(Tensor::zeros_like).collect() };
        let (m, v, mut m2, mut v2) = (state(), state(), state(), state());
        let mut expected: Vec<Tensor> = parameters.iter().map(Tensor::copy).collect();
        for step in 1..5 {
            let gradients: Vec<Tensor> =
                shapes.iter().map(|shape| arrange(normal(shape, kind), strided_gradient)).collect();
            one_pass::update(AdamW { step }, &parameters, &gradients, [&m, &v]).unwrap();
            for i in 0..parameters.len() {
                AdamW { step }.reference(&mut expected[i], &gradients[i], &mut m2[i], &mut v2[i]);
            }
        }
        for i in 0..parameters.len() {
            prop_assert!(difference(&parameters[i], &expected[i]) <= tolerance);
            prop_assert!(difference(&v[i], &v2[i]) <= tolerance);
        }
    }
}

#[test]
fn special_numbers_are_libtorchs() {
    let specials = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-310,
        3.0,
    ];
    for kind in [Kind::Float, Kind::Double] {
        let n = specials.len() as i64;
        let g = Tensor::from_slice(&specials).to_kind(kind).repeat([n]);
        let p = g.view([n, n]).transpose(0, 1).contiguous().view(-1);
        let state = [p.copy(), p.copy(), p.copy(), p.copy()];
        let (expected, expected_state) = Everything::reference(&p, &g, &state);
        let [a, b, c, d] = &state;
        one_pass::update(Everything, &[&p], &[&g], [&[a], &[b], &[c], &[d]]).unwrap();
        assert_eq!(
            difference(&p, &expected),
            0.0,
            "{kind:?} sign: {p} {expected}"
        );
        for (k, (found, expected)) in state.iter().zip(&expected_state).enumerate() {
            assert_eq!(
                difference(found, expected),
                0.0,
                "{kind:?} state {k}: {found} {expected}"
            );
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let shapes: [&[i64]; 4] = [&[1000, 700], &[13], &[64, 3, 7, 7], &[]];
    // Drawn once: other tests draw from the same generator meanwhile.
    let draw = || -> Vec<Tensor> { shapes.map(|shape| normal(shape, Kind::Float)).into() };
    let (start, gradients) = (draw(), [draw(), draw(), draw()]);
    let train = |threads: usize| {
        let parameters: Vec<Tensor> = start.iter().map(Tensor::copy).collect();
        let state = || -> Vec<Tensor> { parameters.iter().map(Tensor::zeros_like).collect() };
        let (m, v) = (state(), state());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        for (step, gradients) in (1..).zip(&gradients) {
            let lists = Send([&parameters, gradients, &m, &v]);
            pool.install(move || {
                let Send([parameters, gradients, m, v]) = { lists };
                one_pass::update(AdamW { step }, parameters, gradients, [m, v])
            })
            .unwrap();
        }
        parameters
    };
    /// tch's tensors are not `Sync`; this thread waits while the pool uses them.
    struct Send<T>(T);
    // SAFETY: as above.
    unsafe impl<T> std::marker::Send for Send<T> {}
    for (one, four) in train(1).iter().zip(&train(4)) {
        assert!(same_bits(one, four));
    }
}

#[test]
fn an_expanded_gradient_is_read_right() {
    let p = normal(&[4, 6], Kind::Float);
    let g = normal(&[1, 6], Kind::Float).expand([4, 6], false);
    let expected = &p - &g * 0.1;
    one_pass::update(Descent, &[&p], &[&g], NONE).unwrap();
    assert!(difference(&p, &expected) < 1e-7);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    let p = normal(&[4, 6], Kind::Float);
    let before = p.copy();
    let refuse = |parameters: &[&Tensor], gradients: &[&Tensor], state: &[&Tensor]| {
        let state = [state, state, state, state];
        let error = one_pass::update(Everything, parameters, gradients, state).unwrap_err();
        assert!(same_bits(&p, &before));
        error.to_string()
    };
    let g = p.zeros_like();
    assert_eq!(
        refuse(&[&p], &[], &[&g]),
        "1 parameters but 0 tensors of gradient"
    );
    let shape = normal(&[6, 4], Kind::Float);
    let text = refuse(&[&p], &[&shape], &[&g]);
    assert_eq!(
        text,
        "gradient of parameter 0 has another shape than the parameter"
    );
    let kind = normal(&[4, 6], Kind::Double);
    assert!(
        refuse(&[&p], &[&kind], &[&g]).starts_with("gradient of parameter 0 is of another kind")
    );
    let transposed = shape.transpose(0, 1);
    assert_eq!(
        refuse(&[&p], &[&g], &[&transposed]),
        "state 0 of parameter 0 has other strides than the parameter"
    );
    let expanded = normal(&[1, 6], Kind::Float).expand([4, 6], false);
    assert!(
        refuse(&[&p], &[&g], &[&expanded])
            .starts_with("state 0 of parameter 0 has gaps or repeats")
    );
    let half = p.to_kind(Kind::Half);
    assert!(refuse(&[&half], &[&half], &[&half]).contains("neither f32 nor f64"));
    assert!(!one_pass::supports(&half) && one_pass::supports(&p));
    assert!(refuse(&[&p], &[&Tensor::new()], &[&g]).contains("undefined"));
}

#[test]
fn shared_memory_is_refused() {
    let (p, g) = (normal(&[8], Kind::Float), normal(&[8], Kind::Float));
    let overlap = |result| assert!(matches!(result, Err(OnePassError::Overlap)));
    overlap(one_pass::update(Descent, &[&p, &p], &[&g, &g], NONE));
    overlap(one_pass::update(Descent, &[&p], &[&p], NONE));
    overlap(one_pass::update(
        Descent,
        &[&p.narrow(0, 0, 5), &p.narrow(0, 3, 5)],
        &[&g.narrow(0, 0, 5), &g.narrow(0, 0, 5)],
        NONE,
    ));
    let m = p.zeros_like();
    overlap(one_pass::update(
        AdamW { step: 1 },
        &[&p],
        &[&g],
        [&[&m], &[&m]],
    ));
    // Gradients may share memory, and neighbours in one storage do not overlap.
    one_pass::update(
        Descent,
        &[&p.narrow(0, 0, 4), &p.narrow(0, 4, 4)],
        &[&g.narrow(0, 0, 4), &g.narrow(0, 0, 4)],
        NONE,
    )
    .unwrap();
    one_pass::update(Descent, &[] as &[Tensor], &[] as &[Tensor], NONE).unwrap();
}

#[test]
fn autograd_notices_an_update_between_forward_and_backward() {
    let p = normal(&[3], Kind::Float).set_requires_grad(true);
    let loss = (&p * &p).sum(Kind::Float);
    let g = Tensor::ones([3], (Kind::Float, Device::Cpu));
    one_pass::update(Descent, &[&p], &[&g], NONE).unwrap();
    let error = gradients(&loss, &[&p], Graph::Free).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("modified by an inplace operation"),
        "{error}"
    );
}

/// Writes its first number of state, and would spoil the second if that were not kept.
#[derive(Clone, Copy)]
struct KeepsTheSecond;

impl Elementwise<2> for KeepsTheSecond {
    const KEPT: usize = 1;

    #[inline(always)]
    fn scalar<F: Float>(&self, x: F, g: F, [a, b]: [F; 2]) -> (F, [F; 2]) {
        (x + b, [a + g, F::ZERO])
    }
}

#[test]
fn kept_state_is_read_and_not_written() {
    let tensors: [Tensor; 4] = std::array::from_fn(|_| normal(&[1003], Kind::Float));
    let [x, g, a, b] = &tensors;
    let (x1, a1, b1) = (x + b, a + g, b.copy());
    one_pass::update(KeepsTheSecond, &[x], &[g], [&[a], &[b]]).unwrap();
    assert!(same_bits(x, &x1) && same_bits(a, &a1) && same_bits(b, &b1));
}
