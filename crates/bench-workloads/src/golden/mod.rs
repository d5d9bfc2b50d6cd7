//! Comparison with reference numbers.
