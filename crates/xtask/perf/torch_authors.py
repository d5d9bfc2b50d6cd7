"""The authors' optimizers as they wrote them, tensor by tensor, without what is not used here. Used by torch_updates.py.

Each function takes the groups of parameters and gives a function that does one step, called under `no_grad`.
"""

import math

import torch


def lion(groups):
    """google/automl, `lion_pytorch.py`."""
    lr, beta1, beta2, decay = 1e-4, 0.9, 0.99, 0.1
    averages = [torch.zeros_like(p) for p in groups.all]

    def step():
        for p, exp_avg in zip(groups.all, averages):
            grad = p.grad
            p.data.mul_(1 - lr * decay)
            update = exp_avg * beta1 + grad * (1 - beta1)
            p.add_(update.sign_(), alpha=-lr)
            exp_avg.mul_(beta2).add_(grad, alpha=1 - beta2)

    return step


def sophia(groups):
    """Liuhong99/Sophia, `sophia.py`: the step between two estimates of curvature."""
    lr, beta1, rho, decay, bs = 1e-4, 0.965, 0.04, 0.1, 128
    state = [(torch.zeros_like(p), torch.zeros_like(p)) for p in groups.all]

    def step():
        for p, (exp_avg, hess) in zip(groups.all, state):
            p.mul_(1 - lr * decay)
            exp_avg.mul_(beta1).add_(p.grad, alpha=1 - beta1)
            ratio = (exp_avg.abs() / (rho * bs * hess + 1e-15)).clamp(None, 1)
            p.addcmul_(exp_avg.sign(), ratio, value=-lr)

    return step


def schedule_free_adamw(groups):
    """facebookresearch/schedule_free 1.4.1, `adamw_schedulefree.py` with `foreach`."""
    lr, beta1, beta2, eps, decay = 2.5e-3, 0.9, 0.999, 1e-8, 0.01
    y = groups.all
    z = [torch.clone(p) for p in y]
    exp_avg_sq = [torch.zeros_like(p) for p in y]
    state = {"k": 0, "weight_sum": 0.0}

    def step():
        k = state["k"]
        bias_correction2 = 1 - beta2 ** (k + 1)
        state["weight_sum"] += lr**2
        ckp1 = lr**2 / state["weight_sum"]
        grad = [p.grad for p in y]
        torch._foreach_mul_(exp_avg_sq, beta2)
        torch._foreach_addcmul_(exp_avg_sq, grad, grad, value=1 - beta2)
        denom = torch._foreach_div(exp_avg_sq, bias_correction2)
        torch._foreach_sqrt_(denom)
        torch._foreach_add_(denom, eps)
        torch._foreach_div_(grad, denom)
        torch._foreach_add_(grad, y, alpha=decay)
        torch._foreach_lerp_(y, z, weight=ckp1)
        torch._foreach_add_(y, grad, alpha=lr * (beta1 * (1 - ckp1) - 1))
        torch._foreach_sub_(z, grad, alpha=lr)
        state["k"] = k + 1

    return step


class Projector:
    """jiaweizzhao/GaLore, `galore_projector.py`, "std"."""

    def __init__(self, rank, gap):
        self.rank, self.gap = rank, gap

    def project(self, grad, n):
        self.right = grad.shape[0] >= grad.shape[1]
        if n % self.gap == 0:
            u, _, vh = torch.linalg.svd(grad.float(), full_matrices=False)
            self.basis = vh[: self.rank] if self.right else u[:, : self.rank]
        return torch.matmul(grad, self.basis.t()) if self.right else torch.matmul(self.basis.t(), grad)

    def back(self, low):
        return torch.matmul(low, self.basis) if self.right else torch.matmul(self.basis, low)


def projected_adamw(groups, direction, gap=100):
    """Both authors' `*_adamw.py`: Adam on what `direction` makes of a projected matrix, and on all others as they are."""
    lr, beta1, beta2, eps, decay, rank = 1e-3, 0.9, 0.999, 1e-6, 0.05, 16
    states = [(p, {"step": 0, "projector": Projector(rank, gap)}) for p in groups.projected]
    states += [(p, {"step": 0}) for p in groups.not_projected]

    def step():
        for p, state in states:
            grad = p.grad
            low = state["projector"].project(grad, state["step"]) if "projector" in state else grad
            if "exp_avg" not in state:
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(low), torch.zeros_like(low)
            exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
            state["step"] += 1
            exp_avg.mul_(beta1).add_(low, alpha=1 - beta1)
            exp_avg_sq.mul_(beta2).addcmul_(low, low, value=1 - beta2)
            denom = exp_avg_sq.sqrt().add_(eps)
            step_size = lr * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
            update = exp_avg / denom
            if "projector" in state:
                update = direction(state, grad, low, update)
            p.add_(update, alpha=-step_size)
            p.add_(p, alpha=-lr * decay)

    return step


def galore(groups, gap=100):
    """jiaweizzhao/GaLore (galore-torch 1.0)."""
    return projected_adamw(groups, lambda state, grad, low, update: state["projector"].back(update), gap)


def galore_every_step(groups):
    """With new bases in every step."""
    return galore(groups, gap=1)


def fira(groups, gap=100):
    """xichen-fy/Fira (fira 1.0.2)."""

    def direction(state, grad, low, update):
        kept = state["projector"].back(low)
        dim = 0 if update.shape[0] < update.shape[1] else 1
        factor = torch.norm(update, dim=dim) / (torch.norm(low, dim=dim) + 1e-8)
        if dim == 1:
            factor = factor.unsqueeze(1)
        rest = (grad - kept) * factor
        norm = torch.norm(rest)
        if "norm" in state:
            limiter = max(norm / (state["norm"] + 1e-8), 1.01) / 1.01
            rest = rest / limiter
            norm = norm / limiter
        state["norm"] = norm
        return state["projector"].back(update) + rest

    return projected_adamw(groups, direction, gap)


def fira_every_step(groups):
    """With new bases in every step."""
    return fira(groups, gap=1)


def blocks(p, limit):
    """Meta's `merge_small_dims` and `multi_dim_split`: a function from a tensor to its blocks."""
    sizes = []
    for size in p.squeeze().shape:
        if sizes and sizes[-1] * size <= limit:
            sizes[-1] *= size
        else:
            sizes.append(size)
    sizes = sizes or [1]

    def cut(tensor):
        pieces = [tensor.view(sizes)]
        for dim in range(len(sizes)):
            pieces = [piece for whole in pieces for piece in torch.split(whole, limit, dim=dim)]
        return pieces

    return cut


def shampoo(groups, frequency=20):
    """Meta's DistributedShampoo as it was submitted to AlgoPerf, on one process."""
    lr, beta1, beta2, eps, decay, limit, start = 1e-3, 0.9, 0.99, 1e-8, 0.05, 128, 1
    states = []
    for p in groups.all:
        cut = blocks(p, limit)
        factors = [[torch.zeros(n, n) for n in piece.shape] for piece in cut(p.data)]
        roots = [[torch.zeros(n, n) for n in piece.shape] for piece in cut(p.data)]
        states.append((p, cut, factors, roots, torch.zeros_like(p), torch.zeros_like(p)))
    count = 0

    def root_of(factor, exponent):
        values, vectors = torch.linalg.eigh(factor / (1 - beta2**count))
        values += -torch.clamp(values.min(), max=0.0)
        values += eps
        return vectors * values.pow(exponent).unsqueeze(0) @ vectors.T

    def step():
        nonlocal count
        count += 1
        due = count == start or (count > start and count % frequency == 0)
        for p, cut, factors, roots, exp_avg, exp_avg_sq in states:
            grads = cut(p.grad)
            for grad, own, inverse in zip(grads, factors, roots):
                for k, factor in enumerate(own):
                    others = [d for d in range(grad.dim()) if d != k]
                    product = torch.tensordot(grad, grad, dims=(others, others))
                    factor.mul_(beta2).add_(product, alpha=1 - beta2)
                if due:
                    for k, factor in enumerate(own):
                        inverse[k] = root_of(factor, -1 / (2 * len(own)))
            filtered = exp_avg.lerp_(p.grad, 1 - beta1)
            filtered = filtered.lerp(p.grad, 1 - beta1).div_(1 - beta1**count)
            exp_avg_sq.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
            grafted = filtered / (exp_avg_sq / (1 - beta2**count)).sqrt_().add_(eps)
            direction = torch.empty_like(p)
            for to, piece, inverse, length_of in zip(cut(direction), cut(filtered), roots, cut(grafted)):
                for root in inverse:
                    piece = torch.tensordot(piece, root, [[0], [0]])
                to.copy_(piece.mul_(torch.linalg.norm(length_of) / (torch.linalg.norm(piece) + 1e-16)))
            direction.add_(p, alpha=decay)
            p.add_(direction, alpha=-lr)

    return step


def shampoo_every_step(groups):
    """With new roots in every step."""
    return shampoo(groups, frequency=1)


def newton_schulz(g, kind):
    """KellerJordan/Muon, `zeropower_via_newtonschulz5`."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.to(kind)
    if g.size(-2) > g.size(-1):
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if g.size(-2) > g.size(-1) else x


def muon(groups, kind=torch.bfloat16):
    """KellerJordan/Muon, `SingleDeviceMuonWithAuxAdam`."""
    lr, momentum, decay = 0.02, 0.95, 0.01
    adam_lr, beta1, beta2, eps = 3e-4, 0.9, 0.95, 1e-10
    hidden = [(p, torch.zeros_like(p)) for p in groups.hidden]
    others = [(p, torch.zeros_like(p), torch.zeros_like(p)) for p in groups.not_hidden]
    count = 0

    def step():
        nonlocal count
        count += 1
        for p, buffer in hidden:
            grad = p.grad
            buffer.lerp_(grad, 1 - momentum)
            update = grad.lerp_(buffer, momentum)
            if update.ndim == 4:
                update = update.view(len(update), -1)
            update = newton_schulz(update, kind)
            update *= max(1, grad.size(-2) / grad.size(-1)) ** 0.5
            p.mul_(1 - lr * decay)
            p.add_(update.reshape(p.shape), alpha=-lr)
        for p, buf1, buf2 in others:
            buf1.lerp_(p.grad, 1 - beta1)
            buf2.lerp_(p.grad.square(), 1 - beta2)
            update = (buf1 / (1 - beta1**count)) / ((buf2 / (1 - beta2**count)).sqrt() + eps)
            p.mul_(1)
            p.add_(update, alpha=-adam_lr)

    return step


def muon_single(groups):
    """The same with products in single precision."""
    return muon(groups, torch.float32)
