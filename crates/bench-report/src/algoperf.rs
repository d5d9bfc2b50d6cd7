//! A competition scored from AlgoPerf's logs, as tables.

use crate::grid::{Cell, Column, Grid, Kind};
use crate::leaderboard::Titled;
use crate::scores::{SCORES, reference_json, score_cells, sensitivity_json, submission_json};
use crate::standing::{claims, frozen, moves, standing};
use crate::units;
use bench_core::number::Measured;
use bench_score::Ranking;
use bench_score::algoperf::{Board, Cell as Scored, Loss, Reach, Row, StudyResult, TrialResult};
use bench_score::statistics::Certainty;
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a person reads: scores with their certainty and what would turn their order, then the times behind them.
pub fn tables(board: &Board, ranking: &Ranking, certainty: Certainty) -> Vec<Titled> {
    let mut remarks: Vec<String> = ranking.frozen.iter().map(frozen).collect();
    if certainty.resamples > 0 {
        remarks.push(format!(
            "intervals: {} resamples of the studies within each workload, half a miss added to each, seed {}",
            certainty.resamples, certainty.seed
        ));
        remarks.push(
            "tie group: not told apart from the group's first by the stratified rank test, Holm-adjusted at 5 %".to_owned(),
        );
    }
    remarks.extend(claims(ranking));
    remarks.extend(moves(ranking));
    let scores = Titled {
        title: format!(
            "Scores: area below the performance profile over {} base workloads",
            board.base.len()
        ),
        grid: standing(ranking).beside(counts(board)),
        remarks,
    };
    vec![scores, times(board)]
}

/// Scores for programs, with each workload's time.
pub fn rows(board: &Board, ranking: &Ranking) -> Grid {
    let scores = Grid {
        columns: SCORES.to_vec(),
        rows: (0..board.rows.len())
            .map(|index| score_cells(ranking, index).into())
            .collect(),
    };
    let mut times = time_to_targets(board).without(&["submission"]);
    for column in &mut times.columns {
        column.key = format!("seconds/{}", column.key).into();
    }
    scores.beside(counts(board)).beside(times)
}

/// How many base workloads each submission gets credit for.
fn counts(board: &Board) -> Grid {
    let of = board.base.len();
    let row = |row: &Row| {
        let counted = counted(board, row);
        vec![Cell::new(format!("{counted} of {of}"), counted)]
    };
    Grid {
        columns: vec![Column::counts("workloads", "workloads-counted", 3)],
        rows: board.rows.iter().map(row).collect(),
    }
}

/// Base workloads that a submission gets credit for.
fn counted(board: &Board, row: &Row) -> usize {
    let cells = row.cells.iter().zip(&board.workloads);
    cells
        .filter(|(cell, workload)| cell.ratio.is_some() && board.base.contains(workload))
        .count()
}

/// Median times to target for people: a row for each workload, a column for each submission, and why a time does not count.
pub fn times(board: &Board) -> Titled {
    let (reached, differ) = board.picks();
    Titled {
        title: "Median times to target, and why one does not count".to_owned(),
        grid: times_grid(board),
        remarks: vec![format!(
            "the trial with the fewest evaluations counts, as in the official code; in {differ} of {reached} studies that reached their target another was faster"
        )],
    }
}

fn times_grid(board: &Board) -> Grid {
    let submission = |(index, row): (usize, &Row)| Column {
        priority: u8::try_from(index).unwrap_or(u8::MAX),
        ..named(&row.submission)
    };
    let columns = board.rows.iter().enumerate().map(submission);
    let rows = board
        .workloads
        .iter()
        .enumerate()
        .map(|(column, workload)| {
            let name = if board.base.contains(workload) {
                Cell::plain(workload)
            } else {
                Cell::new(format!("  {workload}"), workload)
            };
            let times = board.rows.iter().map(|row| time(&row.cells[column]));
            std::iter::once(name).chain(times).collect()
        });
    Grid {
        columns: std::iter::once(Column::words("workload", "workload", 0))
            .chain(columns)
            .collect(),
        rows: rows.collect(),
    }
}

/// Every trial that was logged, and which of them count.
pub fn logged_trials(board: &Board) -> Grid {
    let columns = vec![
        Column::words("submission", "submission", 0),
        Column::words("workload", "workload", 0),
        Column::words("study", "study", 0),
        Column::words("trial", "trial", 0),
        Column::words("outcome", "outcome", 0),
        Column::numbers("seconds to target", "seconds-to-target", 0),
        Column::numbers("steps to target", "steps-to-target", 0),
        Column::numbers("best validation", "best", 0),
        Column::counts("evaluations", "evaluations", 0),
        Column::words("log", "file", 0),
    ];
    let mut rows = Vec::new();
    for row in &board.rows {
        for (cell, workload) in row.cells.iter().zip(&board.workloads) {
            for study in &cell.studies {
                for (index, trial) in study.trials.iter().enumerate() {
                    let counts = study.counted == Some(index);
                    let start = [&row.submission, workload, &study.study].map(Cell::plain);
                    rows.push(start.into_iter().chain(logged(trial, counts)).collect());
                }
            }
        }
    }
    Grid { columns, rows }
}

fn logged(trial: &TrialResult, counts: bool) -> [Cell; 7] {
    let reach = trial.reached.as_ref();
    let number = |value: Option<f64>| {
        let finite = value.filter(|value| value.is_finite());
        Cell::optional(finite, units::significant)
    };
    let outcome = match (reach, counts) {
        (None, _) => "missed",
        (Some(_), true) => "reached, counts",
        (Some(_), false) => "reached",
    };
    let line = reach.map_or_else(String::new, |reach| format!(":{}", reach.evaluation.line));
    [
        Cell::plain(&trial.trial),
        Cell::plain(outcome),
        number(reach.map(|reach| reach.evaluation.seconds)),
        number(reach.map(|reach| reach.evaluation.step)),
        number(trial.best.map(|best| best.value)),
        Cell::plain(trial.evaluations),
        Cell::plain(format!("{}{line}", trial.file)),
    ]
}

/// The official table of scores.
pub fn official_scores(board: &Board) -> Grid {
    matrix(board, std::iter::once("score".to_owned()), |row| {
        vec![row.score]
    })
}

/// The official table of times to target: a row for each submission, infinity for a miss, nothing without a log.
pub fn time_to_targets(board: &Board) -> Grid {
    matrix(board, board.workloads.iter().cloned(), |row| {
        row.cells.iter().map(|cell| cell.time).collect()
    })
}

/// The official table of performance profiles: a row for each submission, a column for each ratio to the fastest.
pub fn profiles(board: &Board) -> Grid {
    // Python, whose table this is, writes whole numbers with a fraction.
    let name = |tau: &f64| format!("{tau:?}");
    matrix(board, board.taus.iter().map(name), |row| {
        row.profile.clone()
    })
}

fn matrix(
    board: &Board,
    names: impl Iterator<Item = String>,
    values: impl Fn(&Row) -> Vec<f64>,
) -> Grid {
    let subject = std::iter::once(Column::words("submission", "submission", 0));
    let rows = board.rows.iter().map(|row| {
        let values = values(row).into_iter().map(|value| {
            let raw = if value.is_nan() {
                String::new()
            } else {
                value.to_string()
            };
            Cell::new(units::significant(value), raw)
        });
        std::iter::once(Cell::plain(&row.submission))
            .chain(values)
            .collect()
    });
    Grid {
        columns: subject.chain(names.map(|name| named(&name))).collect(),
        rows: rows.collect(),
    }
}

fn named(name: &str) -> Column {
    Column {
        name: Cow::Owned(name.to_owned()),
        key: Cow::Owned(name.to_owned()),
        kind: Kind::Real,
        priority: 0,
        noted: false,
    }
}

fn time(cell: &Scored) -> Cell {
    let time = cell.time;
    match &cell.loss {
        Some(Loss::NoLog) => Cell::new("-", ""),
        Some(Loss::Missed) => Cell::new("missed", time),
        Some(loss) => Cell::new(format!("{}, {}", units::roughly(time), word(loss)), time),
        None => Cell::new(units::roughly(time), time),
    }
}

/// A loss in two words.
pub fn word(loss: &Loss) -> &'static str {
    match loss {
        Loss::NoLog => "no log",
        Loss::Missed => "missed",
        Loss::BaseMissed { .. } => "base missed",
        Loss::TooSlow { .. } => "too slow",
        Loss::VariantMissed { .. } => "variant missed",
    }
}

/// Everything, down to the line of the log that decided: infinity is `"inf"`, what is not there is null.
pub fn json(board: &Board, ranking: &Ranking) -> Value {
    let submission = |(index, row): (usize, &Row)| {
        let cells = row.cells.iter().zip(&board.workloads);
        let workloads: Value = cells
            .map(|(cell, name)| workload_json(cell, name))
            .collect();
        let mut submission = submission_json(ranking, index);
        submission.insert("workloads".to_owned(), workloads);
        Value::Object(submission)
    };
    let (reached, differ) = board.picks();
    json!({
        "base-workloads": board.base,
        "taus": board.taus,
        "reference": reference_json(ranking.frozen.as_ref()),
        "submissions": board.rows.iter().enumerate().map(submission).collect::<Vec<_>>(),
        "sensitivity": sensitivity_json(ranking),
        "studies-reached": reached,
        "studies-where-the-fastest-trial-is-another": differ,
        "findings": board.findings,
    })
}

fn workload_json(cell: &Scored, workload: &str) -> Value {
    let study = |study: &StudyResult| {
        json!({
            "study": study.study,
            "seconds": Measured(study.seconds()),
            "steps": Measured(study.steps()),
            "counted": study.counted.map(|trial| &study.trials[trial].trial),
            "trials": study.trials.iter().map(trial_json).collect::<Vec<_>>(),
        })
    };
    json!({
        "workload": workload,
        "seconds": (!cell.time.is_nan()).then_some(Measured(cell.time)),
        "ratio": cell.ratio,
        "lost": cell.loss.as_ref().map(word),
        "studies": cell.studies.iter().map(study).collect::<Vec<_>>(),
    })
}

fn trial_json(trial: &TrialResult) -> Value {
    let reached = |reach: &Reach| {
        json!({
            "line": reach.evaluation.line,
            "evaluations": reach.index + 1,
            "step": Measured(reach.evaluation.step),
            "seconds": Measured(reach.evaluation.seconds),
            "value": Measured(reach.evaluation.value),
        })
    };
    json!({
        "trial": trial.trial,
        "file": trial.file,
        "evaluations": trial.evaluations,
        "reached": trial.reached.as_ref().map(reached),
        "best": trial.best.map(|best| Measured(best.value)),
    })
}
