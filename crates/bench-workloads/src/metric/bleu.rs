//! BLEU of a whole split (Papineni et al. 2002), with the rules of sacrebleu 1.3.1, which AlgoPerf has a copy of, or of its version 2.

use super::beam_search::{self, Search};
use super::words::{is_space, split};
use super::{Accumulator, Scored};
use bench_core::spec::workload::Model;
use bench_torch::errors::LibtorchError;
use std::collections::BTreeMap;
use unicode_general_category::{GeneralCategory, get_general_category};

/// The longest runs of words that are compared.
const ORDERS: usize = 4;

/// Matches and runs of each length, and numbers of words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bleu {
    matches: [f64; ORDERS],
    runs: [f64; ORDERS],
    length: usize,
    reference_length: usize,
}

/// What becomes of runs of a length that none matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Smoothing {
    /// Nothing: the score is 0.
    None,
    /// Half of a match for the first such length, a quarter for the next.
    Exponential,
    /// So many matches.
    Floor(f64),
    /// So many more matches and runs, of all but the shortest.
    Add(f64),
}

/// Whose rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// sacrebleu 1.3.1's.
    First,
    /// sacrebleu 2's: nothing matched is 0, and `Add` begins one length earlier.
    Second,
}

/// A score, in percent, and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Score {
    pub(crate) bleu: f64,
    pub(crate) precisions: [f64; ORDERS],
    pub(crate) matches: [f64; ORDERS],
    pub(crate) runs: [f64; ORDERS],
    pub(crate) brevity_penalty: f64,
    pub(crate) length: usize,
    pub(crate) reference_length: usize,
}

impl Bleu {
    /// Adds a text and what it may be, cut into words.
    pub(crate) fn add(&mut self, text: &str, references: &[&str], words: fn(&str) -> Vec<String>) {
        let cut = |text: &str| words(text.trim_end_matches(is_space));
        let said = cut(text);
        let references: Vec<Vec<String>> = references.iter().map(|text| cut(text)).collect();
        let closest = references.iter().map(Vec::len);
        let closest = closest.min_by_key(|&length| (length.abs_diff(said.len()), length));
        self.length += said.len();
        self.reference_length += closest.unwrap_or(0);
        for order in 0..ORDERS {
            let counted = |words| counts(words, order + 1);
            let most: Vec<_> = references.iter().map(|words| counted(words)).collect();
            for (run, count) in counted(&said) {
                let there = most.iter().filter_map(|counts| counts.get(run)).max();
                self.matches[order] += count.min(there.copied().unwrap_or(0)) as f64;
                self.runs[order] += count as f64;
            }
        }
    }

    /// AlgoPerf's.
    pub(crate) fn score(&self) -> Score {
        self.score_by(Rules::First, Smoothing::Exponential, false)
    }

    /// `effective` leaves out lengths of which there are no runs.
    pub(crate) fn score_by(&self, rules: Rules, smoothing: Smoothing, effective: bool) -> Score {
        let (mut matches, mut runs) = (self.matches, self.runs);
        let (mut precisions, mut halvings, mut orders) = ([0.0; ORDERS], 1.0, ORDERS);
        let brevity_penalty = self.brevity_penalty();
        let score = |bleu, precisions, matches, runs| Score {
            bleu,
            precisions,
            matches,
            runs,
            brevity_penalty,
            length: self.length,
            reference_length: self.reference_length,
        };
        if rules == Rules::Second && matches.iter().all(|&count| count == 0.0) {
            return score(0.0, precisions, matches, runs);
        }
        let added_from = match rules {
            Rules::First => 2,
            Rules::Second => 1,
        };
        for order in 0..ORDERS {
            if let Smoothing::Add(more) = smoothing
                && order >= added_from
            {
                matches[order] += more;
                runs[order] += more;
            }
            if runs[order] == 0.0 {
                break;
            }
            if effective {
                orders = order + 1;
            }
            precisions[order] = if matches[order] > 0.0 {
                100.0 * matches[order] / runs[order]
            } else {
                match smoothing {
                    Smoothing::Exponential => {
                        halvings *= 2.0;
                        100.0 / (halvings * runs[order])
                    }
                    Smoothing::Floor(count) => 100.0 * count / runs[order],
                    Smoothing::None | Smoothing::Add(_) => 0.0,
                }
            };
        }
        let logarithms = precisions[..orders].iter().map(|precision| precision.ln());
        let mean = logarithms.sum::<f64>() / orders as f64;
        score(brevity_penalty * mean.exp(), precisions, matches, runs)
    }

    fn brevity_penalty(&self) -> f64 {
        match self.length {
            0 if self.reference_length > 0 => 0.0,
            length if length < self.reference_length => {
                (1.0 - self.reference_length as f64 / length as f64).exp()
            }
            _ => 1.0,
        }
    }
}

/// Of the texts that a model writes, with tokens as words.
#[derive(Debug)]
pub(crate) struct TokenBleu {
    bleu: Bleu,
    search: Search,
}

impl TokenBleu {
    /// Texts are as long as the model knows places.
    pub(crate) fn new(model: &Model) -> TokenBleu {
        let places = match model {
            Model::Transformer(spec) => spec.positions,
            // A check of specs lets no other kind come here.
            _ => 1,
        };
        TokenBleu {
            bleu: Bleu::default(),
            search: Search::algoperf(places as i64),
        }
    }
}

impl Accumulator for TokenBleu {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let batch = scored.batch;
        let Some(writer) = scored.model.writer() else {
            return Err(LibtorchError::new("the model writes no texts"));
        };
        let told = |tokens: &[i64]| {
            let tokens: Vec<String> = tokens.iter().map(i64::to_string).collect();
            tokens.join(" ")
        };
        let written = beam_search::written(writer, batch.inputs(), &self.search)?;
        for (example, said) in written.iter().enumerate() {
            let mut right = Vec::<i64>::try_from(batch.targets.f_select(0, example as i64)?)?;
            // Padding.
            right.retain(|&token| token > 0);
            let (said, right) = (told(beam_search::cut(said, self.search.end)), told(&right));
            self.bleu.add(&said, &[&right], words_none);
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        self.bleu.score().bleu
    }
}

/// How often each run of so many words is there.
fn counts(words: &[String], order: usize) -> BTreeMap<&[String], usize> {
    let mut counts = BTreeMap::new();
    for run in words.windows(order) {
        *counts.entry(run).or_insert(0) += 1;
    }
    counts
}

/// Between white space.
pub(crate) fn words_none(text: &str) -> Vec<String> {
    split(text).map(str::to_owned).collect()
}

/// Each character a word.
pub(crate) fn words_char(text: &str) -> Vec<String> {
    let marks = text.chars().filter(|&c| !is_space(c));
    marks.map(String::from).collect()
}

/// mteval-v13a's: punctuation by itself, but for commas and points between digits.
pub(crate) fn words_13a(text: &str) -> Vec<String> {
    let text = text
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mark =
        |c: char| matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/');
    let (digit, point) = (
        |c: char| c.is_ascii_digit(),
        |c: char| matches!(c, '.' | ','),
    );
    let text = alone(&format!(" {text} "), mark);
    let text = pairs(&text, |a, b| !digit(a) && point(b), Around::Second);
    let text = pairs(&text, |a, b| point(a) && !digit(b), Around::First);
    let text = pairs(&text, |a, b| digit(a) && b == '-', Around::Second);
    words_none(&text)
}

/// mteval-v14's international ones: punctuation not beside a digit, and symbols, by themselves.
pub(crate) fn words_intl(text: &str) -> Vec<String> {
    let digit = |c: char| get_general_category(c) == GeneralCategory::DecimalNumber;
    let text = pairs(text, |a, b| !digit(a) && is_punctuation(b), Around::Second);
    let text = pairs(&text, |a, b| is_punctuation(a) && !digit(b), Around::First);
    words_none(&alone(&text, is_symbol))
}

fn is_punctuation(c: char) -> bool {
    use GeneralCategory::*;
    matches!(
        get_general_category(c),
        ConnectorPunctuation
            | DashPunctuation
            | OpenPunctuation
            | ClosePunctuation
            | InitialPunctuation
            | FinalPunctuation
            | OtherPunctuation
    )
}

fn is_symbol(c: char) -> bool {
    use GeneralCategory::*;
    matches!(
        get_general_category(c),
        MathSymbol | CurrencySymbol | ModifierSymbol | OtherSymbol
    )
}

/// Spaces around these.
fn alone(text: &str, mark: impl Fn(char) -> bool) -> String {
    let mut spaced = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match mark(c) {
            true => spaced.extend([' ', c, ' ']),
            false => spaced.push(c),
        }
    }
    spaced
}

/// Which character of a pair gets spaces around it.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    First,
    Second,
}

/// Spaces in pairs that match, from the left, none of which share a character.
fn pairs(text: &str, matches: impl Fn(char, char) -> bool, around: Around) -> String {
    let mut spaced = String::with_capacity(text.len() * 2);
    let mut rest = text.chars().peekable();
    while let Some(a) = rest.next() {
        match rest.next_if(|&b| matches(a, b)) {
            Some(b) if around == Around::First => spaced.extend([' ', a, ' ', b]),
            Some(b) => spaced.extend([a, ' ', b, ' ']),
            None => spaced.push(a),
        }
    }
    spaced
}
