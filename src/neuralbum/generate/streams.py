"""A take's own dice, temperature and beginning: what does not depend on its neighbours.

Uniform numbers come from Philox, a counter-based generator, keyed by the project's
seed, the take's number and how often it was rewound. So order, batch and
restarts do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

GOLDEN = 0.6180339887498949
PRIME_KEY = 1_000_003
"""Sub-key of the dice that choose a prime, apart from those that draw samples."""


def dice(seed: int, number: int, sub: int = 0) -> np.random.Generator:
    """The stream of uniform numbers of a take: ``sub`` counts its rewinds."""
    key = [seed, number] if sub == 0 else [seed, number, sub]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def temperature_of(number: int, spread: Sequence[float]) -> float:
    """Temperature of take ``number``: spread evenly over a range, whatever the count.

    Multiples of the golden section fill [0, 1) evenly for any number of takes, so
    making more takes later changes nothing about those that are there.
    """
    if not spread or not all(t > 0 for t in spread):
        raise ParameterError(f"temperature={tuple(spread)} must be positive; 0.98 to 1.02 is the musical range")
    low, high = min(spread), max(spread)
    return round(low + (high - low) * ((0.5 + number * GOLDEN) % 1.0), 4)


def schedule(points: Sequence[tuple[float, float]], start: int, n: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """Temperatures of samples [start, start + n) from (time in s, temperature) points, linear between them."""
    times = (np.arange(start, start + n) + 0.0) / sample_rate
    return np.interp(times, [t for t, _ in points], [v for _, v in points]).astype(np.float32)


def choose_state(seed: int, number: int, states: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Which stored state, (number, digest), a take begins with."""
    state, name = states[int(dice(seed, number, PRIME_KEY).integers(len(states)))]
    return {"state": state, "digest": name}


def choose_prime(seed: int, number: int, songs: Mapping[str, int], n_samples: int) -> dict[str, Any]:
    """Which stretch of which song the net hears first: ``songs`` maps track ids to lengths in samples."""
    fitting = {name: length for name, length in sorted(songs.items()) if length >= n_samples}
    if n_samples <= 0 or not fitting:
        return {}
    rng = dice(seed, number, PRIME_KEY)
    name = list(fitting)[int(rng.integers(len(fitting)))]
    return {"track": name, "start": int(rng.integers(0, fitting[name] - n_samples + 1)), "n_samples": n_samples}
