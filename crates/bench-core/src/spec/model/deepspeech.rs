//! DeepSpeech.

use super::conformer::thousandth;
use super::dropout::DeepspeechDropout;
use super::speech::{FrontEnd, SpecAugment};
use super::{Activation, Kind, Mistake};
use crate::number::Share;
use crate::spec::interface::{Interface, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sound to tokens: log-mel bands, two convolutions that halve the frames, recurrent layers that read both ways, fully connected layers, a matrix.
/// AlgoPerf's `librispeech_deepspeech` is `{ width: 512, recurrent: 6, feed-forward: 3, spec-augment: {}, dropout: 0.1, length: 320000 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deepspeech {
    /// Numbers a frame is represented by, an even number: one half from each direction.
    #[schemars(range(min = 2))]
    pub width: u64,
    /// Recurrent layers (LSTM).
    pub recurrent: u64,
    /// Fully connected layers.
    pub feed_forward: u64,
    /// Channels of the first two convolutions; the width unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub channels: Option<u64>,
    /// After convolutions and fully connected layers.
    #[serde(default)]
    pub activation: Activation,
    /// Whether layers add to what they are given.
    #[serde(default = "yes")]
    pub residual: bool,
    /// How a layer normalises what it is given.
    #[serde(default)]
    pub norm: SpeechNorm,
    /// Whether what the last matrix is given is normalised.
    #[serde(default = "yes")]
    pub final_norm: bool,
    /// Share of a new batch in running statistics.
    #[serde(default = "thousandth", deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub batch_norm_share: f64,
    /// What is made of the input before the first layer.
    #[serde(default)]
    pub front_end: FrontEnd,
    /// Parts of the frames that training steps set to 0; none unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_augment: Option<SpecAugment>,
    /// Rows that every batch is padded to: what an example gives then depends on no other. To the longest of the batch unless said, or where that is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub length: Option<u64>,
    /// What training steps leave out.
    #[serde(default, skip_serializing_if = "DeepspeechDropout::is_none")]
    pub dropout: DeepspeechDropout,
}

/// Normalisations of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpeechNorm {
    /// By the frames of a batch that are no padding.
    #[default]
    Batch,
    /// Each frame by itself.
    Layer,
}

fn yes() -> bool {
    true
}

impl Kind for Deepspeech {
    fn name(&self) -> &'static str {
        "deepspeech"
    }

    fn wanted(&self) -> Wanted {
        self.front_end.wanted()
    }

    fn drops_out(&self) -> bool {
        self.spec_augment.is_some() || !self.dropout.is_none()
    }

    fn is_aligned(&self) -> bool {
        false
    }

    fn output_rows(&self, rows: u64, padded: u64) -> u64 {
        self.front_end.output_rows(rows, padded, self.length)
    }

    fn example_rows(&self) -> u64 {
        self.front_end.example_rows()
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut found: Vec<Mistake> = self.front_end.mistake().into_iter().collect();
        if !self.width.is_multiple_of(2) {
            found.push(Mistake {
                key: "width",
                message: format!("a width of {} has no halves", self.width),
                help: "an even number",
            });
        }
        found
    }

    fn misfit(&self, _interface: &Interface) -> Option<String> {
        let problem = self.mistakes().into_iter().next();
        match problem {
            Some(mistake) => Some(mistake.message),
            None => (self.width == 0).then(|| "`width` must not be 0".to_owned()),
        }
    }
}
