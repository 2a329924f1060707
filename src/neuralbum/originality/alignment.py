"""Is it really a copy, and from where to where? Evidence summed along the diagonal.

A candidate's diagonal is first moved a little (offset, speed) until the
evidence near it is highest, on a window that grows from two seconds to half a
minute. The best stretch of the whole diagonal is the segment; its ends are
put where the evidence falls under half of its level inside. What remains is
reduced by what the neighbouring diagonals of the same place score: music that
looks like itself at every offset (drones, count-ins, noise) proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..kernels import diagonal
from . import fingerprints
from .candidates import Diagonal, transpose
from .fingerprints import Fingerprint, Float
from .index import Index, whiten

MATCH_COSINE = 0.4  #: of two whitened frames that show the same music, much of it masked
CHANCE_SPREAD = 0.18  #: standard deviation of the cosine of unrelated frames (about 1/sqrt(N_TONES))
MEMORY_FRAMES = 2.5  #: neighbouring frames say nearly the same: evidence is divided by this
SLOPE = MATCH_COSINE / CHANCE_SPREAD**2 / MEMORY_FRAMES
MIDDLE = MATCH_COSINE / 2

PEAK_SURVIVES = 0.45  #: share of a track's peaks that a masked copy still shows
CROWD_LIMITS = (0.03, 0.9)
CROWD_S = 2.0  #: half of the stretch over which a row's crowding is counted

GATE = 14.0  #: nats in the first two seconds that a candidate must have to be followed further
SHORTEST_S = 0.5  #: a single drum hit is no copy, however well it matches
REACH_S = 90.0  #: how far to each side a diagonal is followed
NEIGHBOURS_S = (-1.31, -0.93, -0.61, -0.37, 0.37, 0.61, 0.93, 1.31)


@dataclass(frozen=True)
class Aligned:
    """A stretch of the query that matches a stretch of a track, before chance is asked."""

    track: int
    q_start_s: float
    q_end_s: float
    r_start_s: float
    r_end_s: float
    pitch: int
    speed: float
    evidence: float  #: nats


class Query:
    """A query prepared for many comparisons with one index."""

    def __init__(self, index: Index, fingerprint: Fingerprint) -> None:
        self.index = index
        self.fingerprint = fingerprint
        self._turned: dict[int, Float] = {}
        self._references: dict[int, tuple[npt.NDArray[np.int32], ...]] = {}
        self.peak_map, self.hit, self.miss = _peak_tables(fingerprint)
        self.per_row = round(fingerprints.PEAK_RATE)

    def turned(self, pitch: int) -> Float:
        if pitch not in self._turned:
            moved = transpose(self.fingerprint.bands, pitch)
            self._turned[pitch] = whiten(moved, self.index.arrays["tones"])
        return self._turned[pitch]

    def reference(self, track: int) -> tuple[npt.NDArray[np.int32], ...]:
        """(start of each band frame's peaks, frames, bins) of a track."""
        if track not in self._references:
            frame, bin_ = self.index.peaks(track)
            n_bands = self.index.tracks[track].n_bands
            edges = np.arange(n_bands + 1) * diagonal.PEAKS_PER_BAND_FRAME - diagonal.PEAKS_PER_BAND_FRAME // 2
            start = np.searchsorted(frame, edges).astype(np.int32)
            self._references[track] = (start, frame, bin_)
        return self._references[track]

    def _about(self, track: int, pitch: int) -> tuple[Any, ...]:
        bins = pitch * fingerprints.PEAK_BINS_PER_OCTAVE // 12
        # The query's peaks lie ``bins`` higher, so the reference's column is that much lower.
        return (SLOPE, MIDDLE, self.peak_map, self.hit, self.miss, self.per_row, *self.reference(track), -bins)

    def scores(self, track: int, pitch: int, q_at: float, r_at: float, speed: float, first: int, last: int) -> Float:
        """Evidence of each reference frame from ``first`` to ``last`` along a diagonal."""
        n = self.index.tracks[track].n_bands
        return diagonal.frame_scores(
            self.turned(pitch), self.fingerprint.finer, self.index.bands(track),
            max(first, 0), min(last, n), q_at, r_at, speed, *self._about(track, pitch),
        )  # fmt: skip

    def settle(self, at: Diagonal, half_frames: float, offsets: Float, speeds: Float) -> tuple[float, Diagonal]:
        """Move a diagonal a little to where the evidence near it is highest."""
        rate = fingerprints.BAND_RATE
        score, r_at, speed = diagonal.refine(
            self.turned(at.pitch), self.fingerprint.finer, self.index.bands(at.track),
            at.q_s * rate, at.r_s * rate, at.speed, half_frames, offsets, speeds, *self._about(at.track, at.pitch),
        )  # fmt: skip
        return score, Diagonal(at.track, at.q_s, r_at / rate, at.pitch, speed, score)


FIRST_HALF = 16.0  #: reference frames, about a second
FIRST_OFFSETS = np.array([0.0, -1.2, -0.6, 0.6, 1.2], np.float32)
FIRST_SPEEDS = np.array([0.0, -0.02, 0.02], np.float32)
UNSHIFTED = np.zeros(1, np.float32)
GROWING = (40.0, 110.0, 300.0)  #: reference frames to each side
STEPS = np.array([0.0, -1.0, -0.5, 0.5, 1.0], np.float32)


def first_look(query: Query, candidate: Diagonal) -> tuple[float, Diagonal]:
    """Evidence within a second of the candidate, after moving it a little."""
    speeds = UNSHIFTED if candidate.speed == 1.0 else FIRST_SPEEDS
    return query.settle(candidate, FIRST_HALF, FIRST_OFFSETS, speeds)


def follow(query: Query, candidate: Diagonal) -> Aligned | None:
    """Follow a diagonal as far as it holds; None where nothing is left."""
    rate = fingerprints.BAND_RATE
    at = candidate
    shifted = candidate.speed != 1.0
    longest = query.fingerprint.duration_s * rate
    for half in GROWING:
        # An error of the speed moves the far end by half * error: steps of one frame there.
        speeds = STEPS / np.float32(half) if shifted else STEPS[:1]
        _, at = query.settle(at, half, STEPS * np.float32(0.5), speeds.astype(np.float32))
        if half > longest:
            break
    middle = at.r_s * rate
    first, last = max(int(middle - REACH_S * rate), 0), int(middle + REACH_S * rate) + 1
    scores = query.scores(at.track, at.pitch, at.q_s * rate, middle, at.speed, first, last)
    total, start, stop = diagonal.best_run(scores, 0.0)
    if stop - start < 4:
        return None
    start, stop = _trim(scores, start, stop)
    total = float(scores[start:stop].sum())
    around = []
    for shift_s in NEIGHBOURS_S:
        other = query.scores(
            at.track, at.pitch, at.q_s * rate, middle + shift_s * rate, at.speed,
            first + start + round(shift_s * rate), first + stop + round(shift_s * rate),
        )  # fmt: skip
        around.append(diagonal.best_run(other, 0.0)[0])
    evidence = total - max(float(np.median(around)), 0.0)
    # A frame stands for the hop around its centre.
    r_start, r_end = (first + start - 0.5) / rate, (first + stop - 0.5) / rate
    q_start, q_end = (at.q_s + (r - at.r_s) / at.speed for r in (r_start, r_end))
    if q_end - q_start < SHORTEST_S:
        return None
    early = max(0.0, -q_start, -r_start / at.speed)
    late = max(0.0, q_end - query.fingerprint.duration_s)
    return Aligned(
        at.track,
        q_start + early,
        q_end - late,
        r_start + early * at.speed,
        r_end - late * at.speed,
        at.pitch,
        at.speed,
        evidence,
    )


def _trim(scores: Float, start: int, stop: int) -> tuple[int, int]:
    """Put the ends where the evidence falls under the middle between inside and chance."""
    inside = float(np.median(scores[start:stop]))
    chance = -SLOPE * MIDDLE
    drift = max((inside + chance) / 2, 0.0)
    _, left, right = diagonal.best_run(scores[start:stop], drift)
    return (start + left, start + right) if right - left >= 4 else (start, stop)


def _peak_tables(fingerprint: Fingerprint) -> tuple[npt.NDArray[np.uint8], Float, Float]:
    """Where the query has peaks (within one cell), and what a hit or a miss there says, in nats."""
    peaks = fingerprint.peaks
    shape = (max(peaks.n_frames, 1), fingerprints.PEAK_BINS)
    near = np.zeros((shape[0] + 2, shape[1] + 2), np.uint8)
    for i in range(3):
        for j in range(3):
            near[peaks.frame + i, peaks.bin + j] = 1
    near = np.ascontiguousarray(near[1:-1, 1:-1])
    per_row = round(fingerprints.PEAK_RATE)
    reach = round(CROWD_S * fingerprints.PEAK_RATE)
    total = np.concatenate([np.zeros((1, shape[1])), np.cumsum(near, axis=0, dtype=np.float64)])
    middle = np.arange(0, shape[0], per_row) + per_row // 2
    low, high = np.clip(middle - reach, 0, shape[0]), np.clip(middle + reach, 0, shape[0])
    crowd = (total[high] - total[low]) / np.maximum(high - low, 1)[:, None]
    # Peaks thin out towards the rims; smooth over a tone so that a lone row is not taken at its word.
    crowd = (crowd + crowd.mean(axis=1, keepdims=True)) / 2
    crowd = np.clip(crowd, *CROWD_LIMITS)
    survives = PEAK_SURVIVES + (1 - PEAK_SURVIVES) * crowd
    hit = np.log(survives / crowd).astype(np.float32)
    miss = np.log((1 - survives) / (1 - crowd)).astype(np.float32)
    return near, hit, miss
