//! Records to time to target, and time to target to tables of who is faster.
