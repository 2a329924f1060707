"""How like the corpus something sounds: a few statistics of sound, and how far apart two sets of them are.

They see what the loss does not: singing that falls silent, freezes, turns to noise or holds one whistle.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..dsp import front_end
from ..dsp.weighting import a_weighting_db

if TYPE_CHECKING:
    from .songs import Song

FRAME = 512  #: samples a statistic is taken over
TONE_FRAME, NEIGHBOURS = 2048, 17  #: samples, and bins of their spectrum: what a tone is told from noise by
LINE_S, LINE_SHARE = 4.0, 0.8  #: how long a line must stand to be one, and in how many of the frames
LINES = TONE_FRAME // 2 - 1  #: three neighbouring bins each
SILENT_DB = -55.0
TINY = 1e-12  #: power, so that silence has a spectrum

Statistics = Mapping[str, float]


def statistics(amplitudes: npt.NDArray[np.floating], *, sample_rate: int) -> Statistics:
    """Free-running statistics of (B, n) or (n,) sound.

    level_db and level_spread_db (mean and deviation over frames), flatness (of the
    mean power spectrum, in nats: 0 is white), brightness (share of power above a quarter
    of the band, log), silent_share; tonality, where a frame of 2048 samples is heard (``tonality``); and held_line_db,
    where four seconds are (``held_line``).
    """
    sound = np.atleast_2d(np.asarray(amplitudes, dtype=np.float64))
    n = sound.shape[1] // FRAME * FRAME
    frames = sound[:, :n].reshape(-1, FRAME)
    power = (frames**2).mean(1)
    level = 10.0 * np.log10(power + 1e-10)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    mean = spectrum.mean(0) + TINY
    high = mean[len(mean) // 4 :].sum() / mean.sum()
    tones = {"tonality": tonality(sound), "held_line_db": held_line(sound, sample_rate)}
    return {
        "level_db": float(level.mean()),
        "level_spread_db": float(level.std()),
        "flatness": float(np.log(mean).mean() - np.log(mean.mean())),
        "brightness": float(np.log(high + 1e-9)),
        "silent_share": float((level < SILENT_DB).mean()),
        **{name: value for name, value in tones.items() if value is not None},
    }


def tonality(sound: npt.NDArray[np.float64]) -> float | None:
    """How unevenly power lies among neighbouring bins, in nats, over the frames of (B, n) sound that can be heard.

    The standard deviation of the logarithm of a bin's power over its neighbours' mean. Noise of any colour has 1.2: a
    bin's power is exponentially distributed, its logarithm deviates by pi / sqrt(6) = 1.28, and the neighbours lean the
    same way. Tones stand out: four rock songs have 1.5 to 1.7 (``benchmarks/nll.py``), a chord alone 2.2. None if no
    frame can be heard.
    """
    n = sound.shape[1] // TONE_FRAME * TONE_FRAME
    frames = sound[:, :n].reshape(-1, TONE_FRAME)
    frames = frames[10.0 * np.log10((frames**2).mean(1) + 1e-10) >= SILENT_DB]
    if not len(frames):
        return None
    power = np.abs(np.fft.rfft(frames * np.hanning(TONE_FRAME), axis=1)) ** 2 + TINY
    around = sliding_window_view(power, NEIGHBOURS, axis=1).mean(-1)
    inner = slice(NEIGHBOURS // 2, -(NEIGHBOURS // 2))
    return float((np.log(power[:, inner]) - np.log(around)).std())


def held_line(sound: npt.NDArray[np.float64], sample_rate: int) -> float | None:
    """Share of what is heard that one line holds, in dB, a mean over pieces of four seconds of (B, n) sound.

    Of the A-weighted power of a frame, the share of three neighbouring bins that eight in ten frames of a piece reach,
    for the bins where it is largest. A tone alone holds 0 dB, white noise -26; most pieces of five rock songs
    lie from -25 to -15, the steadiest, over one bass note, at -8, and a net that holds a whistle at -7 to -2. None if
    no piece can be heard.
    """
    n = int(LINE_S * sample_rate)
    held = []
    for piece in sound[:, : sound.shape[1] // n * n].reshape(-1, n):
        if 10.0 * np.log10((piece**2).mean() + 1e-10) < SILENT_DB:
            continue
        frames = sliding_window_view(piece, TONE_FRAME)[:: TONE_FRAME // 2]
        held.append(np.quantile(line_shares(frames, sample_rate), 1.0 - LINE_SHARE, axis=0).max())
    return float(np.mean(held)) if held else None


def line_shares(frames: npt.NDArray[np.floating], sample_rate: int) -> npt.NDArray[np.floating]:
    """Share of the A-weighted power of each frame that each three neighbouring bins have, in dB.

    frames (..., TONE_FRAME); returns (..., LINES), of the same precision.
    """
    from scipy.fft import rfft

    power = np.abs(rfft(frames * _hann(frames.dtype))) ** 2 * _loudness(sample_rate, frames.dtype) + TINY
    three = power[..., :-2] + power[..., 1:-1] + power[..., 2:]
    shares: npt.NDArray[np.floating] = 10.0 * np.log10(three / power.sum(-1, keepdims=True))
    return shares


@functools.cache
def _hann(dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    return np.hanning(TONE_FRAME).astype(dtype)


@functools.cache
def _loudness(sample_rate: int, dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    """What A-weighting multiplies the power of each bin by."""
    weight = 10.0 ** (a_weighting_db(np.fft.rfftfreq(TONE_FRAME, 1.0 / sample_rate)) / 10.0)
    return np.asarray(weight, dtype=dtype)


TOLERANCE = {
    "level_db": 3.0,
    "level_spread_db": 3.0,
    "flatness": 0.7,
    "brightness": 0.7,
    "silent_share": 0.1,
    "tonality": 0.15,
    "held_line_db": 3.0,
    "entropy": 0.5,
}
"""How much each statistic may differ before it counts as one unit of distance."""


def distance(sampled: Statistics, corpus: Statistics) -> float:
    """Root mean square of the differences, each in units of its tolerance; 0 is alike."""
    shared = [name for name in TOLERANCE if name in sampled and name in corpus]
    return float(np.sqrt(np.mean([((sampled[n] - corpus[n]) / TOLERANCE[n]) ** 2 for n in shared])))


def corpus_statistics(songs: Sequence[Song], n_levels: int, *, seconds: float, sample_rate: int) -> Statistics:
    """The same statistics of the middle of each song."""
    cuts = []
    for song in songs:
        n = min(len(song.levels), int(seconds * sample_rate))
        start = (len(song.levels) - n) // 2
        cuts.append(
            statistics(front_end.amplitudes_of(song.levels[start : start + n], n_levels), sample_rate=sample_rate)
        )
    known = {name for cut in cuts for name in cut}
    return {name: float(np.mean([cut[name] for cut in cuts if name in cut])) for name in sorted(known)}


@dataclass(frozen=True)
class Band:
    """What a band's music measures, and how far from that its own seconds lie."""

    known: Statistics
    limit: float  #: distance of all but the oddest of its seconds
    sample_rate: int

    def is_like(self, second: npt.NDArray[np.floating]) -> bool:
        """Whether (n,) sound of about a second lies no farther from the music than most of its own seconds."""
        return distance(statistics(second, sample_rate=self.sample_rate), self.known) <= self.limit


LIKE_SHARE = 0.75
"""A second that is sung is like the band if it lies no farther from the corpus than this share of the corpus's own."""
SECONDS_HEARD = 64
HEARD_S = 1.0
KNOWN_S = 20.0
"""Seconds of each song whose statistics are the corpus'."""


def band(songs: Sequence[Song], n_levels: int, *, sample_rate: int) -> Band:
    """What the songs measure, and how far from it their own seconds lie, all but the oddest."""
    known = corpus_statistics(songs, n_levels, seconds=KNOWN_S, sample_rate=sample_rate)
    n = int(HEARD_S * sample_rate)
    places = [(song, start) for song in songs for start in range(0, len(song.levels) - n + 1, n)]
    chosen = [places[int(i)] for i in np.linspace(0, len(places) - 1, min(SECONDS_HEARD, len(places))).round()]
    far = [
        distance(
            statistics(front_end.amplitudes_of(song.levels[start : start + n], n_levels), sample_rate=sample_rate),
            known,
        )
        for song, start in chosen
    ]
    return Band(known, float(np.quantile(far, LIKE_SHARE)) if far else 0.0, sample_rate)
