//! When a trial goes on and when it is over: no clock, no process, only numbers.

use bench_core::outcome::Outcome;
use bench_core::passage::{Point, Standing, Tracker};
use bench_core::run::RunSpec;
use bench_core::spec::harness::TestEvaluations;

/// The rules of one trial, and where it stands by them.
#[derive(Debug)]
pub(super) struct Rules {
    tracker: Tracker,
    budget_ns: u64,
    budget_steps: u64,
    test: TestEvaluations,
    to_budget: bool,
}

/// What follows an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Train on.
    GoOn,
    /// It is over.
    Over(Outcome),
}

impl Rules {
    pub(super) fn new(run: &RunSpec, to_budget: bool) -> Rules {
        let target = &run.workload.target;
        let budget_ns = (run.budget_seconds() * 1e9) as u64;
        let budget_steps = run.budget_steps();
        Rules {
            tracker: Tracker::new(
                target.validation,
                target.metric.direction(),
                run.ruleset.confirm,
                budget_ns,
                budget_steps,
            ),
            budget_ns,
            budget_steps,
            test: run.ruleset.test,
            to_budget,
        }
    }

    /// Submission time that is left of the budget, in nanoseconds.
    pub(super) fn left_ns(&self, submission_ns: u64) -> u64 {
        self.budget_ns.saturating_sub(submission_ns)
    }

    /// Whether the test split is certain to be wanted here, before anything is known of the validation split.
    pub(super) fn wants_test_at(&self, step: u64, submission_ns: u64, complete: bool) -> bool {
        self.test == TestEvaluations::Always || complete || self.is_spent(step, submission_ns)
    }

    /// Takes the evaluation in, and says whether it is one at which the test split is wanted, and what follows.
    /// `finite` tells whether every value was a finite number.
    pub(super) fn judge(&mut self, point: Point, complete: bool, finite: bool) -> (bool, Verdict) {
        let before = self.tracker.standing();
        let standing = self.tracker.observe(point);
        let verdict = if finite {
            self.verdict(point, complete, standing)
        } else {
            Verdict::Over(Outcome::Diverged)
        };
        let met = standing != before && standing != Standing::Open;
        (met || verdict != Verdict::GoOn, verdict)
    }

    fn verdict(&self, point: Point, complete: bool, standing: Standing) -> Verdict {
        let spent = self.is_spent(point.step, point.submission_ns);
        match standing {
            Standing::Reached if complete || spent || !self.to_budget => {
                Verdict::Over(Outcome::TargetReached)
            }
            _ if complete => Verdict::Over(Outcome::Stopped),
            // The one evaluation past the budget: it confirms the last passage, or there is none.
            Standing::Unconfirmed => Verdict::GoOn,
            _ if spent => Verdict::Over(Outcome::BudgetExhausted),
            _ => Verdict::GoOn,
        }
    }

    fn is_spent(&self, step: u64, submission_ns: u64) -> bool {
        step >= self.budget_steps || submission_ns >= self.budget_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::spec::workload::Direction;

    const NS: u64 = 100;

    fn rules(confirm: bool, to_budget: bool) -> Rules {
        Rules {
            tracker: Tracker::new(0.1, Direction::Min, confirm, 1000, 50),
            budget_ns: 1000,
            budget_steps: 50,
            test: TestEvaluations::PassageAndEnd,
            to_budget,
        }
    }

    /// Feeds values at steps 10, 20, … and tells the step, the outcome, and the steps at which the test split was wanted.
    fn follow(mut rules: Rules, values: &[f64], complete_at: u64) -> (u64, String, Vec<u64>) {
        let mut tested = Vec::new();
        for (index, &value) in values.iter().enumerate() {
            let step = 10 * (index as u64 + 1);
            let complete = step == complete_at;
            let sure = rules.wants_test_at(step, NS, complete);
            let point = Point {
                step,
                submission_ns: NS,
                value,
            };
            let (wanted, verdict) = rules.judge(point, complete, value.is_finite());
            if wanted || sure {
                tested.push(step);
            }
            if let Verdict::Over(outcome) = verdict {
                return (step, outcome.name().to_owned(), tested);
            }
        }
        (0, "open".to_owned(), tested)
    }

    #[test]
    fn a_trial_ends_when_the_rules_say_so() {
        let miss = [0.2; 9];
        let cases: &[(bool, bool, &[f64], u64, u64, &str, &[u64])] = &[
            (
                false,
                false,
                &[0.2, 0.1, 0.1],
                0,
                20,
                "target-reached",
                &[20],
            ),
            (
                true,
                false,
                &[0.2, 0.1, 0.1],
                0,
                30,
                "target-reached",
                &[20, 30],
            ),
            (false, false, &miss, 0, 50, "budget-exhausted", &[50]),
            (false, false, &miss, 30, 30, "stopped", &[30]),
            (false, false, &[0.2, f64::NAN], 0, 20, "diverged", &[20]),
            // Goes on after the target, and keeps it.
            (
                false,
                true,
                &[0.1, 0.2, 0.2, 0.2, 0.2],
                0,
                50,
                "target-reached",
                &[10, 50],
            ),
            // Met at the budget's last step: one more evaluation, past the budget, decides.
            (
                true,
                false,
                &[0.2, 0.2, 0.2, 0.2, 0.1, 0.1],
                0,
                60,
                "target-reached",
                &[50, 60],
            ),
            (
                true,
                false,
                &[0.2, 0.2, 0.2, 0.2, 0.1, 0.2],
                0,
                60,
                "budget-exhausted",
                &[50, 60],
            ),
            // Says that it is complete before the target is confirmed.
            (true, false, &[0.2, 0.1], 20, 20, "stopped", &[20]),
        ];
        for (confirm, to_budget, values, complete_at, step, outcome, tested) in cases {
            let rules = rules(*confirm, *to_budget);
            assert_eq!(
                follow(rules, values, *complete_at),
                (*step, (*outcome).to_owned(), tested.to_vec()),
                "confirm {confirm}, to budget {to_budget}, {values:?}, complete at {complete_at}"
            );
        }
    }
}
