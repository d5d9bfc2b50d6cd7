//! Rules of a competition, as data.

use super::profile::{LARGEST_RATIO, POINTS};
use bench_core::spec::harness::Scoring;
use bench_core::spec::submission::Tuning;

/// What a score's computation depends on beside logs and targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Studies that a complete entry has.
    pub studies: usize,
    /// Trials that a complete study has.
    pub trials: usize,
    /// Which trial counts in a study.
    pub pick: Pick,
    /// Whether sampled variants can take a base workload's time away.
    pub variants: bool,
    /// Times beyond this multiple of the fastest count as missed, and profiles end there.
    pub largest_ratio: f64,
    /// Points of a profile.
    pub points: usize,
    /// Budget in multiples of the external-tuning one.
    pub budget_factor: f64,
}

/// Which of a study's trials counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The one that reached the target after the fewest evaluations; of several, the fastest. What AlgoPerf's code does, which leaves ties to the
    /// order in which the file system lists folders.
    FewestEvaluations,
    /// The one that reached it in the least time: what the rules say.
    LeastTime,
}

impl Rules {
    /// The rules of a scoring under a ruleset.
    pub fn of(scoring: Scoring, tuning: Tuning) -> Rules {
        let external = tuning == Tuning::ExternalTuning;
        let (studies, self_tuning_factor) = match scoring {
            Scoring::AlgoperfV05 => (5, 3.0),
            Scoring::AlgoperfV06 | Scoring::Frozen => (3, 1.5),
        };
        let algoperf = scoring != Scoring::Frozen;
        Rules {
            studies,
            trials: if external { 5 } else { 1 },
            pick: if algoperf {
                Pick::FewestEvaluations
            } else {
                Pick::LeastTime
            },
            variants: algoperf,
            largest_ratio: LARGEST_RATIO,
            points: POINTS,
            budget_factor: if external { 1.0 } else { self_tuning_factor },
        }
    }
}

/// Seconds a trial of a base workload may take under external tuning, where a file of targets does not say.
pub fn budget(scoring: Scoring, workload: &str) -> Option<f64> {
    let budgets: &[(&str, f64)] = match scoring {
        Scoring::AlgoperfV05 => &BUDGETS_V05,
        Scoring::AlgoperfV06 | Scoring::Frozen => &BUDGETS_V06,
    };
    let found = budgets.iter().find(|(name, _)| *name == workload)?;
    Some(found.1)
}

const BUDGETS_V05: [(&str, f64); 8] = [
    ("criteo1tb", 7_703.0),
    ("fastmri", 8_859.0),
    ("imagenet_resnet", 63_008.0),
    ("imagenet_vit", 77_520.0),
    ("librispeech_conformer", 61_068.0),
    ("librispeech_deepspeech", 55_506.0),
    ("ogbg", 18_477.0),
    ("wmt", 48_151.0),
];

const BUDGETS_V06: [(&str, f64); 8] = [
    ("criteo1tb", 7_703.0),
    ("fastmri", 4_430.0),
    ("imagenet_resnet", 66_159.0),
    ("imagenet_vit", 69_768.0),
    ("librispeech_conformer", 58_015.0),
    ("librispeech_deepspeech", 44_405.0),
    ("ogbg", 12_011.0),
    ("wmt", 43_336.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_in_studies_and_budgets() {
        let rules = Rules::of(Scoring::AlgoperfV05, Tuning::SelfTuning);
        assert_eq!(
            (rules.studies, rules.trials, rules.budget_factor),
            (5, 1, 3.0)
        );
        let rules = Rules::of(Scoring::AlgoperfV06, Tuning::ExternalTuning);
        assert_eq!(
            (rules.studies, rules.trials, rules.budget_factor),
            (3, 5, 1.0)
        );
        assert_ne!(
            budget(Scoring::AlgoperfV05, "fastmri"),
            budget(Scoring::AlgoperfV06, "fastmri")
        );
    }
}
