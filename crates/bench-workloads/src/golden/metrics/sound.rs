//! Sound: its features, and what a training step hides of them.

use super::{Case, Computed, listed, number, numbers, tensor, text};
use crate::golden::GoldenError;
use crate::model::speech::Frames;
use crate::model::speech::log_mel::{self, LogMel};
use crate::model::speech::spec_augment::{Draws, Longest, kept, time_limit};
use bench_core::spec::model::speech::{FRAME, HOP};
use bench_core::spec::workload::{LogMel as Spec, SpecAugment};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

pub(super) fn log_mel(case: &Case) -> Result<Computed, GoldenError> {
    match text(case, "kind") {
        Some("mel_matrix") => return bands(case),
        Some("constants") => return Ok(constants()),
        _ => {}
    }
    let sound = tensor(&case.inputs, "waveform")?;
    let runs = case
        .inputs
        .get("paddings")
        .and_then(numbers)
        .unwrap_or_default();
    let paddings = runs
        .chunks_exact(2)
        .flat_map(|run| std::iter::repeat_n(run[0], run[1] as usize));
    let there: Vec<f64> = paddings.map(|padding| 1.0 - padding).collect();
    let length = there.iter().sum::<f64>() as i64;
    let sound = sound.f_mul(&Tensor::from_slice(&there))?.f_unsqueeze(0)?;
    let ear = LogMel::new(&Spec::default(), Kind::Double, Device::Cpu)?;
    let sampled = case.parameters.get("sampled_frames").and_then(numbers);
    let sampled: Vec<i64> = sampled
        .unwrap_or_default()
        .iter()
        .map(|&x| x as i64)
        .collect();
    let sampled = Tensor::from_slice(&sampled);
    let features = ear.features(&sound)?;
    let count = features.size()[1];
    let heard = (length + HOP as i64 - 1) / HOP as i64;
    let frames = Frames::new(features, Tensor::from_slice(&[heard.min(count)]))?;
    let paddings = frames.there.f_neg()?.f_add_scalar(1.0)?;
    Ok(vec![
        ("num_frames", (count as f64).into()),
        (
            "log_mel",
            ear.logarithms(&sound)?.f_index_select(1, &sampled)?,
        ),
        ("features", frames.values.f_index_select(1, &sampled)?),
        ("frame_paddings", paddings),
    ])
}

fn bands(case: &Case) -> Result<Computed, GoldenError> {
    let parameter = |key: &str| number(&case.parameters, key);
    let bins = parameter("num_mel_bins")? as usize;
    let spectrum = parameter("num_spectrogram_bins")? as usize;
    let edges = [
        parameter("lower_edge_hertz")?,
        parameter("upper_edge_hertz")?,
    ];
    let matrix = log_mel::bands(bins, spectrum, parameter("sample_rate")?, edges);
    let column = |bin: usize| matrix.iter().skip(bin).step_by(bins);
    let of_columns = |of: &dyn Fn(usize) -> f64| listed(&(0..bins).map(of).collect::<Vec<_>>());
    let place = |place: Option<usize>| place.map_or(-1.0, |place| place as f64);
    let rows: Vec<f64> = matrix
        .chunks_exact(bins)
        .map(|row| row.iter().sum())
        .collect();
    Ok(vec![
        ("column_sums", of_columns(&|bin| column(bin).sum())),
        ("row_sums", listed(&rows)),
        (
            "first_nonzero_bin",
            of_columns(&|bin| place(column(bin).position(|&x| x > 0.0))),
        ),
        (
            "last_nonzero_bin",
            of_columns(&|bin| {
                let weights: Vec<_> = column(bin).collect();
                place(weights.iter().rposition(|&&x| x > 0.0))
            }),
        ),
        (
            "max",
            of_columns(&|bin| column(bin).copied().fold(0.0, f64::max)),
        ),
        ("matrix", listed(&matrix)),
    ])
}

fn constants() -> Computed {
    let window = log_mel::hann(log_mel::WINDOW as usize);
    vec![
        ("frame_length", (FRAME as f64).into()),
        ("hop", (HOP as f64).into()),
        ("fft", (log_mel::FFT as f64).into()),
        ("preemphasis", log_mel::PREEMPHASIS.into()),
        ("input_scale", log_mel::SCALE.into()),
        ("floor", log_mel::FLOOR.into()),
        ("mean", listed(&crate::model::speech::librispeech::MEAN)),
        ("std", listed(&crate::model::speech::librispeech::STD)),
        ("window_length", (window.len() as f64).into()),
        ("window_head", listed(&window[..5])),
        ("window_sum", window.iter().sum::<f64>().into()),
    ]
}

pub(super) fn spec_augment(case: &Case) -> Result<Computed, GoldenError> {
    let parameter = |key: &str| number(&case.parameters, key);
    let dynamic = case.parameters.get("use_dynamic_time_mask_max_frames");
    let spec = SpecAugment {
        time_share: parameter("time_mask_max_ratio")?,
        time_frames: match dynamic == Some(&Value::Bool(true)) {
            true => None,
            false => Some(parameter("time_mask_max_frames")? as u64),
        },
        ..SpecAugment::default()
    };
    let draws = |portions: &str, starts: &str| {
        Ok::<_, GoldenError>(Draws {
            portions: tensor(&case.inputs, portions)?,
            starts: tensor(&case.inputs, starts)?,
        })
    };
    let lengths = tensor(&case.inputs, "lengths")?.f_to_kind(Kind::Int64)?;
    let frames = parameter("time_frames")? as i64;
    let in_time = draws("time_portion", "time_start")?;
    let time = kept(&lengths, frames, time_limit(&spec), &in_time)?;
    let bins = parameter("freq_bins")? as i64;
    let limit = Longest::Count(parameter("freq_mask_max_bins")?, 1.0);
    let in_bands = draws("freq_portion", "freq_start")?;
    let bands = kept(&lengths.f_full_like(bins)?, bins, limit, &in_bands)?;
    Ok(vec![("time_mask", time), ("freq_mask", bands)])
}
