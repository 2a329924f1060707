"""Near-duplicates among takes: the same sound again, shifted, louder or coded otherwise.

A take's signature is a small picture of 15 signs, five times a second: has this
band grown more than its neighbour since 0.6 s ago? So gain and equalisation do not matter, and
a drum beat, which lifts all bands together, leaves little trace: two songs of one
tempo stay different (after Haitsma & Kalker, "A highly robust audio fingerprinting
system", ISMIR 2002). Two takes are compared at every shift; the *likeness* is the best correlation of the
signs over at least half of the shorter take.

Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .analysis import to_decibels

Signs = npt.NDArray[np.int8]

USED_BANDS = 96  #: up to 7.6 kHz: what takes of 16 kHz have too
N_ROWS = 16  #: groups of six bands; the last row of signs stays zero
RATE = 5.0  #: columns per second
SPAN = 3  #: columns averaged, and columns from which to which it grows: a shift of half a column hardly matters
MAX_COLUMNS = 9000  #: half an hour; longer takes are compared by their beginning
STILL_DB = 1.0  #: smaller changes are no change
LEAST_OVERLAP = 0.5  #: of the shorter take
LEAST_COLUMNS = 20
LEAST_MOVEMENT = 0.1  #: share of signs that are not zero: two drones are nobody's duplicates


def signature(picture: npt.NDArray[np.uint8], column_rate: float) -> str:
    """A take's signature as text: base64 of its growing and its shrinking signs, one bit each."""
    n = min(MAX_COLUMNS, int(picture.shape[1] / column_rate * RATE))
    if n <= 2 * SPAN:
        return ""
    picture = picture[:USED_BANDS, : int(np.ceil(n / RATE * column_rate)) + 1]
    level = to_decibels(picture).reshape(N_ROWS, USED_BANDS // N_ROWS, -1).mean(axis=1)
    sums = np.concatenate([np.zeros((N_ROWS, 1)), np.cumsum(level, axis=1, dtype=np.float64)], axis=1)
    edges = np.rint(np.arange(n + 1) / RATE * column_rate).astype(int).clip(0, level.shape[1])
    means = (sums[:, edges[SPAN:]] - sums[:, edges[:-SPAN]]) / np.maximum(edges[SPAN:] - edges[:-SPAN], 1)
    slope = np.diff(means, axis=0)  # each group against its upper neighbour
    growth = slope[:, SPAN:] - slope[:, :-SPAN]
    signs = np.zeros((growth.shape[1], N_ROWS), dtype=np.int8)
    signs[:, : N_ROWS - 1] = np.where(np.abs(growth) < STILL_DB, 0, np.sign(growth)).T
    planes = np.packbits(np.stack([signs > 0, signs < 0]), axis=-1)  # (2, n_columns, N_ROWS / 8)
    return base64.b64encode(planes.tobytes()).decode("ascii")


def read(text: str) -> Signs:
    """The signs that ``signature`` wrote: int8 (n_columns, N_ROWS) of −1, 0, 1."""
    planes = np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(2, -1, N_ROWS // 8)
    more, less = np.unpackbits(planes, axis=-1).astype(np.int8)
    return np.asarray(more - less, dtype=np.int8)


def likeness(a: Signs, b: Signs) -> tuple[float, float]:
    """The best correlation over all shifts, and where in a, in seconds, b begins."""
    from scipy.fft import irfft, next_fast_len, rfft

    shorter = min(len(a), len(b))
    if shorter < LEAST_COLUMNS:
        return 0.0, 0.0
    n = next_fast_len(len(a) + len(b), real=True)

    def correlate(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.floating]:
        return np.asarray(irfft((rfft(x, n, axis=0) * np.conj(rfft(y, n, axis=0))).sum(axis=1), n))

    xa, xb = a.astype(np.float32), b.astype(np.float32)
    dot = correlate(xa, xb)
    moves_a = correlate(np.abs(xa).sum(axis=1, keepdims=True), np.ones((len(b), 1), np.float32))
    moves_b = correlate(np.ones((len(a), 1), np.float32), np.abs(xb).sum(axis=1, keepdims=True))
    shifts = np.arange(n)
    shifts = np.where(shifts < len(a), shifts, shifts - n)
    overlap = np.minimum(len(a), shifts + len(b)) - np.maximum(0, shifts)
    enough = overlap >= max(LEAST_COLUMNS, LEAST_OVERLAP * shorter)
    enough &= np.minimum(moves_a, moves_b) >= LEAST_MOVEMENT * N_ROWS * overlap
    r = np.where(enough, dot / np.sqrt(np.maximum(moves_a * moves_b, 1e-9)), 0.0)
    best = int(np.argmax(r))
    return float(np.clip(r[best], 0.0, 1.0)), float(shifts[best] / RATE)


def find_duplicates(signatures: Mapping[str, str], *, threshold: float) -> list[tuple[str, str, float, float]]:
    """Pairs of takes at least ``threshold`` alike: (id, other id, likeness, shift in s), most alike first.

    All takes are transformed once; each pair then costs one inverse transform, and only pairs whose
    peak is high enough are measured exactly.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    takes = [(name, read(text)) for name, text in signatures.items() if text]
    takes = [(name, s) for name, s in takes if len(s) >= LEAST_COLUMNS and np.abs(s).mean() >= LEAST_MOVEMENT / 2]
    if len(takes) < 2:
        return []
    n = next_fast_len(2 * max(len(s) for _, s in takes), real=True)
    spectra = np.stack([rfft(s.astype(np.float32), n, axis=0) for _, s in takes])  # (n_takes, n_bins, N_ROWS)
    columns = np.array([len(s) for _, s in takes])
    pairs = []
    for i in range(len(takes) - 1):
        cross = np.einsum("br,tbr->tb", spectra[i], np.conj(spectra[i + 1 :]))
        peak = irfft(cross, n, axis=1).max(axis=1)
        # at any allowed overlap the product sums to at least this much if the pair is alike enough
        overlap = np.maximum(LEAST_COLUMNS, LEAST_OVERLAP * np.minimum(columns[i], columns[i + 1 :]))
        for j in np.flatnonzero(peak >= 0.99 * threshold * LEAST_MOVEMENT * N_ROWS * overlap) + i + 1:
            r, shift = likeness(takes[i][1], takes[j][1])
            if r >= threshold:
                pairs.append((takes[i][0], takes[j][0], r, shift))
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))
