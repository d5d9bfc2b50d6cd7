//! Logs and records in any number, the same every time.

use crate::shell;
use anyhow::{Context, Result};
use bench_core::record::{Line, RunRecord, TrialEvent};
use bench_core::run::Seed;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Generated logs of AlgoPerf's layout.
pub struct Logs {
    pub folder: PathBuf,
    pub targets: PathBuf,
}

const SUBMISSIONS: usize = 20;
const STUDIES: usize = 5;
const TRIALS: usize = 5;
/// Name, metric, target and seconds to it of a middling submission.
const WORKLOADS: [(&str, &str, f64, f64); 8] = [
    ("criteo1tb", "loss", 0.123735, 5_000.0),
    ("fastmri", "ssim", 0.723653, 3_000.0),
    ("imagenet_resnet", "error_rate", 0.22569, 50_000.0),
    ("imagenet_vit", "error_rate", 0.22691, 55_000.0),
    ("librispeech_conformer", "wer", 0.085884, 45_000.0),
    ("librispeech_deepspeech", "wer", 0.119936, 35_000.0),
    ("ogbg", "mean_average_precision", 0.28098, 9_000.0),
    ("wmt", "bleu", 30.8491, 30_000.0),
];
/// Evaluations in a log, so that 4,000 of them are about 75 MB.
const EVALUATIONS: usize = 105;
/// Changes with whatever this file writes: then it is written anew.
const VERSION: &str = "3";

/// 20 submissions, 5 studies of 5 trials on 8 workloads: 4,000 files of about 75 MB.
pub fn logs(folder: &Path) -> Result<Logs> {
    let logs = Logs {
        folder: folder.join("logs"),
        targets: folder.join("targets.json"),
    };
    made_once(folder, || {
        fs::create_dir_all(&logs.folder)?;
        fs::write(&logs.targets, targets()?)?;
        let mut random = Random(1);
        for submission in 0..SUBMISSIONS {
            let speed = 0.7 + 0.6 * random.unit();
            for study in 0..STUDIES {
                for (workload, metric, target, seconds) in WORKLOADS {
                    for trial in 1..=TRIALS {
                        let place = format!(
                            "submission_{submission:02}/study_{study}/{workload}_jax/trial_{trial}"
                        );
                        let place = logs.folder.join(place);
                        fs::create_dir_all(&place)?;
                        let seconds = seconds * speed * (0.8 + 0.6 * random.unit());
                        let text = log(metric, target, seconds, &mut random);
                        fs::write(place.join("eval_measurements.csv"), text)?;
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(logs)
}

fn targets() -> Result<String> {
    let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.0).collect();
    let target = |(name, metric, value, _): &(&str, &str, f64, f64)| {
        let target =
            serde_json::json!({ "target_metric_name": metric, "validation_target_value": value });
        ((*name).to_owned(), target)
    };
    let workloads: serde_json::Map<_, _> = WORKLOADS.iter().map(target).collect();
    let file = serde_json::json!({
        "benchmark_version": "0.5", "base_workloads": names, "held_out_workloads": [], "workloads": workloads,
    });
    Ok(serde_json::to_string_pretty(&file)?)
}

/// A log that reaches its target after about that many seconds, in the official columns.
fn log(metric: &str, target: f64, seconds: f64, random: &mut Random) -> String {
    let falls = !["ssim", "mean_average_precision", "bleu"].contains(&metric);
    let mut text = format!(
        "accumulated_eval_time,accumulated_logging_time,accumulated_submission_time,global_step,preemption_count,score,\
         test/{metric},test/num_examples,total_duration,train/{metric},validation/{metric},validation/num_examples\n"
    );
    for evaluation in 1..=EVALUATIONS {
        let done = evaluation as f64 / EVALUATIONS as f64 * 1.15;
        let noise = 0.004 * (random.unit() - 0.5);
        let value = match falls {
            true => target * (3.0 - 2.0 * done.min(1.4).sqrt() + noise),
            false => target * (done.min(1.4).sqrt() + noise),
        };
        let score = seconds * done + random.unit();
        let (test, train) = (value * 1.02, value * 0.97);
        let _ = writeln!(
            text,
            "{:?},{:?},{score:?},{},0,{score:?},{test:?},95000000,{:?},{train:?},{value:?},83274637",
            score * 0.21,
            score * 0.013,
            evaluation * 1_200,
            score * 1.3,
        );
    }
    text
}

/// So many records of our own: ten submissions, four workloads, ten studies, and trials to fill them.
pub fn records(folder: &Path, count: usize) -> Result<PathBuf> {
    made_once(folder, || {
        let template = shell::root().join(
            "crates/bench-cli/tests/fixtures/runs/single/adamw/blobs/study-1/trial-1-ec7ace9a944d",
        );
        let record: RunRecord =
            serde_json::from_str(&fs::read_to_string(template.join("run.json"))?)?;
        let events = fs::read_to_string(template.join("events.jsonl"))?;
        let lines: Vec<Line> = events
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        let mut random = Random(2);
        for index in 0..count {
            let (submission, workload, study) = (index % 10, index / 10 % 4, index / 40 % 10);
            let mut record = record.clone();
            let run = &mut record.run;
            run.submission.name = format!("submission-{submission}");
            run.workload_name = format!("workload-{workload}");
            run.seed = Seed::new(
                run.seed.purpose,
                0,
                study as u32 + 1,
                (index / 400) as u32 + 1,
            );
            let identity = record.run.identity()?;
            record.comparability_key = identity.comparability_key;
            record.config_hash = identity.config_hash;
            let speed = (1.0 + 0.1 * submission as f64) * (0.9 + 0.2 * random.unit());
            let events = slowed(&lines, speed)?;
            record.events_digest = Some(blake3::hash(events.as_bytes()).to_string());
            let place = folder
                .join("single")
                .join(&record.run.submission.name)
                .join(&record.run.workload_name)
                .join(format!("study-{}", study + 1))
                .join(format!("trial-{}-{index:012x}", record.run.seed.trial));
            fs::create_dir_all(&place)?;
            fs::write(
                place.join("run.json"),
                serde_json::to_string_pretty(&record)?,
            )?;
            fs::write(place.join("events.jsonl"), events)?;
        }
        Ok(())
    })?;
    Ok(folder.to_owned())
}

/// The same trial with other steps and times, which add up as the first ones did.
fn slowed(lines: &[Line], by: f64) -> Result<String> {
    let scaled = |value: u64| (value as f64 * by) as u64;
    let mut text = String::new();
    let mut sum = 0;
    for line in lines {
        let mut line = line.clone();
        match &mut line.event {
            TrialEvent::Trained {
                step,
                interval_ns,
                submission_ns,
                ..
            } => {
                *step = scaled(*step);
                *interval_ns = scaled(*interval_ns);
                sum += *interval_ns;
                *submission_ns = sum;
            }
            TrialEvent::Evaluated {
                step,
                submission_ns,
                ..
            } => {
                *step = scaled(*step);
                *submission_ns = sum;
            }
            _ => {}
        }
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// Runs a generator into a new folder, unless this version of it did before.
fn made_once(folder: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.with_extension("version");
    if fs::read_to_string(&stamp).is_ok_and(|version| version == VERSION) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    eprintln!("generating {}", folder.display());
    fs::create_dir_all(folder)?;
    make().with_context(|| format!("cannot generate {}", folder.display()))?;
    fs::write(&stamp, VERSION)?;
    Ok(())
}

/// SplitMix64 (Steele, Lea and Flood 2014): a stream that no library's next version changes.
struct Random(u64);

impl Random {
    /// From 0 up to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
