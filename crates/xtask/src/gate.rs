//! `cargo xtask gate`: real comparisons of a submission with itself. Every verdict but "equivalent" and "inconclusive" is a false alarm.

use crate::shell;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is compared with itself, and how often.
#[derive(Args)]
pub struct Options {
    /// The submission.
    #[arg(long, default_value = "adamw")]
    submission: String,
    /// The workload.
    #[arg(long, default_value = "fashion-mnist-mlp")]
    workload: String,
    /// Comparisons.
    #[arg(long, default_value_t = 20)]
    comparisons: u64,
    /// The first comparison's number: an interrupted series goes on with the same records anyway.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Studies a side in each.
    #[arg(long, default_value_t = 3)]
    studies: u32,
}

/// What a comparison's JSON says, as far as it is told here.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Answer {
    verdict: String,
    headline: String,
    ratio: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
}

/// Compares, and counts.
pub fn run(options: &Options) -> Result<()> {
    let mut verdicts: BTreeMap<String, u32> = BTreeMap::new();
    let mut covered = 0;
    let all = options.first..options.first + options.comparisons;
    for number in all.clone() {
        let answer = compare(options, number)?;
        let (lower, upper) = (
            answer.lower.unwrap_or(0.0),
            answer.upper.unwrap_or(f64::INFINITY),
        );
        covered += u32::from(lower <= 1.0 && 1.0 <= upper);
        let ratio = answer
            .ratio
            .map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        println!(
            "{number:>3}  {ratio}  {:<15}  {}",
            answer.verdict, answer.headline
        );
        *verdicts.entry(answer.verdict).or_default() += 1;
    }
    let counts: Vec<String> = verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    println!(
        "{} comparisons of {} with itself on {}, n = {}: {}; the interval held 1 in {covered} of {}",
        options.comparisons,
        options.submission,
        options.workload,
        options.studies,
        counts.join(", "),
        all.count()
    );
    Ok(())
}

/// Comparison k has the seeds 2k and 2k + 1, which no other has.
fn compare(options: &Options, number: u64) -> Result<Answer> {
    let mut bench = shell::bench()?;
    bench.args([
        "compare",
        &options.submission,
        &options.submission,
        "--json",
        "--quiet",
    ]);
    bench.args(["--workload", &options.workload]);
    bench.args(["--studies", &options.studies.to_string()]);
    bench.args(["--seed", &(2 * number).to_string()]);
    bench.args(["--candidate-seed", &(2 * number + 1).to_string()]);
    let output = bench.output().context("cannot start bench")?;
    let answer = serde_json::from_slice(&output.stdout);
    match answer {
        Ok(answer) => Ok(answer),
        Err(_) => bail!(
            "comparison {number}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}
