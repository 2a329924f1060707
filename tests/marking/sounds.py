"""Music for these tests: made here, sparse enough to be music and cheap enough to be made often."""

from __future__ import annotations

from functools import cache

import numpy as np

from neuralbum import marking
from neuralbum.marking import Payload

RATE = 44_100
PAYLOAD = Payload(album=0x7F3A91C0, song=4)


@cache
def music(seconds: float = 24.0, seed: int = 1) -> np.ndarray:
    """Notes of decaying partials over a beat of noise, stereo; float32 (2, n)."""
    rng = np.random.default_rng([24, seed])
    n = round(seconds * RATE)
    out = np.zeros((2, n + RATE))
    for at in np.arange(0, seconds, 0.21):
        t = np.arange(RATE // 2) / RATE
        root = 110 * 2 ** (rng.integers(0, 25) / 12)
        note = sum(np.sin(2 * np.pi * root * k * t + rng.uniform(0, 6)) / k for k in range(1, 30)) * np.exp(-6 * t)
        hit = rng.normal(size=t.size) * np.exp(-rng.uniform(15, 60) * t)
        start = round(at * RATE)
        out[:, start : start + t.size] += rng.uniform(0.2, 1, (2, 1)) * note + rng.uniform(0, 0.6) * hit
    out = out[:, :n] + 0.003 * rng.normal(size=(2, n))
    sound = (0.5 * out / np.abs(out).max()).astype(np.float32)
    sound.flags.writeable = False
    return sound


@cache
def marked(seconds: float = 24.0, seed: int = 1) -> np.ndarray:
    sound = marking.mark(music(seconds, seed), RATE, PAYLOAD)
    sound.flags.writeable = False
    return sound
