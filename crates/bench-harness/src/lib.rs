//! The referee: sets up, builds, spawns, times, supervises and records programs.

pub mod algoperf_logs;
pub mod catalog;
pub mod channel;
pub mod clean;
pub mod cluster;
pub mod data;
pub mod doctor;
pub mod download;
pub mod file;
pub mod home;
pub mod interrupt;
pub mod launch;
pub mod lease;
pub mod lock;
pub mod machine;
pub mod merge;
mod pip;
pub mod process;
pub mod program;
pub mod progress;
pub mod python;
pub mod recorder;
pub mod revision;
pub mod scaffold;
pub mod scratch;
pub mod session;
pub mod setup;
mod slowdown;
pub mod store;
#[cfg(test)]
mod testing;
pub mod trajectory;
pub mod trial;
pub mod verify;
