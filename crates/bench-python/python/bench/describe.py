"""python -m bench.describe FILE [CLASS]: what can be assumed of a file by itself, as JSON."""

import ast
import json
import os
import sys

from . import failure, load
from .algorithm import TrainingAlgorithm
from .optimizer import OptimizerError, assumed, constructor


def imported(folder, file):
    """Files of the folder that a file imports, and those that they import: what is written, not what may be computed."""
    found, waiting = [], [file]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.append(file)
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            tree = ast.parse(text.read(), file)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                inside = os.path.dirname(file).replace(os.sep, ".") if node.level else ""
                module = ".".join(part for part in (inside, node.module) if part)
                names = [module, *(f"{module}.{alias.name}" if module else alias.name for alias in node.names)]
            else:
                continue
            for name in filter(None, names):
                parts = name.split(".")
                for depth in range(1, len(parts) + 1):
                    base = os.path.join(*parts[:depth])
                    for candidate in (base + ".py", os.path.join(base, "__init__.py")):
                        if os.path.isfile(os.path.join(folder, candidate)):
                            waiting.append(candidate)
    return sorted(found)


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
        files = imported(folder, file)
        cls = load.find(load.module(folder, file, folder), sys.argv[2] if len(sys.argv) > 2 else None)
        values, names = described(cls)
    except BaseException as exception:
        message, place = failure.told(exception)
        return f"{message} ({place})" if place else message
    print(json.dumps({"class": cls.__name__, "hyperparameters": values, "parameter-names": names, "files": files}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
