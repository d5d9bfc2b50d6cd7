//! Whose mistake it is: a variant's keys may be wrong only together with its base's, and the base is right without them.

use super::catalog::Entry;
use super::check::{Violation, Wrong};
use super::diagnostic::{Diagnostic, Span};
use super::merge::{self, Layer};
use super::yaml::{escape, unescape};
use serde_json::Value;

/// All that is wrong with the layers of a file in one value.
pub(super) type Judge<'j> = dyn Fn(&[Layer], Value) -> Vec<Violation> + 'j;

/// A violation of the last layer, at the place where a person mends it. None where its base has it by itself: there it is told.
pub(super) fn told(layers: &[Layer], violation: Violation, judge: &Judge) -> Option<Diagnostic> {
    let (entry, span) = merge::place(layers, &violation)?;
    let (own, bases) = layers.split_last()?;
    let by_variant = std::ptr::eq(entry, own.entry);
    let told = |entry: &Entry, span: Span, more: &str| Diagnostic {
        source: entry.source.clone(),
        span,
        message: format!("{}{more}", violation.message),
        help: violation.help.clone(),
    };
    let wrote_it = by_variant && violation.wrong != Wrong::Missing;
    if bases.is_empty() || wrote_it {
        return Some(told(entry, span, ""));
    }
    if judge(bases, merge::merged(bases)).contains(&violation) {
        return None;
    }
    if by_variant {
        return Some(told(entry, span, ""));
    }
    let document = own.entry.document.as_ref()?;
    let vanishes = |part: &Value| {
        let mut merged = merge::merged(bases);
        merge::over(own.entry.kind, &mut merged, part);
        !judge(layers, merged).contains(&violation)
    };
    let culprit = culprit(&document.value, &vanishes).unwrap_or("/extends".to_owned());
    let here = document.places.get(&culprit).copied().unwrap_or_default();
    let (key, there) = (dotted(&violation.pointer), entry.source.place(span));
    let more = format!(" (`{key}` is in {there})");
    Some(told(own.entry, here.key.unwrap_or(here.value), &more))
}

/// A remark on the last layer, where that one wrote what it is about: else it is its base's.
pub(super) fn remark(layers: &[Layer], remark: &Violation) -> Option<Diagnostic> {
    let own = layers.last()?;
    let (entry, span) = merge::place(layers, remark)?;
    std::ptr::eq(entry, own.entry).then(|| Diagnostic {
        source: entry.source.clone(),
        span,
        message: remark.message.clone(),
        help: remark.help.clone(),
    })
}

/// The smallest part of a variant without which the mistake is gone.
fn culprit(variant: &Value, vanishes: &dyn Fn(&Value) -> bool) -> Option<String> {
    let mut found = String::new();
    while let Some(map) = variant.pointer(&found).and_then(Value::as_object) {
        let without = |key: &&String| {
            let mut rest = variant.clone();
            let map = rest.pointer_mut(&found).and_then(Value::as_object_mut);
            map.and_then(|map| map.remove(*key)).is_some() && vanishes(&rest)
        };
        let keys = map.keys().filter(|key| *key != "extends");
        let Some(key) = keys.into_iter().find(without) else {
            break;
        };
        found = format!("{found}/{}", escape(key));
    }
    (!found.is_empty()).then_some(found)
}

/// A pointer as people write a key in a key.
pub(super) fn dotted(pointer: &str) -> String {
    let parts: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
    parts.join(".")
}
