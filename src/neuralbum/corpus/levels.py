"""How loud the recordings are, and the one gain they share. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]

FLOOR_DB = -180.0
"""What silence is written as: JSON knows no minus infinity."""

GAIN_STEP_DB = 0.5
"""The corpus gain moves in steps, so that one more track seldom changes it."""

# Front left, front right, centre, effects, back left, back right (ITU-R BS.775-3, Table 2; effects left out).
FIVE_ONE = np.array([[1, 0, 0.7071, 0, 0.7071, 0], [0, 1, 0.7071, 0, 0, 0.7071]], dtype=np.float32)


@dataclass(frozen=True)
class Levels:
    """A track's loudness before any gain."""

    n_samples: int
    sample_rate: int
    level_db: float  #: RMS of the mono mix, dB re full scale
    peak_db: float  #: highest sample of either side
    stereo_db: float  #: RMS of both sides; far above ``level_db`` where the sides cancel
    bad_samples: int  #: NaN or infinite

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate


class LevelMeter:
    """Measures block by block."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.n_samples = self.bad_samples = 0
        self._mono = self._both = 0.0
        self._peak = 0.0

    def add(self, stereo: Audio, mono: Audio | None = None) -> None:
        """Take in float32 (2, n_samples), and (n_samples,) if the mono mix is not the mean of both."""
        bad = int((~np.isfinite(stereo)).sum())
        if bad:
            self.bad_samples += bad
            stereo = np.nan_to_num(stereo, nan=0.0, posinf=0.0, neginf=0.0)
        self.n_samples += stereo.shape[1]
        mono = stereo.mean(axis=0) if mono is None else mono
        self._mono += float(np.square(mono, dtype=np.float64).sum())
        self._both += float(np.square(stereo, dtype=np.float64).mean(axis=0).sum())
        if stereo.size:
            self._peak = max(self._peak, float(np.abs(stereo).max()))

    def levels(self) -> Levels:
        n = max(1, self.n_samples)
        return Levels(
            n_samples=self.n_samples,
            sample_rate=self.sample_rate,
            level_db=_db(math.sqrt(self._mono / n)),
            peak_db=_db(self._peak),
            stereo_db=_db(math.sqrt(self._both / n)),
            bad_samples=self.bad_samples,
        )


def corpus_gain(peaks_db: Iterable[float], peak_db: float) -> float:
    """The linear gain that brings the highest of ``peaks_db`` to at most ``peak_db``.

    Rounded down to GAIN_STEP_DB, so it depends on the set of tracks only, and
    seldom changes when one is added.

    >>> round(20 * math.log10(corpus_gain([-7.2, -20.0], -1.0)), 3)
    6.0
    """
    loudest = max(peaks_db, default=0.0)
    steps = math.floor((peak_db - loudest) / GAIN_STEP_DB + 1e-9)
    return float(10 ** (steps * GAIN_STEP_DB / 20))


def to_stereo(audio: Audio) -> Audio:
    """(channels, n_samples) -> (2, n_samples): one side doubled, 5.1 mixed down, others averaged."""
    channels = audio.shape[0]
    if channels == 2:
        return audio
    if channels == 6:
        return FIVE_ONE @ audio
    return np.repeat(audio.mean(axis=0, keepdims=True, dtype=np.float32), 2, axis=0)


def _db(amplitude: float) -> float:
    return max(FLOOR_DB, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DB
