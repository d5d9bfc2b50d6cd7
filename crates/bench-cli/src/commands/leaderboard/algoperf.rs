//! `bench leaderboard --from algoperf`: a competition scored from its own logs.

use super::{publish, titled};
use crate::arguments::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::workspace::Workspace;
use bench_core::spec::harness::Scoring;
use bench_core::spec::submission::Tuning;
use bench_harness::algoperf_logs::{self, LogsError};
use bench_harness::file::write_together;
use bench_report::algoperf::{json, official_scores, profiles, rows, tables, time_to_targets};
use bench_report::units;
use bench_score::algoperf::{Board, Finding, FrozenTimes, Rules, Targets, TargetsError};
use bench_score::statistics::Certainty;
use clap::{Args, ValueEnum};
use std::fs;
use std::path::{Path, PathBuf};

/// Logs of other programs, in place of our own records.
#[derive(Args)]
pub(in crate::commands) struct Source {
    /// Score a folder of another program's logs instead of our own records
    #[arg(long, value_enum, requires_all = ["logs", "targets", "tuning"])]
    pub(in crate::commands) from: Option<Program>,
    /// Folder of logs: <submission>/<study>/<workload>/trial_<n>/eval_measurements.csv
    #[arg(requires = "from")]
    logs: Option<PathBuf>,
    /// AlgoPerf's file of workload targets
    #[arg(long, value_name = "FILE", requires = "from")]
    targets: Option<PathBuf>,
    /// The competition's ruleset
    #[arg(
        long = "ruleset",
        value_enum,
        value_name = "RULESET",
        requires = "from"
    )]
    tuning: Option<Ruleset>,
    /// How times become scores, instead of as harness.yaml's `scoring`, or else the version in the targets, has it
    #[arg(long, value_enum, requires = "from")]
    scoring: Option<ScoringName>,
    /// Replicates of the bootstrap; 0 for scores without intervals
    #[arg(long, value_name = "N", default_value_t = Certainty::default().resamples, requires = "from")]
    resamples: usize,
    /// A frozen reference to score against as well, as `--freeze-reference` writes it; the competition's own score decides
    #[arg(long, value_name = "FILE", requires = "from")]
    reference: Option<PathBuf>,
    /// Seed of the bootstrap
    #[arg(long, value_name = "N", default_value_t = Certainty::default().seed, requires = "from")]
    seed: u64,
}

/// What is done with a competition.
#[derive(Args)]
pub(super) struct Logs {
    #[command(flatten)]
    pub(super) source: Source,
    /// Also write scores.csv, time_to_targets.csv and performance_profile_score.csv, as the official scorer does, and findings.txt
    #[arg(long, value_name = "DIR", requires = "from")]
    tables: Option<PathBuf>,
}

/// A competition, scored.
pub(in crate::commands) struct Competition {
    pub(in crate::commands) folder: PathBuf,
    pub(in crate::commands) logs: bench_score::algoperf::Logs,
    pub(in crate::commands) targets: Targets,
    pub(in crate::commands) certainty: Certainty,
    pub(in crate::commands) board: Board,
    /// As the command line has it.
    pub(in crate::commands) ruleset: &'static str,
    pub(in crate::commands) reference: Option<FrozenTimes>,
}

/// Programs whose logs are understood.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum Program {
    /// MLCommons' competition
    Algoperf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ruleset {
    ExternalTuning,
    SelfTuning,
}

#[derive(Clone, Copy, ValueEnum)]
enum ScoringName {
    /// Five studies, variants, as AlgoPerf 0.5
    #[value(name = "algoperf-v05")]
    AlgoperfV05,
    /// Three studies, as AlgoPerf 0.6
    #[value(name = "algoperf-v06")]
    AlgoperfV06,
}

impl Source {
    /// Reads the logs and scores them.
    ///
    /// # Errors
    /// When something is not said, or cannot be read.
    pub(in crate::commands) fn read(&self) -> Result<Competition, Failure> {
        let (Some(folder), Some(file), Some(ruleset)) = (&self.logs, &self.targets, self.tuning)
        else {
            let help =
                "bench leaderboard --from algoperf LOGS --targets FILE --ruleset self-tuning";
            return Err(Failure::usage(
                "logs, targets and ruleset are needed",
                help.to_owned(),
            ));
        };
        let targets = read_targets(file)?;
        let (tuning, ruleset) = match ruleset {
            Ruleset::ExternalTuning => (Tuning::ExternalTuning, "external-tuning"),
            Ruleset::SelfTuning => (Tuning::SelfTuning, "self-tuning"),
        };
        let scoring = match self.scoring {
            Some(ScoringName::AlgoperfV05) => Scoring::AlgoperfV05,
            Some(ScoringName::AlgoperfV06) => Scoring::AlgoperfV06,
            None => match configured() {
                Scoring::Frozen if targets.version == "0.5" => Scoring::AlgoperfV05,
                Scoring::Frozen => Scoring::AlgoperfV06,
                algoperf => algoperf,
            },
        };
        let logs = algoperf_logs::read(folder, tuning, &targets).map_err(logs_failure)?;
        Ok(Competition {
            board: Board::of(&logs, &targets, Rules::of(scoring, tuning)),
            certainty: Certainty {
                resamples: self.resamples,
                seed: self.seed,
                ..Certainty::default()
            },
            folder: folder.clone(),
            ruleset,
            reference: None,
            targets,
            logs,
        })
    }
}

/// Writes a submission's times as the reference of this competition.
pub(super) fn freeze(source: &Source, submission: &str, screen: &Screen) -> Result<Exit, Failure> {
    let Some(file) = &source.reference else {
        let help = "--reference FILE says where it goes".to_owned();
        return Err(Failure::usage("no file for the reference", help));
    };
    let Competition {
        board,
        targets,
        ruleset,
        ..
    } = source.read()?;
    let Some(mut reference) = FrozenTimes::of(&board, submission, &targets, ruleset) else {
        let names: Vec<&str> = board
            .rows
            .iter()
            .map(|row| row.submission.as_str())
            .collect();
        let message = format!("`{submission}` is no reference of these logs");
        let help = match names.contains(&submission) {
            true => "a target that it missed needs a budget in the file of targets".to_owned(),
            false => format!("they are of {}", names.join(", ")),
        };
        return Err(Failure::usage(message, help));
    };
    if file.exists() {
        let before = read_reference(file)?;
        reference.version = before.version;
        // The same logs are the same version: its scores compare.
        if before != reference {
            reference.version += 1;
        }
    }
    let text = serde_json::to_string_pretty(&reference).map_err(Failure::bug)?;
    write_together(&[(file.clone(), text + "\n")])?;
    screen.print(&format!(
        "version {} of the reference: {submission} on {}, in {}",
        reference.version,
        units::counted(reference.seconds.len() as u64, "workload"),
        file.display()
    ))?;
    Ok(Exit::Ok)
}

fn read_reference(file: &Path) -> Result<FrozenTimes, Failure> {
    let text = bench_harness::file::read_text(file).map_err(|error| {
        let message = format!("cannot read the reference {}: {error}", file.display());
        Failure::usage(message, None)
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("{} is no frozen reference: {error}", file.display());
        let help = "`--freeze-reference SUBMISSION --reference FILE` writes one".to_owned();
        Failure::usage(message, help)
    })
}

impl Competition {
    /// With the frozen reference that was named.
    fn against(mut self, source: &Source) -> Result<Competition, Failure> {
        self.reference = source
            .reference
            .as_deref()
            .map(read_reference)
            .transpose()?;
        Ok(self)
    }
}

pub(super) fn execute(
    arguments: &Logs,
    publish: Option<&Path>,
    complete: bool,
    format: Format,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let competition = arguments.source.read()?.against(&arguments.source)?;
    let Competition {
        board,
        logs,
        targets,
        certainty,
        reference,
        ..
    } = &competition;
    let ranking = board.ranking(logs, targets, *certainty, reference.as_ref());
    if let Some(folder) = publish {
        publish::competition(&competition, &ranking, folder, screen)?;
    }
    if let Some(folder) = &arguments.tables {
        write_tables(folder, board)?;
    }
    match format {
        Format::Json => screen.json(&json(board, &ranking))?,
        Format::Csv => screen.table(Format::Csv, &rows(board, &ranking))?,
        Format::Table | Format::Markdown => {
            let tables = tables(board, &ranking, *certainty);
            let mut text = titled(tables, format, screen.width())?;
            if !board.findings.is_empty() {
                text.push_str("\n\n");
                text.push_str(&findings(board));
            }
            screen.print(&text)?;
        }
    }
    if format == Format::Csv && !board.findings.is_empty() {
        screen.aside(&findings(board));
    }
    let gaps = board.gaps().count();
    if complete && gaps > 0 {
        let things = units::counted(gaps as u64, "thing");
        let message = format!("the logs lack {things} that the ruleset asks for");
        let help = "the findings name each; without --require-complete the rest is scored";
        return Err(Failure::new(Exit::Results, message, help.to_owned()));
    }
    Ok(Exit::Ok)
}

/// What harness.yaml says. Logs can be scored without a checkout too, and frozen scores are for our own records alone.
fn configured() -> Scoring {
    let workspace = Workspace::open().ok();
    let harness = workspace.and_then(|workspace| workspace.catalog.harness);
    harness.map_or_else(Scoring::default, |harness| harness.scoring)
}

fn read_targets(file: &Path) -> Result<Targets, Failure> {
    let text = bench_harness::file::read_text(file).map_err(|error| {
        let message = format!("cannot read the targets {}: {error}", file.display());
        Failure::usage(message, None)
    })?;
    Targets::parse(&text).map_err(|error: TargetsError| {
        let help = format!(
            "{} should be one of AlgoPerf's workload_targets*.json",
            file.display()
        );
        Failure::new(Exit::Usage, error, help)
    })
}

fn logs_failure(error: LogsError) -> Failure {
    let help = match &error {
        LogsError::OtherRuleset { .. } => {
            "name the ruleset whose logs these are with --ruleset".to_owned()
        }
        LogsError::List { .. } | LogsError::Empty { .. } => {
            "the layout is <submission>/<study>/<workload>/trial_<n>/eval_measurements.csv"
                .to_owned()
        }
    };
    Failure::new(Exit::Usage, error, help)
}

/// What was odd in the logs; many are cut short, since JSON and `--tables` have them all.
fn findings(board: &Board) -> String {
    const SHOWN: usize = 30;
    let all = &board.findings;
    let gaps = board.gaps().count();
    let mut lines = vec![format!(
        "{} in the logs, {gaps} of them about what is not there:",
        units::counted(all.len() as u64, "finding")
    )];
    lines.extend(all.iter().take(SHOWN).map(|finding| format!("  {finding}")));
    if all.len() > SHOWN {
        lines.push(format!(
            "  and {} more: --format json and --tables DIR have all",
            all.len() - SHOWN
        ));
    }
    lines.join("\n")
}

fn write_tables(folder: &Path, board: &Board) -> Result<(), Failure> {
    let findings: Vec<String> = board.findings.iter().map(Finding::to_string).collect();
    let csv = |grid| Format::Csv.draw(&grid, 0);
    let tables = [
        ("scores.csv", csv(official_scores(board))?),
        ("time_to_targets.csv", csv(time_to_targets(board))?),
        ("performance_profile_score.csv", csv(profiles(board))?),
        ("findings.txt", findings.join("\n") + "\n"),
    ];
    fs::create_dir_all(folder).map_err(|error| {
        let message = format!("cannot make {}: {error}", folder.display());
        Failure::new(Exit::Results, message, None)
    })?;
    let files = tables.map(|(name, text)| (folder.join(name), text));
    Ok(write_together(&files)?)
}
