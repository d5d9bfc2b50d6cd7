"""The workloads' models in PyTorch, written plainly from their specs, with the reference implementation's names. Used by torch_steps.py."""

import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self, spec, inputs, outputs):
        super().__init__()
        widths = [inputs[0] * inputs[1], *spec["hidden"], outputs]
        layers = {f"layer{i + 1}": nn.Linear(*widths[i : i + 2]) for i in range(len(widths) - 1)}
        self.net = nn.ModuleDict(layers)

    def forward(self, x):
        x = x.flatten(1)
        *hidden, last = self.net.values()
        for layer in hidden:
            x = F.relu(layer(x))
        return last(x)


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride != 1 or inputs != filters:
            self.downsample = nn.ModuleDict({"conv": nn.Conv2d(inputs, filters, 1, stride, bias=False), "bn": nn.BatchNorm2d(filters)})

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            x = self.downsample["bn"](self.downsample["conv"](x))
        return F.relu(y + x)


class Resnet(nn.Module):
    def __init__(self, spec, inputs, outputs):
        super().__init__()
        filters = spec["filters"]
        self.conv1 = nn.Conv2d(1, filters, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.stages = len(spec["stages"])
        width, sides = filters, inputs
        for stage, count in enumerate(spec["stages"]):
            blocks = []
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(Block(width, filters << stage, stride))
                width = filters << stage
                sides = [-(-side // stride) for side in sides]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(width * (sides[0] // 4) * (sides[1] // 4), outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x[:, None])))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(F.avg_pool2d(x, 4).flatten(1))


class Attention(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.w_qkv = nn.Linear(width, 3 * width, bias=False)
        self.w_out = nn.Linear(width, width, bias=False)
        self.attn_scale = nn.Parameter(torch.tensor(1.0))
        speeds = 500_000.0 ** (-torch.arange(0, self.head, 2, dtype=torch.double) / self.head)
        angles = torch.outer(torch.arange(length, dtype=torch.double), speeds)
        self.register_buffer("cos", angles.cos().float()[:, None, None], persistent=False)
        self.register_buffer("sin", angles.sin().float()[:, None, None], persistent=False)

    def rotate(self, x):
        a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
        return torch.stack([a * self.cos - b * self.sin, a * self.sin + b * self.cos], -1).flatten(-2)

    def forward(self, x):
        batch, length, width = x.shape
        qkv = self.w_qkv(x).view(batch, length, 3, self.heads, self.head)
        qk = self.rotate(qkv[:, :, :2])
        qk = qk / qk.norm(dim=-1, keepdim=True) + 1e-6
        q, k, v = (t.transpose(1, 2) for t in (qk[:, :, 0], qk[:, :, 1], qkv[:, :, 2]))
        y = F.scaled_dot_product_attention(q * self.attn_scale, k, v, is_causal=True, scale=1.0)
        return self.w_out(y.transpose(1, 2).reshape(batch, length, width))


class GatedMlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, 2 * hidden, bias=False)
        self.fc2 = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.fc2(F.glu(self.fc1(x)))


class DecoderBlock(nn.Module):
    def __init__(self, spec, length):
        super().__init__()
        width = spec["width"]
        self.attn = Attention(width, spec["heads"], length)
        self.attn_norm = nn.RMSNorm(width, 1e-6)
        self.mlp = GatedMlp(width, spec["hidden"])
        self.mlp_norm = nn.RMSNorm(width, 1e-6)

    def forward(self, x):
        x = x + self.attn(self.attn_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class Decoder(nn.Module):
    def __init__(self, spec, length, vocabulary):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, spec["width"])
        self.layers = nn.ModuleList(DecoderBlock(spec, length) for _ in range(spec["layers"]))
        self.out_norm = nn.RMSNorm(spec["width"], 1e-6)

    def forward(self, tokens):
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.out_norm(x), self.embed_tokens.weight)


KINDS = {"mlp": Mlp, "resnet": Resnet, "decoder": Decoder}
