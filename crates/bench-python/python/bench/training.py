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


def watched(method):
    """What it computes tells when somebody differentiates it: examples that go backward are counted."""

    def call(self, *arguments):
        tensor = method(self, *arguments)
        if tensor.requires_grad:
            tensor.register_hook(lambda _: self.went_backward())
        return tensor

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    return call


def dress(native):
    """Gives the native class what needs no Rust."""
    for name in ("outputs", "loss", "forward"):
        setattr(native, name, watched(getattr(native, name)))
    native.hyperparameters = property(Hyperparameters)
    native.evaluations = property(lambda self: json.loads(self.evaluations_json()))
