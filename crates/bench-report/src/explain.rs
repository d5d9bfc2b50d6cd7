//! A submission's scores in words: what each workload adds to them, then of each row the studies, the trial that counted in each, and the lines that decided.

use crate::aggregate::Ranked;
use crate::grid::{Cell, Column, Grid};
use crate::units;
use bench_core::outcome::Outcome;
use bench_core::passage::Point;
use bench_core::spec::submission::Value;
use bench_core::spec::workload::Direction;
use bench_score::{
    Credit, Explained, ExplainedStudy, ExplainedTrial, FrozenReference, Measure, Uncounted,
};

/// A submission's scores in a field that decides, and what each workload adds to them; none where it is not in that field.
pub fn score_explanation(
    ranked: &Ranked,
    submission: &str,
    reference: Option<&FrozenReference>,
    width: usize,
) -> Option<String> {
    let Ranked { field, ranking } = ranked;
    let index = ranking
        .submissions
        .iter()
        .position(|name| name == submission)?;
    let credits = field.credits(submission, reference)?;
    let others = ranking.submissions.len();
    let groups = &ranking.standing.groups.group;
    let peers = ranking.submissions.iter().zip(groups);
    let peers =
        peers.filter(|(name, group)| *name != submission && Some(*group) == groups.get(index));
    let peers: Vec<&str> = peers.map(|(name, _)| name.as_str()).collect();
    let tied = match peers.as_slice() {
        [] => String::new(),
        peers => format!(", not told apart from {}", peers.join(", ")),
    };
    let mut lines = vec![format!(
        "{submission}, {}: place {} of {others}{tied}",
        ranked.title(),
        index + 1
    )];
    lines.extend(frozen_line(ranked, index));
    let ends = ranking.standing.intervals.get(index).copied().flatten();
    let ends = ends.map_or(String::new(), |ends| {
        format!(" [{:.3}, {:.3}]", ends.lower, ends.upper)
    });
    lines.push(format!(
        "  score {:.4}{ends}: the area below its performance profile, the sum of the points",
        ranking.scores[index]
    ));
    lines.push(credit_grid(&credits, field.measure).terminal(width));
    Some(lines.join("\n"))
}

fn frozen_line(ranked: &Ranked, index: usize) -> Option<String> {
    let frozen = ranked.ranking.frozen.as_ref()?;
    let own = frozen.scores.get(index)?;
    let (name, version) = (&frozen.submission, frozen.version);
    let decides = if frozen.decides {
        ", which decides the place"
    } else {
        ""
    };
    let against = format!("against {name}, version {version} of the reference{decides}");
    let Some(score) = own.score.as_ref() else {
        return Some(format!(
            "  no frozen score {against}: it ran {} of its {} workloads",
            own.workloads, own.of
        ));
    };
    let ends = score.lower.zip(score.upper);
    let ends = ends.map_or(String::new(), |(lower, upper)| {
        format!(" [{lower:.3}, {upper:.3}]")
    });
    Some(format!(
        "  frozen score {:.4}{ends} {against}: the sum of the frozen points",
        score.score?
    ))
}

fn credit_grid(credits: &[Credit], measure: Measure) -> Grid {
    let amount = |measure: Measure, value: f64| match measure {
        Measure::Time => units::seconds(value),
        Measure::Steps => units::count(value.round() as u64),
        Measure::Examples => format!("{} examples", units::count(value.round() as u64)),
    };
    let points = |(points, most): (f64, f64)| format!("{points:.4} of {most:.4}");
    let row = |credit: &Credit| {
        let median = match credit.median {
            None if credit.studies > 0 => Cell::new("missed", ""),
            median => Cell::optional(median, |value| amount(credit.measure, value)),
        };
        let fastest = credit.fastest.as_ref();
        let fastest =
            fastest.map(|(name, best)| format!("{} {name}", amount(credit.measure, *best)));
        vec![
            Cell::plain(&credit.workload),
            median,
            Cell::plain(fastest.unwrap_or_else(|| "-".to_owned())),
            Cell::optional(credit.ratio, |ratio| format!("{ratio:.3}")),
            Cell::new(points((credit.points, credit.most)), credit.points),
            match credit.frozen {
                None => Cell::default(),
                Some(frozen) => {
                    Cell::new(amount(frozen.measure, frozen.reference), frozen.reference)
                }
            },
            Cell::optional(credit.frozen.map(|frozen| frozen.points), |own| {
                points((own, credit.frozen.map_or(0.0, |frozen| frozen.most)))
            }),
        ]
    };
    let median = match measure {
        Measure::Time => Column::numbers("time to target", "median-seconds", 0),
        _ if credits
            .iter()
            .all(|credit| credit.measure == Measure::Steps) =>
        {
            Column::numbers("steps to target", "median-steps", 0)
        }
        _ => Column::numbers("to target", "median", 0),
    };
    Grid {
        columns: vec![
            Column::words("workload", "workload", 0),
            median,
            Column::words("fastest", "fastest", 2),
            Column::numbers("ratio", "ratio", 1),
            Column::numbers("points", "points", 0),
            Column::numbers("reference", "reference", 3),
            Column::numbers("frozen points", "frozen-points", 0),
        ],
        rows: credits.iter().map(row).collect(),
    }
    .without_empty(&["reference", "frozen-points"])
}

/// A row of a table, down to its evaluation lines.
pub fn explanation(explained: &Explained) -> String {
    let result = &explained.result;
    let mut lines = vec![format!(
        "{} on {}, {}: {}",
        result.entry(),
        result.workload,
        result.ruleset,
        score(explained)
    )];
    lines.push(format!(
        "  {} of {} studies that the ruleset asks for, {} reached the target; on {} ({}, {} thread{})",
        result.studies.len() + result.open.len(),
        result.studies_wanted,
        result.reached,
        result.setting.machine,
        result.setting.device,
        result.setting.threads,
        if result.setting.threads == 1 { "" } else { "s" },
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
        _ if result.studies.is_empty() => "no median: no study says anything yet".to_owned(),
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
            _ if study.result.is_known() => {
                format!("  study {number}: missed, none of its trials counts")
            }
            _ => format!(
                "  study {number}: open, {} of its {} trials say something; it counts for nothing yet",
                study.result.trials, study.result.trials_wanted
            ),
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
        lines.extend(file(trial));
    }
    lines
}

fn verdict(explained: &Explained, trial: &ExplainedTrial) -> String {
    let Some(passage) = trial.passage.filter(|_| trial.uncounted.is_none()) else {
        let best = trial.best.map_or(String::new(), |best| {
            let line = line(trial, &best);
            format!(", its best was {}{line}", units::significant(best.value))
        });
        return format!("{}{best}", reason(trial));
    };
    let evaluation = |point: &Point| {
        format!(
            "{} at step {}{}",
            units::significant(point.value),
            units::count(point.step),
            line(trial, point)
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

/// Where an evaluation stands in the record.
fn line(trial: &ExplainedTrial, point: &Point) -> String {
    let evidence = trial.evidence.as_ref();
    let line = evidence.and_then(|evidence| evidence.lines.get(&point.step));
    line.map_or(String::new(), |line| format!(" (line {line})"))
}

/// The record's file, and what it must hash to.
fn file(trial: &ExplainedTrial) -> Option<String> {
    let evidence = trial.evidence.as_ref()?;
    Some(format!(
        "      lines of {}, blake3 {:.12}",
        evidence.file, evidence.digest
    ))
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
        Some(Uncounted::Unobserved) => format!(
            "no observation: {}; `bench run` tries it again",
            match &trial.outcome {
                Some(Outcome::Failed(failure)) => failure.message.as_str(),
                _ => outcome,
            }
        ),
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
