"""The gated blocks' own work as torch functions with gradients, by the kernels of ``kernels.gated``.

Taken on a CPU in float32 where sixteen values go at once (``fits``); elsewhere ``recurrence`` says
the same in torch operations, and a test holds both against each other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..kernels import gated
from ..kernels.lanes import LANES


def fits(x: Tensor, *widths: int) -> bool:
    """Whether the kernels take it."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not any(width % LANES for width in widths)


def _flat(x: Tensor) -> Any:
    return x.detach().numpy().reshape(-1)  # NumPy's reshape costs a tenth of torch's view


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, epsilon: float) -> Tensor:
        x = x.contiguous()
        y, inverse = torch.empty_like(x), x.new_empty(x.numel() // x.shape[-1])
        gated.norm(_flat(x), _flat(gain), epsilon, _flat(y), inverse.numpy())
        ctx.save_for_backward(x, gain, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, inverse = ctx.saved_tensors
        by_x, by_gain = torch.empty_like(x), torch.zeros_like(gain)
        gated.norm_back(_flat(x), _flat(gain), inverse.numpy(), _flat(grads[0]), _flat(by_x), _flat(by_gain))
        return by_x, by_gain, None


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        both = both.contiguous()
        width = both.shape[-1] // 2
        y = both.new_empty(*both.shape[:-1], width)
        gated.gate(_flat(both), width, _flat(y))
        ctx.save_for_backward(both)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (both,) = ctx.saved_tensors
        by_both = torch.empty_like(both)
        gated.gate_back(_flat(both), both.shape[-1] // 2, _flat(grads[0]), _flat(by_both))
        return by_both


class _Recur(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, entered: Tensor, rate: Tensor, angle: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
        entered, h0 = entered.contiguous(), h0.contiguous()
        n_batch, n_steps = entered.shape[:2]
        h, y = (entered.new_empty(n_batch, n_steps, h0.shape[-1]) for _ in range(2))
        cos, sin = torch.cos(angle), torch.sin(angle)
        gated.recur(
            _flat(entered), _flat(rate), _flat(cos), _flat(sin), _flat(h0), n_batch, n_steps, _flat(h), _flat(y)
        )
        ctx.save_for_backward(entered, rate, cos, sin, h0, h)
        return y, h[:, -1].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        entered, rate, cos, sin, h0, h = ctx.saved_tensors
        n_batch, n_steps = entered.shape[:2]
        by_entered, carry = torch.empty_like(entered), grads[1].clone(memory_format=torch.contiguous_format)
        by_rate, by_angle = torch.zeros_like(rate), torch.zeros_like(rate)
        gated.recur_back(
            _flat(entered), _flat(rate), _flat(cos), _flat(sin), _flat(h0), _flat(h), _flat(grads[0]),
            n_batch, n_steps, _flat(by_entered), _flat(by_rate), _flat(by_angle), _flat(carry),
        )  # fmt: skip
        return by_entered, by_rate, by_angle, carry


def norm(x: Tensor, gain: Tensor, epsilon: float) -> Tensor:
    """x (…, width) / rms(x) · gain."""
    result: Tensor = _Norm.apply(x, gain, epsilon)
    return result


def gate(both: Tensor) -> Tensor:
    """silu(a) · b of (a, b) in the last axis: (…, 2 width) -> (…, width)."""
    result: Tensor = _Gate.apply(both)
    return result


def recur(entered: Tensor, rate: Tensor, angle: Tensor, h0: Tensor) -> tuple[Tensor, Tensor]:
    """The recurrence of ``RecurrentBlock``: (h ⊙ silu(gate) (B, T, width), the last h (B, width)).

    entered (B, T, 2.5 width): v, gate, openness; rate and angle (width / 2,), log rho = rate · sigmoid(openness).
    """
    result: tuple[Tensor, Tensor] = _Recur.apply(entered, rate, angle, h0)
    return result
