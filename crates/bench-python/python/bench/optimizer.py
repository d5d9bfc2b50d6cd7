"""An optimizer of torch's interface as a training algorithm: batch, gradients, clipping and schedule are the SDK's."""

import difflib
import inspect

import torch

from .algorithm import TrainingAlgorithm

# Names that are not ours with `_` for `-`.
OURS = {"lr": "learning-rate", "eps": "epsilon"}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}


class OptimizerError(TypeError):
    """An optimizer that cannot be made from its hyperparameters."""


def constructor(cls):
    """Parameters of the constructor that hyperparameters may be for, by name: all but the parameters to train."""
    signature = inspect.signature(cls.__init__ if "__init__" in vars(cls) or not hasattr(cls, "__signature__") else cls)
    named = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    return {parameter.name: parameter for parameter in named[1:] if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)}


def assumed(cls):
    """Names of hyperparameters for a constructor's defaults: what `parameter-names` says where nobody wrote it. Name of theirs to name or names of ours."""
    names = {}
    for name, parameter in constructor(cls).items():
        default = parameter.default
        ours = OURS.get(name, name.replace("_", "-"))
        if isinstance(default, (bool, int, float, str)):
            names[name] = ours
        elif isinstance(default, (tuple, list)) and default and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in default):
            one = ours.removesuffix("s") if ours.endswith("s") else f"{ours}-"
            names[name] = [f"{one}{place}" for place in range(1, len(default) + 1)]
    return names


def arguments(cls, names, values):
    """The constructor's arguments out of hyperparameters. Numbers take the kind of the default that they replace."""
    parameters = constructor(cls)
    takes_more = any(p.kind == p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values())
    theirs = {}
    for name, ours in names.items():
        for one in [ours] if isinstance(ours, str) else ours:
            theirs[one] = name
    made, taken = {}, set()
    for name, ours in names.items():
        if isinstance(ours, str):
            if ours in values:
                made[name] = values[ours]
                taken.add(ours)
        elif any(one in values for one in ours):
            default = parameters[name].default if name in parameters else ()
            missing = [one for place, one in enumerate(ours) if one not in values and not (isinstance(default, (tuple, list)) and place < len(default))]
            if missing:
                raise OptimizerError(f"`{name}` needs a hyperparameter `{missing[0]}`, since it has no default")
            made[name] = tuple(values[one] if one in values else default[place] for place, one in enumerate(ours))
            taken.update(ours)
    for ours, value in values.items():
        if ours in taken:
            continue
        name = ours.replace("-", "_")
        made.setdefault(name if name in parameters else THEIRS.get(ours, name), value)
    for name in made:
        if name not in parameters and not takes_more:
            near = difflib.get_close_matches(name, parameters, 1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; it takes {', '.join(parameters)}"
            raise OptimizerError(f"{cls.__name__} takes no `{name}`, which hyperparameter `{theirs.get(name, name.replace('_', '-'))}` is for{hint}")
    return {name: fitting(value, parameters[name].default if name in parameters else None) for name, value in made.items()}


def fitting(value, default):
    """A number in the kind of a default: hyperparameters know one kind of number."""
    if isinstance(default, (tuple, list)) and isinstance(value, tuple):
        return tuple(fitting(one, default[place] if place < len(default) else None) for place, one in enumerate(value))
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Optimizer(TrainingAlgorithm):
    """Any `torch.optim.Optimizer`. Its `lr` is scheduled as `submission.yaml` says; `eval()` and `train()` of those that average weights are called around evaluations."""

    def __init__(self, cls, names):
        self.cls, self.names = cls, {**assumed(cls), **names}
        self.trained = None

    def init(self, training):
        groups, tensors = training.groups(), {parameter.name: parameter.tensor for parameter in training.parameters}
        made = [(arguments(self.cls, self.names, values), [tensors[name] for name in members]) for values, members in groups]
        common, _ = made[-1]
        parameters = [{"params": members, **options} for options, members in made] if len(made) > 1 else made[0][1]
        self.optimizer = self.cls(parameters, **common)
        self.tensors = list(tensors.values())
        self.rates = [group.get("lr") for group in self.optimizer.param_groups]
        self.factor = 1.0
        step = inspect.signature(self.optimizer.step).parameters
        self.wants_closure = "closure" in step and step["closure"].default is inspect.Parameter.empty or self.cls is torch.optim.LBFGS
        self.switch("train")

    def switch(self, mode):
        function = getattr(self.optimizer, mode, None)
        if callable(function):
            function()
        return callable(function)

    def step(self, training):
        factor = training.schedule()
        if factor != self.factor:
            self.factor = factor
            for group, rate in zip(self.optimizer.param_groups, self.rates):
                if isinstance(rate, torch.Tensor):
                    group["lr"].copy_(rate * factor)
                elif rate is not None:
                    group["lr"] = rate * factor
        batch = training.next_batch()
        if self.wants_closure:
            self.optimizer.step(lambda: training.backward(batch))
        else:
            training.backward(batch)
            self.optimizer.step()

    def prepare_for_eval(self, training):
        if callable(getattr(self.optimizer, "eval", None)):
            # Its way back may round.
            self.trained = [tensor.detach().clone() for tensor in self.tensors]
            self.switch("eval")

    def resume_training(self, training):
        if self.trained is not None:
            self.switch("train")
            with torch.no_grad():
                for tensor, trained in zip(self.tensors, self.trained):
                    tensor.copy_(trained)
            self.trained = None

    def state_dict(self):
        return {"optimizer": self.optimizer.state_dict(), "factor": self.factor, "trained": self.trained}

    def load_state_dict(self, state):
        self.optimizer.load_state_dict(state["optimizer"])
        exactly(self.optimizer, state["optimizer"])
        self.factor, self.trained = state["factor"], state["trained"]


def exactly(optimizer, saved):
    """torch casts a loaded state to its parameters' kind and layout: what was saved goes back as it was."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    for number, parameter in zip(numbers, parameters):
        state = saved["state"].get(number) if isinstance(saved.get("state"), dict) else None
        if isinstance(state, dict) and isinstance(optimizer.state.get(parameter), dict):
            optimizer.state[parameter].update(state)
