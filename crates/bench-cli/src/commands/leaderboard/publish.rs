//! `bench leaderboard --publish`: a folder that can be put on any web server, the same bytes every time.

use super::algoperf::Competition;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use bench_harness::file::write_together;
use bench_harness::recorder::{ASKED_FILE, EVENTS_FILE, RUN_FILE};
use bench_harness::verify::DIGESTS;
use bench_report::page::{Embedded, Page, Trials, log_plots, record_plots};
use bench_report::{Grid, Ranked, algoperf, leaderboard, leaderboard_rows, scores, units};
use bench_score::{Leaderboard, Ranking, Trial};
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "index.html";

/// A file's name and bytes.
type Table = (&'static str, Vec<u8>);

/// What a page of our own is made from.
pub(super) struct Records<'a> {
    pub(super) runs: &'a Path,
    pub(super) folders: &'a [PathBuf],
    pub(super) trials: &'a [Trial],
    /// Fingerprints of machines that measure time well.
    pub(super) pinned: &'a [String],
}

/// Publishes our own records.
pub(super) fn records(
    records: &Records,
    board: &Leaderboard,
    ranked: &[Ranked],
    folder: &Path,
    screen: &Screen,
) -> Result<(), Failure> {
    let &Records {
        runs,
        folders,
        trials,
        pinned,
    } = records;
    let digits: Vec<String> = folders.iter().map(|folder| digits(folder)).collect();
    let pairs = digits.iter().map(String::as_str).zip(trials);
    let embedded = Embedded::of(pairs, pinned).map_err(Failure::bug)?;
    let titled = |one: &Ranked| (one.title(), one.ranking.clone());
    let rankings: Vec<(String, Ranking)> = ranked.iter().map(titled).collect();
    let tables = tables(
        &leaderboard_rows(board, ranked),
        &scores(&rankings),
        &embedded.grid(),
    )?;
    let unfinished = trials
        .iter()
        .filter(|trial| trial.summary.outcome.is_none());
    let page = Page {
        title: "Time to target".to_owned(),
        notes: vec![
            format!("{} of bench, each run again by the command in its row.", units::counted(trials.len() as u64, "trial")),
            "Times compare only within one machine, device and number of threads; steps compare across all, and where rows differ in examples a step, examples do in their place.".to_owned(),
        ],
        rankings,
        tables: leaderboard(board),
        plots: record_plots(trials),
        trials: Trials::Records(embedded),
        findings: match unfinished.count() {
            0 => Vec::new(),
            1 => vec!["1 trial is not finished".to_owned()],
            n => vec![format!("{n} trials are not finished")],
        },
    };
    let sources = folders
        .iter()
        .flat_map(|folder| [RUN_FILE, EVENTS_FILE, ASKED_FILE].map(|name| folder.join(name)));
    let page = page.html().map_err(Failure::bug)?;
    write(folder, &page, tables, runs, sources, screen)
}

/// Publishes a competition's score.
pub(super) fn competition(
    competition: &Competition,
    ranking: &Ranking,
    folder: &Path,
    screen: &Screen,
) -> Result<(), Failure> {
    let Competition {
        board,
        logs,
        targets,
        certainty,
        ruleset,
        ..
    } = competition;
    let trials = algoperf::logged_trials(board);
    let rows = algoperf::rows(board, ranking);
    let title = format!("AlgoPerf {}, {ruleset}", targets.version);
    let rankings = vec![(title.clone(), ranking.clone())];
    let tables = tables(&rows, &scores(&rankings), &trials)?;
    let page = Page {
        notes: vec![format!(
            "{} of {} on {}, scored by AlgoPerf's rules; intervals from {} resamples, seed {}.",
            units::counted(logs.logs.len() as u64, "log"),
            units::counted(board.rows.len() as u64, "submission"),
            units::counted(board.base.len() as u64, "base workload"),
            certainty.resamples,
            certainty.seed
        )],
        rankings,
        title,
        tables: vec![algoperf::times(board)],
        plots: log_plots(board, logs, targets),
        trials: Trials::Logs(trials),
        findings: board.findings.iter().map(ToString::to_string).collect(),
    };
    let sources = logs
        .logs
        .iter()
        .map(|log| competition.folder.join(&log.file));
    let page = page.html().map_err(Failure::bug)?;
    write(folder, &page, tables, &competition.folder, sources, screen)
}

/// The twelve digits in a record's folder.
fn digits(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.split('-').nth(2).unwrap_or(&name).to_owned()
}

/// All tables, for every program.
fn tables(leaderboard: &Grid, scores: &Grid, trials: &Grid) -> Result<[Table; 6], Failure> {
    let csv = |grid: &Grid| grid.csv().map(String::into_bytes).map_err(Failure::bug);
    Ok([
        ("leaderboard.csv", csv(leaderboard)?),
        ("leaderboard.parquet", leaderboard.parquet()),
        ("scores.csv", csv(scores)?),
        ("scores.parquet", scores.parquet()),
        ("trials.csv", csv(trials)?),
        ("trials.parquet", trials.parquet()),
    ])
}

/// Writes the files, and blake3 digests of them and of everything that they were made from.
fn write(
    folder: &Path,
    page: &str,
    tables: [Table; 6],
    root: &Path,
    sources: impl Iterator<Item = PathBuf>,
    screen: &Screen,
) -> Result<(), Failure> {
    let failed = |what: &str, path: &Path, error: std::io::Error| {
        let message = format!("cannot {what} {}: {error}", path.display());
        Failure::new(Exit::Results, message, None)
    };
    fs::create_dir_all(folder).map_err(|error| failed("make", folder, error))?;
    let mut digests = String::new();
    let mut files = Vec::new();
    for (name, bytes) in std::iter::once((PAGE, page.as_bytes().to_vec())).chain(tables) {
        digests.push_str(&format!("{}  {name}\n", blake3::hash(&bytes)));
        files.push((folder.join(name), bytes));
    }
    let mut sources: Vec<PathBuf> = sources.filter(|path| path.exists()).collect();
    sources.sort();
    for path in &sources {
        let bytes = fs::read(path).map_err(|error| failed("read", path, error))?;
        let name = path.strip_prefix(root).unwrap_or(path);
        digests.push_str(&format!(
            "{}  from {}\n",
            blake3::hash(&bytes),
            name.display()
        ));
    }
    files.push((folder.join(DIGESTS), digests.into_bytes()));
    write_together(&files)?;
    let page = folder.join(PAGE);
    screen.aside(&format!("published {}", page.display()));
    Ok(())
}
