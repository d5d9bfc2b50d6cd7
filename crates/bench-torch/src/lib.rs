//! What tch lacks: guarded gradients, random streams, one-pass updates, fused and list operations, snapshots, memory
//! settings, CUDA at run time. The one crate with unsafe code; everything public is safe.

pub mod errors;
pub mod gradient;
pub mod random;
mod shim;
