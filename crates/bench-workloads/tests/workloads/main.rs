//! Everything that needs libtorch, in one program: linking it once is most of the cost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    missing_docs
)]

mod data;
mod domains;
mod evaluator;
mod fixture;
mod goldens;
mod init;
mod regimes;
mod training;
