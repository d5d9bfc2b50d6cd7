//! Rebuilds the tensors of a golden from its formulas, and compares ours with its summaries.

use super::GoldenError;
use super::file::{Entry, Summary};
use tch::{Kind, Tensor};

/// A number in [-1, 1) for each place: a hash of seed, tensor and index.
pub(super) fn uniform(seed: u64, t: u64, p: u64, i: u64) -> f64 {
    let key = (seed << 48) ^ (t << 32) ^ (p << 24) ^ i;
    let mut z = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 * (-53_f64).exp2() * 2.0 - 1.0
}

/// The tensor of an entry, in 64 bits: floating, or integers where its `dtype` says so.
pub(super) fn rebuild(seed: u64, entry: &Entry) -> Result<Tensor, GoldenError> {
    let refuse = |problem: String| GoldenError::Entry {
        name: entry.name.clone(),
        problem,
    };
    let count = entry.shape.iter().try_fold(1_i64, |product, &size| {
        product.checked_mul(size).filter(|_| size >= 0)
    });
    let count = count
        .filter(|&count| count < 1 << 24)
        .ok_or_else(|| refuse(format!("impossible shape {:?}", entry.shape)))?;
    let hashed = |i: i64| uniform(seed, entry.t, entry.p, i as u64);
    let mut values: Vec<f64> = match entry.kind.as_deref() {
        None | Some("uniform") => (0..count)
            .map(|i| entry.offset + entry.scale * hashed(i))
            .collect(),
        Some("ints") => (0..count)
            .map(|i| entry.low + ((hashed(i) + 1.0) / 2.0 * entry.n).floor())
            .collect(),
        Some("literal") => entry
            .values
            .iter()
            .filter_map(serde_json::Value::as_f64)
            .collect(),
        Some("padding") => vec![0.0; count as usize],
        Some(other) => return Err(refuse(format!("unknown kind `{other}`"))),
    };
    if values.len() != count as usize {
        return Err(refuse(format!(
            "{} values for shape {:?}",
            values.len(),
            entry.shape
        )));
    }
    let padding = entry.kind.as_deref() == Some("padding");
    if let (Some(lengths), Some(fill)) = (&entry.lengths, entry.fill.or(padding.then_some(1.0))) {
        pad(&mut values, &entry.shape, lengths, fill);
    }
    let tensor = Tensor::from_slice(&values).f_reshape(&entry.shape)?;
    Ok(match entry.dtype.as_deref() {
        Some("int") => tensor.f_to_kind(Kind::Int64)?,
        _ => tensor,
    })
}

/// Overwrites everything at and beyond `lengths[b]` of axis 1.
fn pad(values: &mut [f64], shape: &[i64], lengths: &[i64], fill: f64) {
    let columns = shape.get(1).copied().unwrap_or(1).max(1) as usize;
    let inner = shape.iter().skip(2).product::<i64>().max(1) as usize;
    for (i, value) in values.iter_mut().enumerate() {
        let (row, column) = (i / (columns * inner), i / inner % columns);
        if lengths
            .get(row)
            .is_some_and(|&length| column as i64 >= length)
        {
            *value = fill;
        }
    }
}

/// How far a tensor is from its summary: the largest relative difference.
///
/// Values count against `max(1, largest value)`, sums against the sum of what is summed, without signs.
pub(super) fn difference(ours: &Tensor, reference: &Summary) -> Result<Difference, GoldenError> {
    if ours.size() != reference.shape {
        return Ok(Difference::Shape {
            ours: ours.size(),
            reference: reference.shape.clone(),
        });
    }
    let ours = flat(ours)?;
    let largest = reference
        .values
        .iter()
        .chain(&ours)
        .fold(1.0_f64, |max, x| max.max(x.abs()));
    let scale = at_least_one(largest);
    let mut worst = Worst::default();
    let magnitude: f64 = ours.iter().map(|x| x.abs()).sum();
    worst.add(ours.iter().sum(), reference.sum, at_least_one(magnitude));
    let squares = ours.iter().map(|x| x * x).sum();
    worst.add(squares, reference.sumsq, at_least_one(squares));
    match &reference.index {
        None if reference.values.len() != ours.len() => worst.0 = f64::INFINITY,
        None => ours
            .iter()
            .zip(&reference.values)
            .for_each(|(&a, &b)| worst.add(a, b, scale)),
        Some(index) => {
            for (&place, &b) in index.iter().zip(&reference.values) {
                worst.add(ours.get(place).copied().unwrap_or(f64::NAN), b, scale);
            }
        }
    }
    Ok(Difference::Value(worst.0))
}

/// What a difference is relative to.
fn at_least_one(magnitude: f64) -> f64 {
    if magnitude.is_finite() {
        magnitude.max(1.0)
    } else {
        1.0
    }
}

/// How far one of our tensors, or numbers, is from the reference.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Difference {
    /// By this much, relative.
    Value(f64),
    /// It has another shape.
    Shape { ours: Vec<i64>, reference: Vec<i64> },
}

/// The largest relative difference so far. NaN equals NaN and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worst(pub(super) f64);

impl Worst {
    /// Adds a pair; `scale` is what the difference is relative to.
    pub(super) fn add(&mut self, a: f64, b: f64, scale: f64) {
        let equal = a == b || (a.is_nan() && b.is_nan());
        let difference = (a - b).abs() / scale;
        if !equal {
            self.0 = self.0.max(if difference.is_nan() {
                f64::INFINITY
            } else {
                difference
            });
        }
    }
}

/// The numbers, row by row.
pub(super) fn flat(tensor: &Tensor) -> Result<Vec<f64>, GoldenError> {
    let tensor = tensor
        .f_detach()?
        .f_to_kind(Kind::Double)?
        .f_contiguous()?
        .f_view([-1])?;
    let mut values = vec![0.0; tensor.numel()];
    let count = values.len();
    tensor.f_copy_data(&mut values, count)?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::uniform;

    #[test]
    fn the_hash_gives_the_published_numbers() {
        assert_eq!(uniform(101, 0, 0, 0), 0.576_887_952_963_151_4);
        assert_eq!(uniform(101, 0, 1, 5), -0.765_599_152_917_445_5);
        assert_eq!(uniform(101, 1, 0, 2), -0.051_280_911_084_783_61);
    }
}
