//! What people write: workloads, data sets, submissions and the harness, as YAML.
//!
//! The types here are both the YAML's shape and, with defaults and `extends` applied, what is hashed.

pub mod dataset;
pub mod harness;
pub mod submission;
mod value;
pub mod workload;
