//! Parts of a workload beside its model.

use super::file::{File, Function};
use super::findings::{Findings, settle};
use super::inputs::Inputs;
use super::{GoldenError, Verdict};
use crate::batch::{Batch, Named};
use crate::data::kspace;
use crate::metric::bleu::{self, Bleu};
use crate::metric::mean_average_precision::MeanAveragePrecision;
use crate::metric::words;
use crate::model::speech::Frames;
use crate::model::speech::spec_augment::{Draws, masked};
use bench_core::farmhash::fingerprint;
use bench_core::spec::workload::SpecAugment;
use tch::{Kind, Tensor};

/// What we compute, by the reference's names.
type Computed = Vec<(&'static str, Vec<f64>, Vec<i64>)>;

/// Compares one function.
pub(super) fn compare(file: &File, function: &Function) -> Verdict {
    let compute: fn(&Function, &Inputs) -> Result<Computed, GoldenError> =
        match function.function.as_str() {
            "specaug" => spec_augment,
            "edit_distance" => |_, inputs| word_errors(inputs, words::plain),
            "wer_as_reported" => |_, inputs| word_errors(inputs, words::printed),
            "corpus_bleu" => corpus_bleu,
            "mean_average_precision" => mean_average_precision,
            "process_example" => process_example,
            "hash_bucket" => |_, inputs| hash_bucket(inputs),
            _ => return Verdict::NotBuilt,
        };
    settle(run(file, function, compute))
}

fn run(
    file: &File,
    function: &Function,
    compute: fn(&Function, &Inputs) -> Result<Computed, GoldenError>,
) -> Result<Findings, GoldenError> {
    let inputs = Inputs::rebuild(file.seed, &function.inputs)?;
    let mut findings = Findings::default();
    let computed = compute(function, &inputs)?;
    for (name, reference) in &function.outputs {
        match computed.iter().find(|(ours, ..)| ours == name) {
            None => findings.place(format!("{name} is nothing that is computed here")),
            Some((_, values, shape)) => {
                let ours = Tensor::from_slice(values).f_reshape(shape)?;
                findings.tensor(name, &ours, reference)?;
            }
        }
    }
    Ok(findings)
}

fn listed(name: &'static str, values: Vec<f64>) -> (&'static str, Vec<f64>, Vec<i64>) {
    let shape = vec![values.len() as i64];
    (name, values, shape)
}

fn tensor(
    name: &'static str,
    values: &Tensor,
) -> Result<(&'static str, Vec<f64>, Vec<i64>), GoldenError> {
    Ok((name, super::tensor::flat(values)?, values.size()))
}

fn spec_augment(function: &Function, inputs: &Inputs) -> Result<Computed, GoldenError> {
    let config = &function.config;
    let dynamic = config.flag("use_dynamic_time_mask_max_frames")?;
    let spec = SpecAugment {
        time_masks: config.integer("time_mask_count")?,
        time_share: config.number("time_mask_max_ratio")?,
        time_frames: match dynamic {
            true => None,
            false => Some(config.integer("time_mask_max_frames")?),
        },
        frequency_masks: config.integer("freq_mask_count")?,
        frequency_bins: config.integer("freq_mask_max_bins")?,
    };
    let there = inputs.tensor("input_paddings")?.f_eq(0.0)?;
    let lengths = there.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?;
    let frames = Frames::new(inputs.tensor("features")?, lengths)?;
    let draws = |portions: &str, starts: &str| {
        Ok::<_, GoldenError>(Draws {
            portions: inputs.tensor(portions)?,
            starts: inputs.tensor(starts)?,
        })
    };
    let in_time = draws("time_portion", "time_start")?;
    let in_bands = draws("freq_portion", "freq_start")?;
    let features = masked(&spec, &frames, &in_time, &in_bands)?;
    Ok(vec![tensor("features", &features)?])
}

fn word_errors(inputs: &Inputs, split: fn(&str) -> Vec<String>) -> Result<Computed, GoldenError> {
    let pairs = inputs
        .texts("hypotheses")?
        .iter()
        .zip(inputs.texts("references")?);
    let counted = pairs.map(|(said, right)| words::errors(&split(said), &split(right)));
    let (errors, counts): (Vec<f64>, Vec<f64>) = counted
        .map(|(errors, count)| (errors as f64, count as f64))
        .unzip();
    Ok(vec![listed("word_errors", errors), listed("words", counts)])
}

fn corpus_bleu(_: &Function, inputs: &Inputs) -> Result<Computed, GoldenError> {
    let references: Vec<Vec<&str>> = inputs
        .texts("references")?
        .iter()
        .map(|text| vec![text.as_str()])
        .collect();
    let mut bleu = Bleu::default();
    for (text, references) in inputs.texts("hypotheses")?.iter().zip(&references) {
        bleu.add(text, references, bleu::words_13a);
    }
    let score = bleu.score();
    let lengths = vec![score.length as f64, score.reference_length as f64];
    Ok(vec![
        listed("bleu", vec![score.bleu]),
        listed("precisions", score.precisions.to_vec()),
        listed("brevity_penalty", vec![score.brevity_penalty]),
        listed("lengths", lengths),
    ])
}

fn mean_average_precision(_: &Function, inputs: &Inputs) -> Result<Computed, GoldenError> {
    let logits = inputs.tensor("logits")?;
    let labels = Named::new("targets", inputs.tensor("labels")?);
    let inputs_column = Named::new("inputs", logits.shallow_clone());
    let batch = Batch::of(inputs_column, Vec::new(), labels).weighted(inputs.tensor("mask")?);
    let mut precision = MeanAveragePrecision::default();
    precision.add_batch(&logits, &batch)?;
    let each = precision.each();
    // Where there is none.
    let told = each
        .iter()
        .map(|&one| if one.is_nan() { -1.0 } else { one });
    Ok(vec![
        listed("per_task", told.collect()),
        listed("mean_average_precision", vec![precision.mean()]),
    ])
}

fn process_example(function: &Function, inputs: &Inputs) -> Result<Computed, GoldenError> {
    let column = |name: &str| inputs.tensor(name);
    let parts = [column("kspace_real")?, column("kspace_imag")?];
    let mask = kspace::Mask {
        centre: function.config.number("center_fraction")?,
        acceleration: function.config.number("acceleration")?,
    };
    let draws = Vec::<f64>::try_from(column("draw")?)?;
    let example = kspace::example(&parts, &column("target")?, &mask, &draws)?;
    Ok(vec![
        tensor("inputs", &example.inputs)?,
        tensor("targets", &example.targets)?,
        listed("mean", vec![example.mean]),
        listed("std", vec![example.std]),
    ])
}

/// A category's text and its column's number, hashed together.
fn hash_bucket(inputs: &Inputs) -> Result<Computed, GoldenError> {
    let list = |name: &str| Ok::<_, GoldenError>(Vec::<i64>::try_from(inputs.tensor(name)?)?);
    let columns = list("column")?.into_iter().zip(list("buckets")?);
    let texts = inputs.texts("strings")?.iter();
    let bucket = |(text, (column, buckets)): (&String, (i64, i64))| {
        (fingerprint(format!("{text}{column}").as_bytes()) % buckets as u64) as f64
    };
    Ok(vec![listed(
        "bucket",
        texts.zip(columns).map(bucket).collect(),
    )])
}
