//! What one evaluation measured, kept small: ten thousand trials have some hundred thousand of them in memory at once.

use bench_core::number::Measured;
use bench_core::protocol::Metrics;
use bench_core::run::SplitName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Split to metric to value, as records write it.
type Nested = BTreeMap<SplitName, Metrics>;

/// Split to metric to value. The names are held once for all evaluations of a curve that have the same ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Nested", into = "Nested")]
pub struct MetricValues {
    names: Arc<[(SplitName, String)]>,
    values: Box<[Measured]>,
}

impl MetricValues {
    /// Of an evaluation that comes after another one of the same trial.
    pub(crate) fn after(previous: Option<&MetricValues>, metrics: &Nested) -> MetricValues {
        let all = || {
            metrics.iter().flat_map(|(split, metrics)| {
                metrics
                    .iter()
                    .map(move |(name, value)| (*split, name, *value))
            })
        };
        let same = |names: &Arc<[(SplitName, String)]>| {
            let names = names.iter().map(|(split, name)| (*split, name));
            names.eq(all().map(|(split, name, _)| (split, name)))
        };
        let shared = previous
            .map(|values| &values.names)
            .filter(|names| same(names));
        let new = || {
            all()
                .map(|(split, name, _)| (split, name.clone()))
                .collect()
        };
        MetricValues {
            names: shared.cloned().unwrap_or_else(new),
            values: all().map(|(_, _, value)| value).collect(),
        }
    }

    /// A split's metric; none where that split was not evaluated.
    pub fn get(&self, split: SplitName, metric: &str) -> Option<f64> {
        let mut all = self.iter();
        let found = all.find(|(of, name, _)| (*of, *name) == (split, metric));
        found.map(|(_, _, value)| value)
    }

    /// All values, by split and then by metric.
    pub fn iter(&self) -> impl Iterator<Item = (SplitName, &str, f64)> {
        let named = self.names.iter().zip(&self.values);
        named.map(|((split, name), Measured(value))| (*split, name.as_str(), *value))
    }
}

impl From<Nested> for MetricValues {
    fn from(metrics: Nested) -> MetricValues {
        MetricValues::after(None, &metrics)
    }
}

impl From<MetricValues> for Nested {
    fn from(values: MetricValues) -> Nested {
        let mut nested = Nested::new();
        for (split, name, value) in values.iter() {
            let metrics = nested.entry(split).or_default();
            let _ = metrics.insert(name.to_owned(), Measured(value));
        }
        nested
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn metrics() -> impl Strategy<Value = Nested> {
        let split = prop::sample::select(SplitName::ALL.to_vec());
        let metrics = prop::collection::btree_map("[a-c]{1,2}", any::<i32>(), 0..3);
        let measured = metrics.prop_map(|metrics| {
            let all = metrics.into_iter();
            all.map(|(name, value)| (name, Measured(f64::from(value))))
                .collect::<Metrics>()
        });
        // A split without a metric is one that was not evaluated.
        prop::collection::btree_map(split, measured, 0..4).prop_map(|mut nested| {
            nested.retain(|_, metrics: &mut Metrics| !metrics.is_empty());
            nested
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_mixed_up(first in metrics(), second in metrics()) {
            let before = MetricValues::from(first);
            let values = MetricValues::after(Some(&before), &second);
            for (split, metrics) in &second {
                for (name, value) in metrics {
                    prop_assert_eq!(values.get(*split, name), Some(value.0));
                }
            }
            prop_assert_eq!(Nested::from(values), second);
        }
    }

    #[test]
    fn evaluations_with_the_same_names_share_them() {
        let nested = |value| {
            Nested::from([(
                SplitName::Test,
                Metrics::from([("loss".to_owned(), Measured(value))]),
            )])
        };
        let first = MetricValues::from(nested(1.0));
        let second = MetricValues::after(Some(&first), &nested(2.0));
        assert!(Arc::ptr_eq(&first.names, &second.names));
        assert_eq!(second.get(SplitName::Test, "loss"), Some(2.0));
        assert_eq!(second.get(SplitName::Validation, "loss"), None);
    }
}
