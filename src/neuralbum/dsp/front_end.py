"""From prepared audio to the levels a net predicts: the one way in, for skeleton and flesh alike.

Prepared audio is int16; a table of all 65,536 values makes quantising a song a
single look-up, and guarantees that every room quantises alike.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from . import mulaw

FULL_SCALE = 32767.0
"""int16 value of amplitude 1.0, as the prepared corpus has it."""

Levels = npt.NDArray[np.int16]


def levels_of(audio: npt.NDArray[np.generic], n_levels: int = 256) -> Levels:
    """Quantise prepared audio: int16, or float in [−1, 1] (clipped) -> int16 levels, same shape."""
    if audio.dtype == np.int16:
        return _int16_table(n_levels)[np.asarray(audio).astype(np.int32) + 32768]
    if not np.issubdtype(audio.dtype, np.floating):
        raise ParameterError(f"audio has dtype {audio.dtype}; expected int16, or float in [-1, 1]")
    return mulaw.encode(np.asarray(audio, dtype=np.float64), n_levels).astype(np.int16)


def amplitudes_of(levels: npt.NDArray[np.integer], n_levels: int = 256) -> mulaw.Float:
    """The amplitude each level stands for, float32 in [−1, 1]."""
    return mulaw.decode(levels, n_levels)


def companded(n_levels: int = 256) -> mulaw.Float:
    """Every level on the bent scale, float32 (n_levels,) in [−1, 1], evenly spaced."""
    half = (n_levels - 1) / 2.0
    return ((np.arange(n_levels) - half) / half).astype(np.float32)


def edges(n_levels: int = 256) -> npt.NDArray[np.float64]:
    """The amplitudes between neighbouring levels, float64 (n_levels − 1,), increasing.

    An amplitude between ``edges[l − 1]`` and ``edges[l]`` is quantised to ``l``.
    """
    mu = n_levels - 1.0
    bent = (np.arange(1, n_levels) - n_levels / 2) / (mu / 2.0)
    return np.asarray(np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(mu)) / mu, dtype=np.float64)


def silent_level(n_levels: int = 256) -> int:
    """The level that stands for silence (the smaller of amplitude, just above zero)."""
    return n_levels // 2


@lru_cache(maxsize=4)
def _int16_table(n_levels: int) -> Levels:
    values = np.arange(-32768, 32768, dtype=np.float64) / FULL_SCALE
    return mulaw.encode(values, n_levels).astype(np.int16)
