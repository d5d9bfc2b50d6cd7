//! A competition's score in words: what each workload adds, the studies behind its time, and the lines of the logs that decided.

use crate::units;
use bench_core::number::Measured;
use bench_score::algoperf::{
    Evaluation, Explained, ExplainedWorkload, Goal, Loss, Reach, StudyResult, TrialResult,
};
use serde_json::{Value, json};

/// From the score down to evaluation lines.
pub fn explanation(explained: &Explained, workload: Option<&str>) -> String {
    let mut lines = vec![format!(
        "{}: score {:.4}, rank {} of {}",
        explained.submission, explained.score, explained.rank, explained.of
    )];
    for one in chosen(explained, workload) {
        lines.push(String::new());
        lines.push(format!("{}: {}", one.name, credit(one)));
        lines.push(format!("  {}", time(one)));
        lines.push(format!(
            "  the target: validation/{} {} {}",
            one.target.metric,
            sign(one),
            one.target.value
        ));
        for (study, before) in one.cell.studies.iter().zip(&one.before) {
            lines.extend(study_lines(one, study, before));
        }
    }
    lines.join("\n")
}

/// The same for programs.
pub fn json(explained: &Explained, workload: Option<&str>) -> Value {
    let one = |one: &ExplainedWorkload| {
        let studies = one.cell.studies.iter().zip(&one.before);
        json!({
            "workload": one.name,
            "is-base": one.is_base,
            "points": one.points,
            "most": one.most,
            "why": credit(one),
            "seconds": (!one.cell.time.is_nan()).then_some(Measured(one.cell.time)),
            "ratio": one.cell.ratio,
            "fastest": one.fastest.map(|(name, seconds)| json!({ "submission": name, "seconds": seconds })),
            "metric": format!("validation/{}", one.target.metric),
            "target": one.target.value,
            "studies": studies.map(|(study, before)| study_json(study, before)).collect::<Vec<_>>(),
        })
    };
    let workloads: Vec<Value> = chosen(explained, workload).map(one).collect();
    json!({
        "submission": explained.submission,
        "score": explained.score,
        "rank": explained.rank,
        "of": explained.of,
        "workloads": workloads,
    })
}

fn chosen<'a, 'b>(
    explained: &'b Explained<'a>,
    workload: Option<&'b str>,
) -> impl Iterator<Item = &'b ExplainedWorkload<'a>> {
    let all = explained.workloads.iter();
    all.filter(move |one| workload.is_none_or(|name| name == one.name))
}

/// What it adds to the score, and by which rule it adds no more.
fn credit(one: &ExplainedWorkload) -> String {
    let what = match (&one.cell.loss, one.cell.ratio) {
        (Some(Loss::NoLog), _) => "there is no log of it".to_owned(),
        (Some(Loss::Missed), _) => {
            "missed: half of its studies or more did not reach the target".to_owned()
        }
        (Some(Loss::BaseMissed { base }), _) => {
            format!("its time does not count, since {base} was missed")
        }
        (Some(Loss::TooSlow { fastest }), _) => format!(
            "too slow: {:.2} times the fastest, where 4 is the most",
            one.cell.time / fastest
        ),
        (Some(Loss::VariantMissed { variant }), _) => {
            format!("its time does not count, since the variant {variant} was missed")
        }
        (None, Some(ratio)) => match one.fastest {
            Some((name, seconds)) if ratio > 1.0 => format!(
                "{ratio:.3} times the fastest, {name} with {}",
                units::seconds(seconds)
            ),
            _ => "the fastest".to_owned(),
        },
        (None, None) => "no time".to_owned(),
    };
    match one.is_base {
        true => format!("{:.4} of {:.4} points; {what}", one.points, one.most),
        false => format!("a variant, which gives no points; {what}"),
    }
}

/// The median.
fn time(one: &ExplainedWorkload) -> String {
    let studies = one.cell.studies.len();
    let reached = one
        .cell
        .studies
        .iter()
        .filter(|study| study.counted.is_some())
        .count();
    let median = match one.cell.time {
        time if time.is_finite() => format!("{}, the median over studies", units::seconds(time)),
        _ => "no median".to_owned(),
    };
    format!("{median}; {reached} of {studies} studies reached the target")
}

fn study_lines(
    one: &ExplainedWorkload,
    study: &StudyResult,
    before: &[Option<Evaluation>],
) -> Vec<String> {
    let mut lines = vec![match (study.reached(), study.counted) {
        (Some(reach), Some(counted)) => {
            let other = study.fastest.filter(|_| study.picks_differ());
            let other = other.map_or(String::new(), |fastest| {
                format!(", though {} was faster", study.trials[fastest].trial)
            });
            format!(
                "  {}: {}, of {}, which took the fewest evaluations ({}){other}",
                study.study,
                units::seconds(reach.evaluation.seconds),
                study.trials[counted].trial,
                reach.index + 1
            )
        }
        _ => format!("  {}: missed, no trial reached the target", study.study),
    }];
    for (index, (trial, before)) in study.trials.iter().zip(before).enumerate() {
        let mark = if study.counted == Some(index) {
            "->"
        } else {
            "  "
        };
        lines.push(format!(
            "   {mark} {}: {}",
            trial.trial,
            verdict(one, trial, before.as_ref())
        ));
    }
    lines
}

fn verdict(one: &ExplainedWorkload, trial: &TrialResult, before: Option<&Evaluation>) -> String {
    let Some(Reach { evaluation, .. }) = &trial.reached else {
        let best = trial.best.map_or(String::new(), |best| {
            format!(", the best was {} in line {}", best.value, best.line)
        });
        return format!(
            "missed in {} evaluations{best} of {}",
            trial.evaluations, trial.file
        );
    };
    let before = before.map_or(String::new(), |before| {
        format!(", after {} in line {}", before.value, before.line)
    });
    format!(
        "{} at step {}: {} {} {} in line {} of {}{before}",
        units::seconds(evaluation.seconds),
        units::count(evaluation.step as u64),
        evaluation.value,
        sign(one),
        one.target.value,
        evaluation.line,
        trial.file
    )
}

fn study_json(study: &StudyResult, before: &[Option<Evaluation>]) -> Value {
    let evaluation = |evaluation: &Evaluation| {
        json!({
            "line": evaluation.line,
            "step": Measured(evaluation.step),
            "seconds": Measured(evaluation.seconds),
            "value": Measured(evaluation.value),
        })
    };
    let trial = |(trial, before): (&TrialResult, &Option<Evaluation>)| {
        json!({
            "trial": trial.trial,
            "file": trial.file,
            "evaluations": trial.evaluations,
            "reached": trial.reached.as_ref().map(|reach| evaluation(&reach.evaluation)),
            "before": before.as_ref().map(evaluation),
            "best": trial.best.as_ref().map(evaluation),
        })
    };
    json!({
        "study": study.study,
        "seconds": Measured(study.seconds()),
        "counted": study.counted.map(|index| &study.trials[index].trial),
        "trials": study.trials.iter().zip(before).map(trial).collect::<Vec<_>>(),
    })
}

fn sign(one: &ExplainedWorkload) -> &'static str {
    match one.target.goal {
        Goal::Minimize => "<=",
        Goal::Maximize => ">=",
    }
}
