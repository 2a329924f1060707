"""Evidence along one diagonal: is this stretch of a query that stretch of a track?

A *diagonal* maps reference frames to query time: q = q_at + (r − r_at) / speed.
For every reference frame two kinds of evidence are added, in nats:

* bands: the cosine c of the two frames, as ``slope * (c − middle)``, the
  log-likelihood ratio of two normal laws of equal width;
* peaks: for every reference peak that falls into the frame, ``hit`` where the
  query has a peak within one cell, ``miss`` where not. Both depend on how
  crowded that row of the query is, so that a drone proves nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]

PEAKS_PER_BAND_FRAME = 4
"""Peak frames in one reference band frame: 62.5 / 15.625."""


def frame_scores_plain(
    query: Float32,
    finer: int,
    reference: npt.NDArray[np.int8],
    first: int,
    last: int,
    q_at: float,
    r_at: float,
    speed: float,
    slope: float,
    middle: float,
    peak_map: UInt8,
    hit: Float32,
    miss: Float32,
    per_row: int,
    peak_start: Int32,
    peak_frame: Int32,
    peak_bin: Int32,
    bin_shift: int,
) -> Float32:
    """Evidence for reference frames ``first`` to ``last`` (exclusive).

    Parameters
    ----------
    query : (n, d) rows of length 1 or 0, at ``finer`` times the reference's rate
    reference : int8 (m, d), rows of length about 127, or 0
    q_at, r_at : a point of the diagonal, in reference frames
    speed : reference frames that pass per query frame
    peak_map : (n_peak_frames, n_bins) 1 where the query has a peak within one cell
    hit, miss : (rows, n_bins) nats; row = peak frame // per_row
    peak_start : (m + 1,) where each reference frame's peaks start in peak_frame / peak_bin
    bin_shift : query peaks lie this many bins lower than the reference's
    """
    out = np.zeros(max(last - first, 0), np.float32)
    for k in range(first, last):
        at = (q_at + (k - r_at) / speed) * finer
        low = int(np.floor(at))
        if low < 0 or low + 1 >= len(query):
            continue
        part = at - low
        mixed = (1 - part) * query[low].astype(np.float64) + part * query[low + 1]
        ours = reference[k].astype(np.float64)
        scale = np.sqrt((mixed @ mixed) * (ours @ ours))
        total = slope * ((mixed @ ours / scale if scale > 0 else 0.0) - middle)
        for p in range(peak_start[k], peak_start[k + 1]):
            q = q_at + (peak_frame[p] / PEAKS_PER_BAND_FRAME - r_at) / speed
            row, column = int(np.rint(q * PEAKS_PER_BAND_FRAME)), peak_bin[p] - bin_shift
            if 0 <= row < peak_map.shape[0] and 0 <= column < peak_map.shape[1]:
                table = hit if peak_map[row, column] else miss
                total += table[row // per_row, column]
        out[k - first] = total
    return out


@njit(cache=True, fastmath=True)
def frame_scores(
    query: Float32,
    finer: int,
    reference: npt.NDArray[np.int8],
    first: int,
    last: int,
    q_at: float,
    r_at: float,
    speed: float,
    slope: float,
    middle: float,
    peak_map: UInt8,
    hit: Float32,
    miss: Float32,
    per_row: int,
    peak_start: Int32,
    peak_frame: Int32,
    peak_bin: Int32,
    bin_shift: int,
) -> Float32:
    """The same as ``frame_scores_plain``, some 240 times faster."""
    n, d = query.shape
    out = np.zeros(max(last - first, 0), np.float32)
    for k in range(first, last):
        at = (q_at + (k - r_at) / speed) * finer
        low = int(np.floor(at))
        if low < 0 or low + 1 >= n:
            continue
        part = np.float32(at - low)
        rest = np.float32(1.0) - part
        dot, ours, theirs = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for j in range(d):
            a = rest * query[low, j] + part * query[low + 1, j]
            b = np.float32(reference[k, j])
            dot += a * b
            ours += a * a
            theirs += b * b
        scale = np.sqrt(ours * theirs)
        total = slope * ((dot / scale if scale > 0 else 0.0) - middle)
        for p in range(peak_start[k], peak_start[k + 1]):
            q = q_at + (peak_frame[p] / PEAKS_PER_BAND_FRAME - r_at) / speed
            row = int(np.rint(q * PEAKS_PER_BAND_FRAME))
            column = peak_bin[p] - bin_shift
            if 0 <= row < peak_map.shape[0] and 0 <= column < peak_map.shape[1]:
                if peak_map[row, column]:
                    total += hit[row // per_row, column]
                else:
                    total += miss[row // per_row, column]
        out[k - first] = total
    return out


def best_run_plain(scores: Float32, drift: float) -> tuple[float, int, int]:
    """The stretch whose sum of (score − drift) is largest: (sum, start, stop); Bentley's, CACM 1984."""
    shifted = np.concatenate([[0.0], np.cumsum(np.asarray(scores, np.float64) - drift)])
    floor = np.minimum.accumulate(shifted)
    gain = shifted - floor
    stop = int(np.argmax(gain))
    if gain[stop] <= 0:
        return 0.0, 0, 0
    start = int(np.flatnonzero(shifted[: stop + 1] == floor[stop])[-1])
    return float(gain[stop]), start, stop


@njit(cache=True)
def best_run(scores: Float32, drift: float) -> tuple[float, int, int]:
    """The same as ``best_run_plain``, 12 times faster: Kadane's one pass."""
    best, start, stop = 0.0, 0, 0
    total, since = 0.0, 0
    for k in range(scores.size):
        total += scores[k] - drift
        if total <= 0:
            total, since = 0.0, k + 1
        elif total > best:
            best, start, stop = total, since, k + 1
    return best, start, stop


@njit(cache=True, fastmath=True)
def refine(
    query: Float32,
    finer: int,
    reference: npt.NDArray[np.int8],
    q_at: float,
    r_at: float,
    speed: float,
    half: float,
    offsets: Float32,
    speeds: Float32,
    slope: float,
    middle: float,
    peak_map: UInt8,
    hit: Float32,
    miss: Float32,
    per_row: int,
    peak_start: Int32,
    peak_frame: Int32,
    peak_bin: Int32,
    bin_shift: int,
) -> tuple[float, float, float]:
    """The best of small changes of a diagonal near (q_at, r_at): (score, r_at, speed).

    Tries every ``r_at + offset`` with every ``speed + change`` within ±half reference frames.
    """
    best, best_r, best_speed = -1.0, r_at, speed
    for change in speeds:
        for offset in offsets:
            r = r_at + offset
            s = speed + change
            first, last = max(int(r - half), 0), min(int(r + half) + 1, reference.shape[0])
            scores = frame_scores(
                query, finer, reference, first, last, q_at, r, s, slope, middle,
                peak_map, hit, miss, per_row, peak_start, peak_frame, peak_bin, bin_shift,
            )  # fmt: skip
            total, _, _ = best_run(scores, 0.0)
            if total > best:
                best, best_r, best_speed = total, r, s
    return best, best_r, best_speed
