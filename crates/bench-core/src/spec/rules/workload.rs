//! Rules of a workload by itself.

use super::{Findings, part};
use crate::spec::check::Violation;
use crate::spec::workload::{Budget, Decoder, Evaluate, Input, Metric, Target};
use serde_json::Value;

/// A workload by itself.
pub(in crate::spec) fn workload(file: &Value) -> Vec<Violation> {
    let mut found = Findings::of(file);
    let budget: Option<Budget> = part(file, "/budget");
    if let Some(target) = part::<Target>(file, "/target") {
        values(&mut found, &target);
        if let Some(metrics) = part(file, "/metrics") {
            computed(&mut found, &target, metrics);
        }
    }
    if let Some(budget) = budget {
        found.require(
            !budget.time.0.is_zero(),
            "/budget/time",
            "a budget of no time",
            "write a length of time like `60s`",
        );
    }
    if let (Some(budget), Some(evaluate)) = (budget, part::<Evaluate>(file, "/evaluate")) {
        found.require(
            evaluate.every_steps <= budget.steps,
            "/evaluate/every-steps",
            format!(
                "the first evaluation, after {} steps, would come after the budget's last step, {}",
                evaluate.every_steps, budget.steps
            ),
            "lower `every-steps` or raise `budget.steps`",
        );
    }
    if let Some(input) = part(file, "/input") {
        normalisation(&mut found, &input);
    }
    if let Some(model) = part(file, "/model/decoder") {
        decoder(&mut found, &model);
    }
    found.0
}

fn computed(found: &mut Findings, target: &Target, metrics: Vec<Metric>) {
    let names: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
    found.require(
        metrics.contains(&target.metric),
        "/target/metric",
        format!(
            "the target's metric `{}` is not computed",
            target.metric.name()
        ),
        &format!(
            "add it to `metrics`, or choose one of: {}",
            names.join(", ")
        ),
    );
}

fn values(found: &mut Findings, target: &Target) {
    let most = match target.metric {
        Metric::ErrorRate | Metric::Accuracy => 1.0,
        Metric::CrossEntropy | Metric::Perplexity | Metric::BitsPerByte => f64::INFINITY,
    };
    let splits = [
        ("validation", Some(target.validation)),
        ("test", target.test),
    ];
    for (split, value) in splits {
        let fine = value.is_none_or(|value| (0.0..=most).contains(&value));
        found.require(
            fine,
            format!("/target/{split}"),
            format!(
                "`{}` can never be a value of {}",
                value.unwrap_or_default(),
                target.metric.name()
            ),
            if most == 1.0 {
                "write a share between 0 and 1, not a percentage"
            } else {
                "it is never below 0"
            },
        );
    }
}

fn normalisation(found: &mut Findings, input: &Input) {
    let (means, stds) = (input.mean.len(), input.std.len());
    found.require(
        means == stds,
        "/input",
        format!("`mean` has {means} values and `std` has {stds}"),
        "give one of each for every channel, or one for all",
    );
    for (position, std) in input.std.iter().enumerate() {
        found.require(
            *std > 0.0,
            format!("/input/std/{position}"),
            format!("`{std}` cannot be divided by"),
            "a deviation is above 0",
        );
    }
}

fn decoder(found: &mut Findings, model: &Decoder) {
    let (width, heads) = (model.width, model.heads);
    found.require(
        heads == 0 || width % heads == 0 && (width / heads) % 2 == 0,
        "/model/decoder/heads",
        format!("{heads} heads cannot share a width of {width}"),
        "the width is a multiple of twice the heads: rotary positions turn pairs",
    );
}
