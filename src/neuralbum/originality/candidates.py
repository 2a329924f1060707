"""Where to look: candidate diagonals from pairs of peaks and from blocks of bands.

A candidate says "the query at q_s may be the reference at r_s, transposed by
``pitch`` and played at ``speed``". Candidates may be wrong; ``alignment`` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..kernels import landmarks, top_peaks
from . import fingerprints
from .fingerprints import Fingerprint, Float
from .index import BLOCK_FRAMES, QUERY_FAN_OUT, Index, blocks, to_unit, whiten

SLICE_S = 1.25  #: hashes vote slice by slice
WINDOWS = (2, 8)  #: slices whose votes are added up: 2.5 s and 10 s
PER_WINDOW = 6
LEAST_VOTES = 1.5

PITCHES = (-4, -3, -2, -1, 0, 1, 2, 3, 4)  #: semitones
SPEEDS = (0.89, 0.944, 1.0, 1.059, 1.122)
"""Reference seconds per query second; 6 % steps, so at most 3 % off, 15 ms at the end of a block."""

REFERENCE_STEP = 2  #: reference frames between two blocks of the shifted lane
PER_BLOCK = 8  #: best reference blocks of a query block that are looked at
PER_SHIFT = 3  #: and of these at most so many under one shift
LEAST_SIMILARITY = 0.25
ROWS, TILE = 1024, 512


@dataclass(frozen=True)
class Diagonal:
    track: int
    q_s: float
    r_s: float
    pitch: int
    speed: float
    strength: float


@dataclass(frozen=True)
class Blocks:
    """All reference blocks of an index, ready to be multiplied."""

    vectors: Float  #: (n_blocks, BLOCK_AXES)
    place: npt.NDArray[np.int32]  #: reference frame (over all tracks) where each block starts

    def nearest(self, rows: Float, kept: int, least: float) -> tuple[Float, npt.NDArray[np.int32]]:
        """The most similar blocks of each row (n_rows, BLOCK_AXES): similarity and number (-1: none), (n_rows, kept),
        in no order."""
        values = np.full((len(rows), kept), least, np.float32)
        places = np.full((len(rows), kept), -1, np.int32)
        # Many rows at once keep the multiplication busy; a tile of results stays in the cache.
        for low in range(0, len(rows), ROWS):
            part = slice(low, low + ROWS)
            for first in range(0, len(self.vectors), TILE):
                similarity = rows[part] @ self.vectors[first : first + TILE].T
                top_peaks.keep_top_peaks(similarity, first, values[part], places[part])
        return values, places


def reference_blocks(index: Index) -> Blocks:
    """Whitened blocks of every track, REFERENCE_STEP frames apart, never across two tracks."""
    vectors, places = [], []
    for number, track in enumerate(index.tracks):
        frames = to_unit(index.bands(number))
        rows = blocks(frames, index.arrays["block_mean"], index.arrays["block_axes"], REFERENCE_STEP)
        vectors.append(rows)
        places.append(track.band + np.arange(len(rows), dtype=np.int32) * REFERENCE_STEP)
    return Blocks(np.concatenate(vectors), np.concatenate(places))


def warp(bands: Float, finer: int, pitch: int, speed: float) -> Float:
    """Bands of a query as the reference would show them: at its frame rate, speed and pitch.

    Row k of the result belongs to query time k / (BAND_RATE * speed).
    """
    if len(bands) < 2:
        return np.zeros((0, bands.shape[1]), np.float32)
    n = int((len(bands) - 1) / finer * speed) + 1
    at = np.arange(n) / speed * finer
    low = np.minimum(at.astype(np.int64), len(bands) - 2)
    part = (at - low)[:, None].astype(np.float32)
    mixed = bands[low] * (1 - part) + bands[low + 1] * part
    return transpose(mixed, pitch)


def transpose(bands: Float, pitch: int) -> Float:
    """Bands of a query that lies ``pitch`` semitones above the reference, moved down to it."""
    moved = np.zeros_like(bands)
    if pitch > 0:
        moved[:, :-pitch] = bands[:, pitch:]
    elif pitch < 0:
        moved[:, -pitch:] = bands[:, :pitch]
    else:
        moved[:] = bands
    return moved


def by_blocks(
    index: Index,
    references: Blocks,
    fingerprint: Fingerprint,
    grid: Sequence[tuple[int, float]],
    *,
    step: int,
    skip_track: int | None = None,
) -> list[Diagonal]:
    """The most similar reference blocks of query blocks ``step`` frames apart, over a grid of (pitch, speed)."""
    mean, axes, tones = (index.arrays[name] for name in ("block_mean", "block_axes", "tones"))
    n_rows = max((int(fingerprint.duration_s * fingerprints.BAND_RATE) - BLOCK_FRAMES) // step + 2, 1)
    stacked = np.zeros((len(grid), n_rows, axes.shape[1]), np.float32)
    for tag, (pitch, speed) in enumerate(grid):
        frames = whiten(warp(fingerprint.bands, fingerprint.finer, pitch, speed), tones)
        if len(frames) < BLOCK_FRAMES:  # shorter than a block: the rest counts as silence
            frames = np.concatenate([frames, np.zeros((BLOCK_FRAMES - len(frames), frames.shape[1]), np.float32)])
        rows = blocks(frames, mean, axes, step)[:n_rows]
        stacked[tag, : len(rows)] = rows
    kept = PER_BLOCK if len(grid) == 1 else PER_SHIFT
    value, nearest = references.nearest(stacked.reshape(-1, stacked.shape[2]), kept, LEAST_SIMILARITY)
    values, places = value.reshape(len(grid), n_rows, kept), nearest.reshape(len(grid), n_rows, kept)
    # Of all shifts together only the best few of each block are worth a look.
    ordered = np.argsort(-values.transpose(1, 0, 2).reshape(n_rows, -1), axis=1)[:, :PER_BLOCK]
    chosen = [(row, int(entry) // kept, int(entry) % kept) for row in range(n_rows) for entry in ordered[row]]
    starts = np.array([track.band for track in index.tracks])
    found = []
    for row, tag, entry in chosen:
        pitch, speed = grid[tag]
        if places[tag, row, entry] < 0:
            continue
        place = int(references.place[places[tag, row, entry]])
        track = int(np.searchsorted(starts, place, side="right")) - 1
        if track == skip_track:
            continue
        # [frames] / [frames/s] = [s]; the middle of the block, in both worlds
        q_s = (row * step + BLOCK_FRAMES / 2) / (fingerprints.BAND_RATE * speed)
        r_s = (place - starts[track] + BLOCK_FRAMES / 2) / fingerprints.BAND_RATE
        found.append(Diagonal(track, q_s, r_s, pitch, speed, float(values[tag, row, entry])))
    return found


def by_hashes(index: Index, fingerprint: Fingerprint, *, skip_track: int | None = None) -> list[Diagonal]:
    """Places for which many pairs of peaks vote, window by window."""
    hashes, anchors = landmarks.pairs(fingerprint.peaks.frame, fingerprint.peaks.bin, QUERY_FAN_OUT)
    if not hashes.size:
        return []
    postings, bucket_start = index.arrays["postings"], index.arrays["bucket_start"]
    starts = np.array([track.frame for track in index.tracks])
    total = index.tracks[-1].frame + index.tracks[-1].n_frames
    found = []
    step = landmarks.VOTE_FRAMES
    slice_frames = step * round(SLICE_S * fingerprints.PEAK_RATE / step)
    shift = slice_frames // step
    n_slices = max(-(-fingerprint.peaks.n_frames // slice_frames), 1)
    edges = np.searchsorted(anchors, np.arange(n_slices + 1) * slice_frames)
    # votes[i] belongs to the diagonal on which the slice begins at reference frame step * i - margin.
    margin = slice_frames * max(WINDOWS)
    size = (total + 2 * margin) // step
    held: list[npt.NDArray[np.float32]] = []
    for number in range(n_slices):
        votes = np.zeros(size, np.float32)
        part = slice(edges[number], edges[number + 1])
        origin = number * slice_frames
        landmarks.votes(hashes[part], anchors[part] - origin, bucket_start, postings, margin, votes)
        held = [*held[-max(WINDOWS) + 1 :], votes]
        for n_window in WINDOWS:
            last = number == n_slices - 1
            due = (number + 1) % max(n_window // 2, 1) == 0 and number + 1 >= n_window
            if not (due or (last and (n_window == min(WINDOWS) or n_slices > n_window // 2))):
                continue
            some = held[-n_window:]
            summed = np.zeros(size, np.float32)
            for k, one in enumerate(some):  # a later slice begins later in the reference too
                summed[: size - k * shift] += one[k * shift :]
            begin = (number + 1 - len(some)) * slice_frames
            length = min(len(some) * slice_frames, fingerprint.peaks.n_frames - begin)
            places, heights = landmarks.highest(summed, PER_WINDOW, 3)
            for place, height in zip(places, heights, strict=True):
                at = step * int(place) + step - margin + length // 2
                track = int(np.searchsorted(starts, at, side="right")) - 1
                if height < LEAST_VOTES or track < 0 or track == skip_track:
                    continue
                r_s = (at - starts[track]) / fingerprints.PEAK_RATE
                q_s = (begin + length // 2) / fingerprints.PEAK_RATE
                found.append(Diagonal(track, q_s, r_s, 0, 1.0, float(height)))
    return found
