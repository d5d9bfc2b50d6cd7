//! A panic of bench itself is a bug, and says so.

use std::panic;

/// What to do about one.
pub(crate) const HELP: &str =
    "this is a bug in bench: please report it with the command you typed and this message";

/// Replaces Rust's message about a panic.
#[expect(
    clippy::print_stderr,
    reason = "nothing else can be relied on in a panic"
)]
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        eprintln!("error: {info}");
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            eprintln!("{}", std::backtrace::Backtrace::force_capture());
        }
        eprintln!("help: {HELP}");
    }));
}
