//! `bench merge`: record folders joined.

use crate::arguments::Results;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::merge::{Merged, merge};
use bench_report::units;
use clap::Args;
use std::path::PathBuf;

/// Join record folders, of other machines for example, into this checkout's
///
/// Nothing that is there is changed. Records of one trial on several machines stand beside each other, and leaderboards keep machines
/// apart by themselves; different records of one trial on one machine are conflicts, which are listed and left out.
#[derive(Args)]
#[command(after_help = "Examples:
  bench merge /mnt/node-2/results/runs
  bench merge a/runs b/runs --results all/runs")]
pub(crate) struct Arguments {
    /// Folders like results/runs
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    results: Results,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let into = match &arguments.results.folder {
        Some(folder) => folder.clone(),
        None => Workspace::open()?.runs(None)?,
    };
    let mut whole = true;
    let mut conflicts = Vec::new();
    for folder in &arguments.folders {
        if !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            return Err(Failure::usage(message, None));
        }
        let merged =
            merge(folder, &into).map_err(|error| Failure::new(Exit::Results, error, None))?;
        screen.print(&told(folder, &merged))?;
        let left_out = merged.unreadable.iter().any(|error| !error.is_stranger());
        whole &= merged.conflicts.is_empty() && !left_out;
        conflicts.extend(merged.conflicts);
    }
    // Last, where they are seen: whatever was joined, these were not.
    for (left_out, stands) in conflicts {
        let (left_out, stands) = (left_out.display(), stands.display());
        screen.print(&format!(
            "conflict: {left_out} differs from {stands}, which stands"
        ))?;
    }
    Ok(if whole { Exit::Ok } else { Exit::Results })
}

fn told(folder: &std::path::Path, merged: &Merged) -> String {
    let conflicts = merged.conflicts.len() as u64;
    let mut lines = vec![format!(
        "{}: {} copied, {} already there, {}",
        folder.display(),
        units::counted(merged.copied.len() as u64, "record"),
        merged.same,
        units::counted(conflicts, "conflict"),
    )];
    let live = merged.live.iter();
    lines.extend(live.map(|folder| format!("  still running, left out: {}", folder.display())));
    let unreadable = merged.unreadable.iter();
    lines.extend(unreadable.map(|error| format!("  left out: {error}")));
    lines.join("\n")
}
