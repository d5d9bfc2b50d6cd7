"""What an author of a training algorithm in Python uses: the names of the Rust SDK, on torch's tensors.

An optimizer (`torch.optim.Optimizer`) needs nothing of this. A whole training algorithm derives from `TrainingAlgorithm`:

    from bench import TrainingAlgorithm

    class SignDescent(TrainingAlgorithm):
        def init(self, training):
            self.rate = training.hyperparameters["learning-rate"]

        def step(self, training):
            loss, gradients = training.gradients(training.next_batch())
            for parameter, gradient in zip(training.parameters, gradients):
                parameter.tensor.data.sub_(gradient.sign(), alpha=self.rate * training.schedule())
"""

from .algorithm import TrainingAlgorithm

__all__ = ["TrainingAlgorithm"]
