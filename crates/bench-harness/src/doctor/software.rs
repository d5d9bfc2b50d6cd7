//! Programs and libraries.

use super::Check;
use crate::home::Home;
use crate::pip::Pip;
use crate::python;
use crate::setup::{self, SetupError};
use bench_core::record::Machine;
use std::process::Stdio;

pub(super) fn platform(machine: &Machine) -> Check {
    const NAME: &str = "platform";
    let glibc = match setup::glibc() {
        Some(glibc) => format!("glibc {glibc}"),
        None => "no glibc".to_owned(),
    };
    let found = format!("{}, {}, {glibc}", std::env::consts::ARCH, machine.kernel);
    match setup::check_platform() {
        Ok(()) => Check::ok(NAME, found),
        Err(error) => Check::failed(NAME, found, error.to_string()),
    }
}

pub(super) fn cargo(home: &Home) -> Check {
    const NAME: &str = "cargo";
    let mut command = home.command("cargo");
    command.arg("--version").current_dir(&home.root);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Check::ok(NAME, String::from_utf8_lossy(&output.stdout).trim())
        }
        _ => Check::failed(NAME, "not found", setup::CARGO.advice()),
    }
}

pub(super) fn compiler(home: &Home) -> Check {
    const NAME: &str = "C++ compiler";
    match setup::compiler(home) {
        Some((name, version)) => Check::ok(NAME, format!("{}: {version}", name.display())),
        None => Check::failed(NAME, "not found", setup::COMPILER.advice()),
    }
}

pub(super) fn pip(home: &Home) -> Check {
    const NAME: &str = "pip";
    match (Pip::find(home), setup::find(home)) {
        (Some(pip), _) => Check::ok(NAME, format!("`{}`", pip.name())),
        (None, Ok(Some(_))) => Check::ok(NAME, "not found, and not needed: libtorch is there"),
        (None, _) => Check::failed(NAME, "not found", setup::PIP.advice()),
    }
}

pub(super) fn libtorch(home: &Home) -> Check {
    const NAME: &str = "libtorch";
    match setup::find(home) {
        Ok(Some(libtorch)) => {
            let whose = if libtorch.own { " (LIBTORCH)" } else { "" };
            let found = format!("{} in {}{whose}", setup::VERSION, libtorch.root.display());
            Check::ok(NAME, found)
        }
        Ok(None) => Check::warning(
            NAME,
            "not set up",
            "`bench setup` fetches it; so does any command that needs it",
        ),
        Err(error) => broken(&error),
    }
}

fn broken(error: &SetupError) -> Check {
    Check::failed(
        "libtorch",
        error.to_string(),
        error.help().unwrap_or_default(),
    )
}

/// Only Python entrants need it, so that there being none is fine.
pub(super) fn python(home: &Home) -> Check {
    const NAME: &str = "Python";
    match python::find(home) {
        Ok(Some(python)) => {
            let whose = if python.own { " (yours)" } else { "" };
            let interpreter = python.interpreter.display();
            let found = format!(
                "{} with torch {}, {interpreter}{whose}",
                python.version, python.torch
            );
            Check::ok(NAME, found)
        }
        Ok(None) => Check::ok(
            NAME,
            "not set up; Python entrants need it, and `bench setup --python` makes it",
        ),
        Err(error) => Check::failed(NAME, error.to_string(), error.help().unwrap_or_default()),
    }
}

pub(super) fn cuda(home: &Home, machine: &Machine) -> Check {
    const NAME: &str = "CUDA";
    let half = match setup::find(home) {
        Ok(Some(libtorch)) => libtorch.cuda,
        Ok(None) | Err(_) => None,
    };
    let cards = machine.gpus.join(", ");
    match (half, machine.gpus.is_empty()) {
        (None, true) => Check::ok(
            NAME,
            "no card, no CUDA half of libtorch: runs use the processor",
        ),
        (Some(folder), false) => Check::ok(NAME, format!("{cards}; {}", folder.display())),
        (Some(_), true) => Check::warning(
            NAME,
            "libtorch's CUDA half is there, but no NVIDIA driver shows a card",
            "install the NVIDIA driver, or use `--device cpu`",
        ),
        (None, false) => Check::warning(
            NAME,
            format!("{cards}, but libtorch's CUDA half is not set up"),
            "`bench setup --cuda` fetches it (2.5 GB), for `--device cuda:0`",
        ),
    }
}
