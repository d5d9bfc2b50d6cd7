//! Running statistics of normalisations, which fit the weights they were gathered at.

use super::Training;
use crate::tensor::copy_of;
use anyhow::{Result, ensure};
use tch::Tensor;

impl Training {
    /// Gathers running statistics anew at the weights that the parameters show now, by forwards of the next `batches` training batches; so an
    /// evaluation of averaged weights does not see those of other weights. Gives the statistics there were, for
    /// [`Training::put_statistics_back`]; nothing, at no cost, where the model keeps none.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn recalibrate(&mut self, batches: u64) -> Result<Vec<Tensor>> {
        self.gate.open()?;
        let buffers = self.buffers().iter();
        let before: Vec<Tensor> = buffers
            .map(|buffer| copy_of(&buffer.tensor))
            .collect::<Result<_, _>>()?;
        if before.is_empty() {
            return Ok(before);
        }
        // The step that follows draws what it would have drawn without these forwards.
        let calls = std::mem::take(&mut self.calls);
        let result = self.forwards(batches);
        self.calls = calls;
        result.map(|()| before)
    }

    fn forwards(&mut self, batches: u64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let size = self.batch_size();
        for number in 0..batches {
            let indices = self.in_order_of_trial((self.step() + number) * size, size)?;
            let batch = self.any_batch(&indices)?;
            let _ = self.outputs(&batch)?;
        }
        Ok(())
    }

    /// Undoes [`Training::recalibrate`], bit for bit; nothing where nothing is given.
    ///
    /// # Errors
    /// When they are of another model.
    pub fn put_statistics_back(&mut self, statistics: Vec<Tensor>) -> Result<()> {
        let (given, there) = (statistics.len(), self.buffers().len());
        ensure!(
            given == 0 || given == there,
            "{given} statistics for {there} buffers"
        );
        let _guard = tch::no_grad_guard();
        for (buffer, own) in self.buffers().iter().zip(statistics) {
            buffer.tensor.shallow_clone().f_copy_(&own)?;
        }
        Ok(())
    }
}
