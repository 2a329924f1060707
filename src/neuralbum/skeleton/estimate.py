"""What a training will take, said before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..errors import TrainingError
from ..processor import available_gib

if TYPE_CHECKING:
    from .params import SkeletonParams
    from .tiers import Tiers

BOTTOM_RATE, TIER_RATE = {"cpu": 25e9, "cuda": 20e12}, {"cpu": 45e9, "cuda": 20e12}
"""Effective operations a second in training, bottom tier and upper ones; measured on one core, guessed for a GPU."""
HEARD_S, PREDICTED_S = 2.5e-6, 6.4e-6
"""Seconds a training sample costs on a CPU besides matrix products: when it is heard, and when it is predicted, too."""
BASE_GIB = 0.45
"""What a process with torch and the compiled kernels holds."""
BYTES_PER_ACTIVATION = 4
ACTIVATIONS_PER_SAMPLE = 24
"""Bottom-tier rows kept for the backward pass, in units of its width; counted roughly."""


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
        time = f"{self.seconds:.0f} s" if self.seconds < 120 else f"{self.seconds / 60:.0f} min"
        if self.seconds > 7200:
            time = f"{self.seconds / 3600:.1f} h"
        return (
            f"{self.preset}: {self.parameters / 1e6:.2f} M parameters, {self.mflop_per_sample:.2f} MFLOP per sample; "
            f"training needs about {self.memory_gib:.1f} GiB and {time}"
        )

    def refuse_if_too_big(self) -> None:
        """Raise a TrainingError if the memory cannot be had."""
        if self.memory_gib > self.available_gib:
            raise TrainingError(
                f"{self.preset}: training needs about {self.memory_gib:.1f} GiB, and "
                f"{self.available_gib:.1f} GiB are free; "
                f"take a smaller preset, or halve --set skeleton.batch or skeleton.window"
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
    below = own.bottom_flops() if own else flop
    width = getattr(net.config, "bottom_width", 0) or getattr(net.config, "width", 0)
    n_levels = net.config.n_levels
    rows = chosen.batch * chosen.window
    per_row = (ACTIVATIONS_PER_SAMPLE * width + 4 * n_levels) * BYTES_PER_ACTIVATION
    memory = BASE_GIB * 2**30 + 5 * 4 * n + share * rows * per_row  # weights, gradient, two moments, average
    per_sample = 3.0 * ((flop - below) / TIER_RATE[device] + share * below / BOTTOM_RATE[device])
    if own and device == "cpu":
        per_sample += HEARD_S + share * PREDICTED_S
    seconds = params.time_s or chosen.steps * rows * per_sample
    return Estimate(params.preset, n, flop / 1e6, memory / 2**30, available_gib(device), seconds)
