"""An author's file or package, and what in it trains: a class, or AlgoPerf's functions."""

import ast
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import types

import torch

from . import failure, imports
from .algorithm import TrainingAlgorithm
from .optimizer import Optimizer


class LoadError(Exception):
    """There is no such class, or more than one."""


def by_repository(path, folder, name):
    """Lets a file import others of its folder by the folder's path in a repository, of which there is nothing else here."""
    with open(path, encoding="utf-8") as text:
        names = imports.named(ast.parse(text.read(), path), "")
    for parts in (dotted.split(".") for dotted in names):
        if not imports.below(parts, name) or is_installed(parts[0]):
            continue
        upper = parts[: parts.index(name) + 1]
        for depth in range(1, len(upper) + 1):
            package = types.ModuleType(".".join(upper[:depth]))
            package.__path__ = [folder] if depth == len(upper) else []
            sys.modules.setdefault(package.__name__, package)


def is_installed(name):
    """Whether there is a package of that name, other than one that stands for a folder of a repository."""
    there = sys.modules.get(name)
    return there.__spec__ is not None if there else importlib.util.find_spec(name) is not None


def module(folder, file, told):
    """The module of a file in an author's folder, whose other modules it may import."""
    failure.PLACES.append((folder, told))
    sys.path.insert(0, folder)
    path = os.path.join(folder, file)
    name = os.path.splitext(os.path.basename(file))[0]
    by_repository(path, folder, os.path.basename(told))
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def is_algoperf(made):
    """Whether a module has the functions of AlgoPerf's interface in place of a class."""
    return inspect.ismodule(made) and all(callable(getattr(made, name, None)) for name in ("init_optimizer_state", "update_params"))


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
            near = difflib.get_close_matches(name, [key for key, item in vars(made).items() if inspect.isclass(item)], 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise LoadError(f"{made.__name__} has no class `{name}`{hint}")
        return value
    if is_algoperf(made):
        return made
    classes = candidates(made)
    leaves = [cls for cls in classes if not any(other is not cls and issubclass(other, cls) for other in classes)]
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        raise LoadError(f"{made.__name__} defines no class derived from torch.optim.Optimizer or bench.TrainingAlgorithm, and not AlgoPerf's functions")
    names = ", ".join(cls.__name__ for cls in leaves)
    raise LoadError(f"{made.__name__} defines {len(leaves)} classes that can train: {names}; write one behind the file, as in `FILE.py:{leaves[0].__name__}`")


def factory(cls, names):
    """What makes an algorithm of a class."""
    if is_algoperf(cls):
        from .algoperf import Submission

        return lambda: Submission(cls)
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
