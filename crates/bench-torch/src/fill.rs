//! New tensors whose memory plain Rust writes: a batch gathered byte by byte costs one pass and no parallel region.

use crate::errors::LibtorchError;
use tch::kind::Element;
use tch::{Device, Tensor};

/// Types of which any bits are a value.
pub trait Number: Element {}

impl Number for u8 {}
impl Number for i64 {}
impl Number for f32 {}
impl Number for f64 {}

/// A new tensor on the CPU, written by `write` row by row. What `write` leaves alone is unspecified.
///
/// # Errors
/// When there is no memory for the shape.
pub fn filled<T: Number>(
    shape: &[i64],
    write: impl FnOnce(&mut [T]),
) -> Result<Tensor, LibtorchError> {
    let tensor = Tensor::f_empty(shape, (T::KIND, Device::Cpu))?;
    let length = tensor.numel();
    if length > 0 {
        // SAFETY: the tensor is new, contiguous, of this type and this many elements, and nobody else holds it. Its memory
        // is libtorch's, and any bits in it are a `Number`.
        write(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) });
    }
    Ok(tensor)
}

/// Bytes as numbers, `byte * scale + shift`, with the widest vectors that the processor has; the same bits with any.
/// As many as both slices hold.
pub fn scaled_bytes(source: &[u8], target: &mut [f32], scale: f32, shift: f32) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        return unsafe { scaled_bytes_avx2(source, target, scale, shift) };
    }
    scale_bytes(source, target, scale, shift);
}

/// Asks for bytes that are read soon, where the processor takes such hints: rows drawn at random are in no cache yet.
pub fn will_read(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint about memory that is borrowed here; it reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn scaled_bytes_avx2(source: &[u8], target: &mut [f32], scale: f32, shift: f32) {
    scale_bytes(source, target, scale, shift);
}

#[inline(always)]
fn scale_bytes(source: &[u8], target: &mut [f32], scale: f32, shift: f32) {
    for (target, &byte) in target.iter_mut().zip(source) {
        *target = f32::from(byte) * scale + shift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_row_by_row() {
        let tensor = filled(&[2, 3], |values: &mut [f32]| {
            for (i, value) in values.iter_mut().enumerate() {
                *value = i as f32;
            }
        });
        let tensor = tensor.unwrap();
        assert_eq!(tensor.size(), [2, 3]);
        assert_eq!(tensor.double_value(&[1, 0]), 3.0);
    }

    #[test]
    fn bytes_are_scaled_to_the_same_bits_with_any_vectors() {
        let source: Vec<u8> = (0..=255).collect();
        let (mut wide, mut plain) = (vec![0.0; 256], vec![0.0; 256]);
        scaled_bytes(&source, &mut wide, 0.011_109, -0.810_198);
        scale_bytes(&source, &mut plain, 0.011_109, -0.810_198);
        assert_eq!(wide, plain);
        assert_eq!(
            wide[3].to_bits(),
            (3.0_f32 * 0.011_109 - 0.810_198).to_bits()
        );
    }

    #[test]
    fn an_empty_shape_is_no_crash() {
        assert_eq!(
            filled::<i64>(&[0, 4], |_| unreachable!()).unwrap().size(),
            [0, 4]
        );
        assert!(filled::<f32>(&[-1], |_| ()).is_err());
        assert!(filled::<f32>(&[1 << 60], |_| ()).is_err());
    }
}
