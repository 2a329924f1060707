"""Chromaprint's fingerprint of a sound, in NumPy: 8 words of 32 bits a second, for the audio code of ISO 24138.

Lukáš Lalinský's algorithm 2 (``CHROMAPRINT_ALGORITHM_TEST2``, what fpcalc and AcoustID use): chroma of 0.37 s frames,
smoothed over five, then 16 box filters over a picture of 16 frames by 12 pitch classes, each quantised to two bits.
Filters and thresholds are those of Chromaprint 1.5 (MIT). From the same samples the words are fpcalc's own; from other
rates its resampler makes up to 3 bits in 10,000 differ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .reading import resample

Floats = npt.NDArray[np.float64]

RATE = 11_025  #: Hz
N_FFT = 4096
HOP = N_FFT // 3
LOWEST_HZ, HIGHEST_HZ = 28, 3520
SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
SILENT = 0.01
"""A chroma vector shorter than this counts as silence."""
WIDTH = 16  #: frames a word looks at
FILTERS = (  # kind, first pitch class, height, width; thresholds between the four values
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)
GRAY = np.array([0, 1, 3, 2], np.uint32)


def chromaprint(audio: npt.NDArray[np.float32], sample_rate: int) -> npt.NDArray[np.uint32]:
    """The words of a sound, float32 (channels, n_samples); none where it is shorter than 3 s."""
    mono = resample(audio.mean(axis=0, keepdims=True), sample_rate, RATE)[0]
    picture = _chroma(np.round(np.clip(mono, -1, 1) * 32767) / 32767)  # (n_frames, 12)
    n_words = len(picture) - WIDTH + 1
    if n_words < 1:
        return np.zeros(0, np.uint32)
    total = np.zeros((len(picture) + 1, 13))
    total[1:, 1:] = picture.cumsum(axis=0).cumsum(axis=1)

    def area(x0: int, y0: int, x1: int, y1: int) -> Floats:
        """Sum over frames x0..x1 and pitch classes y0..y1, for each word."""
        rows = [total[x : x + n_words] for x in (x0, x1)]
        found: Floats = rows[1][:, y1] - rows[1][:, y0] - rows[0][:, y1] + rows[0][:, y0]
        return found

    words = np.zeros(n_words, np.uint32)
    for kind, y, height, width, *thresholds in FILTERS:
        bright, dark = _boxes(area, int(kind), int(y), int(height), int(width))
        value = np.log((1 + bright) / (1 + dark))
        words = words << np.uint32(2) | GRAY[np.searchsorted(thresholds, value, side="right")]
    return words


def _boxes(
    area: Callable[[int, int, int, int], Floats], kind: int, y: int, h: int, w: int
) -> tuple[Floats, Floats | float]:
    """What one filter adds up and what it takes away."""
    if kind == 0:
        return area(0, y, w, y + h), 0.0
    if kind == 1:
        return area(0, y + h // 2, w, y + h), area(0, y, w, y + h // 2)
    if kind == 2:
        return area(w // 2, y, w, y + h), area(0, y, w // 2, y + h)
    if kind == 3:
        x, m = w // 2, y + h // 2
        return area(0, m, x, y + h) + area(x, y, w, m), area(0, y, x, m) + area(x, m, w, y + h)
    if kind == 4:
        m = h // 3
        middle = area(0, y + m, w, y + 2 * m)
        return middle, area(0, y, w, y + m) + area(0, y + 2 * m, w, y + h)
    x = w // 3
    return area(x, y, 2 * x, y + h), area(0, y, x, y + h) + area(2 * x, y, w, y + h)


def _chroma(mono: Floats) -> Floats:
    """Smoothed pitch classes of unit length, (n_frames, 12)."""
    if len(mono) < N_FFT + (len(SMOOTHING) - 1) * HOP:
        return np.zeros((0, 12))
    first, last = (round(N_FFT * hz / RATE) for hz in (LOWEST_HZ, HIGHEST_HZ))
    bins = np.arange(first, last)
    octave = np.log2(bins * RATE / N_FFT / (440 / 16))
    to_class = np.eye(12)[(12 * (octave - np.floor(octave))).astype(int)]  # (n_bins, 12)
    window = np.hamming(N_FFT)
    frames = np.lib.stride_tricks.sliding_window_view(mono, N_FFT)[::HOP]
    chroma = np.concatenate(
        [
            np.abs(np.fft.rfft(frames[at : at + 256] * window, axis=1)[:, first:last]) ** 2 @ to_class
            for at in range(0, len(frames), 256)
        ]
    )
    smooth = np.stack([np.convolve(chroma[:, k], SMOOTHING, "valid") for k in range(12)], axis=1)
    length = np.linalg.norm(smooth, axis=1, keepdims=True)
    return np.where(length < SILENT, 0.0, smooth / np.maximum(length, SILENT))
