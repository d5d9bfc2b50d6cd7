//! Specs, canonical hashing, the protocol's messages, records and outcomes.
//!
//! Pure data and rules: nothing here reads a clock, a file, the environment or prints.

pub mod canonical;
pub mod farmhash;
pub mod name;
pub mod number;
pub mod outcome;
pub mod passage;
pub mod protocol;
pub mod record;
pub mod run;
pub mod schedule;
pub mod spec;
