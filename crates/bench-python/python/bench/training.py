"""The training as Python sees it: the native view, with what is easier said in Python."""

import json
from collections.abc import Mapping


class Hyperparameters(Mapping):
    """The trial's values by name. What is never read is reported with the trial."""

    def __init__(self, training):
        self.training = training

    def __getitem__(self, name):
        return self.training.hyperparameter(name)

    def __iter__(self):
        return iter(self.training.hyperparameter_names())

    def __len__(self):
        return len(self.training.hyperparameter_names())


def dress(native):
    """Gives the native class the properties that need no Rust."""
    native.hyperparameters = property(Hyperparameters)
    native.evaluations = property(lambda self: json.loads(self.evaluations_json()))
