//! Leaderboards as tables.

use crate::grid::{Cell, Column, Grid};
use crate::units;
use bench_score::{Leaderboard, Row, Table, WorkloadResult};

/// A table with a line above it and remarks below.
#[derive(Debug, Clone, PartialEq)]
pub struct Titled {
    /// What it is about.
    pub title: String,
    /// The table.
    pub grid: Grid,
    /// What a reader must know to read it right.
    pub remarks: Vec<String>,
}

const SUBJECT: [Column; 2] = [
    Column::words("workload", "workload", 0),
    Column::words("ruleset", "ruleset", 0),
];

const COLUMNS: [Column; 14] = [
    Column::counts("rank", "time-rank", 0),
    Column::words("submission", "submission", 0),
    Column::numbers("time to target", "median-seconds", 0),
    Column::numbers("steps to target", "median-steps", 0),
    Column::counts("by steps", "step-rank", 1),
    Column::counts("reached", "studies-reached", 0),
    Column::counts("studies", "studies", 6),
    Column::counts("trials", "trials", 3),
    Column::numbers("time a step", "seconds-per-step", 2),
    Column::counts("memory", "worker-memory-bytes", 4),
    Column::counts("device memory", "device-memory-bytes", 7),
    Column::words("machine", "machine", 5),
    Column::words("pinned", "pinned", 8),
    Column::words("remarks", "remarks", 1),
];

/// One table a comparability key.
pub fn leaderboard(board: &Leaderboard) -> Vec<Titled> {
    board.tables.iter().map(titled).collect()
}

/// All tables as one, workload and ruleset in the first columns: for programs.
pub fn leaderboard_rows(board: &Leaderboard) -> Grid {
    let rows = board.tables.iter().flat_map(|table| {
        let subject = [Cell::plain(&table.workload), Cell::plain(&table.ruleset)];
        let with_subject = move |row| subject.iter().cloned().chain(cells(row)).collect();
        table.rows.iter().map(with_subject)
    });
    Grid {
        columns: SUBJECT.into_iter().chain(COLUMNS).collect(),
        rows: rows.collect(),
    }
}

fn titled(table: &Table) -> Titled {
    let mut remarks = Vec::new();
    if table.settings().len() > 1 {
        remarks.push("times rank only within one machine, device and number of threads; steps rank across all".to_owned());
    }
    if table.rows.iter().any(|row| row.result.studies.len() < 3) {
        remarks.push("fewer than three studies say little about who is faster".to_owned());
    }
    if table.rows.iter().all(|row| !row.result.pinned) {
        remarks.push(
            "unpinned: on none of these machines does harness.yaml trust the seconds".to_owned(),
        );
    }
    let grid = Grid {
        columns: COLUMNS.to_vec(),
        rows: table.rows.iter().map(cells).collect(),
    };
    Titled {
        title: format!(
            "{}, ruleset {} (medians over studies)",
            table.workload, table.ruleset
        ),
        grid: match table.rows.iter().any(|row| row.result.pinned) {
            true => grid,
            // The same for all: said once, below.
            false => grid.without(&["pinned"]),
        }
        .without_empty(&["device-memory-bytes", "remarks"]),
        remarks,
    }
}

fn cells(row: &Row) -> Vec<Cell> {
    let result = &row.result;
    let studies = result.studies.len();
    let trials: u32 = result.studies.iter().map(|study| study.trials).sum();
    let rank = |rank: Option<u32>| Cell::optional(rank, |rank| rank.to_string());
    let remarks = remarks(result).join("; ");
    vec![
        rank(row.time_rank),
        Cell::plain(&result.submission),
        median(result, result.median_seconds, units::seconds),
        median(result, result.median_steps, |n| {
            units::count(n.round() as u64)
        }),
        rank(row.step_rank),
        Cell::new(format!("{} of {studies}", result.reached), result.reached),
        Cell::plain(studies),
        Cell::plain(trials),
        Cell::optional(result.seconds_per_step, |s| {
            format!("{} ms", units::significant(s * 1e3))
        }),
        Cell::optional(result.worker_memory, units::bytes),
        Cell::optional(result.device_memory, units::bytes),
        Cell::plain(format!(
            "{} {} x{}",
            result.setting.machine, result.setting.device, result.setting.threads
        )),
        Cell::new(if result.pinned { "yes" } else { "no" }, result.pinned),
        Cell::plain(remarks),
    ]
}

/// A median that is not there was missed, unless nothing ran to its end yet.
fn median(result: &WorkloadResult, value: Option<f64>, text: fn(f64) -> String) -> Cell {
    match value {
        None if !result.studies.is_empty() => Cell::new("missed", ""),
        value => Cell::optional(value, text),
    }
}

fn remarks(result: &WorkloadResult) -> Vec<String> {
    let (done, wanted) = (result.studies.len() as u32, result.studies_wanted);
    [
        (done < wanted).then(|| format!("{done} of {wanted} studies")),
        (result.unfinished > 0).then(|| format!("{} unfinished", result.unfinished)),
        (result.timing_suspect > 0).then(|| format!("{} timing-suspect", result.timing_suspect)),
        (result.throttled > 0).then(|| format!("{} throttled", result.throttled)),
        (result.resumed > 0).then(|| format!("{} resumed", result.resumed)),
        (result.superseded > 0).then(|| format!("{} older left out", result.superseded)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
