//! A plan on the disk: `plan.json`, `entries.jsonl` with a line a trial, the programs, and `bench` itself.

use super::frozen::FrozenPrograms;
use crate::file;
use crate::program::Programs;
use crate::recorder::now;
use crate::session::{Ready, Session};
use bench_core::canonical;
use bench_core::record::Context;
use bench_core::run::{RunSpec, SplitName};
use bench_core::spec::harness::{Limits, Tolerances};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

/// Folder of plans, in that of the records.
const PLANS: &str = ".plans";
const PLAN_FILE: &str = "plan.json";
const ENTRIES_FILE: &str = "entries.jsonl";
const SUBMITTED_FILE: &str = "submitted.jsonl";
/// The copy of this program.
const BENCH: &str = "bench";
const FORMAT: u32 = 1;

/// A plan cannot be made, or read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file holds something else.
    #[error("{} is no plan of this bench: {cause}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: serde_json::Error,
    },
    /// Another bench wrote it.
    #[error("{} has format {found}, this bench reads {FORMAT}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// There is no such entry.
    #[error("{} has {entries} entries, from 0: there is no entry {number}", folder.display())]
    NoEntry {
        /// The plan.
        folder: PathBuf,
        /// What was asked for.
        number: usize,
        /// How many there are.
        entries: usize,
    },
    /// A program is started with something that is no text.
    #[error("{} cannot go into a plan: a path or variable of it is not UTF-8", path.display())]
    NotText {
        /// The program.
        path: PathBuf,
    },
}

/// One trial of a plan, whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Folder below the records.
    pub suite: String,
    /// Its configuration.
    pub run: RunSpec,
    pub(super) context: Context,
    pub(super) data: BTreeMap<SplitName, PathBuf>,
    pub(super) device_index: u32,
    /// Of the plan's programs.
    pub(super) programs: usize,
}

/// Where an entry's record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// Folder of its first attempt, below the records.
    pub folder: PathBuf,
    /// The attempt that the plan is for; later ones go on with it.
    pub attempt: u32,
}

/// `plan.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Head {
    pub(super) format: u32,
    pub(super) bench_version: String,
    pub(super) created: String,
    pub(super) command: String,
    pub(super) runs: PathBuf,
    pub(super) limits: Limits,
    pub(super) tolerances: Tolerances,
    pub(super) to_budget: bool,
    pub(super) rerun_failed: bool,
    pub(super) fresh: bool,
    pub(super) keep_weights: bool,
    pub(super) programs: Vec<FrozenPrograms>,
    pub(super) places: Vec<Place>,
}

/// A line of `submitted.jsonl`: an array that a batch system took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Submitted {
    /// Its number.
    pub job: String,
    /// Its first entry.
    pub first: usize,
    /// How many follow each other from there.
    pub count: usize,
}

/// A frozen plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it lies.
    pub folder: PathBuf,
    pub(super) head: Head,
}

impl Plan {
    /// Freezes trials whose programs are there, in this order. `command` is what was typed.
    ///
    /// # Errors
    /// When something cannot be written; then there is no plan.
    pub fn freeze(session: &Session, ready: &[Ready], command: String) -> Result<Plan, PlanError> {
        let runs = std::path::absolute(&session.runs).map_err(failed(&session.runs))?;
        let plans = runs.join(PLANS);
        fs::create_dir_all(&plans).map_err(failed(&plans))?;
        let created = now();
        let id = identity(&created, &command);
        let place = plans.join(&id);
        let new = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&plans)
            .map_err(failed(&plans))?;
        let mut programs: Vec<(&Programs, FrozenPrograms)> = Vec::new();
        let mut places = Vec::new();
        let mut lines = Vec::new();
        for ready in ready {
            let planned = &session.trials[ready.index];
            let known = programs.iter();
            let number = known.rev().position(|(other, _)| **other == ready.programs);
            let number = match number {
                Some(behind) => programs.len() - 1 - behind,
                None => {
                    let frozen = FrozenPrograms::of(&ready.programs, new.path(), &place)?;
                    programs.push((&ready.programs, frozen));
                    programs.len() - 1
                }
            };
            let entry = Entry {
                suite: planned.suite.clone(),
                run: planned.run.clone(),
                context: planned.context.clone(),
                data: planned.data.clone(),
                device_index: planned.device_index,
                programs: number,
            };
            serde_json::to_writer(&mut lines, &entry).map_err(|cause| content(&place, cause))?;
            lines.push(b'\n');
            let first = std::path::absolute(&ready.first).map_err(failed(&ready.first))?;
            places.push(Place {
                folder: first.strip_prefix(&runs).unwrap_or(&first).to_owned(),
                attempt: ready.attempt,
            });
        }
        let head = Head {
            format: FORMAT,
            bench_version: env!("CARGO_PKG_VERSION").to_owned(),
            created,
            command,
            runs,
            limits: session.limits,
            tolerances: session.tolerances,
            to_budget: session.options.to_budget,
            rerun_failed: session.options.rerun_failed,
            fresh: session.options.fresh,
            keep_weights: session.options.keep_weights,
            programs: programs.into_iter().map(|(_, frozen)| frozen).collect(),
            places,
        };
        write(new.path(), &head, &lines)?;
        fs::rename(new.path(), &place).map_err(failed(&place))?;
        let _ = new.keep();
        Ok(Plan {
            folder: place,
            head,
        })
    }

    /// Reads a plan's folder.
    ///
    /// # Errors
    /// When it is none, or another bench's.
    pub fn open(folder: &Path) -> Result<Plan, PlanError> {
        let folder = std::path::absolute(folder).map_err(failed(folder))?;
        let path = folder.join(PLAN_FILE);
        let text = fs::read(&path).map_err(failed(&path))?;
        let head: Head = serde_json::from_slice(&text).map_err(|cause| content(&path, cause))?;
        match head.format {
            FORMAT => Ok(Plan { folder, head }),
            found => Err(PlanError::Format { path, found }),
        }
    }

    /// All plans beside these records, oldest first; what cannot be read is left out, as what is half made.
    pub fn all(runs: &Path) -> Vec<Plan> {
        let entries = fs::read_dir(runs.join(PLANS)).into_iter().flatten();
        let is_whole = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
        let entries = entries.flatten().filter(is_whole);
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        folders.sort();
        let plans = folders.iter().filter_map(|folder| Plan::open(folder).ok());
        plans.collect()
    }

    /// Its name: when it was made, and some digits.
    pub fn id(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What was typed to make it.
    pub fn command(&self) -> &str {
        &self.head.command
    }

    /// How many trials it has.
    pub fn len(&self) -> usize {
        self.head.places.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.head.places.is_empty()
    }

    /// Where its entries' records are.
    pub fn places(&self) -> &[Place] {
        &self.head.places
    }

    /// The first attempt's folder of an entry.
    pub fn record(&self, place: &Place) -> PathBuf {
        self.head.runs.join(&place.folder)
    }

    /// All entries, whole.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, PlanError> {
        let path = self.folder.join(ENTRIES_FILE);
        let file = File::open(&path).map_err(failed(&path))?;
        let lines = BufReader::new(file).lines();
        let entry = |line: io::Result<String>| {
            let line = line.map_err(failed(&path))?;
            serde_json::from_str(&line).map_err(|cause| content(&path, cause))
        };
        lines.map(entry).collect()
    }

    pub(super) fn entry(&self, number: usize) -> Result<Entry, PlanError> {
        let path = self.folder.join(ENTRIES_FILE);
        let file = File::open(&path).map_err(failed(&path))?;
        let line = BufReader::new(file).lines().nth(number);
        let line = line.ok_or_else(|| PlanError::NoEntry {
            folder: self.folder.clone(),
            number,
            entries: self.len(),
        })?;
        serde_json::from_str(&line.map_err(failed(&path))?).map_err(|cause| content(&path, cause))
    }

    /// Notes what a batch system took.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_submitted(&self, submitted: &Submitted) -> Result<(), PlanError> {
        let path = self.folder.join(SUBMITTED_FILE);
        let note = || {
            let mut line = serde_json::to_vec(submitted)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(&line)
        };
        note().map_err(failed(&path))
    }

    /// What a batch system took so far.
    pub fn submitted(&self) -> Vec<Submitted> {
        let text = fs::read_to_string(self.folder.join(SUBMITTED_FILE)).unwrap_or_default();
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Removes it: nothing of it is queued or runs.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), PlanError> {
        fs::remove_dir_all(&self.folder).map_err(failed(&self.folder))
    }
}

/// The copy of `bench` that runs the tasks of the plan in a folder.
pub fn bench_of(plan: &Path) -> PathBuf {
    plan.join(BENCH)
}

/// Folder of what they print.
pub(super) fn logs_of(plan: &Path) -> PathBuf {
    plan.join("logs")
}

fn write(folder: &Path, head: &Head, lines: &[u8]) -> Result<(), PlanError> {
    let path = folder.join(PLAN_FILE);
    let text = serde_json::to_vec(head).map_err(|cause| content(&path, cause))?;
    file::write_whole(&path, &text).map_err(failed(&path))?;
    let path = folder.join(ENTRIES_FILE);
    file::write_whole(&path, lines).map_err(failed(&path))?;
    let logs = logs_of(folder);
    fs::create_dir(&logs).map_err(failed(&logs))?;
    // What is typed later builds another one over it.
    let own = std::env::current_exe().map_err(failed(Path::new("bench")))?;
    fs::copy(&own, bench_of(folder)).map_err(failed(&own))?;
    Ok(())
}

/// `20261201T153012-1a2b3c4d`.
fn identity(created: &str, command: &str) -> String {
    let seed = (created, command, std::process::id());
    let digits = canonical::hash("bench plan v1", &seed).unwrap_or_default();
    let time: String = created.chars().filter(|c| !"-:".contains(*c)).collect();
    let time = time.split('.').next().unwrap_or_default();
    format!(
        "{}-{}",
        time.trim_end_matches('Z'),
        digits.get(..8).unwrap_or_default()
    )
}

fn failed(path: &Path) -> impl Fn(io::Error) -> PlanError {
    let path = path.to_owned();
    move |cause| PlanError::Io {
        path: path.clone(),
        cause,
    }
}

fn content(path: &Path, cause: serde_json::Error) -> PlanError {
    PlanError::Content {
        path: path.to_owned(),
        cause,
    }
}
