//! Area under the receiver operating characteristic: of a yes and a no drawn at random, how often the yes has the higher score, half where they are equal.

use super::mean_average_precision::MeanAveragePrecision;
use super::{Accumulator, Scored};
use bench_torch::errors::LibtorchError;

/// Scores and answers of a whole split; the mean over the questions that have both answers.
#[derive(Debug, Default)]
pub(super) struct Auc(MeanAveragePrecision);

impl Accumulator for Auc {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        self.0.add_batch(scored.outputs, scored.batch)
    }

    fn value(&self) -> f64 {
        let areas = self.0.answered().map(area).filter(|area| !area.is_nan());
        let (sum, count) = areas.fold((0.0, 0.0), |(sum, count), area| (sum + area, count + 1.0));
        sum / count
    }
}

/// By the sum of ranks (Mann and Whitney); NaN where there is one answer alone, or a score is NaN.
fn area(answered: &[(f64, bool)]) -> f64 {
    if answered.iter().any(|(score, _)| score.is_nan()) {
        return f64::NAN;
    }
    let mut answered = answered.to_vec();
    answered.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let all = answered.iter().filter(|(_, yes)| *yes).count() as f64;
    let (mut below, mut won) = (0.0, 0.0);
    for step in answered.chunk_by(|(a, _), (b, _)| a == b) {
        let yes = step.iter().filter(|(_, yes)| *yes).count() as f64;
        let no = step.len() as f64 - yes;
        won += yes * (below + no / 2.0);
        below += no;
    }
    won / (all * below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of scikit-learn's documentation of `roc_auc_score` and its guide (1.5).
    #[test]
    fn areas_are_scikit_learns() {
        let pairs = |scores: &[f64], answers: &[u8]| -> Vec<(f64, bool)> {
            let pairs = scores.iter().zip(answers);
            pairs
                .map(|(&score, &answer)| (score, answer == 1))
                .collect()
        };
        assert_eq!(area(&pairs(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1])), 0.75);
        assert_eq!(area(&pairs(&[0.5, 0.5, 0.5], &[0, 1, 1])), 0.5);
        assert_eq!(area(&pairs(&[-1.0, 2.0], &[1, 0])), 0.0);
        assert!(area(&pairs(&[0.1, 0.2], &[1, 1])).is_nan());
        assert!(area(&pairs(&[f64::NAN, 0.2], &[1, 0])).is_nan());
    }
}
