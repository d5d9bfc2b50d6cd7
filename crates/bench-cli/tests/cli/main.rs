//! What a person who types `bench …` reads, and what a script gets.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod algoperf;
mod boards;
mod calibrate;
mod compare;
mod data;
mod errors;
mod help;
mod inputs;
mod lists;
mod new;
mod outside;
mod pictures;
mod plan;
mod publish;
mod records;
mod support;
mod verify;
