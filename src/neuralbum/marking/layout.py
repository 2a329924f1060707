"""The grid of the mark: where its chips lie in time and frequency, and which sign each one has.

A *chip* is a square of four tiles, two steps of time by two bands of frequency:

    +1 −1        one chip of sign +1; a chip of sign −1 is its negative
    −1 +1

The embedder raises the level of the tiles with + and lowers that of those with −; the detector takes the same
double difference of the levels that it finds. What changes all four tiles alike, in time alone or in
frequency alone (a note, a drum, a fade, an equaliser, a limiter) cancels, and within a critical band so does
most of the change itself. Patchwork (Bender, Gruhl, Morimoto and Lu, 1996) on a two-dimensional array of tiles
(Tachibana, Shimizu, Nakamura and Kobayashi, 2002).

The grid is defined in seconds and hertz, so that it is the same at every sample rate. It repeats every ``PERIOD_S``
and begins with the song. The signs follow from a public key: whoever has this file can read the mark.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt

VERSION = 1
KEY = b"neuralbum mark 1"
"""Public: it says "made by neuralbum" to everybody. A new key is a new version."""

STEP_S = 2048 / 44_100  #: one tile's length, 46.4 ms
BAND_HZ = 44_100 / 512  #: one tile's width, 86.1 Hz
LOWEST_HZ = 344.53125  #: 4 bands
N_BANDS = 86  #: up to 7752 Hz, so that sound sampled at 16 kHz carries all of it
N_STEPS = 192
N_ROWS, N_COLUMNS = N_STEPS // 2, N_BANDS // 2  #: chips in time and in frequency
PERIOD_S = N_STEPS * STEP_S  #: 8.92 s

CHIPS_PER_BIT = 8
"""Chips that carry each coded bit in one period; all others are known beforehand and serve to find the mark."""


@cache
def band_edges_hz() -> npt.NDArray[np.float64]:
    """float64 (N_BANDS + 1,), Hz."""
    return np.asarray(LOWEST_HZ + BAND_HZ * np.arange(N_BANDS + 1), np.float64)


@cache
def signs(key: bytes = KEY) -> npt.NDArray[np.float32]:
    """The key's signs, float32 (N_ROWS, N_COLUMNS) of ±1: bits of SHAKE-256, the same on every machine for ever."""
    n = N_ROWS * N_COLUMNS
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(key + b" signs").digest(n // 8), np.uint8))
    out = (1.0 - 2.0 * bits).astype(np.float32).reshape(N_ROWS, N_COLUMNS)
    out.flags.writeable = False
    return out


@cache
def roles(n_coded: int, key: bytes = KEY) -> npt.NDArray[np.int64]:
    """Which coded bit each chip carries, int64 (N_ROWS, N_COLUMNS); −1: none, its sign is the key's alone.

    Chips are dealt in an order drawn from the key, so that each bit is spread over the whole period.
    """
    n = N_ROWS * N_COLUMNS
    drawn = np.frombuffer(hashlib.shake_256(key + b" roles").digest(8 * n), "<u8")
    dealt = np.full(n, -1, np.int64)
    dealt[: n_coded * CHIPS_PER_BIT] = np.arange(n_coded * CHIPS_PER_BIT) % n_coded
    flat = np.empty(n, np.int64)
    flat[np.argsort(drawn, kind="stable")] = dealt
    out = flat.reshape(N_ROWS, N_COLUMNS)
    out.flags.writeable = False
    return out
