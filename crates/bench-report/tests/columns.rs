//! The columns that the READMEs document are those that are written.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bench_core::spec::harness::Scoring;
use bench_core::spec::submission::Tuning;
use bench_report::page::Embedded;
use bench_report::{Grid, algoperf, export, leaderboard_rows, scores};
use bench_score::Leaderboard;
use bench_score::algoperf::{Board, Logs, Rules, Targets};
use bench_score::statistics::Certainty;
use std::fs;
use std::path::Path;

/// A section of a README, from its heading to the next.
fn section(file: &str, heading: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(heading).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Columns by the file that the first column names; an empty one goes on with the file above.
fn documented() -> Vec<(String, Vec<String>)> {
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    let section = section("README.md", "## Columns of published tables");
    for row in section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
    {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            files.push((cells[1].to_owned(), Vec::new()));
        }
        let columns = quoted(cells[2]).map(str::to_owned);
        files.last_mut().unwrap().1.extend(columns);
    }
    files
}

/// Of all that is documented, a file's columns in order.
fn of(files: &[(String, Vec<String>)], wanted: &[&str]) -> Vec<String> {
    let own = |name: &&str| files.iter().find(|(file, _)| file == name).unwrap();
    wanted.iter().flat_map(|name| own(name).1.clone()).collect()
}

fn keys(grid: &Grid) -> Vec<String> {
    let columns = grid.columns.iter();
    columns.map(|column| column.key.to_string()).collect()
}

#[test]
fn published_tables_have_the_documented_columns() {
    let files = documented();
    let both = "`scores.csv`, `leaderboard.csv`";
    assert_eq!(keys(&scores(&[])), of(&files, &[both, "`scores.csv`"]));
    let own = leaderboard_rows(&Leaderboard::default(), &[]);
    assert_eq!(keys(&own), of(&files, &[both, "`leaderboard.csv`"]));
    let trials = Embedded::default().grid();
    assert_eq!(keys(&trials), of(&files, &["`trials.csv`"]));
}

#[test]
fn published_tables_of_logs_have_the_documented_columns() {
    let files = documented();
    let targets = r#"{"benchmark_version": "0.6", "base_workloads": ["<workload>"], "held_out_workloads": [],
        "workloads": {"<workload>": {"target_metric_name": "loss", "validation_target_value": 1}}}"#;
    let targets = Targets::parse(targets).unwrap();
    let rules = Rules::of(Scoring::AlgoperfV06, Tuning::SelfTuning);
    let logs = Logs::default();
    let board = Board::of(&logs, &targets, rules);
    let ranking = board.ranking(&logs, &targets, Certainty::default(), None);
    let rows = algoperf::rows(&board, &ranking);
    let wanted = [
        "`scores.csv`, `leaderboard.csv`",
        "`leaderboard.csv` of logs",
    ];
    assert_eq!(keys(&rows), of(&files, &wanted));
    let trials = algoperf::logged_trials(&board);
    assert_eq!(keys(&trials), of(&files, &["`trials.csv` of logs"]));
}

#[test]
fn exported_tables_have_the_documented_columns() {
    let section = section("../../results/README.md", "## Records in other programs");
    let tables = [
        export::trials(&[]),
        export::evaluations(&[]),
        export::intervals(&[]),
    ];
    for grid in tables {
        for key in keys(&grid) {
            assert!(quoted(&section).any(|name| name == key), "{key}");
        }
    }
}
