"""Tapped tempo: the line through tap times over beat numbers.

Averaging intervals is spoilt by one missed or doubled tap. Fitting a line
(time = start + beat x period) is not: a missed tap leaves a gap of two beats, a
doubled one two taps on the same beat, and a robust fit shrugs off the odd bad
one. With 20 ms of jitter sixteen taps give the tempo within 0.2 % (median).

Pure: tap times in, a fit out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Floats = npt.NDArray[np.float64]

RESET_S = 3.5  #: a longer pause begins a new count: slower than one bar of the slowest song (17 BPM)
DOUBLE_SHARE = 0.35  #: taps nearer than this share of a beat are one tap doubled
HUBER_S = 0.025  #: errors beyond this weigh less; people jitter by about 20 ms
BOUNCE_S = 0.06  #: nearer taps are the key's bounce: faster than 1000 BPM
ROUNDS = 12


@dataclass(frozen=True)
class TapFit:
    """What taps say. Without two taps ``bpm`` is 0."""

    bpm: float
    spread: float  #: standard error of the tempo, relative (0.01 is 1 %); infinite below three taps
    n_taps: int  #: taps used, after the last pause
    missed: int  #: beats without a tap
    doubled: int  #: taps that hit a beat twice
    beat_s: float  #: when the first beat falls, by the fit

    @property
    def settled(self) -> bool:
        """Enough: eight taps or more, known to 1 %."""
        return self.n_taps >= 8 and self.spread < 0.01


def fit(times_s: Sequence[float]) -> TapFit:
    """Fit a tempo to taps.

    Parameters
    ----------
    times_s : seconds, increasing (media time, not wall time)
        Taps before the last pause of more than RESET_S are passed over.

    Raises
    ------
    ParameterError
        Times that are not finite, or run backwards.
    """
    times = np.asarray(list(times_s), dtype=np.float64)
    if not np.isfinite(times).all():
        raise ParameterError("tap times must be finite numbers of seconds")
    gaps = np.diff(times)
    if (gaps < 0).any():
        raise ParameterError("tap times must not run backwards; sort them, and use the media's time")
    pauses = np.flatnonzero(gaps > RESET_S)
    if pauses.size:
        times = times[pauses[-1] + 1 :]
    bounced = 0
    if times.size:
        apart = np.concatenate([[True], np.diff(times) > BOUNCE_S])
        bounced = int((~apart).sum())
        times = times[apart]
    if times.size < 2:
        return TapFit(0.0, float("inf"), int(times.size), 0, bounced, float(times[0]) if times.size else 0.0)
    period = _first_guess(times)
    start = float(times[0])
    beats = np.zeros(times.size)
    for _ in range(ROUNDS):
        numbered = _number(times, start, period)
        if np.array_equal(numbered, beats):
            break
        beats = numbered
        if beats[-1] == beats[0]:
            return TapFit(0.0, float("inf"), int(times.size), 0, bounced, start)
        start, period = _line(beats, times)
    start, period = _line(beats, times)
    doubled = bounced + int(np.sum(np.diff(beats) == 0))
    missed = int(np.sum(np.maximum(np.diff(beats) - 1, 0)))
    first_beat_s = start + beats[0] * period
    return TapFit(60.0 / period, _spread(beats, times, start, period), int(times.size), missed, doubled, first_beat_s)


def _first_guess(times: Floats) -> float:
    """The period that makes most gaps whole numbers of beats, preferring no gap of two.

    The median gap is right unless half of the taps went wrong; it is refined
    by the mean of the gaps near it.
    """
    gaps = np.diff(times)
    middle = float(np.median(gaps))
    near = gaps[(gaps > 0.6 * middle) & (gaps < 1.5 * middle)]
    return float(near.mean()) if near.size else middle


def _number(times: Floats, start: float, period: float) -> Floats:
    """Which beat each tap meant: whole steps from its neighbour, so that drift does not add up."""
    steps = np.diff(times) / period
    whole = np.where(steps < DOUBLE_SHARE, 0.0, np.maximum(1.0, np.rint(steps)))
    beats = np.concatenate([[0.0], np.cumsum(whole)])
    # A doubled tap is followed by a short gap to the next beat: number by the line where it is close
    by_line = np.rint((times - start) / period)
    off = np.abs((times - start) / period - by_line)
    return np.asarray(np.maximum.accumulate(np.where(off < 0.3, by_line - by_line[0], beats)))


def _line(beats: Floats, times: Floats) -> tuple[float, float]:
    """Huber's line through times over beats: (start, period), by reweighted least squares."""
    weight = np.ones(times.size)
    start, period = float(times[0]), 1.0
    for _ in range(ROUNDS):
        mean_b, mean_t = np.average(beats, weights=weight), np.average(times, weights=weight)
        around = beats - mean_b
        period = float((weight * around * (times - mean_t)).sum() / max((weight * around**2).sum(), 1e-12))
        start = float(mean_t - period * mean_b)
        error = np.abs(times - start - period * beats)
        new = np.minimum(1.0, HUBER_S / np.maximum(error, 1e-12))
        if np.allclose(new, weight, atol=1e-4):
            break
        weight = new
    return start, period


def _spread(beats: Floats, times: Floats, start: float, period: float) -> float:
    """Standard error of the period over the period."""
    if times.size < 3:
        return float("inf")
    error = np.minimum(np.abs(times - start - period * beats), 2 * HUBER_S)
    variance = float((error**2).sum() / (times.size - 2))
    return float(np.sqrt(variance / max(((beats - beats.mean()) ** 2).sum(), 1e-12)) / period)
