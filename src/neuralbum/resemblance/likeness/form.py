"""How a song goes on: does it repeat at its bars, does it change, how many parts does it have?

*Repetition*: the spectrogram of 32 bands is correlated with itself one, two, four and eight bars
later. *Novelty*: a checkerboard kernel slides along the diagonal of a self-similarity matrix
of half-second blocks (Foote, ICME 2000); its peaks are where one part gives way to another.

Pure: arrays in, numbers out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BARS = (1, 2, 4, 8)
BEATS_A_BAR = (4, 3)
PLAIN_BAR_S = 2.0  #: a bar of music that has no tempo
LAG_TOLERANCE = 0.02  #: tempi are known this well (ratio)
RANGE_DB = 55.0  #: bands further below the loudest do not count
TREND_S = 4.0  #: slower changes are form, not pattern
LEAST_OVERLAP = 0.25  #: of the cut must be left when it is laid over itself
BLOCK_S = 0.5
KERNEL_BLOCKS = 16  #: on each side of a boundary: 8 s
BOUNDARY = 0.15  #: novelty (−1 to 1) from which a peak parts two sections
BOUNDARY_GAP_S = 4.0
N_CEPSTRA = 13


def bar_repetition(bands_db: npt.NDArray[np.floating], frame_rate: float, base_bpm: float) -> float:
    """The highest correlation of a spectrogram with itself 1, 2, 4 or 8 bars later, −1 to 1.

    Bars of four and of three beats of ``base_bpm`` are tried; without a tempo (0) bars of 2 s.

    Parameters
    ----------
    bands_db : (n_frames, n_bands) dB
    frame_rate : Hz
    """
    likeness = lag_likeness(bands_db, frame_rate)
    # [60 s/min] / [beats/min] * [beats/bar] = [s/bar]
    bars_s = [60.0 / base_bpm * beats for beats in BEATS_A_BAR] if base_bpm > 0 else [PLAIN_BAR_S]
    found = [_near(likeness, frame_rate * bar_s * n) for bar_s in bars_s for n in BARS]
    return max(found, default=0.0)


def lag_likeness(bands_db: npt.NDArray[np.floating], frame_rate: float) -> Floats:
    """Correlation of a spectrogram with itself at every lag, (n_lags,): up to 1 − LEAST_OVERLAP of its length."""
    from scipy.fft import irfft, next_fast_len, rfft
    from scipy.ndimage import uniform_filter1d

    spectrogram = np.asarray(bands_db, dtype=np.float64)
    n = len(spectrogram)
    n_lags = int(n * (1.0 - LEAST_OVERLAP))
    if n_lags < 2:
        return np.zeros(max(n_lags, 0))
    spectrogram = np.maximum(spectrogram, spectrogram.max() - RANGE_DB)
    width = max(1, min(n, round(TREND_S * frame_rate)))
    spectrogram = spectrogram - uniform_filter1d(spectrogram, width, axis=0, mode="nearest")
    n_fft = next_fast_len(2 * n, real=True)
    power = (np.abs(rfft(spectrogram, n_fft, axis=0)) ** 2).sum(axis=1)
    raw = irfft(power, n_fft)[:n_lags]
    energy = np.concatenate([[0.0], np.cumsum((spectrogram**2).sum(axis=1))])
    lags = np.arange(n_lags)
    early, late = energy[n - lags], energy[n] - energy[lags]
    return np.asarray(raw / np.maximum(np.sqrt(early * late), 1e-9))


def _near(likeness: Floats, lag: float) -> float:
    low, high = int(np.floor(lag * (1 - LAG_TOLERANCE))), int(np.ceil(lag * (1 + LAG_TOLERANCE))) + 1
    stretch = likeness[low:high] if high <= likeness.size else likeness[:0]
    return float(stretch.max()) if stretch.size else 0.0


def novelty(blocks: Floats) -> Floats:
    """How strongly each block begins something else, −1 to 1: (n_blocks,).

    Parameters
    ----------
    blocks : (n_blocks, n_numbers)
        Standardised here, number by number, over the cut.
    """
    n = len(blocks)
    reach = min(KERNEL_BLOCKS, n // 2)
    if reach < 2:
        return np.zeros(n)
    spread = blocks.std(axis=0)
    points = (blocks - blocks.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    same = np.pad(points @ points.T, reach)
    inside = np.pad(np.ones((n, n)), reach)
    side = np.arange(-reach, reach) + 0.5
    taper = np.exp(-0.5 * (side / (reach / 2)) ** 2)
    checkers = np.outer(np.sign(side) * taper, np.sign(side) * taper)
    curve = np.zeros(n)
    for i in range(n):
        window = slice(i, i + 2 * reach)
        weight = np.abs(checkers) * inside[window, window]
        curve[i] = (checkers * same[window, window]).sum() / weight.sum()
    curve[: reach // 2] = curve[n - reach // 2 :] = 0.0  # too near the ends to have two sides
    return curve


def sections(curve: Floats) -> int:
    """Number of parts: peaks of the novelty above BOUNDARY and BOUNDARY_GAP_S apart, and one."""
    from scipy.signal import find_peaks

    peaks, _ = find_peaks(curve, height=BOUNDARY, distance=max(1, round(BOUNDARY_GAP_S / BLOCK_S)))
    return len(peaks) + 1


def section_blocks(bands_db: npt.NDArray[np.floating], bands_rate: float, chroma: Floats, chroma_rate: float) -> Floats:
    """Cepstra and pitch classes of every half second, (n_blocks, N_CEPSTRA + 12).

    Parameters
    ----------
    bands_db : (n_frames, n_bands) dB, at ``bands_rate`` Hz
    chroma : (n_frames, 12) shares, at ``chroma_rate`` Hz
    """
    from scipy.fft import dct

    n = int(min(len(bands_db) / bands_rate, len(chroma) / chroma_rate) / BLOCK_S)
    if n < 1:
        return np.zeros((0, N_CEPSTRA + 12))
    level = np.asarray(bands_db, dtype=np.float64)
    level = np.maximum(level, level.max() - RANGE_DB)
    cepstra = dct(_block_means(level, bands_rate, n), axis=1, norm="ortho")[:, :N_CEPSTRA]
    return np.concatenate([cepstra, _block_means(chroma, chroma_rate, n)], axis=1)


def _block_means(frames: Floats, frame_rate: float, n: int) -> Floats:
    edges = np.minimum(np.rint(np.arange(n + 1) * BLOCK_S * frame_rate).astype(int), len(frames))
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, axis=0)])
    return np.asarray((sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(np.diff(edges), 1)[:, None])
