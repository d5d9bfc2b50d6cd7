//! A snapshot: what the evaluator scores, and what an interrupted trial goes on from.

use crate::algorithm::TrainingAlgorithm;
use crate::state::Contents;
use crate::training::Training;
use anyhow::{Context, Result, ensure};
use bench_core::protocol::{EVAL_FILE, Evaluation, STATE_FILE};
use bench_core::run::Resume;
use bench_torch::snapshot::{self, Metadata, Snapshot};
use std::path::Path;
use tch::Tensor;

/// Keys of the trial's own values; an algorithm's stand under `algorithm/`.
const STEP: &str = "step";
const EVALUATIONS: &str = "evaluations";
const ALGORITHM: &str = "algorithm/";

/// Writes both files over those of an earlier snapshot in the folder; gives their size together.
///
/// An algorithm's evaluation weights are in place when this is called, and its training weights, where they differ, are in its state.
pub(crate) fn write<A: TrainingAlgorithm>(
    folder: &Path,
    training: &mut Training,
    algorithm: &mut A,
) -> Result<u64> {
    let eval = snapshot::save(&folder.join(EVAL_FILE), &training.named(), &Metadata::new())?;
    let contents = training.off_clock("`state`", |training| {
        Contents::save(&mut |state| {
            algorithm.state(state)?;
            training.state(state)
        })
    })?;
    let tensors: Vec<(&str, &Tensor)> = contents
        .tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    let mut metadata: Metadata = contents
        .values
        .iter()
        .map(|(name, value)| (format!("{ALGORITHM}{name}"), value.clone()))
        .collect();
    metadata.insert(STEP.to_owned(), training.step().to_string());
    metadata.insert(
        EVALUATIONS.to_owned(),
        serde_json::to_string(training.evaluations())?,
    );
    Ok(eval + snapshot::save(&folder.join(STATE_FILE), &tensors, &metadata)?)
}

/// Puts a snapshot back into a training and an algorithm that have just been made.
pub(crate) fn read<A: TrainingAlgorithm>(
    resume: &Resume,
    training: &mut Training,
    algorithm: &mut A,
) -> Result<()> {
    Snapshot::open(&resume.snapshot.join(EVAL_FILE))?.load(&training.named())?;

    let file = Snapshot::open(&resume.snapshot.join(STATE_FILE))?;
    let text = |key: &str| {
        file.metadata()
            .get(key)
            .with_context(|| format!("the snapshot has no `{key}`"))
    };
    let step: u64 = text(STEP)?.parse()?;
    ensure!(
        step == resume.step,
        "the snapshot is of step {step}, not {}",
        resume.step
    );
    let evaluations: Vec<Evaluation> = serde_json::from_str(text(EVALUATIONS)?)?;
    let mut contents = Contents::default();
    for name in file.names() {
        let tensor = file
            .tensor(name)?
            .with_context(|| format!("the snapshot has no `{name}`"))?;
        contents
            .tensors
            .insert(name.to_owned(), tensor.f_to_device(training.device())?);
    }
    for (key, value) in file.metadata() {
        if let Some(name) = key.strip_prefix(ALGORITHM) {
            contents.values.insert(name.to_owned(), value.clone());
        }
    }
    training.off_clock("`state`", |training| {
        contents.load(&mut |state| {
            algorithm.state(state)?;
            training.state(state)
        })
    })?;
    training.resume_at(step, evaluations);
    Ok(())
}
