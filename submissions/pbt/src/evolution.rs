//! What the end of a generation comes to: who copies whom, which values everybody goes on with, and who is evaluated.

use crate::gene::{Draw, Gene};
use crate::selection::{Exploit, ranks};
use bench_sdk::prelude::*;

/// How a population changes.
#[derive(Debug)]
pub(crate) struct Evolution {
    pub(crate) exploit: Exploit,
    pub(crate) genes: Vec<Gene>,
    pub(crate) resample_probability: f64,
}

/// One generation's.
#[derive(Debug, PartialEq)]
pub(crate) struct Decision {
    /// Whom each member copies; itself where it goes on as it is.
    pub(crate) donors: Vec<usize>,
    /// Each member's value of every gene from here on.
    pub(crate) values: Vec<Vec<f64>>,
    /// The fittest of those that copy nobody.
    pub(crate) best: usize,
}

impl Evolution {
    /// As the hyperparameters have it.
    ///
    /// # Errors
    /// When one is missing or means nothing.
    pub(crate) fn of(hyper: &Hyperparameters) -> Result<Evolution> {
        let resample_probability = hyper.number("resample-probability")?;
        ensure!(
            (0.0..=1.0).contains(&resample_probability),
            "`resample-probability` is {resample_probability}, which is no probability"
        );
        Ok(Evolution {
            exploit: Exploit::of(hyper)?,
            genes: Gene::all(hyper)?,
            resample_probability,
        })
    }

    /// Everybody is judged by what it was before anybody copied, and who copies explores from its donor's values. `exploit` has a uniform number for
    /// each member, `explore` has three for each gene of each member.
    pub(crate) fn decide(
        &self,
        histories: &[&[f64]],
        values: &[&[f64]],
        exploit: &[f64],
        explore: &[f64],
    ) -> Decision {
        let donors = self.exploit.donors(histories, exploit);
        let scores = histories.iter().map(|history| history.last().copied());
        let scores: Vec<f64> = scores.map(|score| score.unwrap_or(f64::NAN)).collect();
        let best = ranks(&scores)
            .into_iter()
            .find(|&member| donors[member] == member);
        let explored = |(member, &donor): (usize, &usize)| match donor == member {
            true => values[member].to_vec(),
            false => {
                let draws = &explore[3 * member * self.genes.len()..];
                let changed = self.genes.iter().zip(values[donor]).zip(draws.chunks(3));
                let changed = changed.map(|((gene, value), draws)| {
                    gene.explore(*value, self.resample_probability, &Draw::of(draws))
                });
                changed.collect()
            }
        };
        Decision {
            values: donors.iter().enumerate().map(explored).collect(),
            best: best.unwrap_or(0),
            donors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the mean of its last scores the first member is worse than the second, and copies it, though its last score is the best.
    #[test]
    fn nobody_is_evaluated_that_has_just_been_overwritten() {
        let gene = Gene {
            name: "rate".to_owned(),
            min: 0.0,
            max: 1.0,
            log: false,
        };
        let evolution = Evolution {
            exploit: Exploit::TTest,
            genes: vec![gene],
            resample_probability: 0.0,
        };
        let histories: [&[f64]; 2] = [&[0.0, 0.1, 0.0, 0.1, 2.2], &[2.0, 2.1, 2.0, 2.1, 2.0]];
        let decision = evolution.decide(
            &histories,
            &[&[0.1], &[0.5]],
            &[0.0, 0.0],
            &[0.5, 0.0, 0.5, 0.5, 0.0, 0.5],
        );
        assert_eq!(
            decision,
            Decision {
                donors: vec![1, 1],
                values: vec![vec![0.5 * 0.8], vec![0.5]],
                best: 1,
            }
        );
    }
}
