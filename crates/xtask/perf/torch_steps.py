"""Training steps of a workload in PyTorch: eager with each of AdamW's implementations, and compiled.

    bench spec show fashion-mnist-resnet adamw | (cat; echo check FILE; echo fused 20) | torch_steps.py

The first line of standard input is a resolved run of AdamW. Each further line is answered by one line of JSON:

    check FILE    the relative difference of loss and gradients from those in FILE, which `PROGRAM time` saved
    VARIANT N     `step-ms`: milliseconds of each of the next N steps; variants are loop, foreach, fused, compile, and the latter two with
                  channels-last memory

Weights start as PyTorch has them: only time is compared. Needs torch and nothing else.
"""

import json
import math
import pathlib
import sys
import time

import torch
from torch.nn import functional as F

from torch_models import KINDS


def split(folder):
    """The arrays of a split that has one file."""
    (file,) = sorted(pathlib.Path(folder).glob("*.safetensors"))
    return load(file)


def load(path):
    """The arrays of a safetensors file."""
    kinds = {"U8": torch.uint8, "F32": torch.float32, "I64": torch.int64}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = bytearray(file.read())

    def array(entry):
        start, end = entry["data_offsets"]
        return torch.frombuffer(content[start:end], dtype=kinds[entry["dtype"]]).view(entry["shape"])

    return {name: array(entry) for name, entry in header.items() if name != "__metadata__"}


class Images:
    """Shuffled epochs of images without end."""

    outputs = 10

    def __init__(self, run):
        arrays, spec = split(run["local"]["data"]["train"]), run["run"]["workload"]["input"]
        self.images, self.labels = arrays["images"].squeeze(1), arrays["labels"].long()
        self.inputs = self.images.shape[1:]
        self.mean, self.std = spec["mean"][0], spec["std"][0]
        augment = spec.get("augment") or {"flip": False, "crop-padding": 0}
        assert augment["crop-padding"] == 0
        self.flip = augment["flip"]

    def __len__(self):
        return len(self.images)

    def batch(self, indices):
        images = self.images[indices].float().mul_(1 / (255 * self.std)).sub_(self.mean / self.std)
        if self.flip:
            flipped = torch.rand(len(indices)) < 0.5
            images = torch.where(flipped[:, None, None], images.flip(-1), images)
        return images, self.labels[indices]


class Text:
    """Shuffled epochs of pieces of text without end."""

    outputs = 256

    def __init__(self, run):
        self.inputs = run["run"]["workload"]["input"]["sequence-length"]
        tokens = split(run["local"]["data"]["train"])["tokens"]
        pieces = len(tokens) // (self.inputs + 1)
        self.pieces = tokens[: pieces * (self.inputs + 1)].view(pieces, -1)

    def __len__(self):
        return len(self.pieces)

    def batch(self, indices):
        pieces = self.pieces[indices].long()
        return pieces[:, :-1].contiguous(), pieces[:, 1:].contiguous()


class Variant:
    """A model with its optimizer and schedule."""

    def __init__(self, name, run, data):
        torch.manual_seed(1)
        run = run["run"]
        ((kind, spec),) = run["workload"]["model"].items()
        self.model = KINDS[kind](spec, data.inputs, data.outputs)
        if name.endswith("channels-last"):
            self.model = self.model.to(memory_format=torch.channels_last)
        implementation = {"loop": {"foreach": False}, "foreach": {"foreach": True}}.get(name, {"fused": True})
        hyper = run["hyperparameters"]
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=hyper["learning-rate"],
            betas=(hyper["beta1"], hyper["beta2"]),
            eps=hyper["epsilon"],
            weight_decay=hyper["weight-decay"],
            **implementation,
        )
        horizon = run["workload"]["step-hint"]
        warm_up = 0.05 * horizon
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: step / warm_up
            if step < warm_up
            else 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (horizon - warm_up))),
        )
        self.loss = torch.compile(self.plain_loss) if name.startswith("compile") else self.plain_loss
        self.data, self.size, self.position = data, run["submission"]["batch-size"], len(data)

    def plain_loss(self, inputs, targets):
        return F.cross_entropy(self.model(inputs).flatten(0, -2), targets.flatten())

    def next(self):
        if self.position + self.size > len(self.data):
            self.order, self.position = torch.randperm(len(self.data)), 0
        self.position += self.size
        return self.data.batch(self.order[self.position - self.size : self.position])

    def step(self):
        loss = self.loss(*self.next())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()

    def steps(self, count):
        times = []
        for _ in range(count):
            start = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - start) * 1e3)
        return {"step-ms": times}

    def check(self, path):
        """How far loss and all gradients together are from those of the same weights and batch, relative to their norms."""
        saved = load(path)
        inputs = saved["inputs"]
        parameters = dict(self.model.named_parameters())
        assert {f"parameters/{name}" for name in parameters} == {name for name in saved if name.startswith("parameters/")}
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(saved[f"parameters/{name}"])
        loss = self.plain_loss(inputs.squeeze(1) if inputs.dim() == 4 else inputs, saved["targets"])
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        ours = torch.cat([gradient.flatten() for gradient in gradients])
        theirs = torch.cat([saved[f"gradients/{name}"].flatten() for name in parameters])
        of_loss = (loss.detach() - saved["loss"]).abs() / saved["loss"].abs()
        return {"difference": max(of_loss.item(), ((ours - theirs).norm() / theirs.norm()).item())}


def main():
    run = json.loads(sys.stdin.readline())
    torch.set_num_threads(run["run"]["threads"])
    data = Text(run) if "decoder" in run["run"]["workload"]["model"] else Images(run)
    variants = {}
    for line in sys.stdin:
        order, argument = line.split()
        if order == "check":
            answer = Variant("loop", run, data).check(argument)
        else:
            if order not in variants:
                variants[order] = Variant(order, run, data)
            answer = variants[order].steps(int(argument))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
