"""A state of somebody's own objects (optimizers, schedulers, averages, queues) as plain values, and back into the objects of a fresh start, exactly."""

import collections
import types

import torch

from .optimizer import exactly
from .state import StateError

PLAIN = (type(None), bool, int, float, complex, str, torch.Size, torch.dtype, torch.device)
# The same in every start: written in the program.
FIXED = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type, torch.Generator)


def kind(value):
    """How a value is kept."""
    if isinstance(value, PLAIN) or isinstance(value, torch.Tensor):
        return "plain"
    if isinstance(value, dict):
        return "dict"
    if isinstance(value, (list, tuple, collections.deque)):
        return "items"
    if isinstance(value, FIXED) or callable(value) and not hasattr(value, "state_dict") and not vars_of(value):
        return "fixed"
    if callable(getattr(value, "state_dict", None)) and callable(getattr(value, "load_state_dict", None)):
        return "state"
    return "object" if vars_of(value) is not None else None


def vars_of(value):
    return getattr(value, "__dict__", None)


def walk(value, path=(), seen=None):
    """Every object below a value with its path, once each."""
    seen = set() if seen is None else seen
    found = kind(value)
    if found in ("plain", "fixed") or id(value) in seen:
        return
    seen.add(id(value))
    if found in ("state", "object"):
        yield path
    inner = {
        "dict": lambda: value.items(), "items": lambda: enumerate(value), "object": lambda: vars(value).items(), "state": lambda: inner_optimizers(value).items(),
    }.get(found, tuple)
    for name, item in list(inner()):
        yield from walk(item, (*path, name), seen)


def inner_optimizers(value):
    """Optimizers that an optimizer keeps for itself: its `state_dict()` leaves them out, as sharpness-aware minimisation's does."""
    if not isinstance(value, torch.optim.Optimizer):
        return {}
    return {name: item for name, item in vars(value).items() if isinstance(item, torch.optim.Optimizer)}


def objects(state):
    """Paths of the objects that a fresh start makes."""
    return set(walk(state))


def parameters(container):
    return {id(parameter): number for number, parameter in enumerate(container.parameters())}


def capture(state, container, fresh):
    """Plain values: tensors, numbers, texts, lists and dictionaries. `fresh` has the paths of objects that a fresh start makes."""
    # By identity, and kept alive: what is freed would lend its number to another.
    own, seen, alive = parameters(container), set(), []

    def taken(value, path):
        found = kind(value)
        alive.append(value)
        if id(value) in own:
            return {"parameter": own[id(value)]}
        if found == "plain":
            return {"value": value}
        if found == "fixed" or value is container:
            return {"fixed": True}
        if found is None:
            raise StateError(f"optimizer_state{told(path)} is a {type(value).__qualname__}, which no snapshot can hold")
        if found == "dict":
            return {"dict": {key: taken(item, (*path, key)) for key, item in value.items()}}
        if found == "items":
            items = [taken(item, (*path, place)) for place, item in enumerate(value)]
            if isinstance(value, collections.deque):
                return {"deque": items, "longest": value.maxlen}
            return {"tuple" if isinstance(value, tuple) else "list": items}
        # An object that stands in two places is saved once.
        if id(value) in seen:
            return {"fixed": True}
        seen.add(id(value))
        if path not in fresh:
            raise StateError(f"optimizer_state{told(path)} is a {type(value).__qualname__} that `init_optimizer_state` does not make: a resumed trial could not make it again")
        if found == "state":
            inner = {name: taken(item, (*path, name)) for name, item in inner_optimizers(value).items()}
            return {"state": taken(value.state_dict(), (*path, "state_dict")), "inner": inner}
        return {"object": {name: taken(item, (*path, name)) for name, item in vars(value).items()}}

    return taken(state, ())


def cloned(value):
    """A captured state with tensors of its own."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: cloned(item) for key, item in value.items()}
    return [cloned(item) for item in value] if isinstance(value, list) else value


def told(path):
    return "".join(f"[{part!r}]" for part in path)


def restored(fresh, saved, container):
    """The value that was captured: into the fresh start's objects, which stay the same objects."""
    own = list(container.parameters())

    def put(now, saved):
        (found, value), *_ = saved.items()
        if found == "fixed":
            return now
        if found == "parameter":
            return own[value]
        if found == "value":
            return value
        if found == "dict":
            filled = {key: put(now.get(key) if isinstance(now, dict) else None, item) for key, item in value.items()}
            if isinstance(now, dict):
                now.clear()
                now.update(filled)
                return now
            return filled
        if found in ("list", "tuple", "deque"):
            there = list(now) if isinstance(now, (list, tuple, collections.deque)) else []
            items = [put(there[place] if place < len(there) else None, item) for place, item in enumerate(value)]
            if found == "deque":
                return collections.deque(items, saved["longest"])
            if found == "tuple":
                return type(now)(*items) if hasattr(now, "_fields") else tuple(items)
            if isinstance(now, list):
                now[:] = items
                return now
            return items
        if found == "state":
            value = put(None, value)
            now.load_state_dict(value)
            if isinstance(now, torch.optim.Optimizer):
                exactly(now, value)
            for name, item in saved["inner"].items():
                inner = vars(now)[name]
                shares = inner.param_groups is now.param_groups
                put(inner, item)
                if shares:
                    inner.param_groups = now.param_groups
            return now
        for name, item in value.items():
            vars(now)[name] = put(vars(now).get(name), item)
        return now

    return put(fresh, saved)
