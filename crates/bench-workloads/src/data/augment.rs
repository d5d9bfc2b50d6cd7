//! Random views of training images: a crop out of the zero-padded image, a horizontal flip, changes of colour and shape; and pairs of examples, mixed.

use super::rand_augment::{Change, Image, OPERATIONS};
use bench_core::spec::workload::Input;
use bench_torch::errors::LibtorchError;
use bench_torch::random::{Key, Stream};
use tch::{Kind, Tensor};

/// Which views are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Augment {
    padding: i64,
    flip: bool,
    changes: bool,
    mixup: f64,
}

/// How one image is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View {
    /// Rows and columns that the crop lies below and right of the image; negative above and left.
    pub(crate) offset: (isize, isize),
    /// Mirrored, left to right.
    pub(crate) flipped: bool,
    /// Made after that, of colour images of bytes alone.
    pub(crate) changes: [Option<Change>; 2],
}

impl Augment {
    pub(super) fn new(input: &Input) -> Augment {
        let augment = input.augment.unwrap_or_default();
        Augment {
            padding: augment.crop_padding as i64,
            flip: augment.flip,
            changes: augment.rand_augment,
            mixup: augment.mixup,
        }
    }

    /// Views of so many images; none where nothing is drawn.
    pub(super) fn draw(self, images: usize, key: &Key) -> Result<Option<Vec<View>>, LibtorchError> {
        if self.padding == 0 && !self.flip && !self.changes {
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
            changes: [None; 2],
        };
        let places = rows.into_iter().zip(columns).zip(flips);
        let mut views: Vec<View> = places.map(view).collect();
        if self.changes {
            let shape = [images as i64, 2, 4];
            let draws = stream.uniform(&shape, 0.0, 1.0, Kind::Double)?;
            let draws = Vec::<f64>::try_from(draws.f_reshape([-1])?)?;
            for (view, draws) in views.iter_mut().zip(draws.chunks_exact(8)) {
                view.changes = [Some(change(&draws[..4])), Some(change(&draws[4..]))];
            }
        }
        Ok(Some(views))
    }

    /// Share of each example that is itself in a batch of mixed ones; none where none are mixed.
    pub(super) fn mixing(self, key: &Key) -> Result<Option<f64>, LibtorchError> {
        if self.mixup <= 0.0 {
            return Ok(None);
        }
        // Of its own, whatever views draw.
        let member = format!("{} mixup", key.purpose);
        let mut stream = Stream::new(&Key {
            purpose: &member,
            ..*key
        })?;
        // A beta distribution's (Jöhnk 1964).
        loop {
            let draws = stream.uniform(&[2], 0.0, 1.0, Kind::Double)?;
            let draws = Vec::<f64>::try_from(draws)?;
            let [x, y] = [draws[0], draws[1]].map(|draw| draw.powf(1.0 / self.mixup));
            if x + y > 0.0 && x + y <= 1.0 {
                return Ok(Some(x / (x + y)));
            }
        }
    }
}

/// An operation, the sign of its magnitude, and the middle of a cut, of four uniform numbers.
fn change(draws: &[f64]) -> Change {
    let place = (draws[0] * OPERATIONS.len() as f64) as usize;
    let (operation, magnitude, signed) = OPERATIONS[place.min(OPERATIONS.len() - 1)];
    let sign = if signed && draws[1] < 0.5 { -1.0 } else { 1.0 };
    Change {
        operation,
        magnitude: sign * magnitude,
        centre: [draws[2], draws[3]],
    }
}

/// Each example, and the rest of it from the one before; the first one's from the last.
pub(crate) fn mixed(x: &Tensor, share: f64) -> Result<Tensor, LibtorchError> {
    let before = x.f_roll([1].as_slice(), [0].as_slice())?;
    Ok(x.f_mul_scalar(share)?
        .f_add(&before.f_mul_scalar(1.0 - share)?)?)
}

fn numbers(tensor: &Tensor) -> Result<Vec<i64>, LibtorchError> {
    let mut numbers = vec![0; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}

impl View {
    /// The three channels of an image as they are seen, changes made.
    pub(super) fn changed(self, source: &[u8], width: usize) -> Vec<u8> {
        let plane = (source.len() / 3).max(1);
        let mut planes = vec![0; source.len()];
        let parts = source
            .chunks_exact(plane)
            .zip(planes.chunks_exact_mut(plane));
        for (source, target) in parts {
            self.write(source, target, width, |byte: u8| byte);
        }
        let changes = self.changes.into_iter().flatten();
        changes
            .fold(Image { planes, width }, |image, change| {
                change.apply(&image)
            })
            .planes
    }

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
