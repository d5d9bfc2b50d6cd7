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

    /// Rules, values, and what they lead to.
    struct Case {
        confirm: bool,
        to_budget: bool,
        values: &'static [f64],
        complete_at: u64,
        end: (u64, &'static str),
        tested: &'static [u64],
    }

    #[test]
    fn a_trial_ends_when_the_rules_say_so() {
        let plain = Case {
            confirm: false,
            to_budget: false,
            values: &[0.2; 9],
            complete_at: 0,
            end: (50, "budget-exhausted"),
            tested: &[50],
        };
        let cases = [
            Case {
                values: &[0.2, 0.1, 0.1],
                end: (20, "target-reached"),
                tested: &[20],
                ..plain
            },
            Case {
                confirm: true,
                values: &[0.2, 0.1, 0.1],
                end: (30, "target-reached"),
                tested: &[20, 30],
                ..plain
            },
            Case {
                complete_at: 30,
                end: (30, "stopped"),
                tested: &[30],
                ..plain
            },
            Case {
                values: &[0.2, f64::NAN],
                end: (20, "diverged"),
                tested: &[20],
                ..plain
            },
            // Goes on after the target, and keeps it.
            Case {
                to_budget: true,
                values: &[0.1, 0.2, 0.2, 0.2, 0.2],
                end: (50, "target-reached"),
                tested: &[10, 50],
                ..plain
            },
            // Met at the budget's last step: one more evaluation, past the budget, decides.
            Case {
                confirm: true,
                values: &[0.2, 0.2, 0.2, 0.2, 0.1, 0.1],
                end: (60, "target-reached"),
                tested: &[50, 60],
                ..plain
            },
            Case {
                confirm: true,
                values: &[0.2, 0.2, 0.2, 0.2, 0.1, 0.2],
                end: (60, "budget-exhausted"),
                tested: &[50, 60],
                ..plain
            },
            // Says that it is complete before the target is confirmed.
            Case {
                confirm: true,
                values: &[0.2, 0.1],
                complete_at: 20,
                end: (20, "stopped"),
                tested: &[20],
                ..plain
            },
            plain,
        ];
        for (index, case) in cases.iter().enumerate() {
            let (step, outcome, tested) = follow(
                rules(case.confirm, case.to_budget),
                case.values,
                case.complete_at,
            );
            assert_eq!((step, outcome.as_str()), case.end, "case {index}");
            assert_eq!(tested, case.tested, "case {index}");
        }
    }
}
