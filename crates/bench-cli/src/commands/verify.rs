//! `bench verify`: whether results are what was written, without running anything.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_harness::verify::{Verified, verify};
use clap::Args;
use std::path::PathBuf;

/// Check everything below a folder against itself: records, calibrations, published pages. Runs nothing
///
/// Of each record the hashes are computed anew over its configuration, its lines are added up, and their digest is compared. This shows
/// accidents and edits of one side; somebody who rewrote all of it consistently is found out by `bench rerun` alone.
#[derive(Args)]
#[command(after_help = "Examples:
  bench verify
  bench verify results
  bench verify board

Exit code 0: all is sound; 5: something is not, and is named.")]
pub(crate) struct Arguments {
    /// A folder of records, calibrations or pages [default: harness.yaml's results]
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(super) fn execute(arguments: &Arguments, screen: &Screen) -> Result<Exit, Failure> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => Workspace::open()?.runs(None)?,
    };
    let verified = verify(&folder).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", folder.display()), None)
    })?;
    screen.print(&told(&verified))?;
    let whole = verified.changed.is_empty();
    Failure::left_out(verified.left_out)?;
    Ok(if whole { Exit::Ok } else { Exit::Results })
}

/// How many of each kind are sound, and every file that is not what was written. Records that are not follow as the failure.
fn told(verified: &Verified) -> String {
    let Verified {
        records,
        older,
        live,
        boards,
        calibrations,
        ..
    } = verified;
    let kinds = [
        (*records, "record", "records"),
        (*calibrations, "calibration", "calibrations"),
        (*boards, "published page", "published pages"),
    ];
    let kinds = kinds.iter().filter(|(count, ..)| *count > 0);
    let kinds: Vec<String> = kinds
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    let mut lines = vec![match kinds.is_empty() {
        true => "nothing sound is here".to_owned(),
        false => format!("sound: {}", kinds.join(", ")),
    }];
    if *older > 0 {
        lines.push(format!(
            "  {older} of the records are of an older format: they hold no digest of their lines"
        ));
    }
    if *live > 0 {
        lines.push(format!("  {live} of the records are still being written"));
    }
    lines.extend(
        verified
            .changed
            .iter()
            .map(|what| format!("not sound: {what}")),
    );
    lines.join("\n")
}
