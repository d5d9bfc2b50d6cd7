//! What a schema cannot say: numbers that fit together, names that exist.
//!
//! Rules look at every part of a file that can be read, whatever is wrong with the rest of it.

mod arrays;
mod dataset;
mod harness;
mod reference;
mod submission;
mod workload;

pub(super) use dataset::dataset;
pub(super) use harness::harness;
pub(super) use reference::references;
pub(super) use submission::{odd, submission};
pub(super) use workload::workload;

use super::check::Violation;
use serde::Deserialize;
use serde_json::Value;

/// A part of a file, where it is there and sound.
fn part<'a, T: Deserialize<'a>>(file: &'a Value, pointer: &str) -> Option<T> {
    T::deserialize(file.pointer(pointer)?).ok()
}

/// Collects violations.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    /// Of a file of any kind.
    fn of(file: &Value) -> Findings {
        let mut found = Findings::default();
        if let Some(version) = part::<u32>(file, "/schema") {
            found.require(
                version == 1,
                "/schema",
                format!("schema `{version}` is not known"),
                "this version of bench reads schema 1",
            );
        }
        found
    }

    fn require(
        &mut self,
        fine: bool,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: &str,
    ) {
        if !fine {
            self.0.push(Violation::new(pointer, message, help));
        }
    }
}
