//! The likeliest texts that a model writes, several at a time, with a penalty for short ones (Wu et al. 2016), as AlgoPerf's `wmt` searches.

use crate::model::Writer;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Score of what there is not.
const NONE: f64 = -1e7;

/// How a search goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    /// Texts that are kept.
    pub(crate) beams: usize,
    /// How much shortness costs.
    pub(crate) alpha: f64,
    /// The token that ends a text.
    pub(crate) end: i64,
    /// Tokens of a text, the first one, 0, among them.
    pub(crate) longest: i64,
}

impl Search {
    /// AlgoPerf's, for texts of so many tokens.
    pub(crate) fn algoperf(longest: i64) -> Search {
        Search {
            beams: 4,
            alpha: 0.6,
            end: 2,
            longest,
        }
    }

    /// What scores of texts with so many tokens after the first are divided by.
    pub(crate) fn penalty(&self, tokens: f64) -> f64 {
        ((5.0 + tokens) / 6.0).powf(self.alpha)
    }
}

/// A text from its first token, 0, on, and how likely it is or what it scores.
#[derive(Debug, Clone)]
pub(crate) struct Beam {
    pub(crate) tokens: Vec<i64>,
    pub(crate) score: f64,
}

/// Texts about one source, each list from the worst to the best.
struct Item {
    live: Vec<Beam>,
    finished: Vec<Beam>,
}

/// What a search found: for each source its texts, from the worst to the best, each filled up with its last token, and the number of steps.
pub(crate) struct Found {
    pub(crate) texts: Vec<Vec<Beam>>,
    pub(crate) steps: usize,
}

/// The best text about each source `[N, T]`, without its first token.
pub(crate) fn written(
    writer: &dyn Writer,
    sources: &Tensor,
    search: &Search,
) -> Result<Vec<Vec<i64>>, LibtorchError> {
    let memory = writer.remember(sources)?.repeated(search.beams as i64)?;
    let found = search.run(sources.size()[0] as usize, |texts| {
        writer.follow(texts, &memory)
    })?;
    let best = found.texts.into_iter().filter_map(|mut texts| texts.pop());
    Ok(best.map(|beam| beam.tokens[1..].to_vec()).collect())
}

/// The tokens of a text up to the one that ends it; of one without end only the first.
pub(crate) fn cut(tokens: &[i64], end: i64) -> &[i64] {
    let place = tokens.iter().position(|&token| token == end).unwrap_or(0);
    tokens.get(..=place).unwrap_or(tokens)
}

impl Search {
    /// `follow` gives the logits `[N * beams, vocabulary]` of what follows texts `[N * beams, T]`.
    pub(crate) fn run(
        &self,
        sources: usize,
        mut follow: impl FnMut(&Tensor) -> Result<Tensor, LibtorchError>,
    ) -> Result<Found, LibtorchError> {
        let nothing = |score| Beam {
            tokens: vec![0],
            score,
        };
        // All but one are the same text, and must not be found again.
        let mut live = vec![nothing(NONE); self.beams];
        if let Some(first) = live.first_mut() {
            first.score = 0.0;
        }
        let item = || Item {
            live: live.clone(),
            finished: vec![nothing(NONE); self.beams],
        };
        let mut items: Vec<Item> = (0..sources).map(|_| item()).collect();
        let mut steps = 0;
        while (steps as i64) < self.longest - 1 && !items.iter().all(|item| self.is_done(item)) {
            let texts = items.iter().flat_map(|item| &item.live);
            let tokens: Vec<i64> = texts.flat_map(|beam| beam.tokens.clone()).collect();
            let shape = [(sources * self.beams) as i64, steps as i64 + 1];
            let logits = follow(&Tensor::from_slice(&tokens).f_view(shape)?)?;
            let likely = logits
                .f_to_kind(Kind::Double)?
                .f_log_softmax(-1, None::<Kind>)?;
            let vocabulary = likely.size()[1];
            let likely = likely.f_view([sources as i64, self.beams as i64, vocabulary])?;
            for (place, item) in items.iter_mut().enumerate() {
                self.step(item, &likely.f_select(0, place as i64)?, vocabulary)?;
            }
            steps += 1;
        }
        let texts = items.into_iter().map(|item| self.result(item));
        Ok(Found {
            texts: texts.collect(),
            steps,
        })
    }

    /// Whether nothing that is still written can be better than the worst that is finished.
    fn is_done(&self, item: &Item) -> bool {
        let best = item.live.last().map_or(NONE, |beam| beam.score);
        let worst = item.finished.first().map_or(NONE, |beam| beam.score);
        let any = item.finished.iter().any(|beam| is_finished(beam, self.end));
        any && worst > best / self.penalty(self.longest as f64)
    }

    /// One token more, of logarithms `[beams, vocabulary]`.
    fn step(&self, item: &mut Item, likely: &Tensor, vocabulary: i64) -> Result<(), LibtorchError> {
        let so_far: Vec<f64> = item.live.iter().map(|beam| beam.score).collect();
        let total = likely.f_add(&Tensor::from_slice(&so_far).f_unsqueeze(1)?)?;
        let longer: Vec<Beam> = self
            .likeliest(&total.f_reshape([-1])?)?
            .into_iter()
            .map(|(place, score)| {
                let mut tokens = item.live[(place / vocabulary) as usize].tokens.clone();
                tokens.push(place % vocabulary);
                Beam { tokens, score }
            })
            .collect();
        let ended = |beam: &Beam| beam.tokens.last() == Some(&self.end);
        let unless = |hidden: bool, score: f64| if hidden { score + NONE } else { score };
        let live = longer.iter().map(|beam| Beam {
            score: unless(ended(beam), beam.score),
            ..beam.clone()
        });
        item.live = best(live.collect(), self.beams);
        let new = longer.iter().map(|beam| Beam {
            score: unless(
                !ended(beam),
                beam.score / self.penalty((beam.tokens.len() - 1) as f64),
            ),
            ..beam.clone()
        });
        item.finished.extend(new);
        item.finished = best(std::mem::take(&mut item.finished), self.beams);
        Ok(())
    }

    /// Places and values of the twice as many largest as there are beams; of equal ones the first.
    fn likeliest(&self, total: &Tensor) -> Result<Vec<(i64, f64)>, LibtorchError> {
        let count = (2 * self.beams as i64).min(total.numel() as i64);
        let (largest, _) = total.f_topk(count, 0, true, true)?;
        let least = largest.f_select(0, count - 1)?;
        let places = total.f_ge_tensor(&least)?.f_nonzero()?.f_squeeze_dim(1)?;
        let values = total.f_index_select(0, &places)?;
        let pairs = Vec::<i64>::try_from(places)?
            .into_iter()
            .zip(Vec::<f64>::try_from(values)?);
        let mut pairs: Vec<(i64, f64)> = pairs.collect();
        pairs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        pairs.truncate(count as usize);
        Ok(pairs)
    }

    fn result(&self, item: Item) -> Vec<Beam> {
        let any = item.finished.iter().any(|beam| is_finished(beam, self.end));
        let mut texts = if any { item.finished } else { item.live };
        for beam in &mut texts {
            let last = beam.tokens.last().copied().unwrap_or(0);
            beam.tokens.resize(self.longest.max(1) as usize, last);
        }
        texts
    }
}

/// Whether a slot holds a text with an end.
fn is_finished(beam: &Beam, end: i64) -> bool {
    beam.tokens.len() > 1 && beam.tokens.last() == Some(&end)
}

/// The best, from the worst of them to the best; of equal ones the first is the better.
fn best(mut beams: Vec<Beam>, count: usize) -> Vec<Beam> {
    beams.sort_by(|a, b| b.score.total_cmp(&a.score));
    beams.truncate(count);
    beams.reverse();
    beams
}
