//! Running other programs from the root of the checkout, saying what runs.

use anyhow::{Context, Result, anyhow, bail};
use bench_harness::home::Home;
use bench_harness::interrupt::Interrupts;
use bench_harness::program::{Builder as _, CargoBuilder, Programs};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Root of the checkout this program was built from.
pub fn root() -> &'static Path {
    // crates/xtask -> crates -> root
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or_else(|| Path::new("."))
}

/// Reference material outside the repository: `BENCH_SHARED`, else the folder beside the checkout.
/// A fresh clone elsewhere has none; who asks says so and goes on.
pub fn shared() -> Option<PathBuf> {
    let folder =
        std::env::var_os("BENCH_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Prints the name of a step and, when it is done, how long it took.
pub fn step(name: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("\n== {name}");
    let start = Instant::now();
    body().with_context(|| format!("step failed: {name}"))?;
    eprintln!("== {name}: done in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// `cargo` with these arguments, in the checkout.
pub fn cargo(arguments: &[&str]) -> Result<()> {
    run(Command::new("cargo").args(arguments))
}

/// A release build of what these arguments choose.
pub fn build(chosen: &[&str]) -> Result<()> {
    cargo(&[&["build", "--quiet", "--locked", "--release"], chosen].concat())
}

/// A submission's programs, built by the builder of `bench run` and kept until this process ends.
pub fn programs(submission: &str) -> Result<Programs> {
    static BUILDER: Mutex<Option<CargoBuilder>> = Mutex::new(None);
    let mut builder = BUILDER.lock().unwrap_or_else(PoisonError::into_inner);
    let builder = match &mut *builder {
        Some(builder) => builder,
        none => {
            let home = Home {
                root: root().canonicalize()?,
                ..Home::find()?
            };
            none.insert(CargoBuilder::new(home, BTreeMap::new()))
        }
    };
    // Of its settings nothing is built.
    let identity = serde_json::from_value(json!({
        "name": submission, "program": submission, "schedule": "constant",
        "batch-size": 1, "gradient-clipping": "none", "groups": [],
    }))?;
    eprintln!("building {submission}");
    let built = builder.build(&identity, &Interrupts::default(), &mut |_| {});
    built.map_err(|error| anyhow!("{error}\n{}", error.diagnostics()))
}

/// The release build of `bench`, made when it is missing or old.
pub fn bench() -> Result<Command> {
    build(&["-p", "bench-cli"])?;
    Ok(in_root(&root().join("target/release/bench")))
}

/// A command that starts in the checkout.
pub fn in_root(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command to its end; a bad exit status is an error that shows the command.
pub fn run(command: &mut Command) -> Result<()> {
    command.current_dir(root());
    eprintln!("$ {}", display(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", display(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", display(command));
    }
    Ok(())
}

/// The same, and its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    command
        .current_dir(root())
        .stderr(std::process::Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", display(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", display(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed no text", display(command)))
}

/// The most memory that a running process has held, in megabytes.
pub fn peak_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1e3)
}

fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
