use crate::{difference, normal};
use bench_torch::gradient::{
    GradientError, Graph, gradients, set_flash_attention, vector_products,
};
use tch::{Kind, Tensor};

fn leaf(shape: &[i64]) -> Tensor {
    normal(shape, Kind::Double).set_requires_grad(true)
}

fn one(list: Vec<Option<Tensor>>) -> Tensor {
    list.into_iter().next().flatten().unwrap()
}

#[test]
fn a_loss_without_a_graph_is_an_error_and_no_crash() {
    let w = leaf(&[3]);
    let loss = tch::no_grad(|| w.sum(Kind::Double));
    assert!(matches!(
        gradients(&loss, &[&w], Graph::Free),
        Err(GradientError::NoGraph)
    ));
    assert!(matches!(
        vector_products(&[&loss], &[&loss], &[&w], Graph::Free),
        Err(GradientError::NoGraph)
    ));
    let vector = &w * 2.0;
    let error = gradients(&vector, &[&w], Graph::Free).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the loss has shape [3]; a gradient needs a single number (take its mean or sum)"
    );
    let lengths = vector_products(&[&vector], &[] as &[Tensor], &[&w], Graph::Free);
    assert!(matches!(
        lengths,
        Err(GradientError::Vectors {
            outputs: 1,
            vectors: 0
        })
    ));
}

#[test]
fn a_graph_that_was_freed_is_an_error() {
    let w = leaf(&[3]);
    let loss = (&w * &w).sum(Kind::Double);
    let kept = one(gradients(&loss, &[&w], Graph::Keep).unwrap());
    assert_eq!(difference(&kept, &(&w * 2.0).detach()), 0.0);
    gradients(&loss, &[&w], Graph::Free).unwrap();
    let error = gradients(&loss, &[&w], Graph::Free)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("second time") && !error.contains('\n'),
        "{error}"
    );
    let plain = normal(&[3], Kind::Double);
    assert!(gradients(&(&w * &plain).sum(Kind::Double), &[&plain], Graph::Free).is_err());
}

#[test]
fn an_unused_parameter_has_none() {
    let (w, unused) = (leaf(&[3]), leaf(&[2]));
    let found = gradients(&w.sum(Kind::Double), &[&w, &unused], Graph::Free).unwrap();
    assert!(found[0].is_some() && found[1].is_none());
    assert!(
        gradients(&w.sum(Kind::Double), &[] as &[Tensor], Graph::Free)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn each_gradient_owns_memory_in_its_parameters_layout() {
    let (a, b) = (leaf(&[4, 5]), leaf(&[4, 5]));
    // `sum` gives an expanded number, and both parameters the same one.
    let found = gradients(&(&a + &b).sum(Kind::Double), &[&a, &b], Graph::Free).unwrap();
    let [Some(ga), Some(gb)] = &found[..] else {
        panic!("no gradient")
    };
    assert_eq!((ga.stride(), gb.stride()), (a.stride(), b.stride()));
    let _ = ga.shallow_clone().g_mul_scalar_(3.0);
    assert_eq!(
        (
            ga.sum(Kind::Double).double_value(&[]),
            gb.sum(Kind::Double).double_value(&[])
        ),
        (60.0, 20.0)
    );

    let tall = leaf(&[5, 4]);
    let transposed = one(gradients(
        &(tall.transpose(0, 1) * normal(&[4, 5], Kind::Double)).sum(Kind::Double),
        &[&tall],
        Graph::Free,
    )
    .unwrap());
    assert_eq!(transposed.stride(), tall.stride());
}

#[test]
fn hessian_vector_products_are_exact() {
    let w = leaf(&[6]);
    let v = normal(&[6], Kind::Double);
    let loss = w.pow_tensor_scalar(4).sum(Kind::Double);
    let gradient = one(gradients(&loss, &[&w], Graph::Differentiable).unwrap());
    assert!(gradient.requires_grad());
    let product = one(vector_products(&[&gradient], &[&v], &[&w], Graph::Free).unwrap());
    let expected = (&w * &w * 12.0 * &v).detach();
    assert!(difference(&product, &expected) < 1e-13);
}

#[test]
fn attention_has_a_second_derivative_without_its_fused_kernel() {
    let attention = |q: &Tensor| {
        Tensor::scaled_dot_product_attention(q, q, q, None::<Tensor>, 0.0, true, None, false)
    };
    let q = normal(&[1, 2, 8, 4], Kind::Float).set_requires_grad(true);
    let second = || {
        let gradient = one(gradients(
            &attention(&q).sum(Kind::Float),
            &[&q],
            Graph::Differentiable,
        )?);
        vector_products(&[&gradient], &[&gradient.detach()], &[&q], Graph::Free)
    };
    let error = second().unwrap_err().to_string();
    assert!(error.contains("is not implemented"), "{error}");
    set_flash_attention(false).unwrap();
    let found = second();
    set_flash_attention(true).unwrap();
    assert!(one(found.unwrap()).isfinite().all().int64_value(&[]) == 1);
}
