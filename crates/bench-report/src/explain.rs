//! A row of a table in words: the studies behind it, the trial that counted in each, and the evaluations that decided.

use crate::units;
use bench_core::passage::Point;
use bench_core::spec::submission::Value;
use bench_core::spec::workload::Direction;
use bench_score::{Explained, ExplainedStudy, ExplainedTrial, Uncounted};

/// From the score down to evaluation lines.
pub fn explanation(explained: &Explained) -> String {
    let result = &explained.result;
    let mut lines = vec![format!(
        "{} on {}, {}: {}",
        result.submission,
        result.workload,
        result.ruleset,
        score(explained)
    )];
    lines.push(format!(
        "  {} studies of {} that the ruleset asks for, {} reached the target; on {} ({}, {} threads)",
        result.studies.len(),
        result.studies_wanted,
        result.reached,
        result.setting.machine,
        result.setting.device,
        result.setting.threads,
    ));
    lines.push(format!(
        "  the target: validation {} {} {}{}",
        explained.metric.name(),
        sign(explained),
        explained.target,
        if explained.confirm {
            ", at two evaluations in a row"
        } else {
            ""
        },
    ));
    for study in &explained.studies {
        lines.extend(study_lines(explained, study));
    }
    for trial in &explained.superseded {
        lines.push(format!(
            "  left out: study {}, trial {}, begun {}: {}",
            trial.study,
            trial.trial,
            trial.started,
            reason(trial),
        ));
    }
    lines.join("\n")
}

fn score(explained: &Explained) -> String {
    let result = &explained.result;
    match (result.median_seconds, result.median_steps) {
        (Some(seconds), Some(steps)) => format!(
            "{} and {} steps to target, the medians over studies, a miss being infinitely late",
            units::seconds(seconds),
            units::count(steps as u64)
        ),
        _ => "no median: half of the studies or more missed the target".to_owned(),
    }
}

fn study_lines(explained: &Explained, study: &ExplainedStudy) -> Vec<String> {
    let number = study.result.study.1;
    let mut lines = vec![
        match (study.fastest, study.result.seconds, study.result.steps) {
            (Some(trial), Some(seconds), Some(steps)) => {
                let fewest = study.fewest_steps.filter(|fewest| *fewest != trial);
                let fewest = fewest.map_or(String::new(), |other| format!(" (trial {other}'s)"));
                format!(
                    "  study {number}: {}, of trial {trial}, the fastest; {} steps{fewest}",
                    units::seconds(seconds),
                    units::count(steps),
                )
            }
            _ => format!("  study {number}: missed, none of its trials counts"),
        },
    ];
    for trial in &study.trials {
        let counted = Some(trial.trial) == study.fastest;
        let mark = if counted { "->" } else { "  " };
        lines.push(format!(
            "   {mark} trial {}: {} [{}]",
            trial.trial,
            verdict(explained, trial),
            point(trial),
        ));
    }
    lines
}

fn verdict(explained: &Explained, trial: &ExplainedTrial) -> String {
    let Some(passage) = trial.passage.filter(|_| trial.uncounted.is_none()) else {
        let best = trial.best.map_or(String::new(), |best| {
            format!(", its best was {}", units::significant(best))
        });
        return format!("{}{best}", reason(trial));
    };
    let evaluation = |point: &Point| {
        format!(
            "{} at step {}",
            units::significant(point.value),
            units::count(point.step)
        )
    };
    let mut text = format!(
        "{}: {} {} {}",
        units::seconds(passage.at.submission_ns as f64 / 1e9),
        evaluation(&passage.at),
        sign(explained),
        explained.target
    );
    if let Some(confirmed) = &trial.confirmed {
        text.push_str(&format!(", confirmed by {}", evaluation(confirmed)));
    }
    if let Some(before) = &passage.before {
        text.push_str(&format!(", after {}", evaluation(before)));
    }
    text
}

fn reason(trial: &ExplainedTrial) -> String {
    let outcome = trial
        .outcome
        .as_ref()
        .map_or("no end", |outcome| outcome.name());
    match trial.uncounted {
        Some(Uncounted::Unfinished) => format!("not over ({outcome})"),
        Some(Uncounted::Missed) => format!("missed the target ({outcome})"),
        Some(Uncounted::Unconfirmed) => {
            format!("met the target, but never twice in a row within the budget ({outcome})")
        }
        Some(Uncounted::TimingSuspect) => "its clock is not trusted (timing-suspect)".to_owned(),
        Some(Uncounted::OlderSource) => "the submission's source changed since".to_owned(),
        Some(Uncounted::RunAgain) => "the same trial was run again later".to_owned(),
        None => outcome.to_owned(),
    }
}

fn sign(explained: &Explained) -> &'static str {
    match explained.metric.direction() {
        Direction::Min => "<=",
        Direction::Max => ">=",
    }
}

fn point(trial: &ExplainedTrial) -> String {
    let value = |value: &Value| match value {
        Value::Number(number) => units::significant(*number),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => text.clone(),
    };
    let one = |(name, what): (&String, &Value)| format!("{name} {}", value(what));
    let all: Vec<String> = trial.hyperparameters.iter().map(one).collect();
    all.join(", ")
}
