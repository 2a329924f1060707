"""The bars of a song, found in its frames: how long they are, where they lie, how far the music repeats itself.

A comb over the spectrum of the onset envelope proposes bar lengths (a bar is taken to
last 1.4 to 2.8 s: a tempo's octave is a matter of taste); which of them the music
really repeats at decides. Where the tempo drifts, the grid follows: the onsets of a few
bars are matched with the song's own mean bar, from the middle of the song outwards.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHORTEST_S, LONGEST_S = 1.4, 2.8
STEP = 2e-4  #: seconds between two bar lengths that are tried
SUBDIVISIONS = ((2, 0.5), (3, 0.5), (4, 1.0), (6, 0.7), (8, 1.0), (12, 0.5), (16, 0.7))
"""(parts of a bar, weight): where a bar's onsets are looked for."""
CANDIDATES = 16
LAGS = (1, 2, 4)
"""Bars after which music repeats itself."""
PROFILE = 64  #: cells of a mean bar
TRACKED_BARS = 6  #: so many bars are matched at once
MOST_DRIFT = 0.02  #: of a bar: how far the grid may move from one bar to the next
MIN_STRENGTH = 0.12
"""Repetition below this is what music without bars has at some lag, too."""


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """A song's grid."""

    starts: npt.NDArray[np.float64]  #: frames; where bars begin, increasing; spans the whole song
    strength: float  #: correlation of the music with itself after 1, 2 or 4 bars; 0 to 1
    subdivision: int  #: 2 or 3: whether the bar's beats come in twos or in threes

    @property
    def regular(self) -> bool:
        """Whether the song has bars at all."""
        return self.strength >= MIN_STRENGTH

    def position(self, frames: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Bars since the song's first grid line, for positions in frames; linear beyond the ends."""
        return _line(np.asarray(frames, dtype=np.float64), self.starts, np.arange(len(self.starts), dtype=np.float64))

    def frame(self, position: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The inverse of ``position``."""
        return _line(np.asarray(position, dtype=np.float64), np.arange(len(self.starts), dtype=np.float64), self.starts)

    def scaled(self, factor: float) -> Bars:
        """The grid of a copy with ``factor`` times as many frames."""
        return Bars(self.starts * factor, self.strength, self.subdivision)

    @property
    def length(self) -> float:
        """The median bar, in frames."""
        return float(np.median(np.diff(self.starts)))


def _line(
    x: npt.NDArray[np.float64], xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Piecewise linear with the end pieces extended."""
    i = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    return ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])


def onset_envelope(levels: npt.NDArray[np.floating], low_bands: int = 12) -> npt.NDArray[np.float64]:
    """Rises of (n_frames, n_bands) levels in dB, low bands three times as heavy; mean 0."""
    rise = np.maximum(np.diff(np.asarray(levels, dtype=np.float64), axis=0, prepend=levels[:1]), 0.0)
    weight = np.ones(levels.shape[1])
    weight[:low_bands] = 3.0
    envelope = (rise * weight).mean(1)
    return envelope - envelope.mean()


def find_bars(levels: npt.NDArray[np.floating], frame_rate: float) -> Bars:
    """Find the bars of (n_frames, n_bands) levels in dB.

    A song too short for two bars, or without any repetition, gets an even grid of 2 s and strength 0.
    """
    n_frames = len(levels)
    if n_frames < 3 * LONGEST_S * frame_rate:
        return _even(n_frames, frame_rate)
    onsets = onset_envelope(levels)
    detrended = _detrend(levels, frame_rate)
    lengths = np.arange(SHORTEST_S, LONGEST_S, STEP)
    comb, threes = _comb(onsets, lengths, frame_rate)
    best: tuple[float, int, float] | None = None
    tried: list[int] = []
    for i in np.argsort(-comb):
        if any(abs(i - j) < 40 for j in tried):
            continue
        tried.append(int(i))
        repeats = [_repetition(detrended, lag * lengths[i] * frame_rate) for lag in LAGS]
        value = max(repeats) + 0.3 * sum(repeats)
        if best is None or value > best[0]:
            best = (value, int(i), max(repeats))
        if len(tried) >= CANDIDATES:
            break
    assert best is not None
    _, chosen, strength = best
    if strength < MIN_STRENGTH:
        return _even(n_frames, frame_rate)
    starts = _track(onsets, lengths[chosen] * frame_rate)
    return Bars(starts, float(strength), 3 if threes[chosen] else 2)


def _even(n_frames: int, frame_rate: float) -> Bars:
    return Bars(np.arange(0.0, n_frames + 4 * frame_rate, 2.0 * frame_rate), 0.0, 2)


def _detrend(levels: npt.NDArray[np.floating], frame_rate: float) -> npt.NDArray[np.float32]:
    """Levels minus their mean over a second: what changes within a bar."""
    from scipy.ndimage import uniform_filter1d

    plain = np.asarray(levels, dtype=np.float32)
    return plain - uniform_filter1d(plain, max(1, round(frame_rate)), axis=0, mode="nearest")


def _repetition(detrended: npt.NDArray[np.float32], lag: float) -> float:
    """Correlation of the music with itself ``lag`` frames later."""
    shift = round(lag)
    if shift >= len(detrended) - 1:
        return 0.0
    a, b = detrended[shift:], detrended[:-shift]
    return float((a * b).sum() / max(np.sqrt(float((a * a).sum()) * float((b * b).sum())), 1e-9))


def _comb(
    onsets: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64], frame_rate: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """(strength of the onsets' spectrum at each bar length's subdivisions, whether its beats come in threes)."""
    n = 1 << int(np.ceil(np.log2(len(onsets) * 8)))
    spectrum = np.abs(np.fft.rfft(onsets * np.hanning(len(onsets)), n))
    frequencies = np.fft.rfftfreq(n, 1.0 / frame_rate)
    at = {m: weight * np.interp(m / lengths, frequencies, spectrum) for m, weight in SUBDIVISIONS}
    twos, threes = at[2] + at[4] + at[8] + at[16], at[3] + at[6] + at[12]
    threes = threes * (1.0 + 1.0 + 0.5 + 0.7) / (0.5 + 0.7 + 0.5)
    return np.maximum(twos, threes), threes > twos


def _track(onsets: npt.NDArray[np.float64], length: float) -> npt.NDArray[np.float64]:
    """Grid lines that follow the onsets, from the middle of the song outwards."""
    n = len(onsets)
    cells = np.arange(PROFILE) / PROFILE
    profile = np.zeros(PROFILE)
    np.add.at(profile, ((np.arange(n) % length) / length * PROFILE).astype(int), onsets)
    profile = np.convolve(np.concatenate([profile[-1:], profile, profile[:1]]), [0.5, 1.0, 0.5], "valid")
    profile = np.roll(profile, -int(profile.argmax()))  # bars begin at their strongest onset
    middle = n / 2.0
    offsets = np.arange(PROFILE) / PROFILE * length
    first = middle + offsets[int(np.argmax([_match(onsets, middle + o, length, profile, cells) for o in offsets]))]
    forward = _walk(onsets, first, length, profile, cells, +1)
    backward = _walk(onsets, first, length, profile, cells, -1)
    return np.concatenate([backward[:0:-1], forward])


def _walk(
    onsets: npt.NDArray[np.float64], start: float, length: float, profile: npt.NDArray[np.float64],
    cells: npt.NDArray[np.float64], direction: int,
) -> npt.NDArray[np.float64]:  # fmt: skip
    lines, at = [start], start
    shifts = np.linspace(-MOST_DRIFT, MOST_DRIFT, 9) * length
    while -length <= at <= len(onsets) + length:
        predicted = at + direction * length
        window = predicted + direction * (TRACKED_BARS // 2) * length
        if 0 <= window <= len(onsets):
            scores = np.array([_match(onsets, predicted + s, length, profile, cells) for s in shifts])
            scores *= 1.0 - 0.1 * (np.abs(shifts) / (MOST_DRIFT * length))  # stay where nothing pulls
            predicted += shifts[int(scores.argmax())] * 0.5
        at = predicted
        lines.append(at)
    return np.asarray(lines)


def _match(
    onsets: npt.NDArray[np.float64], start: float, length: float, profile: npt.NDArray[np.float64],
    cells: npt.NDArray[np.float64],
) -> float:  # fmt: skip
    """How well the bars around ``start`` fit the mean bar."""
    bars = np.arange(-(TRACKED_BARS // 2), TRACKED_BARS // 2)
    at = (start + (bars[:, None] + cells[None]) * length).ravel()
    heard = np.interp(at, np.arange(len(onsets)), onsets, left=0.0, right=0.0).reshape(len(bars), PROFILE).sum(0)
    return float(heard @ profile)
