//! Structural similarity of images (Wang et al. 2004), as AlgoPerf's `fastmri` has it: windows of 7x7 whose pixels all count the same.

use super::{Accumulator, Scored};
use crate::batch::Batch;
use bench_torch::errors::LibtorchError;
use tch::{Kind, Tensor};

/// Side of a window.
const WINDOW: i64 = 7;
/// Constants of means and of variances, in data ranges.
const K: [f64; 2] = [0.01, 0.03];

/// Summed over examples; divided by the split's number of them.
#[derive(Debug)]
pub(crate) struct Ssim {
    summed: f64,
    examples: u64,
}

impl Ssim {
    pub(crate) fn new(examples: u64) -> Ssim {
        Ssim {
            summed: 0.0,
            examples,
        }
    }
}

impl Accumulator for Ssim {
    fn add(&mut self, scored: &Scored) -> Result<(), LibtorchError> {
        let each = of_batch(scored.outputs, scored.batch)?;
        self.summed += each.iter().sum::<f64>();
        Ok(())
    }

    fn value(&self) -> f64 {
        self.summed / self.examples as f64
    }
}

/// Of each output and target, which columns `mean` and `std` undo the normalisation of and `volume-max` tells the range of, where the batch has them: else they are
/// as they are, in a range of 1.
pub(crate) fn of_batch(outputs: &Tensor, batch: &Batch) -> Result<Vec<f64>, LibtorchError> {
    let column = |name: &str| batch.input(name).ok().map(|named| &named.values);
    let count = batch.targets.size()[0];
    let each = |name: &str, otherwise: f64| -> Result<Tensor, LibtorchError> {
        let given = match column(name) {
            Some(values) => values.f_to_kind(Kind::Double)?,
            None => Tensor::f_full([count], otherwise, (Kind::Double, outputs.device()))?,
        };
        Ok(given.f_reshape([count, 1, 1])?)
    };
    let [mean, std, range] = [
        each("mean", 0.0)?,
        each("std", 1.0)?,
        each("volume-max", 1.0)?,
    ];
    let original = |x: &Tensor| -> Result<Tensor, LibtorchError> {
        Ok(x.f_to_kind(Kind::Double)?.f_mul(&std)?.f_add(&mean)?)
    };
    let images = [original(outputs)?, original(&batch.targets)?];
    let range = range.f_masked_fill(&range.f_eq(0.0)?, 1.0)?;
    Ok(Vec::<f64>::try_from(&similarity(&images, &range)?)?)
}

/// Images `[N, H, W]` and their ranges `[N, 1, 1]` to similarities `[N]`: means over all windows that lie inside.
fn similarity([x, y]: &[Tensor; 2], range: &Tensor) -> Result<Tensor, LibtorchError> {
    let size = x.size();
    if size.len() != 3 || size[1] < WINDOW || size[2] < WINDOW {
        return Err(LibtorchError::new(&format!(
            "`ssim` looks at windows of {WINDOW}x{WINDOW}, and images are {:?}",
            &size[1..]
        )));
    }
    let local = |x: &Tensor| x.f_avg_pool2d([WINDOW; 2], [1, 1], [0, 0], false, true, None);
    // Of a sample.
    let pixels = (WINDOW * WINDOW) as f64;
    let covariance = |a: &Tensor, b: &Tensor, ab: Tensor| -> Result<Tensor, LibtorchError> {
        let both = local(&ab)?.f_sub(&a.f_mul(b)?)?;
        Ok(both.f_mul_scalar(pixels / (pixels - 1.0))?)
    };
    let (a, b) = (local(x)?, local(y)?);
    let var = covariance(&a, &a, x.f_square()?)?.f_add(&covariance(&b, &b, y.f_square()?)?)?;
    let cov = covariance(&a, &b, x.f_mul(y)?)?;
    let [c1, c2] = [
        range.f_mul_scalar(K[0])?.f_square()?,
        range.f_mul_scalar(K[1])?.f_square()?,
    ];
    let alike = a.f_mul(&b)?.f_mul_scalar(2.0)?.f_add(&c1)?;
    let alike = alike.f_mul(&cov.f_mul_scalar(2.0)?.f_add(&c2)?)?;
    let size = a.f_square()?.f_add(&b.f_square()?)?.f_add(&c1)?;
    let size = size.f_mul(&var.f_add(&c2)?)?;
    let each = alike.f_div(&size)?;
    Ok(each
        .f_mean_dim([1_i64, 2].as_slice(), false, None::<Kind>)?
        .f_clamp(-1.0, 1.0)?)
}
