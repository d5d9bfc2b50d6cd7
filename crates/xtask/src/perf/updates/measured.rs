//! What was measured of a rule, and its rows in the tables.

use super::rules::Rule;
use crate::perf::partner::{Times, times_as_fast};

/// What `p -= c g` moves for each parameter.
const TRIAD_BYTES: f64 = 12.0;
/// What the fused AdamW of PyTorch moves for each parameter.
const FUSED_BYTES: f64 = 28.0;

/// Of a table of times.
pub(super) const COLUMNS: [&str; 10] = [
    "submission",
    "threads",
    "ms",
    "GB/s",
    "triad, GB/s",
    "of triad",
    "of fused AdamW a byte",
    "PyTorch",
    "its ms",
    "times as fast",
];

/// Of the table of memory.
pub(super) const MEMORY_COLUMNS: [&str; 7] = [
    "submission",
    "numbers of state a parameter, as documented",
    "as kept",
    "that is",
    "held at the start",
    "temporaries at most, first step",
    "ten more steps",
];

/// Of one rule, over all turns.
#[derive(Default)]
pub(super) struct Measured {
    /// How many numbers are trained.
    pub(super) parameters: f64,
    /// Of the first step, and of the ten after it, in the last turn.
    pub(super) memory: [serde_json::Value; 2],
    /// The submission's update.
    pub(super) ours: Times,
    /// `p -= c g` in its place.
    pub(super) triad: Times,
    /// PyTorch's optimizer, or the authors' code.
    pub(super) peer: Times,
    /// PyTorch's fused AdamW.
    pub(super) fused: Times,
    /// Ours and the peer's, where every step finds new bases.
    pub(super) renewal: Option<[Times; 2]>,
}

impl Measured {
    /// Its row in a table of times.
    pub(super) fn time_cells(&self, rule: &Rule, threads: u32) -> Vec<String> {
        let speed = |bytes: f64, times: &Times| bytes * self.parameters / times.median() / 1e6;
        let [rate, triad, of_triad, of_fused] = match rule.bytes {
            None => Default::default(),
            Some(bytes) => {
                let bytes = f64::from(bytes);
                [
                    format!("{:.1}", speed(bytes, &self.ours)),
                    format!("{:.1}", speed(TRIAD_BYTES, &self.triad)),
                    format!(
                        "{:.2}",
                        times_as_fast(&self.ours, &self.triad) * bytes / TRIAD_BYTES
                    ),
                    format!(
                        "{:.2}",
                        times_as_fast(&self.ours, &self.fused) * bytes / FUSED_BYTES
                    ),
                ]
            }
        };
        let (mut ours, mut peer) = (
            milliseconds(self.ours.median()),
            milliseconds(self.peer.median()),
        );
        let mut faster = format!("{:.2}", times_as_fast(&self.ours, &self.peer));
        if let Some([our_renewal, renewal]) = &self.renewal {
            ours += &format!(" (new bases: {})", milliseconds(our_renewal.median()));
            peer += &format!(" ({})", milliseconds(renewal.median()));
            faster += &format!(" ({:.2})", times_as_fast(our_renewal, renewal));
        }
        vec![
            rule.name(),
            threads.to_string(),
            ours,
            rate,
            triad,
            of_triad,
            of_fused,
            rule.peer_is.to_owned(),
            peer,
            faster,
        ]
    }

    /// Its row in the table of memory.
    pub(super) fn memory_cells(&self, rule: &Rule) -> Vec<String> {
        let [start, later] = &self.memory;
        let number = |of: &serde_json::Value, key: &str| of[key].as_f64().unwrap_or(f64::NAN);
        let state = number(later, "state");
        vec![
            rule.name(),
            rule.state.to_owned(),
            format!("{:.2}", state / self.parameters),
            format!("{:.1} MB", state * 4.0 / 1e6),
            format!("{:.1} MB", number(later, "state-bytes") / 1e6),
            format!("{:.1} MB", number(start, "temporary-bytes") / 1e6),
            format!("{:.1} MB", number(later, "temporary-bytes") / 1e6),
        ]
    }
}

fn milliseconds(time: f64) -> String {
    match time {
        time if time < 1.0 => format!("{time:.3}"),
        time if time < 100.0 => format!("{time:.2}"),
        time => format!("{time:.0}"),
    }
}

/// How many parameters a program described.
pub(super) fn numbers(described: &serde_json::Value) -> f64 {
    let parameters = described["parameters"].as_array().into_iter().flatten();
    let count = |parameter: &serde_json::Value| -> f64 {
        let shape = parameter["shape"].as_array().into_iter().flatten();
        shape.filter_map(serde_json::Value::as_f64).product()
    };
    parameters.map(count).sum()
}
