//! The frozen reference's file.

use crate::arguments::Results;
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use bench_harness::file::write_together;
use bench_harness::home::Home;
use bench_report::units;
use bench_score::{FrozenReference, Leaderboard};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Committed, so that scores of today and tomorrow are set against the same times.
const FILE: &str = "results/reference/frozen.json";

/// The committed reference, where there is one.
pub(in crate::commands) fn read(home: &Home) -> Result<Option<FrozenReference>, Failure> {
    let path = path(home);
    let text = match bench_harness::file::read_text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::new(
                Exit::Results,
                format!("cannot read {}: {error}", path.display()),
                None,
            ));
        }
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let message = format!("{} is no frozen reference: {error}", path.display());
        let help = "`bench leaderboard --freeze-reference adamw` writes one".to_owned();
        Failure::new(Exit::Results, message, help)
    })
}

/// Writes the next version.
pub(super) fn freeze(
    home: &Home,
    board: &Leaderboard,
    submission: &str,
    results: &Results,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let before = read(home)?;
    let version = before.as_ref().map_or(1, |reference| reference.version);
    let mut reference = FrozenReference::of(board, submission, version).map_err(|error| {
        let makes = CommandLine::new("run").word(submission);
        let makes = makes.option("suite", Some("quick"));
        let makes = results.on(makes.option("ruleset", Some("external-tuning")));
        let help = format!("`{makes}` makes the records");
        Failure::new(Exit::Results, error, help)
    })?;
    // The same records are the same version: its scores compare.
    if before.is_some_and(|before| before != reference) {
        reference.version += 1;
    }
    let text = serde_json::to_string_pretty(&reference).map_err(Failure::bug)?;
    let path = path(home);
    let parent = path.parent().unwrap_or(&home.root);
    fs::create_dir_all(parent).map_err(|error| {
        let message = format!("cannot make {}: {error}", parent.display());
        Failure::new(Exit::Results, message, None)
    })?;
    write_together(&[(path.clone(), text + "\n")])?;
    screen.print(&format!(
        "version {} of the reference: {} on {}, in {}",
        reference.version,
        reference.submission,
        units::counted(reference.workloads.len() as u64, "workload"),
        path.display()
    ))?;
    Ok(Exit::Ok)
}

fn path(home: &Home) -> PathBuf {
    home.root.join(FILE)
}
