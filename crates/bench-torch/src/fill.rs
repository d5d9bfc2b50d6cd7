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
    fn an_empty_shape_is_no_crash() {
        assert_eq!(
            filled::<i64>(&[0, 4], |_| unreachable!()).unwrap().size(),
            [0, 4]
        );
        assert!(filled::<f32>(&[-1], |_| ()).is_err());
        assert!(filled::<f32>(&[1 << 60], |_| ()).is_err());
    }
}
