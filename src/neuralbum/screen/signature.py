"""Near-duplicates among takes: the same sound again, shifted, louder or coded otherwise.

A take's signature is a small picture: 8 bands, 4 columns a second, each band's
rise from column to column (so that gain and equalisation do not matter), as
signs. Two takes are compared at every shift; the *likeness* is the best
correlation of the signs over at least half of the shorter take.

Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .analysis import N_BANDS, to_decibels

N_ROWS, RATE = 8, 4.0  #: bands, columns per second
MAX_COLUMNS = 7200  #: half an hour; longer takes are compared by their beginning
LEAST_OVERLAP = 0.5  #: of the shorter take
LEAST_COLUMNS = 16
STILL_DB = 1.0  #: smaller changes are no change


def signature(picture: npt.NDArray[np.uint8], column_rate: float) -> str:
    """A take's signature, as text: base64 of int8 (n_columns, N_ROWS) signs."""
    n = min(MAX_COLUMNS, int(picture.shape[1] / column_rate * RATE))
    if n < 2:
        return ""
    db = to_decibels(picture).reshape(N_ROWS, N_BANDS // N_ROWS, -1).mean(axis=1)
    edges = np.linspace(0, n / RATE * column_rate, n + 1).round().astype(int).clip(0, db.shape[1])
    sums = np.concatenate([np.zeros((N_ROWS, 1)), np.cumsum(db, axis=1, dtype=np.float64)], axis=1)
    means = (sums[:, edges[1:]] - sums[:, edges[:-1]]) / np.maximum(np.diff(edges), 1)
    rise = np.diff(means, axis=1)
    signs = np.where(np.abs(rise) < STILL_DB, 0, np.sign(rise)).astype(np.int8)
    return base64.b64encode(np.ascontiguousarray(signs.T).tobytes()).decode("ascii")


def read(text: str) -> npt.NDArray[np.int8]:
    """The int8 (n_columns, N_ROWS) that ``signature`` wrote."""
    return np.frombuffer(base64.b64decode(text), dtype=np.int8).reshape(-1, N_ROWS)


def likeness(a: npt.NDArray[np.int8], b: npt.NDArray[np.int8]) -> tuple[float, float]:
    """The best correlation over all shifts, and the shift in seconds (b begins that much later in a)."""
    from scipy.fft import irfft, next_fast_len, rfft

    shorter = min(len(a), len(b))
    if shorter < LEAST_COLUMNS:
        return 0.0, 0.0
    n = next_fast_len(len(a) + len(b), real=True)
    dot, power_a, power_b = (
        irfft((rfft(x.astype(np.float32), n, axis=0) * np.conj(rfft(y.astype(np.float32), n, axis=0))).sum(axis=1), n)
        for x, y in ((a, b), (np.abs(a), np.ones_like(b)), (np.ones_like(a), np.abs(b)))
    )
    shifts = np.arange(n)
    shifts = np.where(shifts < len(a), shifts, shifts - n)
    overlap = np.minimum(len(a), shifts + len(b)) - np.maximum(0, shifts)
    enough = overlap >= max(LEAST_COLUMNS, LEAST_OVERLAP * shorter)
    # a stretch where hardly anything moves proves nothing: it must hold a fifth of the shorter take's movement
    least = 0.2 * min(float(np.abs(a).sum()), float(np.abs(b).sum()))
    enough &= (power_a >= least) & (power_b >= least) & (power_a > N_ROWS) & (power_b > N_ROWS)
    r = np.where(enough, dot / np.sqrt(np.maximum(power_a * power_b, 1e-9)), 0.0)
    best = int(np.argmax(r))
    return float(np.clip(r[best], 0.0, 1.0)), float(shifts[best] / RATE)


def find_duplicates(signatures: Mapping[str, str], *, threshold: float) -> list[tuple[str, str, float, float]]:
    """Pairs of takes at least ``threshold`` alike: (id, other id, likeness, shift in s), most alike first.

    All takes are transformed once; each pair then costs one inverse transform.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    takes = [(name, read(text)) for name, text in signatures.items() if text]
    takes = [(name, signs) for name, signs in takes if len(signs) >= LEAST_COLUMNS and np.any(signs)]
    if len(takes) < 2:
        return []
    n = next_fast_len(2 * max(len(s) for _, s in takes), real=True)
    spectra = np.stack([rfft(s.astype(np.float32), n, axis=0) for _, s in takes])  # (n_takes, n_bins, rows)
    energy = np.array([float(np.abs(s).sum()) for _, s in takes])
    pairs = []
    for i in range(len(takes) - 1):
        cross = np.einsum("br,tbr->tb", spectra[i], np.conj(spectra[i + 1 :]))
        peak = irfft(cross, n, axis=1).max(axis=1)
        # the peak over the smaller energy bounds the likeness from above over the whole overlap
        likely = np.flatnonzero(peak >= 0.5 * threshold * np.minimum(energy[i], energy[i + 1 :]) * LEAST_OVERLAP)
        for j in likely + i + 1:
            r, shift = likeness(takes[i][1], takes[j][1])
            if r >= threshold:
                pairs.append((takes[i][0], takes[j][0], r, shift))
    return sorted(pairs, key=lambda p: (-p[2], p[0], p[1]))
