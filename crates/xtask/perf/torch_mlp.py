"""The training step of `fashion-mnist-mlp` in PyTorch: eager with each of AdamW's implementations, and compiled.

    torch_mlp.py [--data train.safetensors] [--threads N] [--steps N] [--rounds N] [--batch N] [--variants loop,foreach,fused,compile]

Prints one JSON line. The variants take turns, `rounds` times `steps` steps each, so that a noisy minute harms all alike.
Without data it trains on noise of the same shape. Needs torch and nothing else.
"""

import argparse
import json
import math
import os
import time

import torch
from torch import nn
from torch.nn import functional as F

MEAN, DEVIATION = 0.2860, 0.3530
WARM_UP = 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--variants", default="loop,foreach,fused,compile")
    return parser.parse_args()


def load(path):
    """Images as bytes, one row each, and labels as integers."""
    if path is None:
        return torch.randint(256, (55_000, 784), dtype=torch.uint8), torch.randint(10, (55_000,))
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        content = bytearray(file.read())

    def array(name):
        start, end = header[name]["data_offsets"]
        return torch.frombuffer(content, dtype=torch.uint8, offset=start, count=end - start).view(header[name]["shape"])

    return array("images").reshape(-1, 784), array("labels").long()


class Batches:
    """Shuffled epochs without end."""

    def __init__(self, images, labels, batch):
        self.images, self.labels, self.batch = images, labels, batch
        self.position = len(images)

    def next(self):
        if self.position + self.batch > len(self.images):
            self.order = torch.randperm(len(self.images))
            self.position = 0
        indices = self.order[self.position : self.position + self.batch]
        self.position += self.batch
        images = self.images[indices].float().mul_(1 / (255 * DEVIATION)).sub_(MEAN / DEVIATION)
        return images, self.labels[indices]


class Variant:
    """A model with its optimizer and schedule."""

    def __init__(self, name, horizon):
        torch.manual_seed(1)
        self.name = name
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
        implementation = {"loop": {"foreach": False}, "foreach": {"foreach": True}}.get(name, {"fused": True})
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, **implementation)
        warm_up = 0.05 * horizon
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: step / warm_up
            if step < warm_up
            else 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (horizon - warm_up))),
        )
        loss = lambda images, labels: F.cross_entropy(model(images), labels)
        self.loss = torch.compile(loss) if name == "compile" else loss
        self.milliseconds = []

    def step(self, batches):
        loss = self.loss(*batches.next())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss

    def run(self, batches, steps):
        for _ in range(steps):
            start = time.perf_counter()
            loss = self.step(batches)
            self.milliseconds.append((time.perf_counter() - start) * 1e3)
        self.last_loss = loss.item()

    def report(self):
        times = sorted(self.milliseconds)
        return {
            "name": self.name,
            "steps-per-second": 1e3 * len(times) / sum(times),
            "median-ms": times[len(times) // 2],
            "p10-ms": times[len(times) // 10],
            "loss": self.last_loss,
        }


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    batches = Batches(*load(options.data), options.batch)
    horizon = WARM_UP + options.steps * options.rounds
    variants = [Variant(name, horizon) for name in options.variants.split(",")]
    for variant in variants:
        variant.run(batches, WARM_UP)
        variant.milliseconds.clear()
    for _ in range(options.rounds):
        for variant in variants:
            variant.run(batches, options.steps)
    report = {
        "peer": "PyTorch",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "steps": options.steps * options.rounds,
        "wait-policy": os.environ.get("OMP_WAIT_POLICY"),
        "tunables": os.environ.get("GLIBC_TUNABLES"),
        "variants": [variant.report() for variant in variants],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
