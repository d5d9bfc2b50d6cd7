//! Slurm by its commands: arrays of tasks, what is queued, and cancelling. Accounting is asked for nothing: not every cluster keeps it.

use super::plan::{Plan, PlanError, Submitted, bench_of, logs_of};
use bench_core::number::Span;
use bench_core::run::RunSpec;
use bench_core::spec::executor::{self, Resources};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Begins the name of every job, before the plan's name and the first entry's number.
const PREFIX: &str = "bench-";
/// Between the signal before a time limit and the limit, at most: the last evaluated snapshot is copied.
const NOTICE: Duration = Duration::from_secs(60);
/// And as a share of the limit: one part in so many.
const SHARE: u32 = 6;
/// Of a trial's own time limit beyond what its budget implies: start-up, evaluations and waiting for files.
const SLACK: Duration = Duration::from_secs(30 * 60);
/// Slurm's own default of MaxArraySize.
const ARRAY: usize = 1001;

/// Slurm did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// There is no such command.
    #[error("`{command}` cannot be run: {cause}")]
    Command {
        /// Of Slurm's.
        command: &'static str,
        /// Why.
        cause: io::Error,
    },
    /// It said no.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// Of Slurm's.
        command: &'static str,
        /// What it said.
        said: String,
    },
    /// The plan's folder failed.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A task as the queue shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The plan's name.
    pub plan: String,
    /// Which entry of the plan.
    pub entry: usize,
    /// The array's number.
    pub job: String,
    /// Its number in the array.
    pub task: usize,
    /// `PENDING`, `RUNNING` and so on.
    pub state: String,
    /// Where it runs.
    pub node: Option<String>,
    /// Why it waits.
    pub reason: String,
}

impl Job {
    /// Whether it has begun: its node is at it, or cleans up.
    pub fn runs(&self) -> bool {
        self.state != "PENDING"
    }
}

/// Entries that follow each other and ask for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The first.
    pub first: usize,
    /// How many.
    pub count: usize,
    resources: Resources,
}

/// A cluster, and how it is asked.
#[derive(Debug, Clone)]
pub struct Slurm {
    profile: executor::Slurm,
}

impl Slurm {
    /// With what harness.yaml says.
    pub fn new(profile: executor::Slurm) -> Slurm {
        Slurm { profile }
    }

    /// Trials in the queue at once.
    pub fn at_most(&self) -> usize {
        self.profile.at_most as usize
    }

    /// A plan's trials, cut into arrays of at most `most` tasks.
    pub fn chunks(&self, runs: &[&RunSpec], most: usize) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for (number, run) in runs.iter().enumerate() {
            let resources = self.asks(run);
            match chunks.last_mut() {
                Some(last) if last.count < most && last.resources == resources => last.count += 1,
                _ => chunks.push(Chunk {
                    first: number,
                    count: 1,
                    resources,
                }),
            }
        }
        chunks
    }

    /// What one trial asks for, with what its configuration implies.
    fn asks(&self, run: &RunSpec) -> Resources {
        let asked = self.profile.resources(&run.workload_name);
        let implied = Duration::from_secs_f64((1.5 * run.budget_seconds()).clamp(0.0, 1e9));
        Resources {
            time: asked.time.or(Some(Span(implied + SLACK))),
            cpus: asked.cpus.or(Some(run.threads)),
            ..asked
        }
    }

    /// The script of an array. It becomes `bench` itself, so that signals reach it.
    pub fn script(&self, plan: &Path, chunk: &Chunk) -> String {
        let Resources {
            partition,
            account,
            time,
            gpus,
            cpus,
            memory,
            extra,
        } = &chunk.resources;
        let notice = time.map_or(NOTICE, |time| NOTICE.min(time.0 / SHARE));
        let minutes = time.map(|time| time.0.as_secs().div_ceil(60).max(1));
        let option = |name: &str, value: Option<String>| {
            value.map(|value| format!("#SBATCH --{name}={value}"))
        };
        let given = [
            option("job-name", Some(job_name(plan, chunk.first))),
            option("array", Some(format!("0-{}", chunk.count - 1))),
            option(
                "output",
                Some(format!("\"{}\"", logs_of(plan).join("%A_%a.log").display())),
            ),
            option("open-mode", Some("append".to_owned())),
            Some("#SBATCH --requeue".to_owned()),
            option(
                "signal",
                Some(format!("B:TERM@{}", notice.as_secs().max(1))),
            ),
            option("partition", partition.clone()),
            option("account", account.clone()),
            option("time", minutes.map(|minutes| minutes.to_string())),
            option("gpus-per-node", gpus.map(|gpus| gpus.to_string())),
            option("cpus-per-task", cpus.map(|cpus| cpus.to_string())),
            option("mem", memory.clone()),
        ];
        let mut lines = vec!["#!/bin/bash".to_owned()];
        lines.extend(given.into_iter().flatten());
        lines.extend(extra.iter().map(|option| format!("#SBATCH {option}")));
        lines.extend(self.profile.setup.iter().cloned());
        lines.push(format!(
            "exec {} task {} $(({} + SLURM_ARRAY_TASK_ID))",
            quoted(&bench_of(plan)),
            quoted(plan),
            chunk.first
        ));
        lines.join("\n") + "\n"
    }

    /// Submits an array, and notes it in the plan.
    ///
    /// # Errors
    /// When Slurm does not take it.
    pub fn submit(&self, plan: &Plan, chunk: &Chunk) -> Result<Submitted, SlurmError> {
        let script = self.script(&plan.folder, chunk);
        let said = ask("sbatch", &["--parsable"], &script)?;
        // With several clusters their name follows.
        let job = said.trim().split(';').next().unwrap_or_default();
        let submitted = Submitted {
            job: job.to_owned(),
            first: chunk.first,
            count: chunk.count,
        };
        plan.note_submitted(&submitted)?;
        Ok(submitted)
    }

    /// The most tasks that an array may have here.
    ///
    /// # Errors
    /// When Slurm does not answer.
    pub fn array_size() -> Result<usize, SlurmError> {
        let config = ask("scontrol", &["show", "config"], "")?;
        let mut lines = config.lines().filter_map(|line| line.split_once('='));
        let line = lines.find(|(name, _)| name.trim() == "MaxArraySize");
        let size = line.and_then(|(_, value)| value.trim().parse().ok());
        // The largest number in an array is one less than this, and the smallest is 0.
        Ok(size.unwrap_or(ARRAY).max(1))
    }

    /// This user's tasks of plans, queued and running.
    ///
    /// # Errors
    /// When Slurm does not answer.
    pub fn queue() -> Result<Vec<Job>, SlurmError> {
        let format = "%j|%F|%K|%T|%N|%r";
        let said = ask("squeue", &["--me", "-h", "-r", "-o", format], "")?;
        Ok(said.lines().filter_map(job).collect())
    }

    /// Ends tasks: running ones keep their last snapshot.
    ///
    /// # Errors
    /// When Slurm does not do it.
    pub fn cancel(jobs: &[Job]) -> Result<(), SlurmError> {
        let mut arrays: Vec<&str> = jobs.iter().map(|job| job.job.as_str()).collect();
        arrays.dedup();
        match arrays.is_empty() {
            true => Ok(()),
            false => ask("scancel", &arrays, "").map(drop),
        }
    }
}

fn job_name(plan: &Path, first: usize) -> String {
    let id = plan.file_name().unwrap_or_default().to_string_lossy();
    format!("{PREFIX}{id}-{first}")
}

/// A line of squeue; none for jobs that are no plan's.
fn job(line: &str) -> Option<Job> {
    let fields: Vec<&str> = line.split('|').collect();
    let [name, array, task, state, node, reason] = fields[..] else {
        return None;
    };
    let (plan, first) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
    let task: usize = task.parse().ok()?;
    Some(Job {
        plan: plan.to_owned(),
        entry: first.parse::<usize>().ok()? + task,
        job: array.to_owned(),
        task,
        state: state.to_owned(),
        node: Some(node.to_owned()).filter(|node| !node.is_empty()),
        reason: reason.to_owned(),
    })
}

/// What a command says, given this on its standard input.
fn ask(command: &'static str, arguments: &[&str], input: &str) -> Result<String, SlurmError> {
    let failed = |cause| SlurmError::Command { command, cause };
    let mut child = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(SlurmError::Refused {
        command,
        said: said.trim().to_owned(),
    })
}

/// A path as a shell gives it back.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_read_and_others_jobs_are_none() {
        let line = "bench-20261201T153012-1a2b3c4d-1000|77|5|RUNNING|n1|None";
        let read = job(line).unwrap();
        assert_eq!(read.plan, "20261201T153012-1a2b3c4d");
        assert_eq!((read.entry, read.task, read.runs()), (1005, 5, true));
        assert_eq!(read.node.as_deref(), Some("n1"));
        let line = "bench-20261201T153012-1a2b3c4d-0|77|5|PENDING||Resources";
        let waits = job(line).unwrap();
        assert_eq!((waits.node, waits.reason.as_str()), (None, "Resources"));
        for other in ["train|7|N/A|RUNNING|n1|None", "bench-x|7|1|RUNNING|n1|", ""] {
            assert_eq!(job(other), None, "{other}");
        }
    }
}
