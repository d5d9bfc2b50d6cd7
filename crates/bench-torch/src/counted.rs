//! Bytes of tensors in the process' memory, counted where libtorch allocates them: what the kernel says of a process has pages that the heap only keeps.

use crate::errors::LibtorchError;
use crate::shim;

/// Bytes, in tensors that were made after [`start`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Now.
    pub now: u64,
    /// At most since the last reading.
    pub most: u64,
}

/// Counts from now on. Costs some nanoseconds a tensor.
///
/// # Errors
/// When libtorch refuses.
pub fn start() -> Result<(), LibtorchError> {
    // SAFETY: hands libtorch an allocator that lives as long as the process.
    unsafe { shim::check(shim::bench_count_tensors()) }
}

/// Reads the counters; the highest begins anew from what is there now. Zeros where nothing was started.
pub fn read() -> Counted {
    let mut numbers = [0_i64; 2];
    // SAFETY: the shim writes two numbers.
    unsafe { shim::bench_counted_tensors(numbers.as_mut_ptr()) };
    let [now, most] = numbers.map(|number| number.max(0) as u64);
    Counted { now, most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn what_is_made_and_dropped_is_counted() {
        start().unwrap();
        let before = read().now;
        let kept = Tensor::zeros([1 << 20], (Kind::Float, Device::Cpu));
        drop(&kept + 1.0);
        let after = read();
        // The allocator rounds up, and other tests make small tensors meanwhile.
        let about = |bytes: u64, expected: u64| bytes.abs_diff(expected) < 1 << 16;
        assert!(about(after.now, before + (4 << 20)), "{after:?}");
        assert!(about(after.most, before + (8 << 20)), "{after:?}");
        drop(kept);
        assert!(about(read().now, before));
    }
}
