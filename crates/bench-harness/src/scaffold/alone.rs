//! What plain cargo, and an editor by it, needs in a folder outside of the checkout: the toolchain, and the way to libtorch.
//!
//! `bench` builds from the checkout and reads none of these. The target folder stays the submission's own: cargo tells two folders of one package by
//! nothing that a shared one could rely on.

use super::source::File;
use super::{ScaffoldError, read};
use crate::home::Home;
use std::path::PathBuf;

pub(super) const TOOLCHAIN: &str = "rust-toolchain.toml";

/// The toolchain of the checkout, where it names one, and cargo's settings with the checkout's link to libtorch, which a LIBTORCH variable wins over.
///
/// # Errors
/// When the checkout's toolchain file cannot be read.
pub(super) fn files(home: &Home) -> Result<Vec<File>, ScaffoldError> {
    let file = |path: &str, text: String| (PathBuf::from(path), text.into_bytes());
    let mut files = vec![file(".cargo/config.toml", config(home))];
    let toolchain = home.root.join(TOOLCHAIN);
    if toolchain.is_file() {
        files.push(file(TOOLCHAIN, read(&toolchain)?));
    }
    Ok(files)
}

fn config(home: &Home) -> String {
    let libtorch = home.libtorch_link();
    let path = libtorch.to_string_lossy();
    let rpath = format!("-Clink-arg=-Wl,-rpath,{path}/lib");
    format!(
        "# So that plain cargo and editors build this crate as `bench` does. `bench setup` makes the link; a LIBTORCH variable of your own wins over it.
[env]
LIBTORCH = {}

[target.x86_64-unknown-linux-gnu]
rustflags = [{}]
",
        quoted(&path),
        quoted(&rpath)
    )
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn settings_lead_to_the_checkouts_libtorch() {
        let fixture = Fixture::new();
        fixture.file("checkout/rust-toolchain.toml", b"[toolchain]\n");
        let files = files(&fixture.home).unwrap();
        assert_eq!(files[1], (TOOLCHAIN.into(), b"[toolchain]\n".to_vec()));
        let text = String::from_utf8(files[0].1.clone()).unwrap();
        let root = fixture.home.root.display();
        for line in [
            format!("LIBTORCH = \"{root}/.libtorch\""),
            format!("rustflags = [\"-Clink-arg=-Wl,-rpath,{root}/.libtorch/lib\"]"),
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        assert_eq!(quoted("/a \"b\""), "\"/a \\\"b\\\"\"");
    }
}
