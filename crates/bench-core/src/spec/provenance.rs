//! Where a target comes from holds for what it was found on: a variant that changes that has a provisional one.

use super::blame::dotted;
use super::diagnostic::{Diagnostic, Span};
use super::merge::{self, Layer};
use super::workload::{TargetSource, Workload};
use serde::Deserialize as _;
use serde_json::Value;

/// What the number that a baseline reaches depends on. Budget, threads and evaluations are not among it: they decide how soon and how often.
const DEPENDS: [&str; 10] = [
    "/dataset",
    "/input",
    "/model",
    "/loss",
    "/one-epoch",
    "/train-examples",
    "/label-noise",
    "/target/metric",
    "/target/validation",
    "/target/test",
];

/// Drops a source that a variant's target has no right to; the remark on it.
pub(super) fn own(layers: &[Layer], workload: &mut Workload) -> Option<Diagnostic> {
    let provisional = TargetSource::provisional();
    let known = workload.target.source.as_ref()?;
    let writer = layers
        .iter()
        .rposition(|layer| layer.writes("/target/source"))?;
    let (with_source, later) = layers.split_at(writer + 1);
    if *known == provisional || later.is_empty() {
        return None;
    }
    let base = Workload::deserialize(merge::merged(with_source)).ok()?;
    let differs = |pointer: &&str| {
        let value = |workload: &Workload| {
            serde_json::to_value(workload)
                .ok()?
                .pointer(pointer)
                .cloned()
        };
        let [base, own]: [Option<Value>; 2] = [&base, workload].map(value);
        base != own
    };
    let changed = DEPENDS.into_iter().find(differs)?;
    workload.target.source = Some(provisional);
    let changer = later.iter().rposition(|layer| layer.writes(changed));
    let (own, between) = later.split_last()?;
    // What a base changed is said of the base.
    if changer.is_some_and(|changer| changer < between.len()) {
        return None;
    }
    let entry = own.entry;
    let place = entry.document.as_ref()?.places.get(changed);
    let span = place.map_or(Span::default(), |place| place.key.unwrap_or(place.value));
    let base = with_source.last()?.entry;
    Some(Diagnostic {
        source: entry.source.clone(),
        span,
        message: format!(
            "the target is provisional: {} says where it comes from, and `{}` is another here",
            base.source.path.display(),
            dotted(changed)
        ),
        help: Some(format!(
            "`bench calibrate {}` finds one; a number of your own has its `source:` beside it",
            entry.name
        )),
    })
}
