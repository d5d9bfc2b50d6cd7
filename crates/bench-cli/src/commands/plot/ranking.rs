//! `bench plot profiles` and `bench plot pairs`: a whole field in one picture.

use crate::arguments::Results;
use crate::commands::leaderboard::algoperf::Source;
use crate::failure::Failure;
use crate::workspace::Workspace;
use bench_harness::store;
use bench_report::{Drawn, PictureError, amounts};
use bench_score::statistics::Certainty;
use bench_score::{Field, Leaderboard, Measure, Ranking, Trial};
use clap::Args;
use std::path::PathBuf;

/// Which field, and where its picture goes.
#[derive(Args)]
#[command(after_help = "Examples:
  bench plot profiles --output profiles.svg
  bench plot pairs --by steps --of external-tuning --output pairs.svg
  bench plot profiles --from algoperf logs/self_tuning --targets workload_targets.json --ruleset self-tuning --output profiles.svg")]
pub(super) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Where the picture goes; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// What is compared
    #[arg(long, value_enum, default_value = "time", conflicts_with = "from")]
    by: super::By,
    /// Of several rulesets or machines, the one whose title holds this
    #[arg(long, value_name = "TEXT", conflicts_with = "from")]
    of: Option<String>,
    #[command(flatten)]
    results: Results,
}

/// Draws the field that the arguments name.
pub(super) fn draw(
    arguments: &Arguments,
    picture: fn(&Ranking, &str) -> Result<Drawn, PictureError>,
) -> Result<String, Failure> {
    if arguments.source.from.is_some() {
        let competition = arguments.source.read()?;
        let (board, targets) = (&competition.board, &competition.targets);
        let ranking = board.ranking(&competition.logs, targets, competition.certainty, None);
        let title = format!("AlgoPerf {}, {}", targets.version, competition.ruleset);
        return Ok(picture(&ranking, &title)?.svg);
    }
    let workspace = Workspace::open()?;
    let runs = workspace.runs(arguments.results.folder.as_deref())?;
    let (stored, unreadable) = store::scan(&runs);
    // A picture has no room to say what is not in it.
    Failure::left_out(unreadable)?;
    let trials: Vec<Trial> = store::latest(stored)
        .into_iter()
        .map(|stored| stored.trial)
        .collect();
    let measure = match arguments.by {
        super::By::Time => Measure::Time,
        super::By::Steps => Measure::Steps,
    };
    let board = Leaderboard::of(&trials).under(&workspace.catalog);
    let mut fields = Field::of(&board, measure);
    let wanted = arguments.of.as_deref().unwrap_or_default();
    // The title of one may begin another's.
    let whole = fields.iter().any(|field| field.title == wanted);
    fields.retain(|field| match whole {
        true => field.title == wanted,
        false => field.title.contains(wanted),
    });
    match fields.as_slice() {
        [] => Err(PictureError::NoField.into()),
        [field] => {
            let title = format!("{}, {}", amounts(field), field.title);
            Ok(picture(&field.ranking(Certainty::default(), None), &title)?.svg)
        }
        many => {
            let titles: Vec<&str> = many.iter().map(|field| field.title.as_str()).collect();
            let help = format!("choose one with --of: {}", titles.join("; "));
            Err(Failure::usage(
                "there is more than one field of records",
                help,
            ))
        }
    }
}
