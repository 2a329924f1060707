"""``kernels.step_forecast`` for many streams at once, in torch operations that a CUDA graph can hold.

A fit solves the same equations another way: Schur's recursion (J. Le Roux and C. Gueguen 1977) needs no sums, so each
of its orders is four operations for all streams. In float32, which the anchor's share of the spectrum allows.

A stream's sound is an oldest-first slice that its owner keeps; the rest of its memory is the list of tensors that
``step_forecast.parts_of`` names after the sound, each (B, …).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..kernels import step_forecast as plain


class Forecast:
    """The forecast of nets with this anchor (order + 1,)."""

    def __init__(self, anchor: npt.NDArray[np.floating], device: torch.device) -> None:
        self.order = len(anchor) - 1
        self.looks_at = plain.looked_at(self.order)
        self.anchor = torch.from_numpy(plain.ANCHOR * anchor.astype(np.float32)).to(device)
        self.windows = [torch.from_numpy(w.astype(np.float32)).to(device) for w in plain.windows(self.order)]

    def step(self, memory: list[Tensor], sound: Tensor, heard: int) -> None:
        """Hear the newest sample of sound (B, looks_at), oldest first: ``memory`` goes forward in place.

        ``heard``: how many have been heard with it, since a multiple of LONG_REFIT; it says what is refitted.
        """
        features, errors, quick, quick_r, long, long_r = memory
        value = sound[:, -1:]
        errors.lerp_((value - features[:, :2]).square_(), 1 - plain.TRUST_MEMORY)
        miss = (value - features[:, 2:3]).abs_()
        if heard % plain.QUICK_REFIT == 0:
            self._refit(quick, quick_r, sound, self.windows[0], plain.QUICK_REFIT, plain.QUICK_MEMORY)
        if heard % plain.LONG_REFIT == 0:
            self._refit(long, long_r, sound, self.windows[1], plain.LONG_REFIT, plain.LONG_MEMORY)
        said = features[:, :2]
        for i, weights in enumerate((quick, long)):
            past = sound[:, -weights.shape[1] :].flip(1)
            said[:, i] = (weights * past).sum(1).clamp_(-plain.LIMIT, plain.LIMIT)
        floored = errors + plain.ERROR_FLOOR
        trust = torch.div(floored.amin(1, keepdim=True), floored).pow_(4)
        features[:, 2] = (trust * said).sum(1) / trust.sum(1)
        for place, memory_of in ((3, plain.FAST), (4, plain.SLOW)):
            features[:, place : place + 1].lerp_(miss, 1 - memory_of)

    def _refit(self, weights: Tensor, r: Tensor, sound: Tensor, window: Tensor, refit: int, memory: float) -> None:
        n = weights.shape[1]
        newest = 2 * refit + n
        heard = sound[:, -newest:].flip(1) * window[:newest]
        fresh, behind = (
            torch.bmm(part.unfold(1, refit, 1), part[:, :refit, None])[:, : n + 1, 0]
            for part in (heard[:, :-refit], heard[:, refit:])
        )
        r.mul_(memory ** (2 * refit)).add_(behind)
        weights.copy_(self._fitted(r + fresh, n))

    def _fitted(self, r: Tensor, order: int) -> Tensor:
        """Predictors (B, order) of autocorrelations (B, order + 1).

        x holds Schur's f_i … f_order and the polynomial's a_1 … a_i, a place further with each order; y the backward
        ones of one lag or power less, where they shift by one by themselves: g_order's place becomes b_0's.
        """
        r = torch.addcmul(r, r[:, :1], self.anchor[: order + 1])
        x = torch.cat([r[:, 1:], torch.zeros_like(r[:, 1:])], dim=1)
        y = torch.cat([r[:, :-1], torch.ones_like(r[:, :1])], dim=1)
        y[:, 0] += plain.LOADING * r[:, 0] + plain.FLOOR
        for i in range(order):
            now = x[:, i : order + i + 1]
            ratio = torch.div(now[:, :1], y[:, :1])  # minus the reflection
            grown = torch.addcmul(y, ratio, now, value=-1.0)
            now.addcmul_(ratio, y, value=-1.0)
            y = grown
            torch.neg(ratio, out=y[:, order - i - 1 : order - i])
        return -x[:, order:]
