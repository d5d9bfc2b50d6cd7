//! What a case's model gives, and metrics of it, against the reference.

use super::GoldenError;
use super::file::Case;
use super::findings::Findings;
use super::subject::Subject;
use crate::batch::Batch;
use crate::loss::ctc;
use crate::metric::accuracy;
use crate::metric::beam_search::{self, Search};
use crate::metric::greedy;
use crate::metric::ssim;
use crate::model::speech::{Ear, Frames};
use crate::model::{Model, Pass};
use bench_core::spec::workload::{self, FrontEnd};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// Our side of a case.
pub(super) struct Computed<'a> {
    pub(super) subject: &'a Subject,
    pub(super) model: &'a dyn Model,
    pub(super) batch: &'a Batch,
    pub(super) outputs: &'a Tensor,
}

impl Computed<'_> {
    pub(super) fn compare(&self, case: &Case, findings: &mut Findings) -> Result<(), GoldenError> {
        let _guard = tch::no_grad_guard();
        for (name, reference) in &case.outputs {
            let ours = self.output(name)?;
            findings.tensor(&format!("output {name}"), &ours, reference)?;
        }
        for (name, reference) in &case.metrics {
            let (ours, reference) = (self.metric(name, case)?, numbers(reference));
            if ours.len() != reference.len() {
                let (ours, theirs) = (ours.len(), reference.len());
                findings.place(format!(
                    "{name}: {ours} numbers where the reference has {theirs}"
                ));
            }
            for (ours, reference) in ours.into_iter().zip(reference) {
                findings.number(name, ours, reference);
            }
        }
        Ok(())
    }

    fn output(&self, name: &str) -> Result<Tensor, GoldenError> {
        match name {
            "logits" | "outputs" => Ok(self.outputs.shallow_clone()),
            "logits_masked" => {
                let there = self.batch.targets.f_gt(0)?.f_unsqueeze(2)?;
                Ok(self.outputs.f_mul(&there)?)
            }
            "logit_paddings" => {
                let frames = ctc::frames(&self.subject.model, self.batch)?;
                let lengths = Tensor::from_slice(&frames);
                paddings(&Frames::new(self.outputs.shallow_clone(), lengths)?)
            }
            "features" => Ok(self.features()?.values),
            "feature_paddings" => paddings(&self.features()?),
            _ => Err(unknown(name)),
        }
    }

    fn features(&self) -> Result<Frames, GoldenError> {
        let front_end: &FrontEnd = match &self.subject.model {
            workload::Model::Conformer(spec) => &spec.front_end,
            workload::Model::Deepspeech(spec) => &spec.front_end,
            _ => return Err(unknown("features")),
        };
        let ear = Ear::new(front_end, None, None, Kind::Double, Device::Cpu)?;
        Ok(ear.frames(self.batch, &Pass::EVAL)?)
    }

    fn metric(&self, name: &str, case: &Case) -> Result<Vec<f64>, GoldenError> {
        let count = || accuracy::count(self.outputs, self.batch);
        Ok(match name {
            "correct" | "accuracy_sum" => vec![count()?.0],
            "denominator" => vec![count()?.1],
            "ssim" => ssim::of_batch(self.outputs, self.batch)?,
            "decoded" => match self.model.writer() {
                Some(writer) => {
                    let longest = case.config.integer("max_decode_len")? as i64;
                    let search = Search::algoperf(longest);
                    let found = beam_search::written(writer, self.batch.inputs(), &search)?;
                    flat(found)
                }
                None => {
                    let frames = ctc::frames(&self.subject.model, self.batch)?;
                    let longest = self.outputs.size()[1] as usize;
                    let mut rows = greedy::decode(self.outputs, &frames)?;
                    rows.iter_mut().for_each(|row| row.resize(longest, 0));
                    flat(rows)
                }
            },
            _ => return Err(unknown(name)),
        })
    }
}

/// 1 where a frame is padding.
fn paddings(frames: &Frames) -> Result<Tensor, GoldenError> {
    let there = frames.there.f_squeeze_dim(2)?;
    Ok(there.f_neg()?.f_add_scalar(1.0)?)
}

fn flat(rows: Vec<Vec<i64>>) -> Vec<f64> {
    rows.into_iter()
        .flatten()
        .map(|token| token as f64)
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap_or(f64::NAN)],
    }
}

fn unknown(name: &str) -> GoldenError {
    GoldenError::Case(format!("`{name}` is nothing that is computed here"))
}
