"""From a net's outputs to a distribution over levels: free logits times experts tied to the forecast.

The same formula as ``kernels.step_head``, in torch: used where gradients flow
through torch operations (a GPU), for looking at whole distributions, and as
the twin the fused kernel is tested against.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ParameterError
from ..kernels.step_forecast import N_FEATURES
from ..kernels.step_head import FLOOR, SCALE_RANGE, UNIT

N_EXPERTS = 3
EXPERT_FORECAST = (2, 2, 0)
"""Which prediction of the forecast each expert leans on: the mixed one twice, the quick one once."""
EXPERT_WEIGHT = (1.5, 0.0, 0.0)
EXPERT_SCALE = (-0.2, 1.0, 0.0)
"""Starting log-weights and log-scales: a narrow, a wide and a cautious expert."""
TIES = (
    np.array(EXPERT_FORECAST),
    np.array(EXPERT_WEIGHT, dtype=np.float32),
    np.array(EXPERT_SCALE, dtype=np.float32),
)
"""The same as the kernels take them."""

N_TAPS = 16  #: companded values of the last samples
N_RESIDUALS = 4  #: what the forecast missed lately
N_MAGNITUDES = 2  #: running ones of what it missed
N_INPUTS = N_TAPS + N_RESIDUALS + 3 + 2 + N_MAGNITUDES
CLIP = 6.0


def describe(features: Tensor) -> Tensor:
    """What the bottom tier sees of the forecast: (..., N_FEATURES) -> (..., 7)."""
    p = features[..., :3]
    bent = torch.sign(p) * torch.log1p(255.0 * p.abs()) / math.log(256.0)
    apart = torch.clamp((p[..., :2] - p[..., 2:3]) / UNIT, -CLIP, CLIP) / 2.0
    return torch.cat([bent, apart, loudness(features)], dim=-1)


def loudness(features: Tensor) -> Tensor:
    """The running magnitudes on a log scale of about unit size, (..., N_MAGNITUDES)."""
    return (torch.log(features[..., 3:N_FEATURES] + 1e-4) + 4.0) / 2.0


def missed(amplitude: Tensor, features: Tensor) -> Tensor:
    """How far the forecast was off: (...)."""
    return torch.clamp((amplitude - features[..., 2]) / UNIT, -CLIP, CLIP) / 2.0


@functools.cache
def _ties(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """``TIES`` on a device: brought there once, as nothing may come from the host while a CUDA graph is captured."""
    forecast, weight, scale = (torch.from_numpy(values).to(device) for values in TIES)
    return forecast, weight.to(dtype), scale.to(dtype)


def experts(raw: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Raw outputs (..., 3 K) and features -> weight, centre, scale, each (..., K)."""
    forecast, log_weight, log_scale = _ties(raw.device, raw.dtype)
    logit, shift, stretch = raw.split(N_EXPERTS, dim=-1)
    weight = torch.softmax(logit + log_weight, dim=-1)
    centre = features.index_select(-1, forecast) + shift * UNIT
    stretch = torch.clamp(stretch + log_scale, -SCALE_RANGE, SCALE_RANGE)
    return weight, centre, UNIT * torch.exp(stretch)


def logits(free: Tensor, weight: Tensor, centre: Tensor, scale: Tensor, edges: Tensor) -> Tensor:
    """Unnormalised log-probabilities (..., n_levels)."""
    z = (edges - centre[..., None]) / scale[..., None]  # (..., K, n_levels − 1)
    tail = torch.sigmoid(-z.abs())
    nothing = torch.zeros_like(tail[..., :1])
    a, b = torch.cat([nothing, tail], -1), torch.cat([tail, nothing], -1)
    after = torch.cat(
        [torch.zeros_like(z[..., :1], dtype=torch.bool), z >= 0], -1
    )  # the lower edge is above the centre
    before = torch.cat([z < 0, torch.zeros_like(z[..., :1], dtype=torch.bool)], -1)  # the upper edge is below it
    mass = torch.where(after, a - b, torch.where(before, b - a, 1.0 - a - b))
    return free + torch.log((weight[..., None] * mass).sum(-2) + FLOOR)


def quick_logits(free: Tensor, weight: Tensor, centre: Tensor, scale: Tensor, edges: Tensor) -> Tensor:
    """``logits`` in a fifth of the memory traffic, for drawing on a GPU: (B, ...) arguments, float32.

    A level's mass is half a difference of the mixture's tanh, wrong by 1e-7 at most where ``logits`` is exact to a
    part in 1e7; ``FLOOR`` is 1e-6.
    """
    inverse = (0.5 / scale)[..., None]
    tanh = torch.addcmul(-centre[..., None] * inverse, edges, inverse).tanh_()
    share = 0.5 * weight
    mixed = free.new_full((free.shape[0], free.shape[1] + 1), 0.5)  # CDF - 1/2 at the edges, and beyond all
    mixed[:, 0] = -0.5
    inner = torch.mul(share[:, :1], tanh[:, 0], out=mixed[:, 1:-1])
    for k in range(1, weight.shape[1]):
        inner.addcmul_(share[:, k : k + 1], tanh[:, k])
    return torch.diff(mixed, dim=-1).clamp_(min=0.0).add_(FLOOR).log_().add_(free)


class _FusedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, raw: Tensor, features: Tensor, edges: Tensor, target: Tensor) -> Tensor:
        from ..kernels import step_head

        nll, grad = torch.empty(len(raw), dtype=raw.dtype), torch.empty_like(raw)
        loss: Any = step_head.loss  # numba's dispatcher
        loss(
            raw.detach().numpy(), features.numpy(), step_head.bordered(edges.numpy()), *TIES, target.numpy(),
            nll.numpy(), grad.numpy(),
        )  # fmt: skip
        ctx.save_for_backward(grad)
        return nll

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = ctx.saved_tensors
        return (grad.mul_(grads[0][:, None]), None, None, None)  # in place: it is large, and asked for once


def negative_log_likelihood(raw: Tensor, features: Tensor, edges: Tensor, target: Tensor) -> Tensor:
    """Nats of each target: raw outputs (N, L + 3 K), features (N, N_FEATURES), target (N,) int64 -> (N,)."""
    if raw.device.type == "cpu" and raw.dtype == torch.float32:
        result: Tensor = _FusedLoss.apply(raw.contiguous(), features.contiguous(), edges, target.contiguous())
        return result
    n_levels = raw.shape[-1] - 3 * N_EXPERTS
    free, rest = raw.split([n_levels, 3 * N_EXPERTS], dim=-1)
    return F.cross_entropy(logits(free, *experts(rest, features), edges), target, reduction="none")


def draw(scores: Tensor, *, temperature: float, uniform: Tensor) -> Tensor:
    """Draw one level per take by inverting the tempered distribution's CDF.

    scores (n_takes, n_levels) log-probabilities, uniform (n_takes,) in [0, 1) from
    each take's own stream -> levels (n_takes,) int64.

    Raises
    ------
    ParameterError
        If ``temperature`` is not positive, or the row counts differ.
    """
    if not temperature > 0:
        raise ParameterError(f"temperature={temperature} must be > 0; 0.98 to 1.02 is the musical range")
    if len(scores) != len(uniform):
        raise ParameterError(f"scores has {len(scores)} rows, uniform has {len(uniform)}: one number per take")
    cdf = (scores / temperature).softmax(-1).cumsum(-1)
    level = torch.searchsorted(cdf, uniform[:, None].to(cdf.dtype) * cdf[:, -1:], right=True)
    return level.clamp_(max=scores.shape[-1] - 1)[:, 0]
