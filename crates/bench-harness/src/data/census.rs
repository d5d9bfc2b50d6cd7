//! Whether any two examples are the same one, within a split and between splits.

use super::block::Block;
use bench_core::run::SplitName;
use bench_core::spec::columns::{Column, Columns};
use std::collections::{BTreeMap, HashMap};

/// Most examples of a data set that are all compared with all: that takes 100 MB. Beyond, splits are disjoint by their ranges alone.
const MOST: u64 = 1 << 22;

/// What a census of all examples found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// Split to the number of its examples whose inputs occur earlier in the same split. Without those of splits that were not looked at: text, whose
    /// examples are the workload's choice, and data sets of more than four million examples.
    pub duplicates: BTreeMap<SplitName, u64>,
    /// Pairs of splits that share inputs. Empty: no example that was looked at is in two of them.
    pub overlaps: Vec<Overlap>,
}

/// Examples of one split that are in another one too, by content of their inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// One split.
    pub first: SplitName,
    /// The other.
    pub second: SplitName,
    /// How many examples of `second` are in `first` too.
    pub examples: u64,
    /// Positions of the first pair.
    pub at: (u64, u64),
}

/// Whether the examples of a data set of these columns and so many examples are compared.
pub(crate) fn pays(columns: &Columns, examples: u64) -> bool {
    columns.running().is_none() && examples <= MOST
}

/// A short hash of each example's inputs.
pub(crate) fn keys(columns: &Columns, block: &Block, keys: &mut Vec<u128>) {
    let inputs: Vec<(&Column, _)> = columns
        .inputs()
        .filter_map(|(name, column)| Some((column, block.get(name)?)))
        .collect();
    keys.extend((0..block.examples()).map(|example| {
        let mut hasher = blake3::Hasher::new();
        for (column, cells) in &inputs {
            let bytes = cells.bytes_of(column, &(example..example + 1));
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        u128::from_le_bytes(key)
    }));
}

impl Census {
    /// Compares all keys with all.
    pub(crate) fn of(splits: &BTreeMap<SplitName, Vec<u128>>) -> Census {
        let mut census = Census::default();
        let mut seen: Vec<(SplitName, HashMap<u128, u64>)> = Vec::new();
        for (&name, keys) in splits {
            for (other, positions) in &seen {
                let shared: Vec<(u64, u64)> = keys
                    .iter()
                    .zip(0..)
                    .filter_map(|(key, here)| Some((*positions.get(key)?, here)))
                    .collect();
                if let Some(&at) = shared.first() {
                    census.overlaps.push(Overlap {
                        first: *other,
                        second: name,
                        examples: shared.len() as u64,
                        at,
                    });
                }
            }
            let mut own = HashMap::with_capacity(keys.len());
            for (key, position) in keys.iter().zip(0..) {
                own.entry(*key).or_insert(position);
            }
            let duplicates = (keys.len() - own.len()) as u64;
            census.duplicates.insert(name, duplicates);
            seen.push((name, own));
        }
        census
    }
}
