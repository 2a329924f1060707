"""A steady forecast: a bank of fixed linear predictors, and who of them was right lately.

An adaptive filter that hears only itself learns its own mistakes, and wanders until
all is noise. A bank cannot: its predictors were fitted to the band's music once
(``dsp.lpc_bank``) and stay as they are; only the trust in each changes, with its error over
the last hundred samples. So whatever a net plays, it is heard with the ears of the corpus.

Features as those of ``step_forecast`` come out: predictions of the most trusted, of the slowly trusted
and of all by trust; a constant; the error's running magnitude, fast and slow. The constant comes first, as the
scale all else is relative to: a sampler whose scale is tied to its own last few draws falls
silent, since the logarithm of a mean lies above the mean of the logarithms (in trials, 20 dB within a
second). How the scale follows the error is for the net to learn. One stream's memory is one
float64 row of the same kind. Eight values at once (``doubles``) it takes 0.25 us a sample, as plain loops 0.72.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from . import doubles as d
from .doubles import WIDTH
from .step_forecast import FAST, LIMIT, N_FEATURES, SLOW, START_SCALE

ORDER = 32
SIZE = 32  #: predictors
MEMORY, SLOW_MEMORY = 0.99, 0.998  #: of each predictor's squared error
STEADY = 0.03  #: the scale all is relative to: about what a bank misses of loud music
ERROR_FLOOR = 1e-9
SHARPNESS = 16  #: trust goes with so high a power of 1 / error; a power of two

_X = N_FEATURES  # the last ORDER values, newest first
_ERROR = _X + ORDER  # of each predictor: running squared error, fast and slow
_SLOW_ERROR = _ERROR + SIZE
_SAID = _SLOW_ERROR + SIZE  # what each predicts now
MEMORY_SIZE = _SAID + SIZE

Float64 = npt.NDArray[np.float64]


def new_memory() -> Float64:
    """A stream that has heard nothing."""
    row = np.zeros(MEMORY_SIZE)
    row[3:6] = STEADY, START_SCALE, START_SCALE
    return row


def forecast_plain(signal: npt.NDArray[np.floating], bank: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The twin in NumPy: bank (ORDER, SIZE) -> features known before each sample, float32 (n, N_FEATURES)."""
    out = np.zeros((len(signal), N_FEATURES), dtype=np.float32)
    x, said = np.zeros(ORDER), np.zeros(SIZE)
    errors = np.zeros((2, SIZE))
    features = np.zeros(N_FEATURES)
    features[3:6] = STEADY, START_SCALE, START_SCALE
    for t, value in enumerate(np.asarray(signal, dtype=np.float64)):
        out[t] = features
        miss = abs(value - features[2])
        for error, memory in zip(errors, (MEMORY, SLOW_MEMORY), strict=True):
            error[:] = memory * error + (1 - memory) * (value - said) ** 2
        x = np.concatenate([[value], x[:-1]])
        said = np.clip(x @ bank, -LIMIT, LIMIT)
        trust = ((errors.min(1, keepdims=True) + ERROR_FLOOR) / (errors + ERROR_FLOOR)) ** SHARPNESS
        mixed = (trust * said).sum(1) / trust.sum(1)
        old = features
        features = np.array([
            said[errors[0].argmin()], mixed[1], mixed[0],
            STEADY, FAST * old[4] + (1 - FAST) * miss, SLOW * old[5] + (1 - SLOW) * miss,
        ])  # fmt: skip
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _trusted(row, error):
    """The predictions of all, each by its trust; and the place of the most trusted."""
    lowest = d.load(row, error)
    for k in range(WIDTH, SIZE, WIDTH):
        lowest = d.smaller(lowest, d.load(row, error + k))
    least = d.smallest(lowest)
    best = 0
    while best < SIZE - 1 and row[error + best] != least:
        best += 1
    floor, least_all = d.splat(ERROR_FLOOR), d.splat(least + ERROR_FLOOR)
    total, said = d.splat(0.0), d.splat(0.0)
    for k in range(0, SIZE, WIDTH):
        trust = d.div(least_all, d.add(d.load(row, error + k), floor))
        trust = d.mul(trust, trust)
        trust = d.mul(trust, trust)
        trust = d.mul(trust, trust)
        trust = d.mul(trust, trust)
        total = d.add(total, trust)
        said = d.fma(trust, d.load(row, _SAID + k), said)
    return d.total(said) / d.total(total), best


@njit(cache=True, nogil=True, error_model="numpy")
def advance(row, value, bank):
    """Hear one sample: update a stream's memory and its features row[:N_FEATURES] for the next one.

    bank: flat, the SIZE weights of the newest value first.
    """
    miss = abs(value - row[2])
    heard = d.splat(value)
    memory, slow_memory = d.splat(MEMORY), d.splat(SLOW_MEMORY)
    rest, slow_rest = d.splat(1 - MEMORY), d.splat(1 - SLOW_MEMORY)
    for k in range(0, SIZE, WIDTH):
        left = d.sub(heard, d.load(row, _SAID + k))
        square = d.mul(left, left)
        d.store(row, _ERROR + k, d.fma(memory, d.load(row, _ERROR + k), d.mul(rest, square)))
        d.store(row, _SLOW_ERROR + k, d.fma(slow_memory, d.load(row, _SLOW_ERROR + k), d.mul(slow_rest, square)))
    for i in range(ORDER - 1, 0, -1):
        row[_X + i] = row[_X + i - 1]
    row[_X] = value
    nothing, most, least = d.splat(0.0), d.splat(LIMIT), d.splat(-LIMIT)
    for k in range(0, SIZE, 2 * WIDTH):  # even and odd taps apart: a chain of additions waits for each
        even, odd, even2, odd2 = nothing, nothing, nothing, nothing
        for i in range(0, ORDER, 2):
            x, x2, at = d.splat(row[_X + i]), d.splat(row[_X + i + 1]), i * SIZE + k
            even, odd = d.fma(x, d.load(bank, at), even), d.fma(x2, d.load(bank, at + SIZE), odd)
            even2 = d.fma(x, d.load(bank, at + WIDTH), even2)
            odd2 = d.fma(x2, d.load(bank, at + SIZE + WIDTH), odd2)
        d.store(row, _SAID + k, d.smaller(most, d.larger(least, d.add(even, odd))))
        d.store(row, _SAID + k + WIDTH, d.smaller(most, d.larger(least, d.add(even2, odd2))))
    row[2], best = _trusted(row, _ERROR)
    row[1], _ = _trusted(row, _SLOW_ERROR)
    row[0] = row[_SAID + best]
    row[4] = FAST * row[4] + (1 - FAST) * miss
    row[5] = SLOW * row[5] + (1 - SLOW) * miss


@njit(cache=True, nogil=True, error_model="numpy")
def _forecast(signal, row, bank, out):
    for t in range(len(signal)):
        for k in range(N_FEATURES):
            out[t, k] = row[k]
        advance(row, signal[t], bank)


def forecast(
    signal: npt.NDArray[np.floating], bank: npt.NDArray[np.floating], memory: Float64 | None = None
) -> npt.NDArray[np.float32]:
    """What is known before each sample of a signal, float32 (n_samples, N_FEATURES).

    bank (ORDER, SIZE); ``memory`` (from ``new_memory``) is carried on from and left at the end, if given.
    """
    row = new_memory() if memory is None else memory
    out = np.empty((len(signal), N_FEATURES), dtype=np.float32)
    _forecast(np.ascontiguousarray(signal, dtype=np.float64), row, np.asarray(bank, dtype=np.float64).ravel(), out)
    return out
