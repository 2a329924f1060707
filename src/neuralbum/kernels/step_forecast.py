"""Forecast the next sample from the past alone: linear prediction of high order, refitted to the sound as it goes.

Autocorrelations of the windowed past are turned into two predictors by Levinson's recursion (J. Durbin 1960), as the
backward-adaptive speech coder G.728 does it: a quick one every 32 samples, which has heard the drum, and a long one
every 256, which knows the tones of the last half second. The third prediction is theirs mixed, by who was right lately.
Nothing is trained; the nets get the predictions and the running magnitude of what
they miss as inputs, in training and in generation from this same code.

Autocorrelations of a windowed signal make predictors whose synthesis filters are stable. That is what a net needs
that hears only itself: its tones ring on and fade, where filters that learn sample by sample (least
squares, normalised LMS) end in white noise. A trace of the band's mean spectrum, its ``anchor``, is mixed into the
autocorrelations, so that the sound cannot wander away for good.

The windows are G.728's hybrid: exponential, so that what lies behind can be summed up in a recursion, with a sine for
the newest ``RAMP`` samples.

One stream's memory is one float64 row (``new_memory``): copying it is a snapshot. The kernel works on eight values
at once (``doubles``): 0.64 us a sample for an order of 512.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from . import doubles as d
from .doubles import WIDTH

QUICK = 96  #: order of the quick predictor; the long one's is given
QUICK_REFIT, LONG_REFIT = 32, 256  #: samples from one fit to the next
QUICK_MEMORY, LONG_MEMORY = 0.998, 0.9998  #: the windows' decay per sample, in amplitude
RAMP = 32  #: newest samples that the windows let in by and by
LOADING = 1e-9  #: white noise in the fit, relative to the power
FLOOR = 1e-6  #: power in the window under which nothing is predicted
ANCHOR = 0.1  #: share of the anchor's spectrum in the fit, relative to the power heard
TRUST_MEMORY = 0.99  #: of each predictor's squared error
ERROR_FLOOR = 1e-9
FAST, SLOW = 0.97, 0.998  #: memories of the miss's running magnitude
START_MISS = 0.02
LIMIT = 1.0  #: predictions are held inside what a sample can be
N_FEATURES = 5
"""Per sample: the quick, the long and the mixed prediction; running magnitude of the mixed one's miss (fast, slow)."""

Float64 = npt.NDArray[np.float64]

# Where things lie in a row.
_CLOCK = N_FEATURES  # samples heard
_ERRORS = _CLOCK + 1  # running squared error of the quick and of the long predictor
_QUICK_W = 16  # the quick predictor, weight of the newest sample first
_QUICK_R = _QUICK_W + QUICK  # its autocorrelations of all but the samples since the fit before
_LONG = _QUICK_R + QUICK + WIDTH  # the same of the long one: order, order + WIDTH values
# and then the signal, newest first, in a room that it seldom has to move back in
_ROOM = 1024


def memory_size(order: int) -> int:
    """float64 values in one stream's memory; the long predictor's order is a multiple of 8, QUICK at least."""
    return _LONG + 2 * order + WIDTH + looked_at(order) + _ROOM


def looked_at(order: int) -> int:
    """Samples a long fit looks at; a quick one is content with fewer."""
    return 2 * LONG_REFIT + order + WIDTH


def new_memory(order: int) -> Float64:
    """A stream that has heard nothing."""
    if order < QUICK or order % WIDTH:
        raise ValueError(f"order={order}: the long predictor's must be a multiple of {WIDTH} and at least {QUICK}")
    row = np.zeros(memory_size(order))
    row[3:5] = START_MISS
    return row


def parts_of(row: Float64, order: int) -> list[Float64]:
    """A stream's memory after a multiple of LONG_REFIT samples: the sound a fit looks at (oldest first), features,
    errors, and of the quick and the long predictor weights and autocorrelations (lag 0 first)."""
    return [row[place][::step] for place, step in _places(row, order)]


def put_parts(row: Float64, order: int, parts: Sequence[npt.NDArray[np.floating]]) -> None:
    """Put ``parts_of`` back into a fresh memory."""
    for (place, step), part in zip(_places(row, order), parts, strict=True):
        row[place] = part[::step]


def _places(row: Float64, order: int) -> list[tuple[slice, int]]:
    """Where the parts lie, and which way round."""
    clock = int(row[_CLOCK])
    sound = _LONG + 2 * order + WIDTH + (_ROOM - 1 - (clock - 1) % _ROOM if clock else _ROOM)
    return [
        (slice(sound, sound + looked_at(order)), -1), (slice(0, N_FEATURES), 1), (slice(_ERRORS, _ERRORS + 2), 1),
        (slice(_QUICK_W, _QUICK_W + QUICK), 1), (slice(_QUICK_R, _QUICK_R + QUICK + 1), 1),
        (slice(_LONG, _LONG + order), 1), (slice(_LONG + order, _LONG + 2 * order + 1), 1),
    ]  # fmt: skip


@functools.cache
def windows(order: int) -> tuple[Float64, Float64]:
    """Weights of samples by their age, for the quick and for the long fit."""
    age = np.arange(looked_at(order))
    return QUICK_MEMORY**age * _ramp(age), LONG_MEMORY**age * _ramp(age)


def _ramp(age: npt.NDArray[np.integer]) -> Float64:
    return np.asarray(np.where(age < RAMP, np.sin(np.pi / 2 * (age + 0.5) / RAMP), 1.0))


def forecast_plain(signal: npt.NDArray[np.floating], anchor: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The twin in NumPy, each fit from the whole past: features known before each sample, float32 (n, N_FEATURES).

    anchor (order + 1,): autocorrelations of the band's mean spectrum, of power 1; zeros for none.
    """
    from scipy.linalg import solve_toeplitz

    order = len(anchor) - 1
    heard = np.zeros(0)
    weights = [np.zeros(QUICK), np.zeros(order)]
    errors = np.zeros(2)
    features = np.array([0.0, 0.0, 0.0, START_MISS, START_MISS])
    out = np.zeros((len(signal), N_FEATURES), dtype=np.float32)
    for t, value in enumerate(np.asarray(signal, dtype=np.float64)):
        out[t] = features
        errors = TRUST_MEMORY * errors + (1 - TRUST_MEMORY) * (value - features[:2]) ** 2
        miss = abs(value - features[2])
        heard = np.concatenate([[value], heard])  # newest first
        for i, (refit, memory) in enumerate(((QUICK_REFIT, QUICK_MEMORY), (LONG_REFIT, LONG_MEMORY))):
            if (t + 1) % refit:
                continue
            age, p = np.arange(len(heard)), len(weights[i])
            x = np.concatenate([heard * memory**age * _ramp(age), np.zeros(p + 1)])
            r = np.array([x[: len(x) - k] @ x[k:] for k in range(p + 1)])
            r += ANCHOR * r[0] * anchor[: p + 1]
            r[0] += LOADING * r[0] + FLOOR
            weights[i] = solve_toeplitz(r[:-1], r[1:])
        said = [np.clip(w[: len(heard)] @ heard[: len(w)], -LIMIT, LIMIT) for w in weights]
        trust = ((errors.min() + ERROR_FLOOR) / (errors + ERROR_FLOOR)) ** 4
        features = np.array([
            said[0], said[1], (trust @ said) / trust.sum(),
            FAST * features[3] + (1 - FAST) * miss, SLOW * features[4] + (1 - SLOW) * miss,
        ])  # fmt: skip
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _correlate(row, at, window, r, order, refit, memory, heard, fresh):
    """Autocorrelations of the windowed past into ``fresh`` (lag 0 first): the recursion at row[r], and the newest.

    The windowed past goes to ``heard``.
    """
    for j in range(0, 2 * refit + order + WIDTH, WIDTH):
        d.store(heard, j, d.mul(d.load(window, j), d.load(row, at + j)))
    keep = d.splat(memory ** (2 * refit))
    for k in range(0, order + WIDTH, WIDTH):
        behind, behind2 = d.mul(keep, d.load(row, r + k)), d.splat(0.0)
        newest, newest2 = d.splat(0.0), d.splat(0.0)
        for j in range(0, refit, 2):
            newest = d.fma(d.splat(heard[j]), d.load(heard, j + k), newest)
            newest2 = d.fma(d.splat(heard[j + 1]), d.load(heard, j + 1 + k), newest2)
            behind = d.fma(d.splat(heard[refit + j]), d.load(heard, refit + j + k), behind)
            behind2 = d.fma(d.splat(heard[refit + j + 1]), d.load(heard, refit + j + 1 + k), behind2)
        behind = d.add(behind, behind2)
        d.store(row, r + k, behind)
        d.store(fresh, k, d.add(behind, d.add(newest, newest2)))


@njit(cache=True, nogil=True, error_model="numpy")
def _levinson(r, order, row, weights, scratch):
    """Predictor of autocorrelations r[0..order] into row[weights:], by Levinson's recursion.

    The forward polynomial grows at the scratch's beginning; the backward one behind it, downwards, so that its
    shift by one is a change of address.
    """
    back, turned = order + 2 * WIDTH, 3 * order + 5 * WIDTH
    for j in range(turned):
        scratch[j] = 0.0
    for k in range(order + 1):  # lag m stands at turned + 1 + order - m
        scratch[turned + 1 + order - k] = r[k]
    for k in range(order + 1, order + 2 * WIDTH):
        scratch[turned + 1 + k] = 0.0
    scratch[0] = scratch[back + order] = 1.0
    error, left = r[0], r[1]
    for i in range(1, order + 1):
        reflection = -left / error
        error *= 1.0 - reflection * reflection
        turn, sums = d.splat(reflection), d.splat(0.0)
        below, lags = back + order - i, turned + order - i
        for j in range(0, i + 1, WIDTH):
            a, b = d.load(scratch, j), d.load(scratch, below + j)
            grown = d.fma(turn, b, a)
            d.store(scratch, j, grown)
            d.store(scratch, below + j, d.fma(turn, a, b))
            sums = d.fma(grown, d.load(scratch, lags + j), sums)
        left = d.total(sums)
    for k in range(order):
        row[weights + k] = -scratch[k + 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _said(row, weights, at, order):
    even, odd = d.splat(0.0), d.splat(0.0)
    for i in range(0, order - WIDTH, 2 * WIDTH):
        even = d.fma(d.load(row, weights + i), d.load(row, at + i), even)
        odd = d.fma(d.load(row, weights + i + WIDTH), d.load(row, at + i + WIDTH), odd)
    if order % (2 * WIDTH):
        even = d.fma(d.load(row, weights + order - WIDTH), d.load(row, at + order - WIDTH), even)
    return min(max(d.total(d.add(even, odd)), -LIMIT), LIMIT)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(row, value, anchor, quick_window, long_window, scratch):
    """Hear one sample: update a stream's memory and its features row[:N_FEATURES] for the next one.

    anchor (order + 1,); ``windows`` of that order; scratch (``scratch_size(order)``,).
    """
    order = anchor.shape[0] - 1
    clock = int(row[_CLOCK])
    miss = abs(value - row[2])
    for i in range(2):
        off = value - row[i]
        row[_ERRORS + i] = TRUST_MEMORY * row[_ERRORS + i] + (1 - TRUST_MEMORY) * off * off

    long_r = _LONG + order
    sound = long_r + order + WIDTH
    seen = 2 * LONG_REFIT + order + WIDTH  # newest first, growing downwards; at the bottom it moves up again
    at = sound + _ROOM - 1 - clock % _ROOM
    if clock > 0 and clock % _ROOM == 0:
        for i in range(seen - 1, -1, -1):
            row[sound + _ROOM + i] = row[sound + i]
    row[at] = value
    clock += 1
    row[_CLOCK] = clock
    if clock % QUICK_REFIT == 0:
        fresh = scratch[: order + WIDTH]
        rest = scratch[order + WIDTH :]
        for each in range(1 if clock % LONG_REFIT else 2):
            p = order if each else QUICK
            _correlate(
                row, at, long_window if each else quick_window, long_r if each else _QUICK_R, p,
                LONG_REFIT if each else QUICK_REFIT, LONG_MEMORY if each else QUICK_MEMORY, rest, fresh,
            )  # fmt: skip
            power = ANCHOR * fresh[0]
            for k in range(p + 1):
                fresh[k] += power * anchor[k]
            fresh[0] += LOADING * fresh[0] + FLOOR
            _levinson(fresh, p, row, _LONG if each else _QUICK_W, rest)

    quick, long = _said(row, _QUICK_W, at, QUICK), _said(row, _LONG, at, order)
    least = min(row[_ERRORS], row[_ERRORS + 1]) + ERROR_FLOOR
    by_quick, by_long = least / (row[_ERRORS] + ERROR_FLOOR), least / (row[_ERRORS + 1] + ERROR_FLOOR)
    by_quick, by_long = by_quick * by_quick, by_long * by_long
    by_quick, by_long = by_quick * by_quick, by_long * by_long
    row[0], row[1] = quick, long
    row[2] = (by_quick * quick + by_long * long) / (by_quick + by_long)
    row[3] = FAST * row[3] + (1 - FAST) * miss
    row[4] = SLOW * row[4] + (1 - SLOW) * miss


@njit(cache=True)
def scratch_size(order):
    """float64 values that ``advance`` works in."""
    return (order + WIDTH) + max(4 * order + 9 * WIDTH, 2 * LONG_REFIT + order + 2 * WIDTH)


@njit(cache=True, nogil=True, error_model="numpy")
def _forecast(signal, row, anchor, quick_window, long_window, scratch, out):
    for t in range(len(signal)):
        for k in range(N_FEATURES):
            out[t, k] = row[k]
        advance(row, signal[t], anchor, quick_window, long_window, scratch)


def forecast(
    signal: npt.NDArray[np.floating], anchor: npt.NDArray[np.floating], memory: Float64 | None = None
) -> npt.NDArray[np.float32]:
    """What is known before each sample of a signal, float32 (n_samples, N_FEATURES).

    anchor (order + 1,) as ``forecast_plain``; ``memory`` (from ``new_memory``) is carried on from and left at the
    end, if given.
    """
    order = len(anchor) - 1
    row = new_memory(order) if memory is None else memory
    out = np.empty((len(signal), N_FEATURES), dtype=np.float32)
    _forecast(
        np.ascontiguousarray(signal, dtype=np.float64), row, np.ascontiguousarray(anchor, dtype=np.float64),
        *windows(order), np.empty(scratch_size(order)), out,
    )  # fmt: skip
    return out
