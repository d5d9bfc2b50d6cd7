"""A `state_dict` as a text and a list of tensors, and back, exactly."""

import json

import torch

# Attributes of a tensor that a snapshot's file has no room for.
KINDS = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}


class StateError(TypeError):
    """Something in a state that no snapshot can hold."""


def name_of(path):
    """A tensor's name in a snapshot: where it stands. An optimizer's are by kind, then by parameter, as those of Rust entrants: `state/exp_avg/3`."""
    if path[:2] == ("optimizer", "state") and len(path) > 3:
        path = ("state", *path[3:], path[2])
    if path[:1] == ("optimizer_state",):
        # AlgoPerf's: every other part says how a value is kept.
        path = (path[0], *path[2::2])
    return "/".join(map(str, path))


def flatten(state):
    """The structure as JSON, names of the tensors that it holds by number, and the tensors. A tensor that stands in several places is one."""
    names, tensors, numbers = [], [], {}

    def told(path):
        return "state" + "".join(f"[{part!r}]" for part in path)

    def tensor(value, path):
        if value.layout != torch.strided or value.dtype not in KINDS:
            raise StateError(f"{told(path)} is a tensor of kind {value.dtype} and layout {value.layout}, which no snapshot can hold")
        # Counters are values: a state is as large as its arrays.
        if value.ndim == 0 and not isinstance(value, torch.nn.Parameter):
            return {"scalar": flat(value.item(), path), "dtype": str(value.dtype).removeprefix("torch."), "device": str(value.device)}
        number = numbers.get(id(value))
        if number is None:
            number = numbers[id(value)] = len(tensors)
            name = name_of(path)
            names.append(f"{name}/again-{number}" if name in names else name)
            tensors.append(value.detach())
        return {"tensor": number, "strides": list(value.stride()), "parameter": isinstance(value, torch.nn.Parameter), "graph": value.requires_grad}

    def flat(value, path):
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, torch.Tensor):
            return tensor(value, path)
        if isinstance(value, int):
            return {"int": str(int(value))}
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, complex):
            return {"complex": [value.real.hex(), value.imag.hex()]}
        if isinstance(value, dict):
            return {"dict": [[flat(key, path), flat(item, (*path, key))] for key, item in value.items()]}
        if isinstance(value, torch.Size):
            return {"tuple": [flat(item, path) for item in value]}
        if type(value) in (list, tuple):
            return {type(value).__name__: [flat(item, (*path, place)) for place, item in enumerate(value)]}
        if isinstance(value, (torch.dtype, torch.device)):
            return {type(value).__name__: str(value).removeprefix("torch.")}
        if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
            return flat(value.item(), path)
        raise StateError(
            f"{told(path)} is {type(value).__module__}.{type(value).__qualname__}, which no snapshot can hold: "
            "tensors, numbers, texts, switches, None, lists, tuples and dictionaries can"
        )

    return json.dumps(flat(state, ())), names, tensors


def rebuild(structure, tensors):
    """What `flatten` was given. Tensors have the strides that they had, which fused kernels rely on."""
    made = {}

    def tensor(part):
        number = part["tensor"]
        if number not in made:
            saved = tensors[number]
            like = torch.empty_strided(saved.shape, part["strides"], dtype=saved.dtype, device=saved.device)
            like = like.copy_(saved)
            made[number] = torch.nn.Parameter(like, part["graph"]) if part["parameter"] else like.requires_grad_(part["graph"])
        return made[number]

    def full(part):
        if not isinstance(part, dict):
            return part
        (kind, value), *_ = part.items()
        match kind:
            case "tensor":
                return tensor(part)
            case "scalar":
                return torch.tensor(full(value), dtype=getattr(torch, part["dtype"]), device=part["device"])
            case "int":
                return int(value)
            case "float":
                return float.fromhex(value)
            case "complex":
                return complex(*map(float.fromhex, value))
            case "dict":
                return {full(key): full(item) for key, item in value}
            case "list":
                return [full(item) for item in value]
            case "tuple":
                return tuple(full(item) for item in value)
            case "dtype":
                return getattr(torch, value)
            case "device":
                return torch.device(value)
        raise StateError(f"`{kind}` in a saved state means nothing")

    return full(json.loads(structure))
