//! What a schema cannot say: numbers that fit together, names that exist.

use super::catalog::Catalog;
use super::check::Violation;
use super::dataset::{Dataset, Format, Split};
use super::harness::Harness;
use super::schema::Kind;
use super::submission::{Choice, Dimension, GradientClipping, Range, Scale, Submission, Value};
use super::workload::{Metric, Model, Workload};

/// Collects violations.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn require(
        &mut self,
        fine: bool,
        pointer: impl Into<String>,
        message: impl Into<String>,
        help: &str,
    ) {
        if !fine {
            self.0.push(Violation::new(pointer, message, help));
        }
    }

    fn schema_version(&mut self, version: u32) {
        self.require(
            version == 1,
            "/schema",
            format!("schema `{version}` is not known"),
            "this version of bench reads schema 1",
        );
    }

    fn positive(&mut self, pointer: &str, value: u64) {
        self.require(
            value > 0,
            pointer,
            format!("`{value}` must be at least 1"),
            "write a whole number above 0",
        );
    }
}

/// A workload by itself.
pub(super) fn workload(workload: &Workload) -> Vec<Violation> {
    let mut found = Findings::default();
    found.schema_version(workload.schema);
    let names: Vec<&str> = workload
        .metrics
        .iter()
        .map(|metric| metric.name())
        .collect();
    found.require(
        !names.is_empty(),
        "/metrics",
        "no metric is computed",
        "list at least the target's",
    );
    let metric = workload.target.metric;
    found.require(
        workload.metrics.contains(&metric),
        "/target/metric",
        format!("the target's metric `{}` is not computed", metric.name()),
        &format!(
            "add it to `metrics`, or choose one of: {}",
            names.join(", ")
        ),
    );
    for (pointer, value) in [
        ("/target/validation", Some(workload.target.validation)),
        ("/target/test", workload.target.test),
    ] {
        target_value(&mut found, pointer, metric, value);
    }
    found.require(
        !workload.budget.time.0.is_zero(),
        "/budget/time",
        "a budget of no time",
        "write a length of time like `60s`",
    );
    found.positive("/budget/steps", workload.budget.steps);
    found.positive("/step-hint", workload.step_hint);
    found.positive("/evaluate/every-steps", workload.evaluate.every_steps);
    found.positive("/evaluate/batch-size", workload.evaluate.batch_size);
    found.positive("/evaluate/train-subset", workload.evaluate.train_subset);
    found.require(
        workload.evaluate.every_steps <= workload.budget.steps,
        "/evaluate/every-steps",
        "the first evaluation would come after the budget's last step",
        "lower `every-steps` or raise `budget.steps`",
    );
    if let Some(threads) = workload.threads {
        found.positive("/threads", threads.into());
    }
    input(&mut found, workload);
    model(&mut found, &workload.model);
    found.0
}

fn target_value(found: &mut Findings, pointer: &str, metric: Metric, value: Option<f64>) {
    let Some(value) = value else { return };
    let share = matches!(metric, Metric::ErrorRate | Metric::Accuracy);
    found.require(
        !share || (0.0..=1.0).contains(&value),
        pointer,
        format!("`{value}` can never be a value of {}", metric.name()),
        "write a share between 0 and 1, not a percentage",
    );
}

fn input(found: &mut Findings, workload: &Workload) {
    let input = &workload.input;
    found.require(
        input.mean.len() == input.std.len() && !input.mean.is_empty(),
        "/input",
        format!(
            "{} means and {} deviations",
            input.mean.len(),
            input.std.len()
        ),
        "give one of each for every channel",
    );
    for (position, std) in input.std.iter().enumerate() {
        let pointer = format!("/input/std/{position}");
        found.require(
            *std > 0.0,
            pointer,
            format!("`{std}` cannot be divided by"),
            "a deviation is above 0",
        );
    }
}

fn model(found: &mut Findings, model: &Model) {
    let widths = |found: &mut Findings, list: &str, sizes: &[u64]| {
        for (position, size) in sizes.iter().enumerate() {
            found.positive(&format!("{list}/{position}"), *size);
        }
    };
    match model {
        Model::Mlp(mlp) => widths(found, "/model/mlp/hidden", &mlp.hidden),
        Model::Resnet(resnet) => {
            widths(found, "/model/resnet/stages", &resnet.stages);
            found.positive("/model/resnet/filters", resnet.filters);
        }
        Model::Decoder(decoder) => {
            let sizes = [
                ("width", decoder.width),
                ("layers", decoder.layers),
                ("heads", decoder.heads),
                ("hidden", decoder.hidden),
            ];
            for (key, size) in sizes {
                found.positive(&format!("/model/decoder/{key}"), size);
            }
            found.require(
                decoder.heads == 0 || decoder.width % (2 * decoder.heads) == 0,
                "/model/decoder/heads",
                format!(
                    "{} heads cannot share a width of {}",
                    decoder.heads, decoder.width
                ),
                "the width is a multiple of twice the heads: rotary positions turn pairs",
            );
        }
    }
}

/// A data set by itself.
pub(super) fn dataset(dataset: &Dataset) -> Vec<Violation> {
    let mut found = Findings::default();
    found.schema_version(dataset.schema);
    let splits = [
        ("train", &dataset.splits.train),
        ("validation", &dataset.splits.validation),
        ("test", &dataset.splits.test),
    ];
    for (position, (name, split)) in splits.iter().enumerate() {
        split_alone(&mut found, name, split);
        for (other_name, other) in &splits[..position] {
            let apart = split.from != other.from
                || split.start >= other.start.saturating_add(other.count)
                || other.start >= split.start.saturating_add(split.count);
            found.require(
                apart,
                format!("/splits/{name}"),
                format!("split `{name}` overlaps split `{other_name}`"),
                "move `start` or lower `count`: no example may stand in two splits",
            );
        }
    }
    if let Format::Generated(generated) = &dataset.format {
        found.require(
            generated.noise > 0.0,
            "/format/generated/noise",
            format!("`{}` is no spread", generated.noise),
            "write a number above 0",
        );
    } else {
        found.require(
            !dataset.sources.is_empty(),
            "/splits",
            "nowhere to get the data from",
            "add `sources:`, at least `folder`",
        );
    }
    found.0
}

fn split_alone(found: &mut Findings, name: &str, split: &Split) {
    found.positive(&format!("/splits/{name}/count"), split.count);
    found.require(
        matches!(split.from.as_str(), "train" | "test"),
        format!("/splits/{name}/from"),
        format!("unknown file `{}`", split.from),
        "expected `train` or `test`",
    );
    found.require(
        split.hash.len() == 64 && split.hash.chars().all(|digit| digit.is_ascii_hexdigit()),
        format!("/splits/{name}/hash"),
        format!("`{}` is not a blake3 hash", split.hash),
        "write the 64 hexadecimal digits that `bench data verify` prints",
    );
}

/// A submission by itself.
pub(super) fn submission(submission: &Submission) -> Vec<Violation> {
    let mut found = Findings::default();
    found.schema_version(submission.schema);
    found.require(
        !submission.rulesets.is_empty(),
        "/rulesets",
        "a submission without a ruleset can never run",
        "list `external-tuning`, `self-tuning` or both",
    );
    found.positive("/batch-size/default", submission.batch_size.default);
    for (workload, size) in &submission.batch_size.workloads {
        found.positive(&format!("/batch-size/workloads/{workload}"), *size);
    }
    if let GradientClipping::GlobalNorm(norm) = submission.gradient_clipping {
        let message = format!("`{norm}` is no norm to clip to");
        found.require(
            norm > 0.0,
            "/gradient-clipping/global-norm",
            message,
            "write a number above 0",
        );
    }
    for (name, dimension) in &submission.search_space {
        match dimension {
            Dimension::Fixed(_) => {}
            Dimension::Range(range) => range_alone(&mut found, name, range),
            Dimension::Choice(choice) => choice_alone(&mut found, name, choice),
        }
    }
    let known: Vec<&str> = submission.search_space.keys().map(String::as_str).collect();
    let groups = submission.groups.iter().map(|group| &group.hyperparameters);
    for (list, points) in [
        ("groups", groups.collect::<Vec<_>>()),
        ("points", submission.points.iter().collect()),
    ] {
        for (position, point) in points.into_iter().enumerate() {
            let inside = if list == "groups" {
                "/hyperparameters"
            } else {
                ""
            };
            for name in point.keys().filter(|name| !known.contains(&name.as_str())) {
                let pointer = format!("/{list}/{position}{inside}/{name}");
                let violation = Violation::unknown(pointer, "hyperparameter", name, &known);
                found.0.push(Violation {
                    on_key: true,
                    ..violation
                });
            }
        }
    }
    found.0
}

fn range_alone(found: &mut Findings, name: &str, range: &Range) {
    let pointer = |key: &str| format!("/search-space/{name}/{key}");
    let Range { min, max, .. } = *range;
    found.require(
        min <= max,
        pointer("min"),
        format!("min `{min}` is above max `{max}`"),
        "swap them",
    );
    found.require(
        range.scale == Scale::Linear || min > 0.0,
        pointer("min"),
        format!("`{min}` has no logarithm"),
        "a range with `scale: log` begins above 0",
    );
    found.require(
        min > max || (min..=max).contains(&range.default),
        pointer("default"),
        format!("default `{}` is outside of {min} to {max}", range.default),
        "move it inside, or widen the range",
    );
}

fn choice_alone(found: &mut Findings, name: &str, choice: &Choice) {
    let listed: Vec<String> = choice.values.iter().map(Value::to_string).collect();
    found.require(
        choice.values.contains(&choice.default),
        format!("/search-space/{name}/default"),
        format!("default `{}` is none of the values", choice.default),
        &format!("choose one of: {}", listed.join(", ")),
    );
}

/// The harness by itself.
pub(super) fn harness(harness: &Harness) -> Vec<Violation> {
    let mut found = Findings::default();
    found.schema_version(harness.schema);
    found.positive("/threads", harness.threads.into());
    found.require(
        crate::run::device(&harness.device).is_some(),
        "/device",
        format!("unknown device `{}`", harness.device),
        "write `cpu`, or `cuda:0` for the first card",
    );
    for (name, ruleset) in &harness.rulesets {
        found.positive(&format!("/rulesets/{name}/studies"), ruleset.studies.into());
        found.positive(&format!("/rulesets/{name}/trials"), ruleset.trials.into());
        found.require(
            ruleset.budget_factor > 0.0,
            format!("/rulesets/{name}/budget-factor"),
            format!("`{}` leaves no budget", ruleset.budget_factor),
            "write a number above 0",
        );
    }
    for (key, value) in [
        ("claim", harness.tolerances.claim),
        ("wall", harness.tolerances.wall),
    ] {
        let message = format!("`{value}` is no tolerance");
        found.require(
            (0.0..1.0).contains(&value),
            format!("/tolerances/{key}"),
            message,
            "a share between 0 and 1",
        );
    }
    found.0
}

/// Names that one file uses of another: the kind and name of the file that is wrong, and why.
pub(super) fn references(catalog: &Catalog) -> Vec<(Kind, String, Violation)> {
    let mut found = Vec::new();
    let datasets: Vec<&str> = catalog.datasets.keys().map(String::as_str).collect();
    for (name, workload) in &catalog.workloads {
        let dataset = &workload.dataset;
        if !catalog.datasets.contains_key(dataset) && !catalog.is_broken(Kind::Dataset, dataset) {
            found.push((
                Kind::Workload,
                name.clone(),
                Violation::unknown("/dataset", "data set", dataset, &datasets),
            ));
        }
    }
    let workloads: Vec<&str> = catalog.workloads.keys().map(String::as_str).collect();
    for (suite, members) in catalog.harness.iter().flat_map(|harness| &harness.suites) {
        for (position, member) in members.iter().enumerate() {
            if !catalog.workloads.contains_key(member) && !catalog.is_broken(Kind::Workload, member)
            {
                let pointer = format!("/suites/{suite}/{position}");
                found.push((
                    Kind::Harness,
                    "harness".to_owned(),
                    Violation::unknown(pointer, "workload", member, &workloads),
                ));
            }
        }
    }
    found
}
