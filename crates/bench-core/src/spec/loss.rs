//! The kinds of loss, each a word alone or with settings: `cross-entropy`, `{ cross-entropy: { label-smoothing: 0.1 } }`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// The kinds of loss. At its defaults one is written as a word, so that settings which are added later change no configuration's hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub enum Loss {
    /// Softmax cross-entropy over classes or tokens, mean over examples or tokens.
    CrossEntropy(CrossEntropy),
}

/// Settings of softmax cross-entropy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Share `e` of each target that is spread evenly over all `C` classes: the right one keeps `1 - e + e/C`. For training alone: metrics use none.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub label_smoothing: f64,
}

/// How a loss is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Word(Word),
    Settings(Settings),
}

/// A loss at its defaults.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Softmax cross-entropy over classes or tokens, mean over examples or tokens.
    CrossEntropy,
}

/// A loss with settings.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Settings {
    /// Softmax cross-entropy over classes or tokens, mean over examples or tokens.
    CrossEntropy(CrossEntropy),
}

impl From<Form> for Loss {
    fn from(form: Form) -> Loss {
        match form {
            Form::Word(Word::CrossEntropy) => Loss::CrossEntropy(CrossEntropy::default()),
            Form::Settings(Settings::CrossEntropy(settings)) => Loss::CrossEntropy(settings),
        }
    }
}

impl From<Loss> for Form {
    fn from(loss: Loss) -> Form {
        let Loss::CrossEntropy(settings) = loss;
        match settings == CrossEntropy::default() {
            true => Form::Word(Word::CrossEntropy),
            false => Form::Settings(Settings::CrossEntropy(settings)),
        }
    }
}

impl JsonSchema for Loss {
    fn schema_name() -> Cow<'static, str> {
        "Loss".into()
    }

    /// One flat list of alternatives, as that of every other choice.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = [
            Word::json_schema(generator),
            Settings::json_schema(generator),
        ];
        let alternatives = forms
            .iter()
            .filter_map(|form| form.get("oneOf")?.as_array());
        let alternatives: Vec<&Value> = alternatives.flatten().collect();
        json_schema!({
            "description": "The kinds of loss: a word alone, or with settings.",
            "oneOf": alternatives,
        })
    }
}
