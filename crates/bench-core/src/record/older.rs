//! Configurations of older protocols in today's shape, so that their records can be shown. Hashes are over what was stored, and never over this.

use serde_json::Value;

/// A configuration of any protocol up to today's, in today's shape. What it says of itself, its protocol included, stays.
pub fn upgraded(run: Value) -> Value {
    // Nothing of protocol 1 has another shape by now.
    run
}
