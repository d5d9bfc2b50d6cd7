//! Rules of a workload by itself.

use super::{Findings, part};
use crate::number::Span;
use crate::spec::check::Violation;
use crate::spec::workload::{Input, Metric, Model};
use serde_json::Value;

/// A workload by itself.
pub(in crate::spec) fn workload(file: &Value) -> Vec<Violation> {
    let mut found = Findings::of(file);
    if let Some(metric) = part(file, "/target/metric") {
        computed(&mut found, metric, part(file, "/metrics"));
        for split in ["validation", "test"] {
            let pointer = format!("/target/{split}");
            if let Some(value) = part(file, &pointer) {
                possible(&mut found, pointer, metric, value);
            }
        }
    }
    if let Some(Span(time)) = part(file, "/budget/time") {
        found.require(
            !time.is_zero(),
            "/budget/time",
            "a budget of no time",
            "write a length of time like `60s`",
        );
    }
    let every: Option<u64> = part(file, "/evaluate/every-steps");
    if let (Some(every), Some(steps)) = (every, part::<u64>(file, "/budget/steps")) {
        found.require(
            every <= steps || steps == 0,
            "/evaluate/every-steps",
            format!("the first evaluation, after {every} steps, would come after the budget's last step, {steps}"),
            "lower `every-steps` or raise `budget.steps`",
        );
    }
    if let Some(input) = part(file, "/input") {
        normalisation(&mut found, &input);
    }
    if let Some(model) = part::<Model>(file, "/model") {
        for mistake in model.kind().mistakes() {
            let pointer = format!("/model/{}/{}", model.kind().name(), mistake.key);
            found.require(false, pointer, mistake.message, mistake.help);
        }
    }
    found.0
}

fn computed(found: &mut Findings, metric: Metric, metrics: Option<Vec<Metric>>) {
    let Some(metrics) = metrics else { return };
    let names: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
    found.require(
        metrics.contains(&metric),
        "/target/metric",
        format!("the target's metric `{}` is not computed", metric.name()),
        &format!(
            "add it to `metrics`, or choose one of: {}",
            names.join(", ")
        ),
    );
}

fn possible(found: &mut Findings, pointer: String, metric: Metric, value: f64) {
    let help = match metric.largest() {
        1.0 if metric.smallest() < 0.0 => "it is never above 1",
        1.0 => "write a share between 0 and 1, not a percentage",
        _ => "it is never below 0",
    };
    found.require(
        (metric.smallest()..=metric.largest()).contains(&value),
        pointer,
        format!("`{value}` can never be a value of {}", metric.name()),
        help,
    );
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
