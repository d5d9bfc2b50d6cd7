//! Random orders that are computed where they are needed: what stands at a place is a pure function of a key and the place.

use crate::errors::LibtorchError;
use crate::random::{Key, Stream};
use tch::{Kind, Tensor};

/// Up to so many examples, an order is drawn as a whole: 128 MiB of numbers.
pub const WHOLE: u64 = 1 << 24;
/// Beyond, examples come in blocks of so many: the blocks in random order, and each block's examples in random order within it. 8 MiB of numbers.
const BLOCK: u64 = 1 << 20;
/// Rounds of a [`Permutation`].
const ROUNDS: usize = 6;

/// The order of a training set: epochs of `examples` in random order, one after another without end.
/// What stands at a position is a pure function of seed and position, in memory that does not grow with the number of examples.
#[derive(Debug)]
pub struct Order {
    seed: u64,
    member: u64,
    examples: u64,
    whole: u64,
    block: u64,
    known: Option<(Piece, Tensor)>,
}

/// Examples that are in memory in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    epoch: u64,
    /// None: all of the epoch.
    block: Option<u64>,
}

impl Order {
    /// An order of `examples`, of which there is at least one.
    pub fn new(seed: u64, member: u64, examples: u64) -> Order {
        Order::in_blocks(seed, member, examples, WHOLE, BLOCK)
    }

    fn in_blocks(seed: u64, member: u64, examples: u64, whole: u64, block: u64) -> Order {
        Order {
            seed,
            member,
            examples: examples.max(1),
            whole,
            block,
            known: None,
        }
    }

    /// The examples at `position` and the `count - 1` places after it, as `Int64` on the CPU. A batch that reaches over
    /// an epoch's end goes on in the next: within an epoch every example comes once.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn range(&mut self, position: u64, count: u64) -> Result<Tensor, LibtorchError> {
        let mut parts = Vec::new();
        let (mut position, end) = (position, position + count);
        while position < end {
            let (epoch, offset) = (position / self.examples, position % self.examples);
            let (piece, within, size) = self.piece(epoch, offset);
            let length = (size - within).min(end - position);
            let numbers = self.numbers(piece, size)?;
            parts.push(numbers.f_narrow(0, within as i64, length as i64)?);
            position += length;
        }
        match parts.len() {
            0 => Ok(Tensor::f_empty([0], (Kind::Int64, tch::Device::Cpu))?),
            1 => Ok(parts.remove(0)),
            _ => Ok(Tensor::f_cat(&parts, 0)?),
        }
    }

    fn key(&self, purpose: &'static str, epoch: u64) -> Key<'static> {
        Key::new(self.seed, purpose).member(self.member).step(epoch)
    }

    /// The piece that a place of an epoch lies in, the place within it, and its size.
    fn piece(&self, epoch: u64, offset: u64) -> (Piece, u64, u64) {
        if self.examples <= self.whole {
            return (Piece { epoch, block: None }, offset, self.examples);
        }
        let last = self.examples.div_ceil(self.block) - 1;
        let short = self.examples - last * self.block;
        let blocks = Permutation::new(&self.key("order of blocks", epoch), last + 1);
        // The last block is shorter, wherever it comes.
        let slot = blocks.place_of(last);
        let (start, end) = (slot * self.block, slot * self.block + short);
        let (block, within) = match offset {
            _ if offset < start => (blocks.at(offset / self.block), offset % self.block),
            _ if offset < end => (last, offset - start),
            _ => {
                let behind = offset - end;
                (
                    blocks.at(slot + 1 + behind / self.block),
                    behind % self.block,
                )
            }
        };
        let size = if block == last { short } else { self.block };
        let block = Some(block);
        (Piece { epoch, block }, within, size)
    }

    /// The examples of a piece in their order.
    fn numbers(&mut self, piece: Piece, size: u64) -> Result<&Tensor, LibtorchError> {
        let known = self.known.take().filter(|(of, _)| *of == piece);
        let (_, numbers) = match known {
            Some(known) => self.known.insert(known),
            None => {
                let key = self.key("order", piece.epoch);
                let numbers = match piece.block {
                    None => Stream::new(&key)?.permutation(size as i64)?,
                    Some(block) => Stream::new(&key.call(block + 1))?
                        .permutation(size as i64)?
                        .f_add_scalar((block * self.block) as i64)?,
                };
                self.known.insert((piece, numbers))
            }
        };
        Ok(numbers)
    }
}

/// So many of the numbers below `all`, chosen at random, rising; all of them where there are fewer.
///
/// # Errors
/// When libtorch refuses.
pub fn sample(key: &Key, all: u64, count: u64) -> Result<Vec<i64>, LibtorchError> {
    let count = count.min(all);
    let mut chosen = match all <= WHOLE {
        true => {
            let order = Stream::new(key)?.permutation(all as i64)?;
            Vec::<i64>::try_from(order.f_narrow(0, 0, count as i64)?)?
        }
        false => {
            let order = Permutation::new(key, all);
            (0..count).map(|place| order.at(place) as i64).collect()
        }
    };
    chosen.sort_unstable();
    Ok(chosen)
}

/// The numbers below a count in an order that is computed, not stored: a Feistel network over the next even power of two, walked until it is back below.
#[derive(Debug, Clone)]
pub struct Permutation {
    count: u64,
    /// Bits of each half.
    half: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The order of a key.
    pub fn new(key: &Key, count: u64) -> Permutation {
        let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
        Permutation {
            count,
            half: bits.div_ceil(2).max(1),
            keys: key.words(),
        }
    }

    /// The number at a place below the count.
    pub fn at(&self, place: u64) -> u64 {
        let mut number = place;
        loop {
            let (mut left, mut right) = self.halves(number);
            for key in self.keys {
                (left, right) = (right, left ^ self.mixed(right, key));
            }
            number = left << self.half | right;
            if number < self.count {
                return number;
            }
        }
    }

    /// The place of a number below the count.
    pub fn place_of(&self, number: u64) -> u64 {
        let mut place = number;
        loop {
            let (mut left, mut right) = self.halves(place);
            for key in self.keys.into_iter().rev() {
                (left, right) = (right ^ self.mixed(left, key), left);
            }
            place = left << self.half | right;
            if place < self.count {
                return place;
            }
        }
    }

    fn halves(&self, number: u64) -> (u64, u64) {
        (number >> self.half, number & self.mask())
    }

    fn mask(&self) -> u64 {
        (1 << self.half) - 1
    }

    /// SplitMix64's finaliser.
    fn mixed(&self, half: u64, key: u64) -> u64 {
        let z = half.wrapping_add(key);
        let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(tensor: &Tensor) -> Vec<i64> {
        Vec::try_from(tensor).unwrap()
    }

    #[test]
    fn up_to_a_limit_an_epoch_is_one_permutation_of_its_key() {
        for (epoch, examples) in [(0, 10), (2, 1000)] {
            let key = Key::new(3, "order").member(1).step(epoch);
            let permutation = Stream::new(&key).unwrap().permutation(examples).unwrap();
            let examples = examples as u64;
            let order = Order::new(3, 1, examples).range(epoch * examples, examples);
            assert_eq!(numbers(&order.unwrap()), numbers(&permutation));
        }
    }

    /// How far apart the blocks of neighbours come, beside what chance alone would give.
    #[test]
    fn computed_orders_look_random() {
        const COUNT: u64 = 1000;
        let order = Permutation::new(&Key::new(7, "order"), COUNT);
        let distance = |place: u64| order.at(place).abs_diff(order.at(place + 1)) as f64;
        let mean = (0..COUNT - 1).map(distance).sum::<f64>() / (COUNT - 1) as f64;
        // A third of the count, and five standard errors of 236 / sqrt(1000).
        assert!((mean - 333.3).abs() < 38.0, "{mean}");
        let fixed = (0..COUNT).filter(|&place| order.at(place) == place).count();
        assert!(fixed < 8, "{fixed}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_permutation_has_every_number_once(seed: u64, count in 1u64..400) {
            let order = Permutation::new(&Key::new(seed, "order"), count);
            let mut seen: Vec<u64> = (0..count).map(|place| order.at(place)).collect();
            for (place, &number) in seen.iter().enumerate() {
                prop_assert_eq!(order.place_of(number), place as u64);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }

        #[test]
        fn in_blocks_every_example_comes_once_an_epoch(seed: u64, examples in 9u64..200, block in 1u64..40, epoch in 0u64..3) {
            let mut order = Order::in_blocks(seed, 0, examples, 8, block);
            let mut all = numbers(&order.range(epoch * examples, examples).unwrap());
            let blocks: Vec<u64> = all.iter().map(|&number| number as u64 / block).collect();
            let changes = blocks.windows(2).filter(|pair| pair[0] != pair[1]).count() as u64;
            prop_assert_eq!(changes, examples.div_ceil(block) - 1);
            all.sort_unstable();
            prop_assert_eq!(all, (0..examples as i64).collect::<Vec<_>>());
        }

        #[test]
        fn a_position_holds_the_same_wherever_one_came_from(seed: u64, examples in 1u64..100, block in 1u64..40, position in 0u64..300, count in 0u64..50, before in 0u64..300) {
            let order = || Order::in_blocks(seed, 1, examples, 8, block);
            let all = numbers(&order().range(0, 400).unwrap());
            let mut moved = order();
            let _ = moved.range(before, 3).unwrap();
            let there = numbers(&moved.range(position, count).unwrap());
            prop_assert_eq!(&there[..], &all[position as usize..(position + count) as usize]);
        }

        #[test]
        fn samples_are_of_different_numbers_below_all(seed: u64, all in prop::sample::select(vec![5, 100, WHOLE + 3, 1 << 40]), count in 0u64..50) {
            let chosen = sample(&Key::new(seed, "part"), all, count).unwrap();
            prop_assert_eq!(chosen.len() as u64, count.min(all));
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(chosen.iter().all(|&number| (number as u64) < all));
        }
    }
}
