//! What whole-program tests share: scripts for the fake worker, and trials and sessions that run it.

pub mod fixture;
pub mod script;
