//! The documentation of what a submission may use.

use super::{Listener, ProgramError, output};
use crate::home::Home;
use crate::interrupt::Interrupts;
use std::path::PathBuf;

/// What a submission uses, and what that shows of its own.
const CRATES: [&str; 3] = ["bench-sdk", "bench-torch", "bench-workloads"];
/// Where a reader begins.
const FIRST: &str = "bench_sdk/index.html";

/// Has cargo build the documentation, in the profile that submissions are built in, so that nothing is compiled twice; its first page.
///
/// # Errors
/// When it cannot be built.
pub fn document(
    home: &Home,
    open: bool,
    interrupts: &Interrupts,
    listener: &mut Listener<'_>,
) -> Result<PathBuf, ProgramError> {
    let mut command = home.command("cargo");
    command.current_dir(&home.root);
    command.args(["doc", "--locked", "--release", "--no-deps"]);
    for name in CRATES {
        command.args(["-p", name]);
    }
    if open {
        command.arg("--open");
    }
    let built = output::run(command, interrupts, listener)?;
    match built.success {
        true => {
            let page = built.files.iter().find(|file| file.ends_with(FIRST));
            let usual = home.target().join("doc").join(FIRST);
            Ok(page.cloned().unwrap_or(usual))
        }
        false => Err(built.error("bench-sdk")),
    }
}
