//! What people write: workloads, data sets, submissions and the harness, as YAML.
//!
//! The types here are both the YAML's shape and, with defaults and `extends` applied, what is hashed.

mod arrays;
mod blame;
pub mod calibration;
pub mod catalog;
mod check;
pub mod columns;
pub mod dataset;
pub mod diagnostic;
pub mod edit;
pub mod executor;
mod extends;
pub mod harness;
mod hyperparameter;
pub mod interface;
pub mod loss;
mod merge;
pub mod model;
pub mod point;
mod provenance;
pub mod resolve;
mod rules;
pub mod scheduled;
pub mod schema;
pub mod search;
pub mod submission;
mod target;
mod tuning_file;
mod value;
mod words;
pub mod workload;
mod yaml;
