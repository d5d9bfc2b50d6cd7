use crate::{difference, normal};
use bench_torch::foreach::{self, ForeachError};
use bench_torch::fused::{self, AdamW, FusedError, Sgd};
use tch::{Device, Kind, Tensor};

fn list() -> Vec<Tensor> {
    [&[3, 4][..], &[5], &[]]
        .iter()
        .map(|shape| normal(shape, Kind::Double).abs() + 0.1)
        .collect()
}

fn copies(list: &[Tensor]) -> Vec<Tensor> {
    list.iter().map(Tensor::copy).collect()
}

#[test]
fn list_operations_equal_their_expressions() {
    let (a, b, c) = (list(), list(), list());
    let check = |change: &dyn Fn(&[Tensor]) -> Result<(), ForeachError>,
                 expected: &dyn Fn(usize) -> Tensor| {
        let changed = copies(&a);
        change(&changed).unwrap();
        for (i, tensor) in changed.iter().enumerate() {
            assert!(difference(tensor, &expected(i)) < 1e-14);
        }
    };
    check(&|x| foreach::zero(x), &|i| a[i].zeros_like());
    check(&|x| foreach::sign(x), &|i| a[i].sign());
    check(&|x| foreach::sqrt(x), &|i| a[i].sqrt());
    check(&|x| foreach::scale(x, 3.0), &|i| &a[i] * 3.0);
    check(&|x| foreach::shift(x, 3.0), &|i| &a[i] + 3.0);
    check(&|x| foreach::scale_by(x, &Tensor::from(0.5_f64)), &|i| {
        &a[i] * 0.5
    });
    check(&|x| foreach::copy(x, &b), &|i| b[i].copy());
    check(&|x| foreach::add(x, &b, -2.0), &|i| &a[i] - &b[i] * 2.0);
    check(&|x| foreach::multiply(x, &b), &|i| &a[i] * &b[i]);
    check(&|x| foreach::divide(x, &b), &|i| &a[i] / &b[i]);
    check(&|x| foreach::lerp(x, &b, 0.25), &|i| {
        &a[i] * 0.75 + &b[i] * 0.25
    });
    check(&|x| foreach::add_product(x, &b, &c, 2.0), &|i| {
        &a[i] + &b[i] * &c[i] * 2.0
    });
    check(&|x| foreach::add_quotient(x, &b, &c, 2.0), &|i| {
        &a[i] + &b[i] / &c[i] * 2.0
    });
    let lengths = foreach::add(&a, &b[..2], 1.0);
    assert!(matches!(
        lengths,
        Err(ForeachError::Lengths { first: 3, other: 2 })
    ));
    assert!(foreach::add(&a[..1], &b[1..2], 1.0).is_err());
}

#[test]
fn norms_of_lists() {
    let a = list();
    let flat = Tensor::cat(
        &a.iter().map(|tensor| tensor.view(-1)).collect::<Vec<_>>(),
        0,
    );
    assert!(difference(&foreach::global_norm(&a).unwrap(), &flat.norm()) < 1e-14);
    let largest = foreach::norms(&a, f64::INFINITY).unwrap();
    assert_eq!(
        largest[0].double_value(&[]),
        a[0].abs().max().double_value(&[])
    );
    assert_eq!(
        foreach::global_norm(&[] as &[Tensor])
            .unwrap()
            .double_value(&[]),
        0.0
    );
}

#[test]
fn fused_adamw_equals_its_expressions() {
    let (p, m, v) = (list(), list(), list());
    let (mut p2, mut m2, mut v2) = (copies(&p), copies(&m), copies(&v));
    let mut step = fused::step_counter(Device::Cpu).unwrap();
    let with = AdamW {
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.999,
        weight_decay: 0.1,
        epsilon: 1e-8,
    };
    for number in 1..4 {
        let g = list();
        fused::adamw(&p, &g, &m, &v, &mut step, with).unwrap();
        for i in 0..p.len() {
            crate::rules::AdamW { step: number }
                .reference(&mut p2[i], &g[i], &mut m2[i], &mut v2[i]);
        }
    }
    for i in 0..p.len() {
        assert!(difference(&p[i], &p2[i]) < 1e-13);
    }
}

#[test]
fn fused_sgd_is_momentum() {
    let (p, g) = (list(), list());
    let (before, buffers) = (copies(&p), copies(&p));
    let with = Sgd {
        learning_rate: 0.1,
        momentum: 0.9,
        weight_decay: 0.0,
        dampening: 0.0,
        nesterov: false,
    };
    fused::sgd(&p, &g, &buffers, true, with).unwrap();
    fused::sgd(&p, &g, &buffers, false, with).unwrap();
    for i in 0..p.len() {
        assert!(difference(&p[i], &(&before[i] - &g[i] * 0.29)) < 1e-13);
    }
}

#[test]
fn fused_kernels_get_only_what_fits() {
    let refused = |p: Tensor, g: Tensor| {
        let with = Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
            dampening: 0.0,
            nesterov: true,
        };
        let buffer = p.zeros_like();
        let result = fused::sgd(&[p], &[g], &[buffer], true, with);
        assert!(
            matches!(result, Err(FusedError::Layout { index: 0, list: 1 })),
            "{result:?}"
        );
    };
    refused(normal(&[4], Kind::Float), normal(&[5], Kind::Float));
    refused(
        normal(&[4, 4], Kind::Float),
        normal(&[4, 4], Kind::Float).transpose(0, 1),
    );
    refused(
        normal(&[4], Kind::Float),
        normal(&[1], Kind::Float).expand([4], false),
    );
    refused(normal(&[4], Kind::Float), normal(&[4], Kind::Double));
}
