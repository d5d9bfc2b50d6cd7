//! Commands that people type all day: how long until they answer.

use super::median;
use super::table::Row;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const PART: &str = "Commands: milliseconds, and the ratio to `cargo --version`";

/// Each command takes turns with the peer.
pub fn measure(bench: &Path, repeats: usize) -> Result<Vec<Row>> {
    let commands: [&[&str]; 4] = [
        &["--help"],
        &["list", "workloads"],
        &["list", "submissions"],
        &["spec", "check"],
    ];
    commands
        .iter()
        .map(|arguments| {
            let (mut ours, mut peers) = (Vec::new(), Vec::new());
            for _ in 0..repeats {
                ours.push(milliseconds(Command::new(bench).args(*arguments))?);
                peers.push(milliseconds(Command::new("cargo").arg("--version"))?);
            }
            let (ours, peer) = (median(ours), median(peers));
            Ok(Row {
                part: PART,
                what: format!("`bench {}`", arguments.join(" ")),
                value: format!("{ours:.1} ms"),
                peer: format!("{peer:.1} ms"),
                ratio: Some(ours / peer),
            })
        })
        .collect()
}

fn milliseconds(command: &mut Command) -> Result<f64> {
    command
        .current_dir(crate::shell::root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command
        .status()
        .context("cannot start a command to be timed")?;
    let elapsed = start.elapsed();
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(elapsed.as_secs_f64() * 1e3)
}
