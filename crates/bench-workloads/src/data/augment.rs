//! Random views of training images: a crop out of the zero-padded image, a horizontal flip.

use bench_core::spec::workload::Input;
use bench_torch::errors::LibtorchError;
use bench_torch::random::{Key, Stream};
use tch::Tensor;

/// Which views are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Augment {
    padding: i64,
    flip: bool,
}

/// How one image is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// Rows and columns that the crop lies below and right of the image; negative above and left.
    pub(crate) offset: (isize, isize),
    /// Mirrored, left to right.
    pub(crate) flipped: bool,
}

impl Augment {
    pub(super) fn new(input: &Input) -> Augment {
        let augment = input.augment.unwrap_or_default();
        Augment {
            padding: augment.crop_padding as i64,
            flip: augment.flip,
        }
    }

    /// Views of so many images; none where nothing is drawn.
    pub(super) fn draw(self, images: usize, key: &Key) -> Result<Option<Vec<View>>, LibtorchError> {
        if self.padding == 0 && !self.flip {
            return Ok(None);
        }
        let mut stream = Stream::new(key)?;
        let mut integers = |low: i64, high: i64| -> Result<Vec<i64>, LibtorchError> {
            numbers(&stream.integers(&[images as i64], low, high)?)
        };
        let rows = integers(-self.padding, self.padding + 1)?;
        let columns = integers(-self.padding, self.padding + 1)?;
        let flips = integers(0, 2)?;
        let view = |((row, column), flip): ((i64, i64), i64)| View {
            offset: (row as isize, column as isize),
            flipped: self.flip && flip == 1,
        };
        Ok(Some(
            rows.into_iter().zip(columns).zip(flips).map(view).collect(),
        ))
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<i64>, LibtorchError> {
    let mut numbers = vec![0; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}

impl View {
    /// Writes one channel of `width` columns. What lies outside the image is 0, normalised like the others.
    pub(crate) fn write<S: Copy + Default, T>(
        self,
        source: &[S],
        target: &mut [T],
        width: usize,
        normalise: impl Fn(S) -> T,
    ) {
        let (down, right) = self.offset;
        for (y, target) in target.chunks_exact_mut(width).enumerate() {
            let row = y
                .checked_add_signed(down)
                .and_then(|y| source.chunks_exact(width).nth(y));
            for (x, value) in target.iter_mut().enumerate() {
                let x = if self.flipped { width - 1 - x } else { x };
                let inside = x.checked_add_signed(right).filter(|&x| x < width);
                let pixel = row.zip(inside).map_or(S::default(), |(row, x)| row[x]);
                *value = normalise(pixel);
            }
        }
    }
}
