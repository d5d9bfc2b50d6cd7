//! Random numbers as a pure function of a key.
//!
//! No generator's state is ever stored: every draw is keyed by seed, purpose, member, step and call, so a resumed run
//! draws what an uninterrupted one would have drawn. All draws are made on the CPU, with the same bits for any number of
//! threads and any device, and moved afterwards.

use crate::errors::LibtorchError;
use crate::shim::{self, CGenerator};
use tch::{Device, Kind, Tensor};

/// Words of a Mersenne twister's state.
const STATE: usize = 624;

/// Names one stream of random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// The run's seed.
    pub seed: u64,
    /// What is drawn: `initialisation`, `order`, `dropout`, an author's own word.
    pub purpose: &'a str,
    /// Member of a population, model of an ensemble; 0 where there is one.
    pub member: u64,
    /// Step, or epoch, of the draw; 0 where it is made once.
    pub step: u64,
    /// Number of the draw within the step.
    pub call: u64,
}

impl<'a> Key<'a> {
    /// The key of a draw that is made once.
    pub fn new(seed: u64, purpose: &'a str) -> Key<'a> {
        Key {
            seed,
            purpose,
            member: 0,
            step: 0,
            call: 0,
        }
    }

    /// For a member.
    pub fn member(self, member: u64) -> Key<'a> {
        Key { member, ..self }
    }

    /// At a step.
    pub fn step(self, step: u64) -> Key<'a> {
        Key { step, ..self }
    }

    /// For a further draw within the step.
    pub fn call(self, call: u64) -> Key<'a> {
        Key { call, ..self }
    }

    /// 64 bits of the stream, for what wants a seed of its own.
    pub fn value(&self) -> u64 {
        let [word] = self.words();
        word
    }

    /// The stream's first 64-bit words, for what computes its own numbers.
    pub(crate) fn words<const N: usize>(&self) -> [u64; N] {
        let state = self.state();
        std::array::from_fn(|i| u64::from(state[2 * i]) | u64::from(state[2 * i + 1]) << 32)
    }

    /// A generator's whole state. Not by way of libtorch's seeding, which uses 32 bits of a seed: two of 65,000 streams
    /// would probably be the same.
    fn state(&self) -> [u32; STATE] {
        let mut hasher = blake3::Hasher::new_derive_key("bench random stream v1");
        for number in [self.seed, self.member, self.step, self.call] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(self.purpose.as_bytes());
        let mut bytes = [0; STATE * 4];
        hasher.finalize_xof().fill(&mut bytes);
        let mut words = [0; STATE];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    }
}

/// A stream of random tensors. Each draw goes on where the last one ended.
#[derive(Debug)]
pub struct Stream {
    generator: *mut CGenerator,
}

// SAFETY: the generator is owned by this value alone and draws lock its mutex.
unsafe impl Send for Stream {}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: made by `bench_generator_new`, freed once.
        unsafe { shim::bench_generator_free(self.generator) }
    }
}

impl Stream {
    /// The stream of a key.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn new(key: &Key<'_>) -> Result<Stream, LibtorchError> {
        let mut generator = std::ptr::null_mut();
        // SAFETY: the state has the words that the shim copies; `generator` is written on success only.
        unsafe {
            shim::check(shim::bench_generator_new(
                key.state().as_ptr(),
                &raw mut generator,
            ))?
        };
        Ok(Stream { generator })
    }

    /// Uniform in [`low`, `high`), of a floating-point kind.
    ///
    /// # Errors
    /// When libtorch refuses the shape, kind or bounds.
    pub fn uniform(
        &mut self,
        shape: &[i64],
        low: f64,
        high: f64,
        kind: Kind,
    ) -> Result<Tensor, LibtorchError> {
        let tensor = Tensor::f_empty(shape, (kind, Device::Cpu))?;
        // SAFETY: fills a tensor that nobody else holds; the generator lives.
        unsafe {
            shim::check(shim::bench_uniform(
                tensor.as_ptr(),
                low,
                high,
                self.generator,
            ))?
        };
        Ok(tensor)
    }

    /// Normally distributed, of a floating-point kind.
    ///
    /// # Errors
    /// When libtorch refuses the shape, kind or deviation.
    pub fn normal(
        &mut self,
        shape: &[i64],
        mean: f64,
        deviation: f64,
        kind: Kind,
    ) -> Result<Tensor, LibtorchError> {
        let tensor = Tensor::f_empty(shape, (kind, Device::Cpu))?;
        // SAFETY: as in `uniform`.
        unsafe {
            shim::check(shim::bench_normal(
                tensor.as_ptr(),
                mean,
                deviation,
                self.generator,
            ))?
        };
        Ok(tensor)
    }

    /// Ones with this probability, else zeros.
    ///
    /// # Errors
    /// When libtorch refuses the shape, kind or probability.
    pub fn bernoulli(
        &mut self,
        shape: &[i64],
        probability: f64,
        kind: Kind,
    ) -> Result<Tensor, LibtorchError> {
        let tensor = Tensor::f_empty(shape, (kind, Device::Cpu))?;
        // SAFETY: as in `uniform`.
        unsafe {
            shim::check(shim::bench_bernoulli(
                tensor.as_ptr(),
                probability,
                self.generator,
            ))?
        };
        Ok(tensor)
    }

    /// Integers in [`low`, `high`), as `Int64`.
    ///
    /// # Errors
    /// When libtorch refuses the shape or bounds.
    pub fn integers(
        &mut self,
        shape: &[i64],
        low: i64,
        high: i64,
    ) -> Result<Tensor, LibtorchError> {
        let tensor = Tensor::f_empty(shape, (Kind::Int64, Device::Cpu))?;
        // SAFETY: as in `uniform`.
        unsafe {
            shim::check(shim::bench_integers(
                tensor.as_ptr(),
                low,
                high,
                self.generator,
            ))?
        };
        Ok(tensor)
    }

    /// The numbers below `count` in random order, as `Int64`.
    ///
    /// # Errors
    /// When `count` is negative.
    pub fn permutation(&mut self, count: i64) -> Result<Tensor, LibtorchError> {
        let mut result = std::ptr::null_mut();
        // SAFETY: `result` is a new tensor on success, and has this one owner.
        unsafe {
            shim::check(shim::bench_permutation(
                count,
                self.generator,
                &raw mut result,
            ))?;
            Ok(Tensor::from_ptr(result))
        }
    }
}

/// Sets libtorch's default generators, which dropout and tch's own initialisers draw from, to the start of a key's stream;
/// CUDA's too when `device` is a card.
///
/// # Errors
/// When libtorch refuses.
pub fn reseed_default(key: &Key<'_>, device: Device) -> Result<(), LibtorchError> {
    // SAFETY: the state has the words that the shim copies, under the generator's lock.
    unsafe {
        shim::check(shim::bench_default_generator_seed(
            key.state().as_ptr(),
            device.is_cuda(),
        ))
    }
}
