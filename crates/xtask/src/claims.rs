//! `cargo xtask claims [NAME…]`: what papers say, tried at this scale. Each claim is a folder under `results/claims/` with `claim.yaml`; the
//! command runs what it lists, and writes `result.md` and the table of all claims from the records alone.

mod cost;
mod evidence;
mod page;

use crate::shell;
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    /// What the arms are trained on.
    #[serde(default)]
    workload: Option<String>,
    /// Or the program of `tests/entrants/examples` that runs all of them.
    #[serde(default)]
    experiment: Option<String>,
    /// Seeds.
    studies: u32,
    measure: Measure,
    /// The arm that the claim is about, and the arm that it is compared with; without one, its value is looked at by itself.
    of: String,
    #[serde(default)]
    against: Option<String>,
    /// Further pairs that have to hold too.
    #[serde(default)]
    also: Vec<Pair>,
    #[serde(flatten)]
    bounds: Bounds,
    arms: BTreeMap<String, Arm>,
}

/// Two arms, of which the first is divided by the second.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Pair {
    of: String,
    against: String,
}

/// What `of` divided by `against`, or `of` by itself, has to be at every seed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Bounds {
    /// The claim.
    #[serde(default)]
    at_least: f64,
    at_most: f64,
    /// The opposite: below this at every seed, or above that at every seed.
    #[serde(default)]
    contradicted_below: f64,
    contradicted_above: f64,
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

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Measure {
    /// Numbers of optimizer state a parameter.
    StatePerParameter,
    /// The target's metric on the validation split at its best evaluation, over all trials.
    BestValidation,
    /// Steps until the target was met, the fewest of all trials.
    StepsToTarget,
    /// Submission time a step.
    SecondsPerStep,
    /// A number that the submission logs under this name: its mean over the second half of a trial.
    Logged(String),
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
            std::fs::read_to_string(folder(name).join("result.md")).ok(),
        ))
    });
    let pages: Vec<_> = pages.collect::<Result<_>>()?;
    write(
        &shell::root().join("results/claims/README.md"),
        &page::index(&pages),
    )
}

/// What an experiment printed: arm to seed to value, null where there is none.
const VALUES: &str = "values.json";

/// Of `cargo`, for an experiment.
fn experiment(name: &str) -> Vec<&str> {
    let mut words = vec!["run", "--quiet", "--locked", "--release"];
    words.extend(["-p", "bench-entrants", "--example", name]);
    words
}

/// Of a trial whose time does not matter.
const PATIENCE: &str = "1h";

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
    // By way of JSON values, which read a choice with settings as a map of one key.
    let claim: Claim = serde_yaml::from_str(&text)
        .map_err(anyhow::Error::from)
        .and_then(|value: serde_json::Value| Ok(serde_json::from_value(value)?))
        .with_context(|| format!("{} is no claim", path.display()))?;
    let also = claim.also.iter().flat_map(|pair| [&pair.of, &pair.against]);
    for arm in std::iter::once(&claim.of).chain(&claim.against).chain(also) {
        ensure!(
            claim.arms.contains_key(arm),
            "{}: there is no arm `{arm}`",
            path.display()
        );
    }
    ensure!(
        claim.workload.is_some() != claim.experiment.is_some(),
        "{}: a claim has either a workload or an experiment",
        path.display()
    );
    let bounds = claim.bounds;
    ensure!(
        bounds.at_most <= bounds.contradicted_above && bounds.contradicted_below <= bounds.at_least,
        "{}: what is claimed and its opposite overlap",
        path.display()
    );
    Ok(claim)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl Claim {
    /// Everything that is divided.
    fn pairs(&self) -> Vec<Pair> {
        let first = self.against.iter().map(|against| Pair {
            of: self.of.clone(),
            against: against.clone(),
        });
        first.chain(self.also.iter().cloned()).collect()
    }

    /// A submission that is not there.
    fn missing(&self, name: &str) -> Option<String> {
        let arms = self.arms.values().map(|arm| arm.path(name));
        arms.into_iter()
            .find(|path| !shell::root().join(path).join("submission.yaml").is_file())
            .map(|path| path.display().to_string())
    }

    fn run(&self, name: &str) -> Result<()> {
        if let Some(experiment) = &self.experiment {
            let values = shell::output(Command::new("cargo").args(self::experiment(experiment)))?;
            std::fs::create_dir_all(records(name))?;
            return write(&records(name).join(VALUES), &values);
        }
        for arguments in self.commands(name) {
            shell::run(shell::bench()?.args(arguments))?;
        }
        Ok(())
    }

    /// Of `bench`; none for an experiment. Arms of as many trials take turns in one command, so that a busy hour falls on all of them.
    fn commands(&self, name: &str) -> Vec<Vec<String>> {
        let Some(workload) = &self.workload else {
            return Vec::new();
        };
        let mut groups: BTreeMap<Option<u32>, Vec<String>> = BTreeMap::new();
        for arm in self.arms.values() {
            let path = arm.path(name).display().to_string();
            let group = groups.entry(arm.trials).or_default();
            // One that is looked at up to several steps is run once.
            if !group.contains(&path) {
                group.push(path);
            }
        }
        let groups = groups.into_iter();
        groups
            .map(|(trials, submissions)| self.arguments(name, workload, trials, submissions))
            .collect()
    }

    fn arguments(
        &self,
        name: &str,
        workload: &str,
        trials: Option<u32>,
        submissions: Vec<String>,
    ) -> Vec<String> {
        let mut words = vec!["run".to_owned()];
        words.extend(submissions);
        let ruleset = match trials {
            Some(_) => "external-tuning",
            None => "quick-start",
        };
        for (key, value) in [
            ("--workload", workload.to_owned()),
            ("--ruleset", ruleset.to_owned()),
            ("--studies", self.studies.to_string()),
            ("--trials", trials.unwrap_or(1).to_string()),
            ("--results", format!("target/claims/{name}")),
        ] {
            words.extend([key.to_owned(), value]);
        }
        if self.measure != Measure::StepsToTarget {
            words.push("--to-budget".to_owned());
        }
        // What is counted in steps must not depend on how busy the machine is.
        if self.measure != Measure::SecondsPerStep {
            words.extend(["--time-budget".to_owned(), PATIENCE.to_owned()]);
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_committed_claim_can_be_read() {
        let names = super::all().unwrap();
        assert!(names.len() > 5);
        for name in names {
            super::read(&name).unwrap();
        }
    }

    /// A bound or a setting that is changed in one place only would leave a verdict that nobody gave.
    #[test]
    fn every_page_is_of_its_claim() {
        for name in super::all().unwrap() {
            let claim = super::read(&name).unwrap();
            let page = super::folder(&name).join("result.md");
            let page = std::fs::read_to_string(page).unwrap();
            for part in [&claim.claim, &claim.setting, &super::page::rule(&claim)] {
                assert!(
                    page.contains(part.trim()),
                    "{name}: `{part}`; `cargo xtask claims --no-runs {name}`"
                );
            }
        }
    }
}
