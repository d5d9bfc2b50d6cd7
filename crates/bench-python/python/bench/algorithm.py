"""The hooks of a whole training algorithm."""


class TrainingAlgorithm:
    """Decides everything that happens in a step. Made without arguments; `init` has the training."""

    def init(self, training):
        """Reads the hyperparameters and makes the state of step 0. The clock does not run: no batches, losses or gradients, and weights stay as they are."""

    def step(self, training):
        """One step: what counts as one in the budget and in every table."""
        raise NotImplementedError(f"{type(self).__name__} has no step(self, training)")

    def prepare_for_eval(self, training):
        """Puts the weights to be evaluated into the parameters, on the clock."""

    def resume_training(self, training):
        """Undoes `prepare_for_eval`, bit for bit, on the clock."""

    def state_dict(self):
        """Everything that the next step depends on beside parameters, buffers and the number of steps: tensors, numbers, texts, switches, None, lists, tuples and dictionaries of them."""
        return {}

    def load_state_dict(self, state):
        """Puts that back."""
