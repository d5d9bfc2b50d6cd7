//! What a claim's trials took of a machine's time, without builds.

use serde_json::Value;
use std::iter::Sum;

const BEGIN: &str = "Cost: ";
const END: &str = " min of one machine.";

/// Trials, and their wall time in minutes, rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    trials: u64,
    minutes: u64,
}

impl Cost {
    /// Of trials as `bench show` has them; none where there are none, which an experiment has not.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Value>) -> Option<Cost> {
        let wall = |record: &Value| record.pointer("/summary/phases/wall-ns")?.as_u64();
        let walls: Vec<u64> = records.filter_map(wall).collect();
        (!walls.is_empty()).then(|| Cost {
            trials: walls.len() as u64,
            minutes: walls.iter().sum::<u64>().div_ceil(60_000_000_000),
        })
    }

    /// As a page states it.
    pub(super) fn line(self) -> String {
        let (hours, minutes) = (self.minutes / 60, self.minutes % 60);
        format!("{BEGIN}{} trials, {hours} h {minutes}{END}", self.trials)
    }

    /// What a page states; none where it was written before costs were, or of an experiment.
    pub(super) fn stated(page: &str) -> Option<Cost> {
        let line = page.lines().find_map(|line| line.strip_prefix(BEGIN))?;
        let (trials, time) = line.strip_suffix(END)?.split_once(" trials, ")?;
        let (hours, minutes) = time.split_once(" h ")?;
        let number = |text: &str| text.parse::<u64>().ok();
        Some(Cost {
            trials: number(trials)?,
            minutes: number(hours)? * 60 + number(minutes)?,
        })
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), |a, b| Cost {
            trials: a.trials + b.trials,
            minutes: a.minutes + b.minutes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_states_the_sum_of_its_trials() {
        let minutes = |minutes: u64| json!({ "summary": { "phases": { "wall-ns": minutes * 60_000_000_000 } } });
        let records = [minutes(50), minutes(15), json!({ "summary": {} })];
        let cost = Cost::of(records.iter()).unwrap();
        assert_eq!(cost.line(), "Cost: 2 trials, 1 h 5 min of one machine.");
        let page = format!("# Claim\n\n{}\n\n    bench run\n", cost.line());
        assert_eq!(Cost::stated(&page), Some(cost));
        assert_eq!(Cost::stated("# Claim\n"), None);
        assert_eq!(Cost::of(std::iter::empty()), None);
        let all: Cost = [cost, cost].into_iter().sum();
        assert_eq!(all.line(), "Cost: 4 trials, 2 h 10 min of one machine.");
    }
}
