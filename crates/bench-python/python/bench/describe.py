"""python -m bench.describe FILE [CLASS]: what can be assumed of a file by itself, as JSON."""

import json
import os
import sys

from . import failure, load
from .algorithm import TrainingAlgorithm
from .optimizer import OptimizerError, assumed, constructor


def described(cls):
    """Hyperparameters and names of a class: what the constructor has by default."""
    if issubclass(cls, TrainingAlgorithm):
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


def main():
    path = os.path.abspath(sys.argv[1])
    folder, file = os.path.split(path)
    try:
        cls = load.find(load.module(folder, file, folder), sys.argv[2] if len(sys.argv) > 2 else None)
        values, names = described(cls)
    except BaseException as exception:
        message, place = failure.told(exception)
        return f"{message} ({place})" if place else message
    print(json.dumps({"class": cls.__name__, "hyperparameters": values, "parameter-names": names}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
