//! The generated data set: Gaussian clusters seen as images, from integers and correctly rounded operations only,
//! so that every machine makes the same bytes.

use super::block::{Block, Cells};
use super::input::PIECE;
use super::source::SourceError;
use super::split::Sink;
use bench_core::spec::dataset::Generated;

/// Standard deviation of a pixel around its cluster's centre, in grey levels, unless centres would leave the range.
const SPREAD: f64 = 40.0;
/// Largest distance of a centre's pixel from middle grey.
const REACH: f64 = 100.0;

/// The examples of the file `name` (`train` or `test`). The centres are the same in every file.
pub(crate) fn file(
    spec: &Generated,
    name: &str,
    examples: usize,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let image = &spec.image;
    let pixels = (image.channels * image.height * image.width) as usize;
    let classes = image.classes as usize;
    let mut signs = Stream::new(spec.seed, "centres");
    let signs: Vec<f64> = (0..classes * pixels)
        .map(|_| if signs.byte() & 1 == 0 { -1.0 } else { 1.0 })
        .collect();
    // Two centres of random signs times `reach` lie `reach * sqrt(2 pixels)` apart; `noise` is the spread beside that distance.
    let width = spec.noise * (2.0 * pixels as f64).sqrt();
    let reach = (SPREAD / width).min(REACH);
    let spread = reach * width;

    let mut noise = Stream::new(spec.seed, name);
    let at_once = (PIECE / pixels.max(1)).max(1);
    for first in (0..examples).step_by(at_once) {
        let count = at_once.min(examples - first);
        let mut images = Vec::with_capacity(count * pixels);
        let mut labels = Vec::with_capacity(count);
        for example in first..first + count {
            let class = example % classes;
            let centre = &signs[class * pixels..(class + 1) * pixels];
            images.extend(centre.iter().map(|sign| {
                let level = 128.0 + reach * sign + spread * noise.normal();
                level.clamp(0.0, 255.0) as u8
            }));
            labels.push(class as u8);
        }
        let (images, labels) = (Cells::fixed(images), Cells::fixed(labels));
        sink(Block::new(count, [("images", images), ("labels", labels)]))?;
    }
    Ok(())
}

/// Random bytes: blake3's extendable output over seed and purpose.
struct Stream {
    reader: blake3::OutputReader,
    buffer: [u8; 4096],
    used: usize,
}

impl Stream {
    fn new(seed: u64, purpose: &str) -> Stream {
        let mut hasher = blake3::Hasher::new_derive_key("bench generated data v1");
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Stream {
            reader: hasher.finalize_xof(),
            buffer: [0; 4096],
            used: 4096,
        }
    }

    fn byte(&mut self) -> u8 {
        if self.used == self.buffer.len() {
            self.reader.fill(&mut self.buffer);
            self.used = 0;
        }
        self.used += 1;
        self.buffer[self.used - 1]
    }

    /// The sum of twelve uniform bytes, centred and scaled: normal enough, and exact.
    fn normal(&mut self) -> f64 {
        let sum: u32 = (0..12).map(|_| u32::from(self.byte())).sum();
        // Mean 12 * 127.5, variance 12 * (256^2 - 1) / 12 = 65535.
        (f64::from(sum) - 1530.0) / 65535f64.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_core::spec::dataset::ImageFormat;

    fn spec() -> Generated {
        Generated {
            image: ImageFormat {
                height: 8,
                width: 8,
                channels: 1,
                classes: 10,
            },
            train: 500,
            test: 100,
            seed: 1,
            noise: 0.25,
        }
    }

    /// Pixels of all images.
    fn images(spec: &Generated, name: &str, examples: usize) -> Vec<u8> {
        let mut images = Vec::new();
        let mut sink = |block: Block| {
            images.extend(&block.get("images").unwrap().bytes);
            Ok(())
        };
        file(spec, name, examples, &mut sink).unwrap();
        images
    }

    #[test]
    fn the_bytes_are_these_on_every_machine() {
        let train = images(&spec(), "train", 500);
        assert_eq!(train.len(), 500 * 64);
        assert_eq!(
            blake3::hash(&train).to_hex().as_str(),
            "6931e5e3b3b0f440f7a364eb571ed915a62a8d9c7b23497d9b4462f3d4117aa4"
        );
        assert_eq!(images(&spec(), "train", 100), train[..100 * 64]);
        assert_ne!(images(&spec(), "test", 500), train);
        let other = Generated { seed: 2, ..spec() };
        assert_ne!(images(&other, "train", 500), train);
    }

    #[test]
    fn classes_can_be_told_apart_as_well_as_the_noise_allows() {
        let train = images(&spec(), "train", 500);
        let test = images(&spec(), "test", 500);
        let rows = |images: &[u8]| -> Vec<Vec<f64>> {
            images
                .chunks(64)
                .map(|row| row.iter().map(|x| f64::from(*x)).collect())
                .collect()
        };
        let mut centres = vec![vec![0.0; 64]; 10];
        for (index, row) in rows(&train).iter().enumerate() {
            for (sum, x) in centres[index % 10].iter_mut().zip(row) {
                *sum += x / 50.0;
            }
        }
        let distance =
            |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum() };
        let wrong = rows(&test)
            .iter()
            .enumerate()
            .filter(|(index, row)| {
                let nearest = (0..10)
                    .min_by(|a, b| {
                        distance(row, &centres[*a]).total_cmp(&distance(row, &centres[*b]))
                    })
                    .unwrap();
                nearest != index % 10
            })
            .count();
        assert!((10..150).contains(&wrong), "{wrong} of 500 wrong");
    }
}
