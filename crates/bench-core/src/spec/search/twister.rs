//! MT19937, seeded by one word: the stream AlgoPerf's permutations and shifts come from.

/// Mersenne Twister of 32 bits, as numpy's `RandomState(seed)` runs it.
#[derive(Clone)]
pub(super) struct Twister {
    state: [u32; Twister::WORDS],
    next: usize,
}

impl Twister {
    const WORDS: usize = 624;
    const MIDDLE: usize = 397;

    /// The classic initialisation by a single word.
    pub(super) fn new(seed: u32) -> Twister {
        let mut state = [seed; Self::WORDS];
        for index in 1..Self::WORDS {
            let previous = state[index - 1];
            state[index] = 1_812_433_253_u32
                .wrapping_mul(previous ^ (previous >> 30))
                .wrapping_add(index as u32);
        }
        Twister {
            state,
            next: Self::WORDS,
        }
    }

    /// The next 32 bits.
    pub(super) fn word(&mut self) -> u32 {
        if self.next == Self::WORDS {
            self.turn();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Uniform in [0, 1) with 53 bits, out of two words.
    pub(super) fn unit(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// Shuffles in place, from the end, by masked rejection.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let mask = (last as u32)
                .checked_ilog2()
                .map_or(0, |bits| u32::MAX >> (31 - bits));
            let other = loop {
                let candidate = (self.word() & mask) as usize;
                if candidate <= last {
                    break candidate;
                }
            };
            items.swap(last, other);
        }
    }

    fn turn(&mut self) {
        for index in 0..Self::WORDS {
            let joined = (self.state[index] & 0x8000_0000)
                | (self.state[(index + 1) % Self::WORDS] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] =
                self.state[(index + Self::MIDDLE) % Self::WORDS] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }
}
