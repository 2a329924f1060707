"""A gated linear recurrence with complex-diagonal state, trained in parallel.

    h[t] = rho[t] · e^{i theta} ⊙ h[t−1] + sqrt(1 − rho[t]²) ⊙ v[t]

``rho`` in (0, 1) depends on the input (a gate), ``theta`` is learned and
constant, so |eigenvalue| < 1 by construction and the state stays bounded over
hours. The idea is the LRU of Orvieto et al. 2023 with the input-dependent decay
of Griffin's RG-LRU (De et al. 2024).

In the rotating frame g[t] = e^{−i theta (t+1)} h[t] the recurrence is real and
elementwise, g[t] = rho[t] g[t−1] + …, and one plain scan does it: a numba loop on the CPU,
a log-depth scan of torch operations elsewhere (and as the twin in tests). In float32 on a CPU all that lies
between a block's matrix products is one kernel, which needs no rotating frame (``fused``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import fused

DECAY_SHARPNESS = 8.0
SHORTEST_FRAMES, LONGEST_FRAMES = 3.0, 3000.0
"""Range of the decays' time constants at the start, in frames, when the gate is half open."""
WIDEST_ANGLE = math.pi / 2


def scan_log_depth(a: Tensor, v: Tensor, h0: Tensor) -> Tensor:
    """h[t] = a[t] h[t−1] + v[t] in log2(T) steps of torch operations: a, v (B, T, D), h0 (B, D)."""
    v = torch.cat([v[:, :1] + a[:, :1] * h0[:, None], v[:, 1:]], dim=1)
    distance = 1
    while distance < v.shape[1]:
        v = torch.cat([v[:, :distance], v[:, distance:] + a[:, distance:] * v[:, :-distance]], dim=1)
        a = torch.cat([a[:, :distance], a[:, distance:] * a[:, :-distance]], dim=1)
        distance *= 2
    return v


class _CpuScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, v: Tensor, h0: Tensor) -> Tensor:
        from ..kernels import step_scan

        a, v, h0 = a.contiguous(), v.contiguous(), h0.contiguous()
        h = torch.empty_like(v)
        step_scan.scan(a.detach().numpy(), v.detach().numpy(), h0.detach().numpy(), h.numpy())
        ctx.save_for_backward(a, h, h0)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        from ..kernels import step_scan

        a, h, h0 = ctx.saved_tensors
        grad = grads[0].contiguous()
        grad_a, grad_v, grad_h0 = torch.empty_like(a), torch.empty_like(a), torch.empty_like(h0)
        step_scan.scan_back(
            a.numpy(), h.detach().numpy(), h0.detach().numpy(), grad.numpy(),
            grad_a.numpy(), grad_v.numpy(), grad_h0.numpy(),
        )  # fmt: skip
        return grad_a, grad_v, grad_h0


def scan(a: Tensor, v: Tensor, h0: Tensor) -> Tensor:
    """h[t] = a[t] h[t−1] + v[t]: the fast way for where the tensors are."""
    if v.device.type == "cpu" and v.dtype in (torch.float32, torch.float64):
        result: Tensor = _CpuScan.apply(a, v, h0)
        return result
    return scan_log_depth(a, v, h0)


Scan = Callable[[Tensor, Tensor, Tensor], Tensor]


def compiled_scan(device: torch.device, say: Callable[[str], None] = lambda line: None) -> Scan:
    """The log-depth scan compiled by torch, tried once forward and backward; the plain one where that fails.

    Compiled, its ten or so rounds are fused instead of writing (B, T, D) to memory and back each time: 20 against
    60 ms for (4, 1024, 192) on one CPU core, where the loop takes 1.4. Each shape is compiled at its first use.
    """
    made: Scan = torch.compile(scan_log_depth, dynamic=False)
    try:
        a, v = (torch.full((2, 5, 4), 0.5, device=device, requires_grad=True) for _ in range(2))
        made(a, v, torch.zeros(2, 4, device=device)).sum().backward()
    except Exception as cause:  # no compiler, no Triton, an unsupported GPU: torch raises what it likes
        first = str(cause).strip().splitlines()[0][:160] if str(cause).strip() else type(cause).__name__
        say(f"the scan could not be compiled ({first}); going on with the plain one")
        return scan
    return made


def use_scan(net: nn.Module, chosen: Scan) -> None:
    """Let all recurrences of a net scan by ``chosen``."""
    for module in net.modules():
        if isinstance(module, RecurrentBlock):
            module.scan = chosen


class RootMeanSquareNorm(nn.Module):
    """x / rms(x) · gain over the last axis."""

    EPSILON = 1e-5

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        if fused.fits(x, x.shape[-1]):
            return fused.norm(x, self.gain, self.EPSILON)
        return F.rms_norm(x, (x.shape[-1],), self.gain.to(x.dtype), self.EPSILON)  # mixed types have no fused kernel


class GatedMlp(nn.Module):
    """x + W2 (silu(a) ⊙ b), (a, b) = W1 norm(x)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = RootMeanSquareNorm(width)
        self.enter = nn.Linear(width, 2 * hidden)
        self.leave = nn.Linear(hidden, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        both = self.enter(self.norm(x))
        if fused.fits(both, both.shape[-1] // 2):
            inside = fused.gate(both)
        else:
            a, b = both.chunk(2, dim=-1)
            inside = F.silu(a) * b
        y = self.leave(inside)
        return x + F.dropout(y, self.dropout, self.training)


class RecurrentBlock(nn.Module):
    """x + W_out(h ⊙ silu(gate)) with h from the recurrence; then a gated MLP."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        if width % 2:
            raise ValueError("width must be even: half of it real, half imaginary parts")
        n = width // 2
        self.width = width
        self.norm = RootMeanSquareNorm(width)
        self.enter = nn.Linear(width, 2 * width + n)  # v (re, im), output gate, decay gate
        self.leave = nn.Linear(width, width)
        self.mlp = GatedMlp(width, width, dropout)
        self.dropout = dropout
        self.scan: Scan = scan
        half_open = torch.exp(torch.empty(n).uniform_(math.log(SHORTEST_FRAMES), math.log(LONGEST_FRAMES)))
        rate = 1.0 / half_open / (DECAY_SHARPNESS * 0.5)
        self.decay = nn.Parameter(torch.log(torch.expm1(rate)))  # softplus gives rate
        angle = torch.exp(torch.empty(n).uniform_(math.log(1e-3), math.log(WIDEST_ANGLE)))
        self.angle = nn.Parameter(angle)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, width), state (B, width) -> the same shapes."""
        entered = self.enter(self.norm(x)).to(self.decay.dtype)  # under autocast the recurrence stays exact
        rate = -DECAY_SHARPNESS * F.softplus(self.decay)
        if self.scan is scan and fused.fits(entered, self.width // 2):
            inside, end = fused.recur(entered, rate, self.angle, state)
        else:
            inside, end = self._recur(entered, rate, state)
        return self.mlp(x + F.dropout(self.leave(inside), self.dropout, self.training)), end

    def _recur(self, entered: Tensor, rate: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """In torch operations and the rotating frame: (h ⊙ silu(gate) (B, T, width), the last h)."""
        n = self.width // 2
        v, gate, openness = entered.split([self.width, self.width, n], dim=-1)
        log_rho = rate * torch.sigmoid(openness)  # (B, T, n)
        rho = torch.exp(log_rho)
        strength = torch.sqrt(-torch.expm1(2.0 * log_rho) + 1e-8)
        turn = self.angle * torch.arange(1, v.shape[1] + 1, dtype=self.angle.dtype, device=v.device)[:, None]
        cos, sin = torch.cos(turn), torch.sin(turn)  # (T, n)
        re, im = v[..., :n] * strength, v[..., n:] * strength
        rotated = torch.cat([re * cos + im * sin, im * cos - re * sin], dim=-1)
        g = self.scan(torch.cat([rho, rho], dim=-1), rotated, state)
        re, im = g[..., :n], g[..., n:]
        h = torch.cat([re * cos - im * sin, re * sin + im * cos], dim=-1)
        return h * F.silu(gate), h[:, -1]
