"""A `state_dict` as a text and a list of tensors, and back, exactly."""

import json

import torch

# Attributes of a tensor that a snapshot's file has no room for.
KINDS = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}


class StateError(TypeError):
    """Something in a state that no snapshot can hold."""


def flatten(state):
    """The structure as JSON, and the tensors that it names by number. A tensor that stands in several places is one."""
    tensors, numbers = [], {}

    def flat(value, path):
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, torch.Tensor):
            number = numbers.get(id(value))
            if number is None:
                if value.layout != torch.strided or value.dtype not in KINDS:
                    raise StateError(f"the state's {path} is a tensor of kind {value.dtype} and layout {value.layout}, which no snapshot can hold")
                number = numbers[id(value)] = len(tensors)
                tensors.append(value.detach())
            parameter = isinstance(value, torch.nn.Parameter)
            return {"tensor": number, "strides": list(value.stride()), "parameter": parameter, "graph": value.requires_grad}
        if isinstance(value, int):
            return {"int": str(int(value))}
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, complex):
            return {"complex": [value.real.hex(), value.imag.hex()]}
        if isinstance(value, dict):
            return {"dict": [[flat(key, path), flat(item, f"{path}[{key!r}]")] for key, item in value.items()]}
        if isinstance(value, torch.Size):
            return {"tuple": [flat(item, path) for item in value]}
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            return {type(value).__name__: [flat(item, f"{path}[{place}]") for place, item in enumerate(value)]}
        if isinstance(value, (torch.dtype, torch.device)):
            return {type(value).__name__: str(value).removeprefix("torch.")}
        if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
            return flat(value.item(), path)
        raise StateError(
            f"the state's {path} is {type(value).__module__}.{type(value).__qualname__}, which no snapshot can hold: "
            "tensors, numbers, texts, switches, None, lists, tuples and dictionaries can"
        )

    return json.dumps(flat(state, "state")), tensors


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
