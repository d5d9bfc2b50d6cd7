"""Optimizer steps alone in PyTorch: its own optimizers, and the authors' code of the others.

The first line of standard input is what `PROGRAM time --update …` prints first: names, roles and shapes of parameters. Each further line, `PEER N`,
is answered by one line of JSON: `update-ms`, milliseconds of each of the next N steps. Every peer has parameters of its own. Gradients are new ones
every step, of the same quadratic function as there, off the clock. Needs torch and nothing else.
"""

import json
import sys
import time

import torch

from torch_authors import (
    fira,
    fira_every_step,
    galore,
    galore_every_step,
    lion,
    muon,
    muon_single,
    schedule_free_adamw,
    shampoo,
    shampoo_every_step,
    sophia,
)

PEERS = {
    "adamw-fused": lambda groups: torch.optim.AdamW(groups.all, lr=1e-3, fused=True).step,
    "nadam-foreach": lambda groups: torch.optim.NAdam(groups.all, lr=1e-3, decoupled_weight_decay=True, foreach=True).step,
    "sgd-fused": lambda groups: torch.optim.SGD(groups.all, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True).step,
    "lion": lion,
    "sophia": sophia,
    "schedule-free-adamw": schedule_free_adamw,
    "galore": galore,
    "galore-every-step": galore_every_step,
    "fira": fira,
    "fira-every-step": fira_every_step,
    "muon": muon,
    "muon-single": muon_single,
    "shampoo": shampoo,
    "shampoo-every-step": shampoo_every_step,
}


class Groups:
    """Parameters by what becomes of them."""

    def __init__(self, described):
        generator = torch.Generator().manual_seed(0)
        self.all = [torch.nn.Parameter(0.05 * torch.randn(p["shape"], generator=generator)) for p in described]
        self.slopes = [0.01 * torch.randn(p["shape"], generator=generator) for p in described]
        roles = [p["role"] for p in described]
        hidden = [role in ("weight", "convolution") and x.dim() >= 2 for x, role in zip(self.all, roles)]
        projected = [role == "weight" and x.dim() == 2 for x, role in zip(self.all, roles)]
        self.hidden, self.not_hidden = self.split(hidden)
        self.projected, self.not_projected = self.split(projected)

    def split(self, chosen):
        return [x for x, yes in zip(self.all, chosen) if yes], [x for x, yes in zip(self.all, chosen) if not yes]

    def backward(self):
        loss = torch.tensor(0.0)
        for x, slope in zip(self.all, self.slopes):
            x.grad = None
            loss = loss + (x * slope).sum() + (x * x).sum() * 0.5
        loss.backward()


def main():
    described = json.loads(sys.stdin.readline())["parameters"]
    peers = {}
    for line in sys.stdin:
        peer, count = line.split()
        if peer not in peers:
            groups = Groups(described)
            peers[peer] = groups, PEERS[peer](groups)
        groups, step = peers[peer]
        times = []
        for _ in range(int(count)):
            groups.backward()
            start = time.perf_counter()
            with torch.no_grad():
                step()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"update-ms": times}), flush=True)


if __name__ == "__main__":
    main()
