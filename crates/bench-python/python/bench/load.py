"""An author's file or package, and the class in it that trains."""

import importlib
import importlib.util
import inspect
import os
import sys

import torch

from . import failure
from .algorithm import TrainingAlgorithm
from .optimizer import Optimizer


class LoadError(Exception):
    """There is no such class, or more than one."""


def module(folder, file, told):
    """The module of a file in an author's folder, whose other modules it may import."""
    failure.PLACES.append((folder, told))
    sys.path.insert(0, folder)
    path = os.path.join(folder, file)
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def candidates(made):
    """Classes that the module itself defines and that can train."""
    kinds = (torch.optim.Optimizer, TrainingAlgorithm)
    classes = [value for value in vars(made).values() if inspect.isclass(value) and issubclass(value, kinds)]
    return [cls for cls in dict.fromkeys(classes) if cls.__module__ == made.__name__]


def find(made, name):
    """The class of that name, or the only one that can train: bases of others in the module do not count."""
    if name is not None:
        value = made
        for part in name.split("."):
            value = getattr(value, part, None)
        if not callable(value):
            raise LoadError(f"{made.__name__} has no class `{name}`")
        return value
    classes = candidates(made)
    leaves = [cls for cls in classes if not any(other is not cls and issubclass(other, cls) for other in classes)]
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        raise LoadError(f"{made.__name__} defines no class derived from torch.optim.Optimizer or bench.TrainingAlgorithm")
    names = ", ".join(cls.__name__ for cls in leaves)
    raise LoadError(f"{made.__name__} defines {len(leaves)} classes that can train: {names}; say which by --class")


def factory(cls, names):
    """What makes an algorithm of a class."""
    if inspect.isclass(cls) and issubclass(cls, TrainingAlgorithm):
        return cls
    return lambda: Optimizer(cls, names)


def chosen(program):
    """The class that a program's description names: `file` in `folder`, or `package`."""
    if program.get("file"):
        made = module(program["folder"], program["file"], program["told"])
    else:
        made = importlib.import_module(program["package"])
    return find(made, program.get("class"))
