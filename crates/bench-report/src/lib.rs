//! Scores and records as tables and pictures.
//!
//! Everything here returns text; `bench-cli` prints it. A [`Grid`] is drawn for a terminal of any width, as Markdown or as CSV by one piece of code.

pub mod algoperf;
pub mod curves;
pub mod gate;
mod grid;
mod leaderboard;
pub mod lineage;
mod results;
pub mod schedule;
mod trial;
pub mod units;

pub use grid::{Cell, Column, Grid};
pub use leaderboard::{Titled, leaderboard, leaderboard_rows};
pub use results::trials;
pub use trial::{evaluations, facts, wall_time};
