//! Estimates of curvature: products with the Hessian, and labels that the model draws itself.

use super::Training;
use super::loss::filled;
use anyhow::Result;
use bench_torch::gradient::{self, Graph};
use bench_workloads::Batch;
use bench_workloads::model::Pass;
use tch::{Kind, Tensor};

/// A training forward for an estimate: the step's own has moved the running statistics already.
const AGAIN: Pass<'static> = Pass {
    update_buffers: false,
    ..Pass::TRAIN
};

impl Training {
    /// The Hessian of the batch's mean loss times a vector, which has one tensor for each parameter.
    ///
    /// # Errors
    /// When the model has no second derivative, or the vector does not fit it.
    pub fn hessian_vector_product(
        &mut self,
        batch: &Batch,
        vector: &[Tensor],
    ) -> Result<Vec<Tensor>> {
        gradient::set_flash_attention(false)?;
        let product = self.hessian_times(batch, vector);
        gradient::set_flash_attention(true)?;
        product
    }

    fn hessian_times(&mut self, batch: &Batch, vector: &[Tensor]) -> Result<Vec<Tensor>> {
        let outputs = self.forward(batch, &AGAIN)?;
        let loss = self.gate.loss(&outputs, batch)?;
        let gradients = self.differentiate(&loss, Graph::Differentiable)?;
        let parameters = self.tensors();
        // A loss that is linear in its parameters has gradients without a graph.
        if !gradients.iter().any(Tensor::requires_grad) {
            self.gate.forget_graph();
            return filled(parameters.iter().map(|_| None).collect(), &parameters);
        }
        self.gate.backward(Graph::Free)?;
        let products = gradient::vector_products(&gradients, vector, &parameters, Graph::Free)?;
        filled(products, &parameters)
    }

    /// Hutchinson's estimate of the diagonal of the Hessian of the batch's mean loss: `z * (H z)`, with `z` of random signs. Right on
    /// average (Hutchinson 1989); it may be negative.
    ///
    /// # Errors
    /// When the model has no second derivative.
    pub fn hutchinson(&mut self, batch: &Batch) -> Result<Vec<Tensor>> {
        let signs = self.signs()?;
        let mut products = self.hessian_vector_product(batch, &signs)?;
        let _guard = tch::no_grad_guard();
        for (product, sign) in products.iter_mut().zip(&signs) {
            let _ = product.f_mul_(sign)?;
        }
        Ok(products)
    }

    /// A tensor of 1 and -1 for each parameter, each with probability a half.
    ///
    /// # Errors
    /// What libtorch says.
    pub fn signs(&mut self) -> Result<Vec<Tensor>> {
        let mut stream = self.stream("signs")?;
        let given = self.settings.given.signs.as_deref();
        let parameters = self.gate.parameters().iter().enumerate();
        let signs = parameters.map(|(place, parameter)| {
            let (shape, kind) = (parameter.tensor.size(), parameter.tensor.kind());
            let signs = match given {
                None => stream.bernoulli(&shape, 0.5, kind)? * 2.0 - 1.0,
                Some(sign) => {
                    let count = parameter.tensor.numel() as u64;
                    let all: Vec<f64> = (0..count).map(|i| sign(self.step, place, i)).collect();
                    Tensor::from_slice(&all)
                        .f_view(shape.as_slice())?
                        .f_to_kind(kind)?
                }
            };
            Ok(signs.f_to_device(parameter.tensor.device())?)
        });
        signs.collect()
    }

    /// The same batch with labels drawn from the model's own distribution.
    ///
    /// # Errors
    /// When the loss is of no distribution.
    pub fn with_sampled_labels(&mut self, batch: &Batch) -> Result<Batch> {
        let _guard = tch::no_grad_guard();
        let outputs = self.forward(batch, &AGAIN)?;
        self.drawn(batch, &outputs)
    }

    /// The mean loss, with a graph, on labels drawn from the model's own distribution, from one forward pass: what the
    /// Gauss-Newton-Bartlett estimator differentiates.
    ///
    /// # Errors
    /// When the loss is of no distribution.
    pub fn sampled_loss(&mut self, batch: &Batch) -> Result<Tensor> {
        let outputs = self.forward(batch, &AGAIN)?;
        let sampled = self.drawn(batch, &outputs.f_detach()?)?;
        self.gate.loss(&outputs, &sampled)
    }

    fn drawn(&mut self, batch: &Batch, outputs: &Tensor) -> Result<Batch> {
        let shape = batch.targets.size();
        let uniform = self
            .stream("labels")?
            .uniform(&shape, 0.0, 1.0, Kind::Float)?
            .f_to_device(self.device())?;
        Ok(batch.with_targets(self.gate.sample_targets(outputs, &uniform)?))
    }
}
