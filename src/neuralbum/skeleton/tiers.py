"""The default net: slow tiers of gated linear recurrences above a small table-driven bottom tier.

    slowest tier   one step per 64 (or 256) samples   hears the last frame's waveform
       │ spread over the faster tier's steps
    faster tier    one step per 16 samples             hears its own last frame
       │ spread over the samples
    bottom tier    every sample                        tables of the last two levels, the last
                                                       16 values, the forecast; gated MLPs
       └ head      free logits × logistic experts tied to the forecast

A song is thought to begin after silence: ``context`` samples of it are put in
front, in training and in generation. State is carried from window to window.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..dsp import front_end, mulaw
from ..errors import ParameterError
from ..kernels.lanes import LANES
from ..kernels.step_forecast import LONG_REFIT, N_FEATURES, QUICK, QUICK_REFIT
from . import head
from .conditions import conditions_of
from .recurrence import GatedMlp, RecurrentBlock, RootMeanSquareNorm

N_TABLES = 2  #: how many of the last levels have a learned table
TOLD_GAIN = 8.0
"""What a condition's embedding is multiplied by, so that it is learned faster than the sound would make it needless:
after some 20 CPU-seconds of ``tiny`` wishes of -35, -25 and -15 dB gave -25, -24 and -15 dB with it; without it, after
30, all gave -27 (one corpus, one seed, by an earlier forecast)."""


@dataclass(frozen=True)
class TiersConfig:
    """What the default net is made of; stored in model.json."""

    n_levels: int = 256
    frames: tuple[int, ...] = (64, 16)  #: samples a step of each tier spans, slowest first
    widths: tuple[int, ...] = (128, 128)
    layers: tuple[int, ...] = (1, 1)
    bottom_width: int = 64
    bottom_hidden: int = 64
    bottom_layers: int = 1
    order: int = 512  #: of the forecast's long predictor
    dropout: float = 0.0
    conditions: tuple[str, ...] = ()  #: what it can be told besides the sound; see ``conditions``
    tags: tuple[str, ...] = ()  #: the vocabulary of the condition "tag"


class Tier(nn.Module):
    """One step per frame: the last frame's waveform and the slower tier's word -> this tier's word."""

    def __init__(self, frame: int, width: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.frame = frame
        self.width = width
        self.hear = nn.Linear(frame + head.N_MAGNITUDES, width)
        self.blocks = nn.ModuleList(RecurrentBlock(width, dropout) for _ in range(n_layers))
        self.norm = RootMeanSquareNorm(width)

    def forward(self, heard: Tensor, above: Tensor | None, state: Tensor) -> tuple[Tensor, Tensor]:
        """heard (B, T, frame + extras), above (B, T, width) or None, state (B, layers, width)."""
        x = self.hear(heard)
        if above is not None:
            x = x + above
        ends = []
        for layer, block in enumerate(self.blocks):
            x, end = block(x, state[:, layer])
            ends.append(end)
        return self.norm(x), torch.stack(ends, dim=1)


class Tiers(nn.Module):
    """The default net (kind ``skeleton``)."""

    KIND = "skeleton"
    uses_forecast = True

    def __init__(self, config: TiersConfig) -> None:
        super().__init__()
        self.config = config
        frames, widths = config.frames, config.widths
        if any(slow % fast for slow, fast in pairwise(frames)):
            raise ValueError(f"frames={frames}: each must be a multiple of the next")
        sizes = {"n_levels": (config.n_levels,), "widths": widths, "bottom_width": (config.bottom_width,)}
        for name, values in {**sizes, "bottom_hidden": (config.bottom_hidden,)}.items():
            if any(value % LANES for value in values):
                raise ParameterError(f"{name}={values}: must be multiples of {LANES}, which kernels take at once")
        self.tiers = nn.ModuleList(
            Tier(f, w, n, config.dropout) for f, w, n in zip(frames, widths, config.layers, strict=True)
        )
        spans = [slow // fast for slow, fast in zip(frames, (*frames[1:], 1), strict=True)]
        below = [*widths[1:], config.bottom_width]
        self.spread = nn.ModuleList(nn.Linear(w, s * b) for w, s, b in zip(widths, spans, below, strict=True))
        self.tables = nn.ModuleList(nn.Embedding(config.n_levels, config.bottom_width) for _ in range(N_TABLES))
        self.hear = nn.Linear(head.N_INPUTS, config.bottom_width, bias=False)
        self.bottom = nn.ModuleList(
            GatedMlp(config.bottom_width, config.bottom_hidden, config.dropout) for _ in range(config.bottom_layers)
        )
        self.norm = RootMeanSquareNorm(config.bottom_width)
        self.out = nn.Linear(config.bottom_width, config.n_levels + 3 * head.N_EXPERTS)
        with torch.no_grad():
            for table in self.tables:
                cast(nn.Embedding, table).weight.mul_(0.1)
            self.out.weight.zero_()
            self.out.bias.zero_()
        self.conditions = conditions_of(self)
        if self.conditions is not None:
            self.told = nn.Parameter(torch.zeros(self.conditions.n_inputs, widths[0]))
        self.anchor = nn.Parameter(torch.zeros(config.order + 1), requires_grad=False)  # of the corpus, before training
        self.register_buffer("bent", torch.from_numpy(front_end.companded(config.n_levels)), persistent=False)
        self.register_buffer("amplitudes", torch.from_numpy(mulaw.table(config.n_levels)), persistent=False)
        edges = front_end.edges(config.n_levels).astype(np.float32)
        self.register_buffer("edges", torch.from_numpy(edges), persistent=False)

    bent: Tensor
    amplitudes: Tensor
    edges: Tensor

    @property
    def hop(self) -> int:
        """Windows are multiples of this many samples."""
        return self.config.frames[0]

    @property
    def context(self) -> int:
        """Samples before a window that the net looks at."""
        return max(self.config.frames[0], head.N_TAPS)

    def begin(self, n_batch: int) -> dict[str, Tensor]:
        """The state before the first sample."""
        like = self.out.weight
        return {
            f"tier{i}": like.new_zeros(n_batch, n_layers, width)
            for i, (n_layers, width) in enumerate(zip(self.config.layers, self.config.widths, strict=True))
        }

    def hear_frames(self, i: int, levels: Tensor, features: Tensor, n_frames: int) -> Tensor:
        """Tier i's input for frames of the window: (B, n_frames, frame + extras)."""
        frame = self.config.frames[i]
        start = self.context - frame  # frame f hears the samples just before it
        wave = self.bent[levels[:, start : start + n_frames * frame]].unflatten(1, (n_frames, frame))
        extras = head.loudness(features[:, self.context : self.context + n_frames * frame : frame])
        return torch.cat([wave, extras], dim=-1)

    def hear_samples(self, levels: Tensor, features: Tensor, n_samples: int) -> Tensor:
        """The bottom tier's dense inputs, (B, n_samples, N_INPUTS), of the last samples of what is given."""
        c = levels.shape[1] - n_samples
        taps = self.bent[levels[:, c - head.N_TAPS : c + n_samples - 1]].unfold(1, head.N_TAPS, 1)  # oldest first
        n = head.N_RESIDUALS
        recent = slice(c - n, c + n_samples - 1)
        miss = head.missed(self.amplitudes[levels[:, recent]], features[:, recent]).unfold(1, n, 1)
        return torch.cat([taps, miss, head.describe(features[:, c : c + n_samples])], dim=-1)

    def bottom_outputs(self, levels: Tensor, features: Tensor, above: Tensor) -> Tensor:
        """Raw outputs of the last samples, (B, n_samples, n_levels + 3 K); above (B, n_samples, bottom_width).

        levels and features start at least N_TAPS samples earlier.
        """
        n_samples = above.shape[1]
        c = levels.shape[1] - n_samples
        x = above + self.hear(self.hear_samples(levels, features, n_samples))
        for back, table in enumerate(self.tables, start=1):
            x = x + table(levels[:, c - back : c + n_samples - back])
        for layer in self.bottom:
            x = layer(x)
        raw: Tensor = self.out(self.norm(x))
        return raw

    def hear_told(self, told: Tensor | None) -> Tensor | None:
        """Conditions (B, T, n_inputs) -> what the slowest tier hears from above, (B, T, width); None: nothing."""
        if told is None:
            return None
        if self.conditions is None:
            raise ParameterError("this net was built without conditions; it cannot be told anything")
        return TOLD_GAIN * (told @ self.told)

    def words(
        self, levels: Tensor, features: Tensor, state: dict[str, Tensor], told: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The fastest tier's words for a window, (B, its frames, width), and the state after it; as ``forward``."""
        n_samples = levels.shape[1] - self.context
        if features.shape[-1] != N_FEATURES:
            raise ValueError(f"features has {features.shape[-1]} columns, expected {N_FEATURES}")
        above = self.hear_told(told)
        word: Tensor | None = None
        ends = {}
        for i, tier in enumerate(self.tiers):
            if word is not None:
                above = self.spread_out(i - 1, word)
            heard = self.hear_frames(i, levels, features, n_samples // self.config.frames[i])
            word, ends[f"tier{i}"] = tier(heard, above, state[f"tier{i}"])
        assert word is not None
        return word, ends

    def forward(
        self, levels: Tensor, features: Tensor, state: dict[str, Tensor], told: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Raw outputs for a window.

        levels (B, context + W) int64 and features (B, context + W, N_FEATURES) start
        ``context`` samples before the window; W is a multiple of ``hop``. The last
        sample itself is not looked at, only what lies before it. ``told`` (B, W / hop, n_inputs):
        conditions of each hop; None says nothing.
        """
        word, ends = self.words(levels, features, state, told)
        return self.bottom_outputs(levels, features, self.spread_out(len(self.tiers) - 1, word)), ends

    def spread_out(self, i: int, word: Tensor) -> Tensor:
        """A tier's words (B, T, width) -> what the next tier gets at each of its steps."""
        below = self.config.widths[i + 1] if i + 1 < len(self.config.widths) else self.config.bottom_width
        spread: Tensor = self.spread[i](word)
        return spread.unflatten(-1, (-1, below)).flatten(1, 2)

    def split(self, raw: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Raw outputs -> free logits and the experts' weight, centre, scale; features of those samples."""
        free, rest = raw.split([self.config.n_levels, 3 * head.N_EXPERTS], dim=-1)
        return (free, *head.experts(rest, features))

    def nll(
        self,
        levels: Tensor,
        features: Tensor,
        state: dict[str, Tensor],
        *,
        heard: Tensor | None = None,
        frames: Tensor | None = None,
        told: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Nats of every sample of the window, (B, W), and the state after it.

        ``heard``: levels to listen to instead of ``levels`` (dither); the targets stay.
        ``frames``: numbers of the fastest tier's frames (counted through all streams) to predict; the
        others are only heard, and nats (n_frames, samples of a frame) come back.
        ``told``: as ``forward``.
        """
        heard = levels if heard is None else heard
        word, ends = self.words(heard, features, state, told)
        c, target = self.context, levels[:, self.context :]
        if frames is not None:
            frame, before = self.config.frames[-1], max(head.N_TAPS, head.N_RESIDUALS)
            word = word.flatten(0, 1)[frames][:, None]
            heard, features = (
                whole[:, c - before :].unfold(1, before + frame, frame).flatten(0, 1)[frames]
                for whole in (heard, features)
            )
            features, target, c = (
                features.transpose(1, 2),
                target.unflatten(1, (-1, frame)).flatten(0, 1)[frames],
                before,
            )
        raw = self.bottom_outputs(heard, features, self.spread_out(len(self.tiers) - 1, word))
        nll = head.negative_log_likelihood(
            (raw.float() if raw.dtype == torch.bfloat16 else raw).flatten(0, 1), features[:, c:].flatten(0, 1),
            self.edges, target.flatten(),
        )  # fmt: skip
        return nll.unflatten(0, target.shape), ends

    def scores(self, raw: Tensor, features: Tensor) -> Tensor:
        """Log-probabilities (..., n_levels) of raw outputs."""
        return F.log_softmax(head.logits(*self.split(raw, features), self.edges), dim=-1)

    def flops_per_sample(self) -> float:
        """Floating-point operations to generate one sample (a multiply-add counts two)."""
        config = self.config
        total = 0.0
        for i, (frame, width, n) in enumerate(zip(config.frames, config.widths, config.layers, strict=True)):
            spread = self.spread[i]
            assert isinstance(spread, nn.Linear)
            per_frame = (frame + head.N_MAGNITUDES) * width + n * 6.5 * width**2 + width * spread.out_features
            total += per_frame / frame
        fits = ((QUICK, QUICK_REFIT), (config.order, LONG_REFIT))
        forecast = sum(3 * p + (1.5 * p**2 + 2 * p) / refit for p, refit in fits)
        return 2.0 * (total + forecast) + self.bottom_flops()

    def bottom_flops(self) -> float:
        """Those of the bottom tier and the output layer."""
        config, bottom = self.config, self.config.bottom_width
        inside = head.N_INPUTS * bottom + config.bottom_layers * 3 * bottom * config.bottom_hidden
        return 2.0 * (inside + bottom * (config.n_levels + 3 * head.N_EXPERTS))
