//! Leaderboards as tables.

use crate::aggregate::{Ranked, goes_by};
use crate::grid::{Cell, Column, Grid};
use crate::scores::{SCORES, reference_json, score_cells, sensitivity_json, submission_json};
use crate::units;
use bench_score::{Leaderboard, Measure, Row, StepSize, Table, WorkloadResult};
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

const COLUMNS: [Column; 19] = [
    Column::counts("rank", "rank", 0),
    Column::words("ranked by", "ranked-by", 0),
    Column::counts("by time", "time-rank", 0),
    Column::words("submission", "submission", 0),
    Column::numbers("time to target", "median-seconds", 0),
    Column::numbers("steps to target", "median-steps", 0),
    Column::counts("by steps", "step-rank", 1),
    Column::numbers("examples to target", "median-examples", 0),
    Column::counts("by examples", "example-rank", 1),
    Column::numbers("examples a step", "examples-per-step", 1),
    Column::counts("reached", "studies-reached", 0),
    Column::counts("studies", "studies", 6),
    Column::counts("trials", "trials", 3),
    Column::numbers("time a step", "seconds-per-step", 2),
    Column::counts("memory", "worker-memory-bytes", 4),
    Column::counts("device memory", "device-memory-bytes", 7),
    Column::words("machine", "machine", 5),
    Column::flags("pinned", "pinned", 8),
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
        rows: rows()
            .map(|(table, row)| scored(ranked, table, row))
            .collect(),
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
fn scored(ranked: &[Ranked], table: &Table, row: &Row) -> Vec<Cell> {
    let name = row.result.entry();
    let deciding = deciding(ranked, row).filter(|_| table.counts);
    let found = deciding.and_then(|one| {
        let mut names = one.ranking.submissions.iter();
        Some((one, names.position(|other| *other == name)?))
    });
    let Some((one, index)) = found else {
        let mut cells = vec![Cell::default(); SCORES.len() + 1];
        cells[0] = Cell::plain(&name);
        return cells;
    };
    let cells = score_cells(&one.ranking, index).into_iter();
    cells.chain([Cell::plain(goes_by(&one.field))]).collect()
}

fn by(measure: Measure) -> &'static str {
    match measure {
        Measure::Time => "time",
        Measure::Steps => "steps",
        Measure::Examples => "examples",
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
            "by": goes_by(field),
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
    let work = by(table.step_size.measure());
    remarks.push(match (pinned, mixed) {
        (0, _) => format!("ranked by {work}: on none of these machines does harness.yaml trust the seconds"),
        (_, true) => format!("ranked by time where harness.yaml trusts a machine's seconds (pinned), elsewhere by {work}"),
        (_, false) => "ranked by time: harness.yaml trusts the seconds of these machines (pinned)".to_owned(),
    });
    remarks.extend(step_size(table));
    if table.provisional {
        remarks.push(
            "the target is provisional: no calibration and no publication stands behind it"
                .to_owned(),
        );
    }
    let grid = Grid {
        columns: COLUMNS.to_vec(),
        rows: table.rows.iter().map(|row| cells(row, mixed)).collect(),
    };
    // What all rows have alike, and the rank says already.
    let hidden: &[&str] = match (pinned, mixed) {
        (0, _) if table.step_size == StepSize::Differs => {
            &["pinned", "ranked-by", "time-rank", "example-rank"]
        }
        (0, _) => &["pinned", "ranked-by", "time-rank", "step-rank"],
        (_, true) => &["pinned", "time-rank"],
        (_, false) => &["pinned", "ranked-by", "time-rank"],
    };
    Titled {
        title: title(table),
        grid: grid
            .without(hidden)
            .without(match table.step_size {
                StepSize::Alike => &["median-examples", "examples-per-step"],
                StepSize::Differs | StepSize::Uncounted => &[],
            })
            .without_empty(&["device-memory-bytes", "example-rank", "remarks"]),
        remarks,
    }
}

/// How many examples a step passes, and what follows where that is not the same in all rows; nothing where nobody counted.
fn step_size(table: &Table) -> Option<String> {
    let sizes = table.rows.iter();
    let sizes = sizes.filter_map(|row| row.result.examples_per_step);
    let least = sizes.clone().fold(f64::INFINITY, f64::min);
    let most = sizes.fold(0.0, f64::max);
    let [least_words, most_words] = [least, most].map(|n| units::count(n.round() as u64));
    match table.step_size {
        StepSize::Alike if most == 0.0 => None,
        StepSize::Alike => Some(format!(
            "a step passes {most_words} examples in every row, forward and backward"
        )),
        StepSize::Differs => Some(format!(
            "a step is not the same in all rows: it passes {least_words} to {most_words} examples, forward and backward; examples stand in the place of steps"
        )),
        StepSize::Uncounted => Some(
            "not every row counts the examples that a step passes: by steps, rows may not do the same work"
                .to_owned(),
        ),
    }
}

/// The workload and the rules, with what the checkout has otherwise.
fn title(table: &Table) -> String {
    let mut title = format!("{}, ruleset {}", table.workload, table.ruleset);
    if !table.changed.is_empty() {
        let changed = table.changed.iter().take(CHANGES).cloned();
        let more = table.changed.len().saturating_sub(CHANGES);
        let more = (more > 0).then(|| format!("and {more} more"));
        let changed: Vec<String> = changed.chain(more).collect();
        title.push_str(&format!(
            ", not as this checkout has the workload: {}",
            changed.join(", ")
        ));
    }
    if table.provisional {
        title.push_str(", provisional target");
    }
    title.push_str(" (medians over studies)");
    title
}

/// Changes that a title names.
const CHANGES: usize = 3;

/// `mixed`: whether unpinned rows stand beside pinned ones, and so must be told apart.
fn cells(row: &Row, mixed: bool) -> Vec<Cell> {
    let result = &row.result;
    let studies = result.studies.len();
    let rank = |rank: Option<u32>| Cell::optional(rank, |rank| rank.to_string());
    let count = |n: f64| units::count(n.round() as u64);
    let remarks = remarks(result, mixed).join("; ");
    vec![
        rank(row.rank()),
        Cell::plain(by(row.by)),
        rank(row.time_rank),
        Cell::plain(result.entry()),
        median(result, result.median_seconds, units::seconds),
        median(result, result.median_steps, count),
        rank(row.step_rank),
        match result.examples_per_step {
            None => Cell::optional(None, count),
            Some(_) => median(result, result.median_examples, count),
        },
        rank(row.example_rank),
        Cell::optional(result.examples_per_step, count),
        Cell::new(format!("{} of {studies}", result.reached), result.reached),
        Cell::plain(studies),
        Cell::plain(result.trials().0),
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

/// A median that is not there was missed, unless no study says anything yet.
fn median(result: &WorkloadResult, value: Option<f64>, text: fn(f64) -> String) -> Cell {
    let nothing = result.studies.is_empty();
    match value {
        None if !nothing => Cell::new("missed", ""),
        None if result.trials().0 == 0
            && result.unfinished == 0
            && !result.unobserved.is_empty() =>
        {
            Cell::new("no observation", "")
        }
        None if !result.open.is_empty() => Cell::new("unfinished", ""),
        value => Cell::optional(value, text),
    }
}

fn remarks(result: &WorkloadResult, mixed: bool) -> Vec<String> {
    let (done, wanted) = (
        (result.studies.len() + result.open.len()) as u32,
        result.studies_wanted,
    );
    let (trials, trials_wanted) = result.trials();
    [
        (mixed && !result.pinned).then(|| "unpinned".to_owned()),
        (done < wanted).then(|| format!("{done} of {wanted} studies")),
        (trials < trials_wanted).then(|| format!("{trials} of {trials_wanted} trials")),
        (result.unfinished > 0).then(|| format!("{} unfinished", result.unfinished)),
        (!result.unobserved.is_empty()).then(|| unobserved(result)),
        (result.timing_suspect > 0).then(|| format!("{} timing-suspect", result.timing_suspect)),
        (result.throttled > 0).then(|| format!("{} throttled", result.throttled)),
        (result.loosened > 0).then(|| format!("{} under looser limits", result.loosened)),
        (result.resumed > 0).then(|| format!("{} resumed", result.resumed)),
        (result.superseded > 0).then(|| format!("{} older left out", result.superseded)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `2 without observation (build, record)`: no fault of the algorithm's.
fn unobserved(result: &WorkloadResult) -> String {
    let mut kinds: Vec<&str> = result.unobserved.iter().map(|kind| kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    format!(
        "{} without observation ({})",
        result.unobserved.len(),
        kinds.join(", ")
    )
}
