//! bench-torch against libtorch itself. One program, one thread: libtorch's settings are the process'.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod gradient;
mod lists;
mod one_pass;
mod random;
mod rules;
mod snapshot;

use tch::{Device, Kind, Tensor};

/// Standard normal numbers.
fn normal(shape: &[i64], kind: Kind) -> Tensor {
    Tensor::randn(shape, (kind, Device::Cpu))
}

/// The same bits, NaN and signs of zeros too.
fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    let bytes = |tensor: &Tensor| {
        let tensor = tensor.contiguous();
        let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
        let mut bytes = vec![0_u8; length];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        bytes
    };
    a.kind() == b.kind() && a.size() == b.size() && bytes(a) == bytes(b)
}

/// Largest difference; NaN in the same places counts as none.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    let equal_nan = a.isnan().logical_and(&b.isnan());
    let gap = (a - b)
        .abs()
        .masked_fill(&equal_nan, 0.0)
        .masked_fill(&a.eq_tensor(b), 0.0);
    if gap.numel() == 0 {
        0.0
    } else {
        gap.max().double_value(&[])
    }
}
