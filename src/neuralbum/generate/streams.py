"""A take's own random streams and its temperature: what does not depend on its neighbours.

Random numbers come from Philox, a counter-based generator, keyed by the project's seed,
the take's number, what they are for, and how often that part was drawn again. So order,
batch and restarts do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

PLAN, CODES, PHASES, TEXTURE = 1, 2, 3, 4
"""The registry of salts: how a take begins and its form; its codes; the phases of its noise; its texture."""
GOLDEN = 0.6180339887498949


def stream(seed: int, number: int, use: int, redraw: int = 0) -> np.random.Generator:
    """The random numbers of take ``number`` for one use of the registry."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, number, use, redraw])))


def temperature_of(number: int, spread: Sequence[float]) -> float:
    """Temperature of take ``number``: spread evenly over a range, whatever the count.

    Multiples of the golden section fill [0, 1) evenly for any number of takes, so
    making more takes later changes nothing about those that are there.
    """
    if not spread or not all(t > 0 for t in spread):
        raise ParameterError(f"temperature={tuple(spread)} must be positive; 0.98 to 1.02 is the musical range")
    low, high = min(spread), max(spread)
    return round(low + (high - low) * ((0.5 + number * GOLDEN) % 1.0), 4)


def schedule(points: Sequence[tuple[float, float]], times_s: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Temperatures at ``times_s`` from (time in s, temperature) points, linear between them."""
    return np.interp(times_s, [t for t, _ in points], [v for _, v in points]).astype(np.float32)
