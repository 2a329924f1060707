"""A gated linear recurrence in plain torch: long memory that cannot blow up.

    h[t] = a[t] h[t-1] + sqrt(1 - a[t]^2) v[t],   a[t] = exp(-8 softplus(rate) sigmoid(gate[t]))

The decay depends on the input, lies in (0, 1) by construction, and so the state stays
bounded over hours (RG-LRU of De et al. 2024, "Griffin", real-valued). The scan is a loop
over time of elementwise operations with its own backward pass: at frame rate a window
has a few hundred steps, and the loop costs a tenth of the matrix products around it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHARPNESS = 8.0
SHORTEST, LONGEST = 2.0, 1000.0
"""Time constants at the start, in steps, where the gate is half open."""


class Scan(torch.autograd.Function):
    """h[t] = a[t] h[t-1] + v[t]: a, v (B, T, W), h0 (B, W) -> (B, T, W)."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, v: Tensor, h0: Tensor) -> Tensor:
        a_t, h_t = a.transpose(0, 1).contiguous(), v.transpose(0, 1).contiguous()
        before = h0
        for step in range(len(h_t)):
            before = h_t[step].addcmul_(a_t[step], before)
        ctx.save_for_backward(a_t, h_t, h0)
        return h_t.transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a_t, h_t, h0 = ctx.saved_tensors
        grad = grads[0].transpose(0, 1).clone(memory_format=torch.contiguous_format)
        for step in range(len(grad) - 2, -1, -1):
            grad[step].addcmul_(a_t[step + 1], grad[step + 1])
        past = torch.cat([h0[None], h_t[:-1]])
        return (grad * past).transpose(0, 1), grad.transpose(0, 1), grad[0] * a_t[0]


class RecurrentBlock(nn.Module):
    """x + W(h * silu(gate)) with h from the recurrence, then x + W2(silu(a) * b): two residual branches."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.enter = nn.Linear(width, 3 * width)  # value, output gate, decay gate
        self.leave = nn.Linear(width, width)
        self.norm_mlp = nn.RMSNorm(width, eps=1e-5)
        self.enter_mlp = nn.Linear(width, 2 * width)
        self.leave_mlp = nn.Linear(width, width)
        self.dropout = dropout
        constant = torch.exp(torch.empty(width).uniform_(math.log(SHORTEST), math.log(LONGEST)))
        self.rate = nn.Parameter(torch.log(torch.expm1(2.0 / (SHARPNESS * constant))))  # softplus gives the rate

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, width), state (B, width) -> the same shapes."""
        value, gate, openness = self.enter(self.norm(x)).chunk(3, dim=-1)
        log_a = -SHARPNESS * F.softplus(self.rate) * torch.sigmoid(openness.float())
        strength = torch.sqrt(-torch.expm1(2.0 * log_a) + 1e-8)
        h = Scan.apply(torch.exp(log_a), strength * value.float(), state)
        x = x + F.dropout(self.leave((h * F.silu(gate)).to(x.dtype)), self.dropout, self.training)
        a, b = self.enter_mlp(self.norm_mlp(x)).chunk(2, dim=-1)
        return x + F.dropout(self.leave_mlp(F.silu(a) * b), self.dropout, self.training), h[:, -1]
