//! `bench schema`: what editors check specs with.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use bench_core::spec::schema::{self, Kind};
use clap::{Args, ValueEnum};

/// Print the JSON Schema of a kind of spec
#[derive(Args)]
#[command(after_help = "Examples:
  bench schema workload
  bench schema submission > submission.schema.json")]
pub(crate) struct Arguments {
    /// Which kind
    kind: KindName,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    /// workloads/*.yaml
    Workload,
    /// workloads/datasets/*.yaml
    Dataset,
    /// submissions/*/submission.yaml
    Submission,
    /// harness.yaml
    Harness,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let kind = match arguments.kind {
        KindName::Workload => Kind::Workload,
        KindName::Dataset => Kind::Dataset,
        KindName::Submission => Kind::Submission,
        KindName::Harness => Kind::Harness,
    };
    screen.data(&schema::text(kind))?;
    Ok(Exit::Ok)
}
