"""python -m bench.describe FILE [CLASS], or PACKAGE CLASS: what can be assumed of a file by itself, or of a package's class, as JSON."""

import importlib
import json
import os
import sys

from . import failure, load
from .algorithm import TrainingAlgorithm
from .optimizer import OptimizerError, assumed, constructor


def described(cls):
    """Hyperparameters and names of a class: what the constructor has by default."""
    if load.is_algoperf(cls) or issubclass(cls, TrainingAlgorithm):
        return {}, {}
    values, names = {}, assumed(cls)
    parameters = constructor(cls)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in names:
            raise OptimizerError(f"{cls.__name__} has no default for `{name}`: a submission.yaml says what it is (`bench new NAME --python --from FILE`)")
    for name, ours in names.items():
        default = parameters[name].default
        pairs = [(ours, default)] if isinstance(ours, str) else zip(ours, default)
        values.update({one: value for one, value in pairs})
    return values, names


def module(given):
    if not given.endswith(".py"):
        return importlib.import_module(given)
    folder, file = os.path.split(os.path.abspath(given))
    return load.module(folder, file, folder)


def main():
    try:
        made = module(sys.argv[1])
        cls = load.find(made, sys.argv[2] if len(sys.argv) > 2 else None)
        values, names = described(cls)
    except (load.LoadError, OptimizerError) as exception:
        return str(exception)
    except BaseException as exception:
        message, place = failure.told(exception)
        return f"{message} ({place})" if place else message
    told = {"class": cls.__name__, "hyperparameters": values, "parameter-names": names}
    if load.is_algoperf(cls):
        from .algoperf import batch_sizes

        told = {"algoperf": True, "batch-sizes": batch_sizes(cls)}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
