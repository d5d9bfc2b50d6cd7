//! What a number of studies can see at all.

use super::{By, Row, Rule};
use crate::statistics::{Question, detectable, log_spread, studies_needed};
use bench_core::spec::submission::Tuning;
use serde::Serialize;

/// Promised share of true differences that are found.
pub(crate) const POWER: f64 = 0.8;

/// What a comparison of this size can see, whatever came out of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sight {
    /// Of each workload.
    pub noise: Vec<Noise>,
    /// Studies on a side.
    pub studies: usize,
    /// The least slowdown that this many studies find in 8 of 10 cases; none where they cannot find any.
    pub detectable: Option<f64>,
    /// Studies a side that find a slowdown by the margin in 8 of 10 cases.
    pub studies_for_margin: Option<u64>,
    /// Studies a side that call equal submissions equivalent within the margin in 8 of 10 cases.
    pub studies_for_equivalence: Option<u64>,
}

/// How much studies of one workload differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Noise {
    /// Name of the workload.
    pub workload: String,
    /// Standard deviation of ln(time) between studies.
    pub sd: f64,
    /// Where it is from.
    pub source: NoiseSource,
}

/// Where a standard deviation is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseSource {
    /// Records at hand.
    Records,
    /// Seeds of the workload's committed calibration.
    Calibration,
    /// Measured in AlgoPerf's competitions.
    Prior,
}

impl Sight {
    /// What a comparison could see.
    pub(super) fn of(workloads: &[Row], rule: Rule) -> Sight {
        let noise = workloads.iter().map(|row| noise(row, rule.by)).collect();
        let sides = workloads.iter().flat_map(|row| [&row.base, &row.candidate]);
        let studies = sides.map(|side| side.studies.len()).min().unwrap_or(0);
        Sight::with(noise, studies, rule.margin, rule.alpha)
    }

    /// What that many studies a side can see on workloads of this noise.
    pub fn with(noise: Vec<Noise>, studies: usize, margin: f64, alpha: f64) -> Sight {
        let sd: Vec<f64> = noise.iter().map(|noise| noise.sd).collect();
        let needed = |question| studies_needed(&sd, margin, alpha, POWER, question).n;
        let (difference, equivalence) = match sd.is_empty() {
            true => (None, None),
            false => (needed(Question::Difference), needed(Question::Equivalence)),
        };
        Sight {
            studies,
            detectable: detectable(&sd, studies as u64, alpha, POWER),
            studies_for_margin: difference,
            studies_for_equivalence: equivalence,
            noise,
        }
    }
}

/// The spread seen on both sides, and at least what evaluations at intervals leave open: times that are tied by the grid are not times without noise.
fn noise(row: &Row, by: By) -> Noise {
    let (a, b) = (row.base.times(by), row.candidate.times(by));
    let spread = log_spread([&a[..], &b[..]]);
    let studies = row.base.studies.iter().chain(&row.candidate.studies);
    let gaps: Vec<f64> = studies.filter_map(|study| study.resolution).collect();
    let grid = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64 / 12.0_f64.sqrt();
    Noise {
        workload: row.workload.clone(),
        sd: spread.map_or_else(
            || prior(&row.workload, false, Tuning::ExternalTuning),
            |sd| sd.max(grid),
        ),
        source: match spread {
            Some(_) => NoiseSource::Records,
            None => NoiseSource::Prior,
        },
    }
}

/// The noise measured in AlgoPerf's competitions, for workloads without records: standard deviation of ln(time) between single trials at fixed
/// hyperparameters, or between tuned studies. Other workloads get the pooled one.
pub fn prior(workload: &str, tuned: bool, tuning: Tuning) -> f64 {
    /// AlgoPerf's name; single trials, studies of external tuning, studies of self-tuning.
    const MEASURED: [(&str, [f64; 3]); 8] = [
        ("criteo1tb", [0.079, 0.061, 0.110]),
        ("fastmri", [0.160, 0.136, 0.185]),
        // The self-tuning studies all missed it.
        ("imagenet_resnet", [0.009, 0.009, 0.033]),
        ("imagenet_vit", [0.015, 0.016, 0.033]),
        ("librispeech_conformer", [0.036, 0.041, 0.084]),
        ("librispeech_deepspeech", [0.048, 0.050, 0.219]),
        ("ogbg", [0.123, 0.115, 0.122]),
        ("wmt", [0.099, 0.117, 0.178]),
    ];
    const POOLED: [f64; 3] = [0.118, 0.118, 0.189];
    let workload = workload.replace('-', "_");
    let measured = MEASURED.iter().find(|(name, _)| workload == *name);
    let of = measured.map_or(POOLED, |(_, of)| *of);
    match (tuned, tuning) {
        (_, Tuning::SelfTuning) => of[2],
        (true, Tuning::ExternalTuning) => of[1],
        (false, Tuning::ExternalTuning) => of[0],
    }
}
