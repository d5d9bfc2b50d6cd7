//! Texts: words, and searches for them.

use super::super::tensor::Worst;
use super::{Case, Computed, listed, missing, number, numbers, shape, strings, tensor, text};
use crate::golden::GoldenError;
use crate::metric::beam_search::{self, Search};
use crate::metric::bleu::{self as score, Bleu, Rules, Score, Smoothing};
use crate::metric::{greedy, words};
use serde_json::Value;
use tch::Tensor;

pub(super) fn word_errors(case: &Case) -> Result<Computed, GoldenError> {
    if text(case, "rule") == Some("greedy_ctc") {
        return greedy_tokens(case);
    }
    let list = |key: &'static str| {
        let list = case.inputs.get(key).and_then(strings);
        list.ok_or_else(|| missing(key, "a list of texts"))
    };
    let (said, right) = (list("hypotheses")?, list("references")?);
    let summed = |split: fn(&str) -> Vec<String>| {
        let pairs = said.iter().zip(&right);
        let counted = pairs.map(|(said, right)| words::errors(&split(said), &split(right)));
        counted.fold((0.0, 0.0), |(errors, words), (more, count)| {
            (errors + more as f64, words + count as f64)
        })
    };
    let (errors, count) = summed(words::plain);
    let (printed_errors, printed_count) = summed(words::printed);
    Ok(vec![
        ("word_errors", errors.into()),
        ("num_words", count.into()),
        ("wer", (errors / count).into()),
        ("printed_word_errors", printed_errors.into()),
        ("printed_num_words", printed_count.into()),
        ("printed_wer", (printed_errors / printed_count).into()),
    ])
}

fn greedy_tokens(case: &Case) -> Result<Computed, GoldenError> {
    let lengths = case
        .inputs
        .get("lengths")
        .and_then(numbers)
        .unwrap_or_default();
    let lengths: Vec<i64> = lengths.into_iter().map(|length| length as i64).collect();
    let rows = greedy::decode(&tensor(&case.inputs, "logits")?, &lengths)?;
    Ok(vec![("tokens", Tensor::from_slice(&rows.concat()))])
}

/// The largest difference of a corpus' score by both versions' rules.
pub(super) fn bleu(case: &Case) -> Result<f64, GoldenError> {
    let mut worst = Worst::default();
    for (prefix, rules) in [("algoperf_", Rules::First), ("sacrebleu_", Rules::Second)] {
        let score = corpus(case, rules)?;
        for (key, expected) in &case.expected {
            let Some(key) = key.strip_prefix(prefix) else {
                continue;
            };
            let ours = match (&score, key) {
                (None, "error") => continue,
                (None, _) | (Some(_), "error") => return Ok(f64::INFINITY),
                (Some(score), _) => told(score, key)?,
            };
            let theirs = numbers(expected).ok_or_else(|| missing(key, "numbers"))?;
            if ours.len() != theirs.len() {
                return Ok(f64::INFINITY);
            }
            for (a, b) in ours.into_iter().zip(theirs) {
                worst.add(a, b, b.abs().max(1.0));
            }
        }
    }
    Ok(worst.0)
}

fn told(score: &Score, key: &str) -> Result<Vec<f64>, GoldenError> {
    Ok(match key {
        "score" => vec![score.bleu],
        "counts" => score.matches.to_vec(),
        "totals" => score.runs.to_vec(),
        "precisions" => score.precisions.to_vec(),
        "bp" => vec![score.brevity_penalty],
        "sys_len" => vec![score.length as f64],
        "ref_len" => vec![score.reference_length as f64],
        _ => return Err(missing(key, "computed here")),
    })
}

/// None where the version says that there is no score.
fn corpus(case: &Case, rules: Rules) -> Result<Option<Score>, GoldenError> {
    fn list(value: Option<&Value>) -> Vec<&str> {
        value.and_then(strings).unwrap_or_default()
    }
    let said = list(case.inputs.get("hypotheses"));
    let streams = case.inputs.get("references").and_then(Value::as_array);
    let streams: Vec<Vec<&str>> = streams
        .into_iter()
        .flatten()
        .map(|stream| list(Some(stream)))
        .collect();
    let uneven = streams.iter().any(|stream| stream.len() != said.len());
    if rules == Rules::First && uneven || rules == Rules::Second && said.is_empty() {
        return Ok(None);
    }
    let words: fn(&str) -> Vec<String> = match text(case, "tokenize") {
        Some("13a") => score::words_13a,
        Some("intl") => score::words_intl,
        Some("char") => score::words_char,
        _ => score::words_none,
    };
    let flag = |key: &str| case.parameters.get(key) == Some(&Value::Bool(true));
    let lower = |text: &str| match flag("lowercase") {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    let mut corpus = Bleu::default();
    for (place, said) in said.iter().enumerate() {
        let references = streams.iter().filter_map(|stream| stream.get(place));
        let references: Vec<String> = references.map(|text| lower(text)).collect();
        if references.is_empty() {
            break;
        }
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        corpus.add(&lower(said), &references, words);
    }
    let value = number(&case.parameters, "smooth_value").ok();
    let least = if rules == Rules::First { 0.0 } else { 0.1 };
    let smoothing = match text(case, "smooth_method") {
        Some("exp") => Smoothing::Exponential,
        Some("floor") => Smoothing::Floor(value.unwrap_or(least)),
        Some("add-k") => Smoothing::Add(value.unwrap_or(1.0)),
        _ => Smoothing::None,
    };
    Ok(Some(corpus.score_by(
        rules,
        smoothing,
        flag("use_effective_order"),
    )))
}

pub(super) fn beams(case: &Case) -> Result<Computed, GoldenError> {
    let parameter = |key: &str| number(&case.parameters, key);
    let mut search = Search {
        alpha: parameter("alpha")?,
        ..Search::algoperf(1)
    };
    if let Some(lengths) = case.inputs.get("lengths").and_then(numbers) {
        let penalties: Vec<f64> = lengths.iter().map(|&count| search.penalty(count)).collect();
        return Ok(vec![("penalty", listed(&penalties))]);
    }
    search.beams = parameter("beam_size")? as usize;
    search.end = parameter("eos_id")? as i64;
    search.longest = parameter("max_decode_len")? as i64;
    let value = case
        .inputs
        .get("logits")
        .ok_or_else(|| missing("logits", "there"))?;
    let table = tensor(&case.inputs, "logits")?;
    let &[sources, places, ..] = shape(value).as_slice() else {
        return Err(missing("logits", "of four dimensions"));
    };
    let beams = search.beams as i64;
    let found = search.run(sources as usize, |texts| {
        let place = (texts.size()[1] - 1).min(places - 1);
        let here = table
            .f_select(1, place)?
            .f_repeat_interleave_self_int(beams, 0, None)?;
        let rows = Tensor::f_arange(sources * beams, (tch::Kind::Int64, tch::Device::Cpu))?;
        let last = texts.f_select(1, -1)?;
        Ok(here.f_index(&[Some(&rows), Some(&last)])?)
    })?;
    let all = || found.texts.iter().flatten();
    let tokens: Vec<i64> = all().flat_map(|beam| beam.tokens.clone()).collect();
    let scores: Vec<f64> = all().map(|beam| beam.score).collect();
    let best = found.texts.iter().filter_map(|texts| texts.last());
    let best: Vec<&[i64]> = best.map(|beam| &beam.tokens[1..]).collect();
    let decoded: Vec<i64> = best
        .iter()
        .flat_map(|tokens| beam_search::cut(tokens, search.end).to_vec())
        .collect();
    Ok(vec![
        ("sequences", Tensor::from_slice(&tokens)),
        ("scores", listed(&scores)),
        ("best", Tensor::from_slice(&best.concat())),
        ("decoded", Tensor::from_slice(&decoded)),
        ("steps", (found.steps as f64).into()),
    ])
}
