//! The process around libtorch: memory, threads, determinism, CUDA at run time. Called once, before anything else.

use crate::cuda::{self, CudaError};
use crate::device;
use crate::errors::LibtorchError;
use crate::shim;
use bench_core::protocol::DeviceReport;
use bench_core::run::DeviceKind;
use std::ffi::CStr;
use std::sync::Once;
use tch::Device;

/// Why the process cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// libtorch runs with another number of threads.
    #[error(
        "asked libtorch for {asked} threads and got {got}; is OMP_NUM_THREADS or OMP_THREAD_LIMIT set?"
    )]
    Threads {
        /// As asked.
        asked: u32,
        /// As libtorch says.
        got: u32,
    },
    /// The process was set up before, with another number of threads.
    #[error("asked for {asked} threads in a process that was set up with {got}")]
    Started {
        /// As asked.
        asked: u32,
        /// Threads of one-pass updates.
        got: u32,
    },
    /// No CUDA.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// libtorch refused.
    #[error("libtorch could not be set up: {0}")]
    Libtorch(#[from] LibtorchError),
}

/// What a process runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Threads of libtorch and of one-pass updates.
    pub threads: u32,
    /// Kind of device.
    pub device: DeviceKind,
    /// Which card, where it is one.
    pub device_index: u32,
}

/// A process that is set up.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// Where tensors live.
    pub device: Device,
    /// What goes into the record.
    pub report: DeviceReport,
}

/// Keeps freed memory in the process. By default glibc returns each activation to the kernel and faults it in again at
/// the next step: up to a sixth of a CNN's training step, and how much depends on the accidents of allocation order, so
/// that one submission would pay more than another. First thing in `main`; [`start`] calls it too.
pub fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    const TOP_PAD: i32 = 64 << 20;
    ONCE.call_once(|| {
        // SAFETY: sets three numbers of the allocator. A refusal costs speed only.
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, 0);
            libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
            libc::mallopt(libc::M_TOP_PAD, TOP_PAD);
        }
    });
}

/// Sets up the process: memory, threads, determinism and, where asked for, CUDA.
///
/// Deterministic algorithms are always on. On the CPU an operation that has none is an error; on CUDA it is a warning of
/// libtorch on standard error, since whole kinds of model would be refused otherwise.
/// Denormal numbers are kept, as PyTorch keeps them: flushing them was worth nothing measurable and would change results.
///
/// # Errors
/// When libtorch does not give the threads, or there is no CUDA though it was asked for.
pub fn start(settings: Settings) -> Result<Runtime, RuntimeError> {
    keep_freed_memory();
    set_threads(settings.threads)?;
    let device = match settings.device {
        DeviceKind::Cpu => Device::Cpu,
        // Before the first question about CUDA: libtorch would remember "none" for ever.
        DeviceKind::Cuda => {
            cuda::load(settings.device_index)?;
            Device::Cuda(settings.device_index as usize)
        }
    };
    // SAFETY: set flags of libtorch's context.
    unsafe {
        shim::check(shim::bench_set_deterministic(device.is_cuda()))?;
        shim::check(shim::bench_set_flush_denormal(false))?;
    }
    let card = device
        .is_cuda()
        .then(|| cuda::card(settings.device_index))
        .flatten();
    let report = DeviceReport {
        device: device::name(device),
        name: card.as_ref().map(|card| card.name.clone()),
        threads: tch::get_num_threads() as u32,
        libtorch: libtorch_version(),
        cuda: card.map(|card| card.driver),
    };
    Ok(Runtime { device, report })
}

fn set_threads(threads: u32) -> Result<(), RuntimeError> {
    tch::set_num_threads(threads as i32);
    let got = tch::get_num_threads() as u32;
    if got != threads {
        return Err(RuntimeError::Threads {
            asked: threads,
            got,
        });
    }
    // The pool of one-pass updates is made once: a second call must ask for the same size.
    let made = rayon::ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .build_global();
    let got = rayon::current_num_threads() as u32;
    match made {
        Err(_) if got != threads => Err(RuntimeError::Started {
            asked: threads,
            got,
        }),
        _ => Ok(()),
    }
}

/// Version of the libtorch that this program was compiled with, such as `2.11.0`.
pub fn libtorch_version() -> String {
    // SAFETY: a string constant.
    unsafe { CStr::from_ptr(shim::bench_version()) }
        .to_string_lossy()
        .into_owned()
}
