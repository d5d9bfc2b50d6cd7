//! `cargo xtask claims [NAME…]`: what papers say, tried at this scale. Each claim is a folder under `results/claims/` with `claim.yaml`; the
//! command runs what it lists, and writes `result.md` and the table of all claims from the records alone.

mod evidence;
mod page;

use crate::shell;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which claims, and what to do with them.
#[derive(Args)]
pub struct Options {
    /// Claims by folder name; all when none is given.
    names: Vec<String>,
    /// Only write the pages again from records that are there.
    #[arg(long)]
    no_runs: bool,
}

/// `claim.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Claim {
    /// What is claimed, in a sentence that can be wrong.
    claim: String,
    /// Where.
    paper: String,
    /// What is different here, and what the comparison is.
    setting: String,
    workload: String,
    /// Seeds.
    studies: u32,
    measure: Measure,
    /// Arm that is claimed to be better, and arm that it is better than.
    of: String,
    against: String,
    /// The claim: `of` divided by `against` is at most this, at every seed.
    at_most: f64,
    /// The opposite: the ratio is above this at every seed.
    contradicted_above: f64,
    arms: BTreeMap<String, Arm>,
}

/// What is run for one side.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Arm {
    /// A name, or a folder relative to the claim's.
    submission: String,
    /// Points of its search space; without, one trial of its defaults.
    #[serde(default)]
    trials: Option<u32>,
    /// Evaluations after this step do not count.
    #[serde(default)]
    until_step: Option<u64>,
}

/// What is compared: smaller is better in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Measure {
    /// Numbers of optimizer state a parameter.
    StatePerParameter,
    /// The target's metric on the validation split at its best evaluation, over all trials.
    BestValidation,
    /// Steps until the target was met, of the first trial that met it.
    StepsToTarget,
    /// Submission time a step.
    SecondsPerStep,
}

/// Runs claims and writes what came of them.
pub fn run(options: &Options) -> Result<()> {
    let all = all()?;
    let chosen: Vec<&String> = match options.names.is_empty() {
        true => all.iter().collect(),
        false => options.names.iter().collect(),
    };
    for name in chosen {
        ensure!(
            all.contains(name),
            "there is no claim `{name}`; there is {}",
            all.join(", ")
        );
        let claim = read(name)?;
        if let Some(missing) = claim.missing(name) {
            eprintln!("SKIPPED: {name} needs the submission {missing}, which is not there");
            continue;
        }
        if !options.no_runs {
            shell::step(name, || claim.run(name))?;
        }
        if records(name).is_dir() {
            let evidence = claim.evidence(name)?;
            write(
                &folder(name).join("result.md"),
                &page::result(name, &claim, &evidence),
            )?;
            println!("{name}: {}", evidence.verdict.words());
        }
    }
    let pages = all.iter().map(|name| {
        Ok((
            name.clone(),
            read(name)?.claim,
            page::verdict_of(&folder(name)),
        ))
    });
    let pages: Vec<_> = pages.collect::<Result<_>>()?;
    write(
        &shell::root().join("results/claims/README.md"),
        &page::index(&pages),
    )
}

fn folder(name: &str) -> PathBuf {
    shell::root().join("results/claims").join(name)
}

/// Beside builds, where no table of `bench` looks.
fn records(name: &str) -> PathBuf {
    shell::root().join("target/claims").join(name)
}

fn all() -> Result<Vec<String>> {
    let claims = shell::root().join("results/claims");
    let entries =
        std::fs::read_dir(&claims).with_context(|| format!("cannot read {}", claims.display()))?;
    let folders = entries
        .flatten()
        .filter(|entry| entry.path().join("claim.yaml").is_file());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn read(name: &str) -> Result<Claim> {
    let path = folder(name).join("claim.yaml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let claim: Claim =
        serde_yaml::from_str(&text).with_context(|| format!("{} is no claim", path.display()))?;
    for arm in [&claim.of, &claim.against] {
        ensure!(
            claim.arms.contains_key(arm),
            "{}: there is no arm `{arm}`",
            path.display()
        );
    }
    if claim.at_most >= claim.contradicted_above {
        bail!(
            "{}: at-most is not below contradicted-above",
            path.display()
        );
    }
    Ok(claim)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl Claim {
    /// A submission that is not there.
    fn missing(&self, name: &str) -> Option<String> {
        let arms = self.arms.values().map(|arm| arm.path(name));
        arms.into_iter()
            .find(|path| !shell::root().join(path).join("submission.yaml").is_file())
            .map(|path| path.display().to_string())
    }

    fn run(&self, name: &str) -> Result<()> {
        for arm in self.arms.values() {
            shell::run(shell::bench()?.args(self.arguments(name, arm)))?;
        }
        Ok(())
    }

    /// Of `bench`, for one arm.
    fn arguments(&self, name: &str, arm: &Arm) -> Vec<String> {
        let mut words = vec!["run".to_owned(), arm.path(name).display().to_string()];
        let ruleset = if arm.trials.is_some() {
            "external-tuning"
        } else {
            "quick-start"
        };
        for (key, value) in [
            ("--workload", self.workload.clone()),
            ("--ruleset", ruleset.to_owned()),
            ("--studies", self.studies.to_string()),
            ("--trials", arm.trials.unwrap_or(1).to_string()),
            ("--results", format!("target/claims/{name}")),
        ] {
            words.extend([key.to_owned(), value]);
        }
        if self.measure != Measure::StepsToTarget {
            words.push("--to-budget".to_owned());
        }
        words
    }
}

impl Arm {
    /// The submission's folder, from the root of the checkout.
    fn path(&self, claim: &str) -> PathBuf {
        match self.submission.strip_prefix("./") {
            Some(own) => Path::new("results/claims").join(claim).join(own),
            None => Path::new("submissions").join(&self.submission),
        }
    }
}
