//! Random changes of a colour image (RandAugment, Cubuk et al. 2020), as AlgoPerf's ImageNet workloads make them with Pillow.

/// Colour of what comes from outside the image, and of what is cut out.
const GREY: u8 = 128;
/// Levels of a channel.
const LEVELS: usize = 256;
/// Operations, their magnitudes, and whether these are below 0 half of the time.
pub(crate) const OPERATIONS: [(Operation, f64, bool); 16] = [
    (Operation::ShearX, 0.3, true),
    (Operation::ShearY, 0.3, true),
    (Operation::TranslateX, 100.0, true),
    (Operation::TranslateY, 100.0, true),
    (Operation::Rotate, 30.0, true),
    (Operation::Brightness, 1.9, false),
    (Operation::Color, 1.9, false),
    (Operation::Contrast, 1.9, false),
    (Operation::Sharpness, 1.9, false),
    (Operation::Posterize, 4.0, false),
    (Operation::Solarize, 256.0, false),
    (Operation::SolarizeAdd, 110.0, false),
    (Operation::AutoContrast, 0.0, false),
    (Operation::Equalize, 0.0, false),
    (Operation::Invert, 0.0, false),
    (Operation::Cutout, 40.0, false),
];

/// Kinds of change, by their names in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    SolarizeAdd,
    AutoContrast,
    Equalize,
    Invert,
    Cutout,
}

/// A change of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) operation: Operation,
    pub(crate) magnitude: f64,
    /// Middle of what is cut out: each between 1 and the side, by a share of what is between them.
    pub(crate) centre: [f64; 2],
}

/// An image of three channels, one plane after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    pub(crate) planes: Vec<u8>,
    pub(crate) width: usize,
}

type Colour = [u8; 3];

impl Image {
    fn height(&self) -> usize {
        self.size() / self.width.max(1)
    }

    /// Pixels.
    fn size(&self) -> usize {
        self.planes.len() / 3
    }

    fn pixel(&self, place: usize) -> Colour {
        std::array::from_fn(|channel| self.planes[channel * self.size() + place])
    }

    /// Each pixel made anew from its place.
    fn made(&self, pixel: impl Fn(usize) -> Colour) -> Image {
        let size = self.size();
        let mut planes = vec![0; self.planes.len()];
        for place in 0..size {
            for (channel, value) in pixel(place).into_iter().enumerate() {
                planes[channel * size + place] = value;
            }
        }
        Image {
            planes,
            width: self.width,
        }
    }

    /// Each number made anew by its channel's table.
    fn looked_up(&self, table: impl Fn(&[u8]) -> [u8; LEVELS]) -> Image {
        let planes = self
            .planes
            .chunks_exact(self.size().max(1))
            .flat_map(|plane| {
                let table = table(plane);
                plane.iter().map(move |&value| table[usize::from(value)])
            });
        Image {
            planes: planes.collect(),
            width: self.width,
        }
    }

    /// Each number made anew from itself.
    fn mapped(&self, map: impl Fn(u8) -> u8) -> Image {
        Image {
            planes: self.planes.iter().map(|&value| map(value)).collect(),
            width: self.width,
        }
    }

    /// The nearest pixel to where an affine map leads, in 16 bits behind the point.
    fn transformed(&self, [a, b, c, d, e, f]: [f64; 6]) -> Image {
        let fixed = |x: f64| (x * 65_536.0 + 0.5).floor() as i64;
        let [right, down] = [fixed(a), fixed(b)];
        let [right_y, down_y] = [fixed(d), fixed(e)];
        // From the middle of the first pixel.
        let (x, y) = (fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5));
        let (width, height) = (self.width as i64, self.height() as i64);
        self.made(|place| {
            let (row, column) = ((place / self.width) as i64, (place % self.width) as i64);
            let from_x = (x + row * down + column * right) >> 16;
            let from_y = (y + row * down_y + column * right_y) >> 16;
            match (0..width).contains(&from_x) && (0..height).contains(&from_y) {
                true => self.pixel((from_y * width + from_x) as usize),
                false => [GREY; 3],
            }
        })
    }

    /// By degrees, around the middle.
    fn rotated(&self, degrees: f64) -> Image {
        let round = |x: f64| (x * 1e15).round_ties_even() / 1e15;
        let angle = -(degrees.rem_euclid(360.0)).to_radians();
        let (cos, sin) = (round(angle.cos()), round(angle.sin()));
        let (x, y) = (self.width as f64 / 2.0, self.height() as f64 / 2.0);
        let to = |a: f64, b: f64, middle: f64| a * -x + b * -y + middle;
        self.transformed([cos, sin, to(cos, sin, x), -sin, cos, to(-sin, cos, y)])
    }

    /// From another image on the way to this one, and past it.
    fn blended(&self, other: &Image, factor: f64) -> Image {
        let factor = factor as f32;
        let blend = |(&from, &to): (&u8, &u8)| {
            let value = f32::from(from) + factor * (f32::from(to) - f32::from(from));
            // Cut, not rounded.
            value.clamp(0.0, 255.0) as u8
        };
        Image {
            planes: other.planes.iter().zip(&self.planes).map(blend).collect(),
            width: self.width,
        }
    }

    fn grey(&self) -> Image {
        self.made(|place| [brightness(self.pixel(place)); 3])
    }

    /// The mean brightness everywhere.
    fn even(&self) -> Image {
        let sum: u64 = (0..self.size())
            .map(|place| u64::from(brightness(self.pixel(place))))
            .sum();
        let mean = (sum as f64 / self.size() as f64 + 0.5) as u8;
        self.mapped(|_| mean)
    }

    /// Averaged over neighbours, save at the edges.
    fn smooth(&self) -> Image {
        let (width, height) = (self.width, self.height());
        let (side, middle) = (1.0_f32 / 13.0, 5.0_f32 / 13.0);
        self.made(|place| {
            let (row, column) = (place / width, place % width);
            let edge = row == 0 || column == 0 || row + 1 == height || column + 1 == width;
            if edge {
                return self.pixel(place);
            }
            std::array::from_fn(|channel| {
                let plane = &self.planes[channel * self.size()..];
                let line = |row: usize, middle: f32| {
                    let at = |column: usize| f32::from(plane[row * width + column]);
                    at(column - 1) * side + at(column) * middle + at(column + 1) * side
                };
                let sum = 0.5 + line(row + 1, side) + line(row, middle) + line(row - 1, side);
                sum.clamp(0.0, 255.0) as u8
            })
        })
    }

    fn cut_out(&self, reach: f64, [x, y]: [f64; 2]) -> Image {
        // Both ends belong to what is cut.
        let span = |centre: f64, side: usize| {
            let first = (centre - reach).max(0.0).trunc();
            (first, (first + 2.0 * reach).min(side as f64).trunc())
        };
        let (columns, rows) = (span(x, self.width), span(y, self.height()));
        let within =
            |place: usize, (first, last): (f64, f64)| (first..=last).contains(&(place as f64));
        self.made(|place| {
            let (row, column) = (place / self.width, place % self.width);
            match within(row, rows) && within(column, columns) {
                true => [GREY; 3],
                false => self.pixel(place),
            }
        })
    }
}

fn brightness([red, green, blue]: Colour) -> u8 {
    let weighed = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    ((weighed + 32_768) >> 16) as u8
}

/// From the least to the most of a channel, stretched over all levels.
fn stretched(plane: &[u8]) -> [u8; LEVELS] {
    let least = f64::from(plane.iter().copied().min().unwrap_or(0));
    let most = f64::from(plane.iter().copied().max().unwrap_or(0));
    if most <= least {
        return std::array::from_fn(|level| level as u8);
    }
    let scale = 255.0 / (most - least);
    let offset = -least * scale;
    std::array::from_fn(|level| (level as f64 * scale + offset).clamp(0.0, 255.0) as u8)
}

/// So that each level is about as frequent.
fn equalized(plane: &[u8]) -> [u8; LEVELS] {
    let mut counts = [0_usize; LEVELS];
    for &value in plane {
        counts[usize::from(value)] += 1;
    }
    let last = counts.iter().rev().find(|&&count| count > 0);
    let step = (plane.len() - last.copied().unwrap_or(0)) / 255;
    if step == 0 {
        return std::array::from_fn(|level| level as u8);
    }
    let mut below = step / 2;
    counts.map(|count| {
        let level = (below / step).min(255) as u8;
        below += count;
        level
    })
}

impl Change {
    pub(crate) fn apply(self, image: &Image) -> Image {
        let magnitude = self.magnitude;
        match self.operation {
            Operation::ShearX => image.transformed([1.0, magnitude, 0.0, 0.0, 1.0, 0.0]),
            Operation::ShearY => image.transformed([1.0, 0.0, 0.0, magnitude, 1.0, 0.0]),
            Operation::TranslateX => {
                image.transformed([1.0, 0.0, -magnitude.trunc(), 0.0, 1.0, 0.0])
            }
            Operation::TranslateY => {
                image.transformed([1.0, 0.0, 0.0, 0.0, 1.0, -magnitude.trunc()])
            }
            Operation::Rotate => image.rotated(magnitude),
            Operation::Brightness => image.blended(&image.mapped(|_| 0), magnitude),
            Operation::Color => image.blended(&image.grey(), magnitude),
            Operation::Contrast => image.blended(&image.even(), magnitude),
            Operation::Sharpness => image.blended(&image.smooth(), magnitude),
            Operation::Posterize => {
                let bits = (magnitude as u32).clamp(0, 8);
                let mask = 255_u8.checked_shl(8 - bits).unwrap_or(0);
                image.mapped(|value| value & mask)
            }
            Operation::Solarize => image.mapped(|value| match f64::from(value) < magnitude {
                true => value,
                false => 255 - value,
            }),
            Operation::SolarizeAdd => image.mapped(|value| match value < 128 {
                true => value.saturating_add(magnitude as u8),
                false => value,
            }),
            Operation::AutoContrast => image.looked_up(stretched),
            Operation::Equalize => image.looked_up(equalized),
            Operation::Invert => image.mapped(|value| 255 - value),
            Operation::Cutout => {
                let [x, y] = self.centre;
                let side = |share: f64, side: usize| 1.0 + share * (side as f64 - 1.0);
                image.cut_out(magnitude, [side(x, image.width), side(y, image.height())])
            }
        }
    }
}
