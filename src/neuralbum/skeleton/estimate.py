"""What a training will take, said before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..processor import available_gib, needs_in_words, refuse_if_too_big

if TYPE_CHECKING:
    from .params import SkeletonParams
    from .tiers import Tiers

TIER_RATE = {"cpu": 70e9, "cuda": 20e12}
BOTTOM_RATE = {"cpu": 50e9, "cuda": 20e12}
REFERENCE_RATE = {"cpu": 25e9, "cuda": 20e12}
"""Operations a second in training, of upper tiers, bottom tier, reference: measured on one core, guessed for a GPU."""
HEARD_S, PREDICTED_S = 0.4e-6, 4e-6
"""Seconds a training sample costs on a CPU besides matrix products: when it is heard, and when it is predicted, too."""
BASE_GIB = 0.45
"""What a process with torch and the compiled kernels holds."""
BYTES_PER_ACTIVATION = 4
ACTIVATIONS_PER_SAMPLE = 24
"""Bottom-tier rows kept for the backward pass, in units of its width; counted roughly."""
ACTIVATIONS_PER_FRAME = {"cpu": 16, "cuda": 45}
"""The same of an upper layer, for each of its frames; a GPU's scan keeps its rounds."""


@dataclass(frozen=True)
class Estimate:
    """Parameters, memory and time of a training."""

    preset: str
    parameters: int
    mflop_per_sample: float
    memory_gib: float
    available_gib: float
    seconds: float

    def sentence(self) -> str:
        return (
            f"{self.preset}: {self.parameters / 1e6:.2f} M parameters, {self.mflop_per_sample:.2f} MFLOP per sample; "
            f"{needs_in_words(self.memory_gib, self.seconds)}"
        )

    def refuse_if_too_big(self) -> None:
        """Raise a TrainingError if the memory cannot be had."""
        refuse_if_too_big(
            self.preset,
            self.memory_gib,
            self.available_gib,
            halve="--set skeleton.batch or skeleton.window",
        )


def estimate(params: SkeletonParams, *, device: str = "cpu") -> Estimate:
    """Guess from sizes alone; nothing is run."""
    from .presets import build
    from .run import settle_preset

    chosen = settle_preset(params)
    net = build(chosen.kind, chosen.config)
    n = sum(p.numel() for p in net.parameters())
    flop = net.flops_per_sample()
    own = cast("Tiers", net) if net.uses_forecast else None
    share = params.frame_share if own else 1.0
    width = getattr(net.config, "bottom_width", 0) or getattr(net.config, "width", 0)
    rows = chosen.batch * chosen.window
    per_row = share * (ACTIVATIONS_PER_SAMPLE * width + 4 * net.config.n_levels)
    if own:
        c, kept = own.config, ACTIVATIONS_PER_FRAME[device]
        per_row += sum(kept * w * n / frame for frame, w, n in zip(c.frames, c.widths, c.layers, strict=True))
        below = own.bottom_flops()
        per_sample = 3.0 * ((flop - below) / TIER_RATE[device] + share * below / BOTTOM_RATE[device])
        per_sample += HEARD_S + share * PREDICTED_S if device == "cpu" else 0.0
    else:
        per_sample = 3.0 * flop / REFERENCE_RATE[device]
    weights = 5 * n  # with gradient, two moments, average
    memory = BASE_GIB * 2**30 + BYTES_PER_ACTIVATION * (weights + rows * per_row)
    seconds = params.time_s or chosen.steps * rows * per_sample
    return Estimate(params.preset, n, flop / 1e6, memory / 2**30, available_gib(device), seconds)
