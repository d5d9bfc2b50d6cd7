//! What tch lacks: guarded gradients, random streams, one-pass updates, fused and list operations, snapshots, memory
//! settings, CUDA at run time. The one crate with unsafe code; everything public is safe.

pub mod counted;
mod cuda;
pub mod device;
pub mod errors;
pub mod fill;
pub mod foreach;
pub mod fused;
pub mod gradient;
pub mod mapped;
pub mod one_pass;
pub mod order;
pub mod precision;
pub mod random;
pub mod runtime;
mod shim;
pub mod snapshot;

pub use cuda::CudaError;
