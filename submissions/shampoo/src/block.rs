//! Pieces of a tensor that are small enough for a matrix along each of their dimensions.

use bench_sdk::prelude::*;

/// A rectangular piece of a parameter, and its Kronecker factors: a matrix a dimension.
#[derive(Debug)]
pub(crate) struct Block {
    /// First and number of indices in each dimension of the merged tensor.
    spans: Vec<(i64, i64)>,
    /// The averages `L` of `G G'` along each dimension.
    pub(crate) factors: Vec<Tensor>,
    /// Their inverse roots.
    pub(crate) roots: Vec<Tensor>,
}

impl Block {
    /// The blocks of a parameter, at most `limit` long in every dimension of [`merged`]. None of an empty tensor.
    pub(crate) fn all(parameter: &Tensor, limit: i64) -> Result<Vec<Block>> {
        let options = (parameter.kind(), parameter.device());
        let block = |spans: Vec<(i64, i64)>| -> Result<Block> {
            let sizes = || spans.iter().map(|(_, length)| *length);
            Ok(Block {
                factors: sizes()
                    .map(|n| Ok(Tensor::f_zeros([n, n], options)?))
                    .collect::<Result<_>>()?,
                roots: sizes()
                    .map(|n| Ok(Tensor::f_eye(n, options)?))
                    .collect::<Result<_>>()?,
                spans,
            })
        };
        spans(&parameter.size(), limit)
            .into_iter()
            .map(block)
            .collect()
    }

    /// Its piece of a merged tensor, which shares the tensor's memory.
    pub(crate) fn of(&self, merged: &Tensor) -> Result<Tensor> {
        let whole = merged.shallow_clone();
        let mut dimensions = (0_i64..).zip(&self.spans);
        dimensions.try_fold(whole, |piece, (dimension, (start, length))| {
            Ok(piece.f_narrow(dimension, *start, *length)?)
        })
    }

    /// `L = beta L + (1 - beta) G G'` along every dimension.
    pub(crate) fn observe(&mut self, gradient: &Tensor, beta: f64) -> Result<()> {
        for (dimension, factor) in (0_i64..).zip(&mut self.factors) {
            let rows = match gradient.dim() {
                1 => gradient.f_unsqueeze(1)?,
                _ => gradient.f_movedim_int(dimension, 0)?.f_flatten(1, -1)?,
            };
            *factor = factor.f_lerp_(&rows.f_matmul(&rows.f_tr()?)?, 1.0 - beta)?;
        }
        Ok(())
    }

    /// The roots of the factors as they are, `(L / correction + epsilon)^exponent`. A factor that is not finite has none: its root stays.
    pub(crate) fn refresh(&mut self, correction: f64, epsilon: f64, exponent: f64) -> Result<()> {
        for (factor, root) in self.factors.iter().zip(&mut self.roots) {
            if factor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1 {
                root.f_copy_(&power(&(factor / correction), epsilon, exponent)?)?;
            }
        }
        Ok(())
    }

    /// A gradient, or an average of some, multiplied by every root along its dimension.
    pub(crate) fn precondition(&self, piece: &Tensor) -> Result<Tensor> {
        // Each product moves the first dimension to the end; after all of them every one is back.
        let mut roots = self.roots.iter();
        roots.try_fold(piece.shallow_clone(), |piece, root| {
            Ok(piece.f_tensordot(root, [0], [0])?)
        })
    }
}

/// `(matrix + epsilon)^exponent` of a symmetric matrix. Eigenvalues that rounding made negative are lifted, all by as much as the lowest.
fn power(matrix: &Tensor, epsilon: f64, exponent: f64) -> Result<Tensor> {
    let (values, vectors) = match matrix.f_linalg_eigh("L") {
        Ok(found) => found,
        // It does not always converge in single precision.
        Err(_) => matrix.f_to_kind(Kind::Double)?.f_linalg_eigh("L")?,
    };
    let lift = values.f_min()?.f_clamp_max(0.0)?;
    let powers = (values - lift + epsilon).f_pow_tensor_scalar(exponent)?;
    Ok((&vectors * powers).f_matmul(&vectors.f_tr()?)?)
}

/// A shape with dimensions of size 1 left out and neighbours multiplied while their product is at most `limit`.
pub(crate) fn merged(shape: &[i64], limit: i64) -> Vec<i64> {
    let mut sizes: Vec<i64> = Vec::new();
    for &size in shape.iter().filter(|size| **size != 1) {
        match sizes.last_mut() {
            Some(last) if *last * size <= limit => *last *= size,
            _ => sizes.push(size),
        }
    }
    match sizes.as_slice() {
        [] => vec![1],
        _ => sizes,
    }
}

/// First and number of indices in each dimension, of every block of a tensor of this shape.
pub(crate) fn spans(shape: &[i64], limit: i64) -> Vec<Vec<(i64, i64)>> {
    let mut blocks = vec![Vec::new()];
    for size in merged(shape, limit) {
        let starts: Vec<i64> = (0..size).step_by(limit as usize).collect();
        let extended = |block: &Vec<(i64, i64)>| {
            let with = starts.iter().map(|&start| {
                let mut block = block.clone();
                block.push((start, limit.min(size - start)));
                block
            });
            with.collect::<Vec<_>>()
        };
        blocks = blocks.iter().flat_map(extended).collect();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_merged_up_to_the_limit() {
        assert_eq!(merged(&[2, 3, 3, 3], 8), [6, 3, 3]);
        assert_eq!(merged(&[2, 3, 3, 3], 4), [2, 3, 3, 3]);
        assert_eq!(merged(&[1, 8, 1, 4], 32), [32]);
        assert_eq!(merged(&[100, 100], 32), [100, 100]);
        assert_eq!(merged(&[], 32), [1]);
        assert_eq!(merged(&[1, 1], 32), [1]);
    }

    #[test]
    fn blocks_cover_a_tensor_once() {
        assert_eq!(
            spans(&[5, 3], 4),
            [[(0, 4), (0, 3)], [(4, 1), (0, 3)]].map(|block| block.to_vec())
        );
        assert!(spans(&[0, 7], 4).is_empty());
        let tensor = Tensor::zeros([9, 7, 5], (Kind::Float, Device::Cpu));
        for block in Block::all(&tensor, 4).unwrap() {
            let _ = block.of(&tensor).unwrap().f_add_scalar_(1.0).unwrap();
        }
        assert!(tensor == tensor.ones_like());
    }

    /// `A^(-1/4)` to the fourth times `A` is the identity.
    #[test]
    fn a_power_is_that_of_the_matrix() {
        let a = Tensor::from_slice(&[2.0, 0.5, 0.5, 1.0]).view([2, 2]);
        let root = power(&a, 0.0, -0.25).unwrap();
        let whole = root.matmul(&root).matmul(&root).matmul(&root).matmul(&a);
        let off = whole - Tensor::eye(2, (Kind::Double, Device::Cpu));
        assert!(off.abs().max().double_value(&[]) < 1e-12);
    }
}
