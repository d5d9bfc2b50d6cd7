//! The kinds of loss, each a word alone or with settings: `cross-entropy`, `{ cross-entropy: { label-smoothing: 0.1 } }`.

use super::columns::Meaning;
use crate::number::Share;
use schemars::{JsonSchema, Schema};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// The kinds of loss. At its defaults one is written as a word, so that settings which are added later change no configuration's hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", remote = "Self")]
#[schemars(rename = "Loss", transform = add_words)]
pub enum Loss {
    /// Softmax cross-entropy over classes or tokens, mean over examples or tokens.
    CrossEntropy(CrossEntropy),
    /// Cross-entropy of answers that are yes or no, mean over those that are there.
    BinaryCrossEntropy(BinaryCrossEntropy),
    /// Distance from the target, mean over the numbers of an example, then over examples.
    MeanAbsoluteError(MeanAbsoluteError),
    /// Squared distance from the target, mean over the numbers of an example, then over examples.
    MeanSquaredError(MeanSquaredError),
    /// Negative logarithm of the probability that frames spell the target's tokens, blanks (token 0) and repetitions left out; summed, over all tokens.
    Ctc(Ctc),
}

/// Settings of softmax cross-entropy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Share `e` of each target that is spread evenly over all `C` classes: the right one keeps `1 - e + e/C`. For training alone: metrics use none.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub label_smoothing: f64,
}

/// Settings of the cross-entropy of yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BinaryCrossEntropy {
    /// Share `e` of each answer that is spread over all `C` questions: 1 becomes `1 - e + e/C`, 0 `e/C`. For training alone: metrics use none.
    #[serde(deserialize_with = "Share::number")]
    #[schemars(with = "Share")]
    pub label_smoothing: f64,
}

/// Settings of the mean absolute error: none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
pub struct MeanAbsoluteError {}

/// Settings of the mean squared error: none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
pub struct MeanSquaredError {}

/// Settings of connectionist temporal classification: none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("properties" = {}))]
pub struct Ctc {}

impl Loss {
    /// The key in specs.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::CrossEntropy(_) => "cross-entropy",
            Loss::BinaryCrossEntropy(_) => "binary-cross-entropy",
            Loss::MeanAbsoluteError(_) => "mean-absolute-error",
            Loss::MeanSquaredError(_) => "mean-squared-error",
            Loss::Ctc(_) => "ctc",
        }
    }

    /// What targets have to mean.
    pub fn targets(&self) -> &'static [Meaning] {
        match self {
            Loss::CrossEntropy(_) => &[Meaning::Classes, Meaning::Tokens],
            Loss::BinaryCrossEntropy(_) => &[Meaning::Binary],
            Loss::MeanAbsoluteError(_) | Loss::MeanSquaredError(_) => &[Meaning::Real],
            Loss::Ctc(_) => &[Meaning::Tokens],
        }
    }

    /// Whether it wants one row of outputs for each of the targets. Otherwise it finds out which belong together.
    pub fn wants_aligned(&self) -> bool {
        !matches!(self, Loss::Ctc(_))
    }

    /// The same with another smoothing of its targets, where it has any; 0 is what metrics are of.
    pub fn with_label_smoothing(&self, label_smoothing: f64) -> Loss {
        match self {
            Loss::CrossEntropy(_) => Loss::CrossEntropy(CrossEntropy { label_smoothing }),
            Loss::BinaryCrossEntropy(_) => {
                Loss::BinaryCrossEntropy(BinaryCrossEntropy { label_smoothing })
            }
            Loss::MeanAbsoluteError(_) | Loss::MeanSquaredError(_) | Loss::Ctc(_) => self.clone(),
        }
    }
}

/// `remote = "Self"` gives these two names inherent functions that know settings alone; the traits know words too.
impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loss, D::Error> {
        let settings = match Value::deserialize(deserializer)? {
            Value::String(word) => json!({ word: {} }),
            settings => settings,
        };
        Loss::deserialize(settings).map_err(D::Error::custom)
    }
}

impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = Loss::serialize(self, serde_json::value::Serializer);
        let settings = settings.map_err(S::Error::custom)?;
        let word = settings.as_object().and_then(|map| map.keys().next());
        let at_defaults = |word: &&String| {
            Loss::deserialize(json!({ word.as_str(): {} })).is_ok_and(|loss| loss == *self)
        };
        match word.filter(at_defaults) {
            Some(word) => word.serialize(serializer),
            None => settings.serialize(serializer),
        }
    }
}

/// Each kind by its name alone beside the kind with settings, in one flat list as every other choice.
fn add_words(schema: &mut Schema) {
    let Some(kinds) = schema.get_mut("oneOf").and_then(Value::as_array_mut) else {
        return;
    };
    let word = |kind: &Value| {
        let name = kind["required"][0].clone();
        json!({ "const": name, "description": kind["description"], "type": "string" })
    };
    let words: Vec<Value> = kinds.iter().map(word).collect();
    kinds.splice(0..0, words);
}
