//! What whole-program tests share: scripts for the fake worker, and trials and sessions that run it, and a checkout to type commands in.

pub mod checkout;
pub mod fixture;
pub mod script;
