"""Hold a net that sings to the entropy it has while it hears its music.

A net that hears only itself may grow surer and surer until it holds one tone, or less and less sure until all is
noise. Both show in the entropy of its predictions. While a stream's running entropy is lower than in nearly all of
the band's music, its temperature rises a little, and falls while it is higher; in between nothing is
done. (Feedback from surprise to temperature: S. Basu et al., "Mirostat", 2021.) A percent is mostly enough, since each
sample's spread follows the last ones'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .stepping import Engine, Sampled, Wishes

VERSION = 1
MEMORY_S = 0.5  #: of the running entropy
STEP_S = 0.032  #: sampled at one temperature
GAIN = 0.2  #: temperature for each bit beyond the band's range
COOLEST, HOTTEST = 0.9, 1.3
RANGE = (0.1, 0.9)  #: quantiles of the music's entropies: outside of them the reins pull


@dataclass(frozen=True)
class Reins:
    """The range of a net's entropy over its music, bits a sample."""

    low: float
    high: float
    sample_rate: int

    @property
    def name(self) -> str:
        """As recipes have it."""
        return f"reins-{VERSION}:{self.low:.3f}:{self.high:.3f}"

    @property
    def middle(self) -> float:
        """The running entropy a stream begins with."""
        return (self.low + self.high) / 2.0 if self != FREE else 0.0

    def factor(self, running: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What temperatures are multiplied by, for streams of this running entropy."""
        pull = GAIN * (np.maximum(self.low - running, 0.0) - np.maximum(running - self.high, 0.0))
        return np.clip(1.0 + pull, COOLEST, HOTTEST)

    def sample(
        self,
        engine: Engine,
        memory: Any,
        running: npt.NDArray[np.float64],
        uniforms: npt.NDArray[np.float64],
        temperatures: npt.NDArray[np.floating],
        busy: Sequence[int] | None = None,
        told: Wishes | None = None,
    ) -> Sampled:
        """``engine.sample``, held; ``running`` (B,) entropies go forward in place. By ``FREE`` the engine's own."""
        from .stepping import Sampled

        if self == FREE:
            return engine.sample(memory, uniforms, temperatures, busy, told)
        n = uniforms.shape[1]
        step = max(engine.hop, int(STEP_S * self.sample_rate) // engine.hop * engine.hop)
        levels, entropy = [], []
        for start in range(0, n, step):
            cut = slice(start, min(start + step, n))
            said = None if told is None else told[:, start // engine.hop : cut.stop // engine.hop]
            heat = (temperatures[:, cut] * self.factor(running)[:, None]).astype(np.float32)
            sampled = engine.sample(memory, uniforms[:, cut], heat, busy, said)
            share = np.exp(-(cut.stop - start) / (MEMORY_S * self.sample_rate))
            running *= share
            running += (1.0 - share) * sampled.entropy.mean(1)
            levels.append(sampled.levels)
            entropy.append(sampled.entropy)
        return Sampled(np.concatenate(levels, axis=1), np.concatenate(entropy, axis=1))


FREE = Reins(-math.inf, math.inf, 16_000)
"""Reins that never pull."""
