"""Let a checkpoint sing.

The loss is measured while the net hears real music. What it does when it hears
itself can differ. So a few clips are sampled at each checkpoint and compared with the corpus (``likeness``), their
predictive entropy with that while hearing the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dsp import front_end
from .likeness import FRAME, HEARD_S, Statistics, statistics
from .reins import FREE, Reins
from .songs import Song
from .stepping import Engine

TEMPERATURE = 1.0
PRIME_S = 1.0
ALONE_S, LOOK_S = 1.0, 0.5
"""How long a net must have sung by itself, and how often it is looked at."""


@dataclass(frozen=True)
class Sung:
    """What a net sang at a checkpoint."""

    clips: npt.NDArray[np.float32]  #: (n_clips, n)
    heard: Statistics
    states: tuple[Any, ...] = ()  #: snapshots of the engine's memory at healthy moments


def sing(
    engine: Engine,
    songs: Sequence[Song],
    *,
    n_clips: int,
    seconds: float,
    sample_rate: int,
    seed: int,
    healthy: Callable[[npt.NDArray[np.float32]], bool] | None = None,
    reins: Reins = FREE,
) -> Sung:
    """Sample clips after hearing a second of music each; look for states worth keeping where ``healthy`` says."""
    memory = engine.begin(n_clips)
    rng = np.random.default_rng([seed, 11])
    n_prime = max(engine.hop, int(PRIME_S * sample_rate) // engine.hop * engine.hop)
    for b in range(n_clips):
        song = songs[int(rng.integers(len(songs)))]
        n = min(n_prime, len(song.levels) // engine.hop * engine.hop)
        start = int(rng.integers(0, len(song.levels) - n + 1))
        engine.hear(memory, b, song.levels[start : start + n])
    n = max(FRAME, int(seconds * sample_rate) // engine.hop * engine.hop)
    n = -(-n // engine.hop) * engine.hop
    uniforms = np.stack([np.random.default_rng([seed, 12, b]).random(n) for b in range(n_clips)])
    block = max(engine.hop, int(LOOK_S * sample_rate) // engine.hop * engine.hop)
    parts: list[npt.NDArray[np.float32]] = []
    entropy: list[npt.NDArray[np.float32]] = []
    states: list[Any] = []
    running = reins.begin(n_clips)
    for at in range(0, n, block):
        dice = uniforms[:, at : at + block]
        heat = np.full(dice.shape, TEMPERATURE, dtype=np.float32)
        sampled = reins.sample(engine, memory, running, dice, heat)
        parts.append(front_end.amplitudes_of(sampled.levels, engine.n_levels))
        entropy.append(sampled.entropy)
        if healthy is None or at + block < ALONE_S * sample_rate or at + block > n:
            continue
        recent = np.concatenate(parts, axis=1)[:, -int(HEARD_S * sample_rate) :]
        states += [engine.snapshot(memory, b) for b in range(n_clips) if healthy(recent[b])]
    clips = np.concatenate(parts, axis=1)
    measured = {**statistics(clips, sample_rate=sample_rate), "entropy": float(np.concatenate(entropy, axis=1).mean())}
    return Sung(clips, measured, tuple(states))
