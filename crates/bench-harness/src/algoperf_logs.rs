//! Reads AlgoPerf's folders of logs: `<submission>/<study>/<workload>/trial_<n>/eval_measurements.csv`, thousands of them.
//!
//! Each file is parsed as soon as it is read, into the three columns that a score needs, by as many threads as there are processors. Nothing in the logs is
//! an error: a file that cannot be read, or a name that is not understood, is a finding.

use bench_core::spec::submission::Tuning;
use bench_score::algoperf::{
    Finding, Log, Logs, Problem, Remark, Target, Targets, read_evaluations,
};
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const FILE: &str = "eval_measurements.csv";

/// Why a folder holds no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// It cannot be listed.
    #[error("cannot list the logs in {}: {cause}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It has logs, but none of this ruleset.
    #[error("{} has no folder `{wanted}`, only `{found}`", path.display())]
    OtherRuleset {
        /// The folder.
        path: PathBuf,
        /// Folder of the ruleset asked for.
        wanted: &'static str,
        /// The other ruleset's.
        found: &'static str,
    },
    /// No submission's folder in it.
    #[error("{} holds no submissions", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// Reads all logs of a ruleset. `folder` holds one folder for each submission, or one for each ruleset, or is a submission's own.
///
/// # Errors
/// When there is no submission in it.
pub fn read(folder: &Path, tuning: Tuning, targets: &Targets) -> Result<Logs, LogsError> {
    let mut logs = Logs::default();
    let mut tasks = Vec::new();
    for submission in submissions(folder, tuning, &mut logs.findings)? {
        let before = tasks.len();
        for study in submission.folders(&mut logs.findings) {
            for workload in study.folders(&mut logs.findings) {
                tasks.push(Task {
                    submission: submission.name.clone(),
                    study: study.name.clone(),
                    workload,
                });
            }
        }
        match tasks.len() > before {
            true => drop(logs.submissions.insert(submission.name)),
            false => logs
                .findings
                .push(Finding::of(submission.shown, Problem::NoSubmission)),
        }
    }
    if logs.submissions.is_empty() {
        return Err(LogsError::Empty {
            path: folder.to_owned(),
        });
    }
    for part in in_parallel(&tasks, targets) {
        logs.logs.extend(part.logs);
        logs.findings.extend(part.findings);
    }
    logs.logs.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(logs)
}

/// A folder, with its path relative to the logs for people.
struct Place {
    name: String,
    path: PathBuf,
    shown: String,
}

impl Place {
    fn of(entry: &DirEntry, parent: &str) -> Place {
        let name = entry.file_name().to_string_lossy().into_owned();
        let shown = if parent.is_empty() {
            name.clone()
        } else {
            format!("{parent}/{name}")
        };
        Place {
            path: entry.path(),
            name,
            shown,
        }
    }

    /// What is in it, by name; hidden entries are nobody's logs.
    fn entries(&self) -> io::Result<Vec<Place>> {
        let mut places = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let place = Place::of(&entry?, &self.shown);
            if !place.name.starts_with('.') {
                places.push(place);
            }
        }
        places.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(places)
    }

    /// The folders in it; anything else is a finding.
    fn folders(&self, findings: &mut Vec<Finding>) -> Vec<Place> {
        let entries = self.entries().unwrap_or_else(|cause| {
            findings.push(unreadable(&self.shown, &cause));
            Vec::new()
        });
        let (folders, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|place| place.path.is_dir());
        let unexpected = |place: Place| Finding::of(place.shown, Problem::Unexpected);
        findings.extend(others.into_iter().map(unexpected));
        folders
    }
}

fn unreadable(shown: &str, cause: &io::Error) -> Finding {
    let cause = cause.to_string();
    Finding::of(shown, Problem::Unreadable { cause })
}

fn submissions(
    folder: &Path,
    tuning: Tuning,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Place>, LogsError> {
    let (wanted, other) = match tuning {
        Tuning::SelfTuning => ("self_tuning", "external_tuning"),
        _ => ("external_tuning", "self_tuning"),
    };
    let below = folder.join(wanted);
    let path = if below.is_dir() {
        below
    } else if folder.join(other).is_dir() {
        return Err(LogsError::OtherRuleset {
            path: folder.to_owned(),
            wanted,
            found: other,
        });
    } else {
        folder.to_owned()
    };
    let listed = fs::read_dir(&path).map(drop);
    listed.map_err(|cause| LogsError::List {
        path: path.clone(),
        cause,
    })?;
    let mut root = Place {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        path,
        shown: String::new(),
    };
    let is_study = |place: &Place| place.name.starts_with("study_");
    let mut ignored = Vec::new();
    let folders = root.folders(&mut ignored);
    if folders.iter().any(is_study) {
        root.shown.clone_from(&root.name);
        return Ok(vec![root]);
    }
    findings.append(&mut ignored);
    Ok(folders)
}

/// One workload of one study.
struct Task {
    submission: String,
    study: String,
    workload: Place,
}

#[derive(Default)]
struct Part {
    logs: Vec<Log>,
    findings: Vec<Finding>,
}

fn in_parallel(tasks: &[Task], targets: &Targets) -> Vec<Part> {
    const MOST_THREADS: usize = 8;
    let threads = thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut part = Part::default();
        let mut buffer = Vec::new();
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            part.read(task, targets, &mut buffer);
        }
        part
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        let join = |other: thread::ScopedJoinHandle<Part>| {
            other.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        parts.extend(others.into_iter().map(join));
        parts
    })
}

impl Part {
    fn read(&mut self, task: &Task, targets: &Targets, buffer: &mut Vec<u8>) {
        let place = &task.workload;
        let Some((_, target)) = targets.scored_target(&place.name) else {
            let problem = not_scored(&place.name, targets);
            return self.findings.push(Finding::of(&place.shown, problem));
        };
        let trials = place.folders(&mut self.findings);
        for trial in trials {
            if is_trial(&trial.name) {
                self.read_trial(task, &trial, target, buffer);
            } else {
                self.findings
                    .push(Finding::of(trial.shown, Problem::Unexpected));
            }
        }
    }

    fn read_trial(&mut self, task: &Task, trial: &Place, target: &Target, buffer: &mut Vec<u8>) {
        let file = format!("{}/{FILE}", trial.shown);
        match read_file(&trial.path.join(FILE), buffer) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return self
                    .findings
                    .push(Finding::of(&trial.shown, Problem::NoFile));
            }
            Err(cause) => return self.findings.push(unreadable(&file, &cause)),
        }
        let (mut evaluations, remarks) = read_evaluations(buffer, &target.column());
        evaluations.shrink_to_fit();
        let found = |remark: Remark| remark.within(&file);
        self.findings.extend(remarks.into_iter().map(found));
        self.logs.push(Log {
            submission: task.submission.clone(),
            study: task.study.clone(),
            workload: task.workload.name.clone(),
            trial: trial.name.clone(),
            file,
            evaluations,
        });
    }
}

fn not_scored(folder: &str, targets: &Targets) -> Problem {
    let workload = bench_score::algoperf::reach::strip_framework(folder).to_owned();
    if targets.workloads.contains_key(&workload) {
        Problem::NotScored { workload }
    } else {
        Problem::UnknownWorkload { workload }
    }
}

/// AlgoPerf's own pattern: `trial_` and a digit, whatever follows.
fn is_trial(name: &str) -> bool {
    let number = name.strip_prefix("trial_");
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

/// Into a buffer that many files share: allocating for each costs more than reading it.
fn read_file(path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    File::open(path)?.read_to_end(buffer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: &str = r#"{"benchmark_version": "0.6", "base_workloads": ["w"], "held_out_workloads": [], "workloads": {
        "w": {"target_metric_name": "loss", "validation_target_value": 1}, "v": {"target_metric_name": "loss", "validation_target_value": 1}}}"#;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read_in(root: &Path, tuning: Tuning) -> Result<Logs, LogsError> {
        read(root, tuning, &Targets::parse(TARGETS).unwrap())
    }

    #[test]
    fn every_file_is_read_and_what_is_odd_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let log = "global_step,score,validation/loss\n1,2,0.5\n";
        write(root, "b/study_0/w_jax/trial_1/eval_measurements.csv", log);
        write(root, "b/study_0/w_jax/trial_2/notes.txt", "");
        write(root, "b/study_0/w_jax/plots/x.png", "");
        write(root, "b/study_0/v_jax/trial_1/eval_measurements.csv", log);
        write(root, "b/study_0/u_jax/trial_1/eval_measurements.csv", log);
        write(root, "b/notes.txt", "");
        write(
            root,
            "a/study_0/w_pytorch/trial_1/eval_measurements.csv",
            "",
        );
        fs::create_dir_all(root.join("empty/study_0")).unwrap();
        fs::create_dir_all(root.join("none")).unwrap();
        write(root, ".cache/study_0/w/trial_1/eval_measurements.csv", log);
        let logs = read_in(root, Tuning::ExternalTuning).unwrap();
        assert_eq!(logs.submissions.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(logs.logs.len(), 2);
        assert_eq!(logs.logs[1].evaluations[0].value, 0.5);
        let mut found: Vec<String> = logs
            .findings
            .iter()
            .map(|finding| format!("{} {:?}", finding.file, finding.problem))
            .collect();
        found.sort();
        let expected = [
            "a/study_0/w_pytorch/trial_1/eval_measurements.csv Empty",
            "b/notes.txt Unexpected",
            "b/study_0/u_jax UnknownWorkload { workload: \"u\" }",
            "b/study_0/v_jax NotScored { workload: \"v\" }",
            "b/study_0/w_jax/plots Unexpected",
            "b/study_0/w_jax/trial_2 NoFile",
            "empty NoSubmission",
            "none NoSubmission",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_folder_may_lie_above_or_below() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let log = "global_step,score,validation/loss\n1,2,0.5\n";
        write(
            root,
            "self_tuning/s/study_0/w/trial_1/eval_measurements.csv",
            log,
        );
        for path in [
            root.to_owned(),
            root.join("self_tuning"),
            root.join("self_tuning/s"),
        ] {
            let logs = read_in(&path, Tuning::SelfTuning).unwrap();
            assert_eq!(
                logs.logs[0].file,
                "s/study_0/w/trial_1/eval_measurements.csv"
            );
            assert_eq!(logs.findings, []);
        }
        let error = read_in(root, Tuning::ExternalTuning).unwrap_err();
        assert!(matches!(error, LogsError::OtherRuleset { .. }));
    }

    #[test]
    fn a_folder_without_logs_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_in(folder.path(), Tuning::ExternalTuning).unwrap_err();
        assert!(matches!(error, LogsError::Empty { .. }));
        let error = read_in(&folder.path().join("no"), Tuning::ExternalTuning).unwrap_err();
        assert!(matches!(error, LogsError::List { .. }));
    }
}
