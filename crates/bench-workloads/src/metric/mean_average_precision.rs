//! Average precision of each yes-or-no question, and its mean, as AlgoPerf's `ogbg` has it.

use super::{Accumulator, Scored};
use crate::batch::Batch;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Scores and answers of a whole split, by question.
#[derive(Debug, Default)]
pub(crate) struct MeanAveragePrecision {
    questions: Vec<Question>,
}

#[derive(Debug, Clone, Default)]
struct Question {
    /// Scores of the answers that are there, and whether these are yes.
    answered: Vec<(f64, bool)>,
    /// Whether any answer is yes, and any no: one that is missing stands for no.
    yes: bool,
    no: bool,
}

impl MeanAveragePrecision {
    /// Adds logits `[N, …]` for answers of the same shape.
    ///
    /// # Errors
    /// What libtorch says.
    pub(crate) fn add_batch(
        &mut self,
        logits: &Tensor,
        batch: &Batch,
    ) -> Result<(), LibtorchError> {
        let count = batch.targets.size()[0];
        let numbers = |x: &Tensor| -> Result<Vec<f64>, LibtorchError> {
            Ok(Vec::<f64>::try_from(
                &x.f_to_kind(Kind::Double)?.f_reshape([-1])?,
            )?)
        };
        let scores = numbers(&logits.f_to_kind(Kind::Double)?.f_sigmoid()?)?;
        let answers = numbers(&batch.targets)?;
        let weights = match &batch.weights {
            Some(weights) => numbers(weights)?,
            None => vec![1.0; answers.len()],
        };
        let questions = answers.len() / count.max(1) as usize;
        self.questions.resize(questions, Question::default());
        let places = scores.iter().zip(&answers).zip(&weights);
        for (place, ((&score, &answer), &weight)) in places.enumerate() {
            let question = &mut self.questions[place % questions.max(1)];
            question.yes |= answer == 1.0;
            question.no |= answer == 0.0;
            if weight != 0.0 {
                question.answered.push((score, answer == 1.0));
            }
        }
        Ok(())
    }

    /// Scores and answers of each question.
    pub(crate) fn answered(&self) -> impl Iterator<Item = &[(f64, bool)]> {
        self.questions
            .iter()
            .map(|question| question.answered.as_slice())
    }

    /// Of each question; NaN where only one answer was ever given.
    pub(crate) fn each(&self) -> Vec<f64> {
        let precision = |question: &Question| match question.yes && question.no {
            true => average_precision(&question.answered),
            false => f64::NAN,
        };
        self.questions.iter().map(precision).collect()
    }

    /// Over the questions that have one; NaN where none has.
    pub(crate) fn mean(&self) -> f64 {
        let each = self.each();
        let (sum, count) = each
            .iter()
            .filter(|one| !one.is_nan())
            .fold((0.0, 0.0), |(sum, count), one| (sum + one, count + 1.0));
        sum / count
    }
}

impl Accumulator for MeanAveragePrecision {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        self.add_batch(scored.outputs, scored.batch)
    }

    fn value(&self) -> f64 {
        self.mean()
    }
}

/// Precision at each score from the highest down, weighed by what it adds to recall; equal scores are one step. 0 where no answer is yes.
pub(crate) fn average_precision(answered: &[(f64, bool)]) -> f64 {
    let mut answered = answered.to_vec();
    answered.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let all = answered.iter().filter(|(_, yes)| *yes).count() as f64;
    let (mut right, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for step in answered.chunk_by(|(a, _), (b, _)| a == b) {
        let new = step.iter().filter(|(_, yes)| *yes).count() as f64;
        right += new;
        seen += step.len() as f64;
        sum += new * right / seen;
    }
    if all == 0.0 { 0.0 } else { sum / all }
}
