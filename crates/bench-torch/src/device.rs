//! Devices: names, waiting for queued work, memory.

use crate::errors::LibtorchError;
use crate::shim;
use tch::Device;

/// `cpu` or `cuda:0`, as records name it.
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(index) => format!("cuda:{index}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Waits until all work queued on the device is done. Nothing on a CPU, where work is done when a call returns.
///
/// # Errors
/// When an earlier kernel failed.
pub fn synchronise(device: Device) -> Result<(), LibtorchError> {
    match device {
        // SAFETY: waits; the shim catches exceptions.
        Device::Cuda(index) => unsafe {
            shim::check(shim::bench_accelerator_synchronize(index as i32))
        },
        _ => Ok(()),
    }
}

/// Memory of a device in bytes, as libtorch's allocator counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In tensors now.
    pub allocated: u64,
    /// Highest so far, or since [`reset_peak`].
    pub allocated_peak: u64,
    /// Taken from the driver now.
    pub reserved: u64,
    /// Highest so far.
    pub reserved_peak: u64,
}

/// Memory of the device; `None` on a CPU, where the process' own memory is what counts.
///
/// # Errors
/// When libtorch refuses.
pub fn memory(device: Device) -> Result<Option<Memory>, LibtorchError> {
    let Device::Cuda(index) = device else {
        return Ok(None);
    };
    let mut bytes = [0_i64; 4];
    // SAFETY: the shim writes four numbers.
    unsafe {
        shim::check(shim::bench_accelerator_memory(
            index as i32,
            bytes.as_mut_ptr(),
        ))?
    };
    let [allocated, allocated_peak, reserved, reserved_peak] =
        bytes.map(|number| number.max(0) as u64);
    Ok(Some(Memory {
        allocated,
        allocated_peak,
        reserved,
        reserved_peak,
    }))
}

/// Starts the peaks again from what is in use now. Nothing on a CPU.
///
/// # Errors
/// When libtorch refuses.
pub fn reset_peak(device: Device) -> Result<(), LibtorchError> {
    match device {
        // SAFETY: resets counters.
        Device::Cuda(index) => unsafe {
            shim::check(shim::bench_accelerator_reset_peak(index as i32))
        },
        _ => Ok(()),
    }
}
