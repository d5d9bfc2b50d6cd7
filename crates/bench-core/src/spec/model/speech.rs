//! What kinds of model for speech share: the way from sound to frames.

use super::Mistake;
use crate::number::Share;
use crate::spec::columns::{Meaning, Rows};
use crate::spec::interface::{Want, Wanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Samples of a frame.
pub const FRAME: u64 = 401;
/// Samples from one frame to the next.
pub const HOP: u64 = 160;

/// What a speech model makes of its input before its first layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrontEnd {
    /// Logarithms of the energies of a frame of sound (16,000 samples a second, of 16-bit size) in bands of the mel scale.
    LogMel(LogMel),
    /// Nothing: the data has frames of features.
    None,
}

impl Default for FrontEnd {
    fn default() -> FrontEnd {
        FrontEnd::LogMel(LogMel::default())
    }
}

/// Bands of the mel scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogMel {
    /// How many, from 125 to 7,600 Hz.
    #[schemars(range(min = 1))]
    pub bins: u64,
    /// Mean of each band; those of LibriSpeech unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f64>>,
    /// Standard deviation of each band; those of LibriSpeech unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<Vec<f64>>,
}

impl LogMel {
    /// Bands that LibriSpeech's means and deviations are of.
    pub const LIBRISPEECH: u64 = 80;

    fn problem(&self) -> Option<String> {
        let bins = self.bins;
        for (key, values) in [("mean", &self.mean), ("std", &self.std)] {
            match values {
                None if bins != LogMel::LIBRISPEECH => {
                    return Some(format!("no `{key}` of {bins} bands is known"));
                }
                Some(values) if values.len() as u64 != bins => {
                    return Some(format!(
                        "`{key}` has {} values for {bins} bands",
                        values.len()
                    ));
                }
                _ => {}
            }
        }
        let positive = |std: &Vec<f64>| std.iter().all(|&std| std > 0.0);
        (!self.std.as_ref().is_none_or(positive)).then(|| "a deviation is above 0".to_owned())
    }
}

impl Default for LogMel {
    fn default() -> LogMel {
        LogMel {
            bins: LogMel::LIBRISPEECH,
            mean: None,
            std: None,
        }
    }
}

/// Parts of the frames that a training step sets to 0 (SpecAugment).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SpecAugment {
    /// Spans of frames.
    pub time_masks: u64,
    /// Largest share of an example's frames that one of them is.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub time_share: f64,
    /// Draw their lengths up to so many frames; up to that share unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_frames: Option<u64>,
    /// Spans of bands.
    pub frequency_masks: u64,
    /// Bands of one of them, at most one less.
    pub frequency_bins: u64,
}

impl Default for SpecAugment {
    fn default() -> SpecAugment {
        SpecAugment {
            time_masks: 10,
            time_share: 0.05,
            time_frames: None,
            frequency_masks: 2,
            frequency_bins: 27,
        }
    }
}

const fn ragged(sizes: &'static [&'static str], values: Meaning) -> Want {
    Want {
        name: "inputs",
        sizes: Some(sizes),
        rows: Rows::Ragged,
        values,
    }
}

impl FrontEnd {
    /// Columns of a model with this front end.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            inputs: match self {
                FrontEnd::LogMel(_) => &const { [ragged(&[], Meaning::Real)] },
                FrontEnd::None => &const { [ragged(&["features"], Meaning::Real)] },
            },
            beside: &[],
            targets: &[Meaning::Tokens],
        }
    }

    /// Numbers of a frame; `row` is the shape of the data's rows.
    pub fn features(&self, row: &[u64]) -> u64 {
        match self {
            FrontEnd::LogMel(mel) => mel.bins,
            FrontEnd::None => row.iter().product(),
        }
    }

    /// Frames of an example of so many rows, in a batch padded to `padded` rows.
    fn frames(&self, rows: u64, padded: u64) -> u64 {
        match self {
            // A frame counts where any of its samples does.
            FrontEnd::LogMel(_) => rows.div_ceil(HOP).min(whole_frames(padded)),
            FrontEnd::None => rows,
        }
    }

    /// Rows of a made-up example: enough frames to spell a few tokens.
    pub(super) fn example_rows(&self) -> u64 {
        const FRAMES: u64 = 68;
        match self {
            FrontEnd::LogMel(_) => FRAME + (FRAMES - 1) * HOP,
            FrontEnd::None => FRAMES,
        }
    }

    /// Rows that a network gives for an example, whose convolutions halve the frames twice, rounding up.
    pub(super) fn output_rows(&self, rows: u64, padded: u64, length: Option<u64>) -> u64 {
        let padded = padded.max(length.unwrap_or(0));
        self.frames(rows, padded).div_ceil(2).div_ceil(2)
    }

    pub(super) fn mistake(&self) -> Option<Mistake> {
        let FrontEnd::LogMel(mel) = self else {
            return None;
        };
        mel.problem().map(|message| Mistake {
            key: "front-end",
            message,
            help: "give one of each for every band, of the training split",
        })
    }
}

/// Frames that so many samples have room for.
pub fn whole_frames(samples: u64) -> u64 {
    samples
        .checked_sub(FRAME)
        .map_or(0, |later| later / HOP + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_becomes_as_many_frames_as_the_reference_says() {
        let sound = FrontEnd::default();
        assert_eq!(whole_frames(320_000), 1998);
        assert_eq!(sound.output_rows(320_000, 320_000, None), 500);
        assert_eq!(sound.output_rows(3700, 3700, None), 6);
        assert_eq!(sound.output_rows(2300, 3700, None), 4);
        assert_eq!(sound.output_rows(2300, 2300, Some(3700)), 4);
        assert_eq!(sound.output_rows(300, 300, None), 0);
        assert_eq!(FrontEnd::None.output_rows(13, 27, None), 4);
    }

    #[test]
    fn bands_without_statistics_are_a_mistake() {
        let mel = |bins, count| LogMel {
            bins,
            mean: Some(vec![0.0; count]),
            std: Some(vec![1.0; count]),
        };
        assert_eq!(LogMel::default().problem(), None);
        assert_eq!(mel(40, 40).problem(), None);
        let problem = mel(40, 39).problem().unwrap();
        assert_eq!(problem, "`mean` has 39 values for 40 bands");
        let none = LogMel {
            bins: 40,
            ..LogMel::default()
        };
        assert_eq!(none.problem().unwrap(), "no `mean` of 40 bands is known");
    }
}
