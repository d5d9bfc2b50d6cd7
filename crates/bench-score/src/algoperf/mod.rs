//! AlgoPerf's own logs to AlgoPerf's own score, digit for digit.

pub mod profile;
