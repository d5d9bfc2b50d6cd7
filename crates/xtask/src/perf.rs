//! `cargo xtask perf`.

use anyhow::Result;
use clap::Args;

/// What to measure.
#[derive(Args)]
pub struct Options {}

/// Measures.
pub fn run(_options: &Options) -> Result<()> {
    Ok(())
}
