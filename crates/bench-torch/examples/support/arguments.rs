//! `--name value` pairs, for the benchmark programs.

use std::str::FromStr;

/// The value after `name` on the command line, else the default.
pub(crate) fn value<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    if arguments.next().is_none() {
        return Ok(default);
    }
    let text = arguments
        .next()
        .ok_or_else(|| format!("{name} wants a value"))?;
    text.parse()
        .map_err(|_| format!("{name} cannot be `{text}`"))
}
