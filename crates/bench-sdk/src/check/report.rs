//! What the checks found: every rule with its verdict, all at once.

use serde::Serialize;
use std::fmt;

/// One rule's verdict on a submission.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Finding {
    /// Name of the rule, and the case of it where it has several: `golden/quad-float64-const`.
    pub(crate) rule: String,
    /// Whether it holds.
    pub(crate) verdict: Verdict,
    /// What was measured, what is wrong, or why it was skipped.
    pub(crate) detail: String,
}

/// Whether a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It says nothing about this submission.
    Skipped,
}

impl Finding {
    pub(crate) fn new(
        rule: impl Into<String>,
        verdict: Verdict,
        detail: impl Into<String>,
    ) -> Finding {
        Finding {
            rule: rule.into(),
            verdict,
            detail: detail.into(),
        }
    }
}

/// All findings of one `check`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    /// Version of this format: 1.
    pub(crate) format: u32,
    /// In the order of the rules.
    pub(crate) checks: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(checks: Vec<Finding>) -> Report {
        Report { format: 1, checks }
    }

    pub(crate) fn has_failures(&self) -> bool {
        self.checks
            .iter()
            .any(|check| check.verdict == Verdict::Failed)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let width = self
            .checks
            .iter()
            .map(|check| check.rule.len())
            .max()
            .unwrap_or(0);
        for Finding {
            rule,
            verdict,
            detail,
        } in &self.checks
        {
            let word = match verdict {
                Verdict::Passed => "passed ",
                Verdict::Failed => "FAILED ",
                Verdict::Skipped => "skipped",
            };
            writeln!(f, "{word}  {rule:width$}  {detail}")?;
        }
        writeln!(
            f,
            "{} passed, {} failed, {} skipped",
            self.count(Verdict::Passed),
            self.count(Verdict::Failed),
            self.count(Verdict::Skipped)
        )
    }
}
