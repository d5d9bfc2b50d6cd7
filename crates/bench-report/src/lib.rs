//! Scores and records as tables and pictures.
//!
//! Everything here returns text; `bench-cli` prints it. A [`Grid`] is drawn for a terminal of any width, as Markdown or as CSV by one piece of code.

mod aggregate;
pub mod algoperf;
pub mod calibration;
pub mod curves;
pub mod explain;
pub mod explain_logs;
pub mod export;
pub mod gate;
mod grid;
pub mod html;
mod leaderboard;
pub mod lineage;
pub mod page;
mod pairs;
mod parquet;
mod picture;
mod profiles;
mod results;
pub mod schedule;
mod scores;
mod standing;
mod trial;
pub mod units;
pub mod visible;
mod wrap;

pub use aggregate::{Ranked, aggregates, amounts};
pub use grid::{Cell, Column, Grid, Kind};
pub use leaderboard::{Titled, leaderboard, leaderboard_json, leaderboard_rows};
pub use pairs::pairs;
pub use picture::{Drawn, Frame, PictureError};
pub use profiles::profiles;
pub use results::{trials, validation};
pub use scores::scores;
pub use standing::{claims, sensitivity, standing};
pub use trial::{evaluations, facts, wall_time};
pub use wrap::{folded, wrapped};
