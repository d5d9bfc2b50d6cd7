//! A panic of bench itself is a bug, and says so.

use std::io::{self, Write as _};
use std::panic;

/// What to do about one.
pub(crate) const HELP: &str =
    "this is a bug in bench: please report it with the command you typed and this message";

/// Replaces Rust's message about a panic.
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let mut out = io::stderr().lock();
        // A closed terminal takes nothing, and a panic in here would end everything.
        let _ = writeln!(out, "error: {info}");
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            let _ = writeln!(out, "{}", std::backtrace::Backtrace::force_capture());
        }
        let _ = writeln!(out, "help: {HELP}");
    }));
}
