//! Random examples of a model's interface: what it trains on where no data is wanted.

use super::Examples;
use crate::batch::{Batch, Named};
use bench_core::spec::columns::{Rows, Values};
use bench_core::spec::interface::{Interface, Slot};
use bench_torch::errors::LibtorchError;
use bench_torch::random::{Key, Stream};
use tch::{Device, Kind, Tensor};

/// Rows of a ragged target.
const ROWS: u64 = 8;

/// Random inputs and targets of the shapes that a model wants: what a workload trains on before the clock runs. The same for the same list of examples only,
/// so that a check sees which ones an algorithm takes.
#[derive(Debug)]
pub struct DummyExamples {
    /// What the model wants.
    pub interface: Interface,
    /// Rows of a ragged input.
    pub rows: u64,
    /// How many examples there are.
    pub examples: u64,
    /// Where batches lie.
    pub device: Device,
}

impl DummyExamples {
    fn named(
        &self,
        slot: &Slot,
        rows: u64,
        count: i64,
        stream: &mut Stream,
    ) -> Result<Named, LibtorchError> {
        let rows = (slot.rows == Rows::Ragged).then_some(rows as i64);
        let sizes = slot.shape.iter().map(|&size| size as i64);
        let shape: Vec<i64> = [count].into_iter().chain(rows).chain(sizes).collect();
        let values = match slot.values {
            Values::Classes(below) | Values::Tokens(below) => {
                // In ragged text token 0 is padding, or a blank.
                let first = i64::from(rows.is_some());
                stream.integers(&shape, first, below as i64)?
            }
            // All examples have as many rows: any of them can be pointed at.
            Values::Index => stream.integers(&shape, 0, rows.unwrap_or(1))?,
            Values::Real => stream.normal(&shape, 0.0, 1.0, Kind::Float)?,
            Values::Binary => stream.bernoulli(&shape, 0.5, Kind::Float)?,
        };
        let lengths = rows.map(|rows| {
            Tensor::f_full([count], rows, (Kind::Int64, Device::Cpu))?.f_to_device(self.device)
        });
        Ok(Named {
            values: values.f_to_device(self.device)?,
            lengths: lengths.transpose()?,
            name: slot.name.as_str().into(),
        })
    }
}

impl Examples for DummyExamples {
    fn len(&self) -> usize {
        self.examples as usize
    }

    fn batch(&self, indices: &Tensor, _augmentation: Option<&Key>) -> Result<Batch, LibtorchError> {
        let chosen = Vec::<i64>::try_from(indices).map_err(LibtorchError::from)?;
        let number = chosen.iter().fold(0_u64, |number, &index| {
            number
                .wrapping_mul(0x100_0000_01B3)
                .wrapping_add(index as u64)
        });
        let mut stream = Stream::new(&Key::new(0, "dummy").step(number))?;
        let count = chosen.len() as i64;
        let mut named = |slot: &Slot, rows| self.named(slot, rows, count, &mut stream);
        let mut input = |slot| named(slot, self.rows);
        let mut inputs = self.interface.inputs.iter().map(&mut input);
        let first = inputs.next().transpose()?;
        let others = inputs.collect::<Result<Vec<_>, _>>()?;
        let targets = named(&self.interface.target, ROWS)?;
        let first = first.unwrap_or_else(|| Named::new("inputs", targets.values.shallow_clone()));
        let batch = Batch::of(first, others, targets);
        Ok(match self.interface.target.values {
            Values::Real => batch.of_wholes(),
            _ => batch,
        })
    }
}
