//! Leaderboards as tables.

use crate::aggregate::Ranked;
use crate::grid::{Cell, Column, Grid};
use crate::scores::{SCORES, reference_json, score_cells, sensitivity_json, submission_json};
use crate::units;
use bench_score::{Leaderboard, Measure, Row, Table, WorkloadResult};
use serde_json::{Value, json};

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

/// What a row's scores go by.
const BY: Column = Column::words("by", "by", 0);

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
    Column::words("remarks", "remarks", 1).noted(),
];

/// One table a comparability key.
pub fn leaderboard(board: &Leaderboard) -> Vec<Titled> {
    board.tables.iter().map(titled).collect()
}

/// All tables as one, for programs: each row after the scores of its submission in the field that decides for it.
pub fn leaderboard_rows(board: &Leaderboard, ranked: &[Ranked]) -> Grid {
    let tables = || board.tables.iter();
    let rows = || tables().flat_map(|table| table.rows.iter().map(move |row| (table, row)));
    let scores = Grid {
        columns: SCORES.into_iter().chain([BY]).collect(),
        rows: rows().map(|(_, row)| scored(ranked, row)).collect(),
    };
    let details = rows().map(|(table, row)| {
        let subject = [&table.workload, &table.ruleset].map(Cell::plain);
        subject.into_iter().chain(cells(row, false)).collect()
    });
    let details = Grid {
        columns: SUBJECT.into_iter().chain(COLUMNS).collect(),
        rows: details.collect(),
    };
    scores.beside(details.without(&["submission"]))
}

/// A row's submission, its scores, and what these go by.
fn scored(ranked: &[Ranked], row: &Row) -> Vec<Cell> {
    let name = &row.result.submission;
    let found = deciding(ranked, row).and_then(|one| {
        let mut names = one.ranking.submissions.iter();
        Some((one, names.position(|other| other == name)?))
    });
    let Some((one, index)) = found else {
        let mut cells = vec![Cell::default(); SCORES.len() + 1];
        cells[0] = Cell::plain(name);
        return cells;
    };
    let cells = score_cells(&one.ranking, index).into_iter();
    cells.chain([Cell::plain(by(one.field.measure))]).collect()
}

fn by(measure: Measure) -> &'static str {
    match measure {
        Measure::Time => "time",
        Measure::Steps => "steps",
    }
}

/// The field that a row's submission is ranked in: by time where its machine's seconds are trusted, else by steps.
fn deciding<'a>(ranked: &'a [Ranked], row: &Row) -> Option<&'a Ranked> {
    let result = &row.result;
    let here = |one: &&Ranked| {
        let setting = one.field.setting.as_ref();
        one.field.ruleset == result.ruleset
            && one.field.decides()
            && setting.map_or(!result.pinned, |setting| *setting == result.setting)
    };
    ranked.iter().find(here)
}

/// Everything, for programs: the tables, and the fields they add up to.
///
/// # Errors
/// When a table has no JSON.
pub fn leaderboard_json(board: &Leaderboard, ranked: &[Ranked]) -> serde_json::Result<Value> {
    let field = |one: &Ranked| {
        let Ranked { field, ranking } = one;
        let all = 0..ranking.submissions.len();
        json!({
            "field": one.title(),
            "by": by(field.measure),
            "ruleset": field.ruleset,
            "setting": field.setting,
            "workloads": ranking.workloads,
            "reference": reference_json(ranking.frozen.as_ref()),
            "taus": ranking.taus,
            "submissions": all.map(|index| submission_json(ranking, index)).collect::<Vec<_>>(),
            "sensitivity": sensitivity_json(ranking),
        })
    };
    Ok(json!({
        "tables": serde_json::to_value(&board.tables)?,
        "rankings": ranked.iter().map(field).collect::<Vec<_>>(),
    }))
}

fn titled(table: &Table) -> Titled {
    let mut remarks = Vec::new();
    if table.settings().len() > 1 {
        remarks.push("times rank only within one machine, device and number of threads; steps rank across all".to_owned());
    }
    if table.rows.iter().any(|row| row.result.studies.len() < 3) {
        remarks.push("fewer than three studies say little about who is faster".to_owned());
    }
    let pinned = table.rows.iter().filter(|row| row.result.pinned).count();
    let mixed = pinned > 0 && pinned < table.rows.len();
    if !mixed {
        remarks.push(
            match pinned {
                0 => "unpinned: on none of these machines does harness.yaml trust the seconds",
                _ => "pinned: harness.yaml trusts the seconds of these machines",
            }
            .to_owned(),
        );
    }
    let grid = Grid {
        columns: COLUMNS.to_vec(),
        rows: table.rows.iter().map(|row| cells(row, mixed)).collect(),
    };
    Titled {
        title: format!(
            "{}, ruleset {} (medians over studies)",
            table.workload, table.ruleset
        ),
        grid: grid
            .without(&["pinned"])
            .without_empty(&["device-memory-bytes", "remarks"]),
        remarks,
    }
}

/// `mixed`: whether unpinned rows stand beside pinned ones, and so must be told apart.
fn cells(row: &Row, mixed: bool) -> Vec<Cell> {
    let result = &row.result;
    let studies = result.studies.len();
    let trials: u32 = result.studies.iter().map(|study| study.trials).sum();
    let rank = |rank: Option<u32>| Cell::optional(rank, |rank| rank.to_string());
    let remarks = remarks(result, mixed).join("; ");
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

fn remarks(result: &WorkloadResult, mixed: bool) -> Vec<String> {
    let (done, wanted) = (result.studies.len() as u32, result.studies_wanted);
    [
        (mixed && !result.pinned).then(|| "unpinned".to_owned()),
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
