//! Trials that something else starts: a batch system, or whatever runs commands.
//!
//! What is to be run is frozen into a [`Plan`], a folder beside the records; a task is one entry of it, run by the copy of `bench` that lies there.
//! What became of a trial comes from its record, and what is still to come from the batch system's queue: nothing else is remembered.

mod frozen;
mod plan;
mod slurm;
mod standing;
mod task;

pub use frozen::{FrozenLaunch, FrozenProgram, FrozenPrograms};
pub use plan::{Entry, Plan, PlanError, Submitted, bench_of};
pub use slurm::{Chunk, Job, Slurm, SlurmError};
pub use standing::{Standing, standings};
