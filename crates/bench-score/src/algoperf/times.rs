//! The steps of AlgoPerf's scoring that take times away, and what they took.
//!
//! A time is infinite where the target was missed and NaN where there is no log.

use super::profile::fastest;
use super::targets::Targets;

/// Times to target, by submission and scored workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// Names of the columns.
    pub workloads: Vec<String>,
    /// One row for each submission.
    pub rows: Vec<Vec<f64>>,
    /// Why a time has become infinite, in the same shape.
    pub losses: Vec<Vec<Option<Loss>>>,
}

/// Why a submission gets no credit for a workload.
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// There is no log of it.
    NoLog,
    /// Half or more of the studies missed the target.
    Missed,
    /// Of a variant: its base workload was missed.
    BaseMissed {
        /// The base workload.
        base: String,
    },
    /// Slower than the largest ratio to the fastest.
    TooSlow {
        /// The fastest submission's time.
        fastest: f64,
    },
    /// Of a base workload: its variant was missed, or was too slow.
    VariantMissed {
        /// The variant.
        variant: String,
    },
}

impl Times {
    /// A table with the losses that are there from the beginning.
    pub fn new(workloads: Vec<String>, rows: Vec<Vec<f64>>) -> Times {
        let loss = |&time: &f64| {
            if time.is_nan() {
                Some(Loss::NoLog)
            } else {
                (time == f64::INFINITY).then_some(Loss::Missed)
            }
        };
        let losses = rows
            .iter()
            .map(|row| row.iter().map(loss).collect())
            .collect();
        Times {
            workloads,
            rows,
            losses,
        }
    }

    /// Step 5: a variant's time goes where its base workload was missed.
    pub fn drop_variants_of_missed_bases(&mut self, targets: &Targets) {
        for (variant, base) in self.variants(targets) {
            let loss = Loss::BaseMissed {
                base: self.workloads[base].clone(),
            };
            self.drop_where_missed(variant, base, &loss);
        }
    }

    /// Step 6: times beyond a multiple of their column's fastest go.
    pub fn drop_slow(&mut self, largest_ratio: f64) {
        for workload in 0..self.workloads.len() {
            let fastest = self.fastest(workload);
            for submission in 0..self.rows.len() {
                if self.rows[submission][workload] > largest_ratio * fastest {
                    self.lose(submission, workload, Loss::TooSlow { fastest });
                }
            }
        }
    }

    /// Step 7: a base workload's time goes where its variant was missed.
    pub fn drop_bases_of_missed_variants(&mut self, targets: &Targets) {
        for (variant, base) in self.variants(targets) {
            let loss = Loss::VariantMissed {
                variant: self.workloads[variant].clone(),
            };
            self.drop_where_missed(base, variant, &loss);
        }
    }

    /// A column's fastest time.
    pub fn fastest(&self, workload: usize) -> f64 {
        fastest(self.rows.iter().map(|row| row[workload]))
    }

    /// Columns of variants with those of their base workloads.
    fn variants(&self, targets: &Targets) -> Vec<(usize, usize)> {
        let column = |name: &str| self.workloads.iter().position(|workload| workload == name);
        let pair = |variant: &String| Some((column(variant)?, column(targets.base_of(variant)?)?));
        let is_variant = |name: &&String| !targets.base.contains(name);
        self.workloads
            .iter()
            .filter(is_variant)
            .filter_map(pair)
            .collect()
    }

    fn drop_where_missed(&mut self, workload: usize, other: usize, loss: &Loss) {
        for submission in 0..self.rows.len() {
            let time = self.rows[submission][other];
            if time.is_nan() || time == f64::INFINITY {
                self.lose(submission, workload, loss.clone());
            }
        }
    }

    /// Takes a time away; the first reason stays.
    fn lose(&mut self, submission: usize, workload: usize, loss: Loss) {
        self.rows[submission][workload] = f64::INFINITY;
        self.losses[submission][workload].get_or_insert(loss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const MISS: f64 = f64::INFINITY;

    fn targets() -> Targets {
        let target = r#"{"target_metric_name": "loss", "validation_target_value": 1}"#;
        let text = format!(
            r#"{{"benchmark_version": "0", "base_workloads": ["w"], "held_out_workloads": ["w_x"], "workloads": {{"w": {target}, "w_x": {target}}}}}"#
        );
        Targets::parse(&text).unwrap()
    }

    fn times(rows: &[[f64; 2]]) -> Times {
        let rows = rows.iter().map(|row| row.to_vec()).collect();
        Times::new(vec!["w".into(), "w_x".into()], rows)
    }

    #[test]
    fn a_variant_needs_its_base() {
        let mut times = times(&[[MISS, 5.0], [f64::NAN, 5.0], [1.0, 5.0]]);
        times.drop_variants_of_missed_bases(&targets());
        let variants: Vec<f64> = times.rows.iter().map(|row| row[1]).collect();
        assert_eq!(variants, [MISS, MISS, 5.0]);
        assert_eq!(
            times.losses[1][1],
            Some(Loss::BaseMissed { base: "w".into() })
        );
    }

    #[test]
    fn exactly_the_largest_ratio_is_kept() {
        let mut times = times(&[[1.0, MISS], [4.0, MISS], [4.1, f64::NAN]]);
        times.drop_slow(4.0);
        assert_eq!([times.rows[1][0], times.rows[2][0]], [4.0, MISS]);
        assert_eq!(times.losses[2][0], Some(Loss::TooSlow { fastest: 1.0 }));
        assert_eq!(times.losses[2][1], Some(Loss::NoLog));
    }

    #[test]
    fn a_base_needs_its_variant() {
        let mut times = times(&[[1.0, MISS], [1.0, f64::NAN], [2.0, 5.0]]);
        times.drop_bases_of_missed_variants(&targets());
        let bases: Vec<f64> = times.rows.iter().map(|row| row[0]).collect();
        assert_eq!(bases, [MISS, MISS, 2.0]);
        assert_eq!(
            times.losses[0][0],
            Some(Loss::VariantMissed {
                variant: "w_x".into()
            })
        );
    }
}
