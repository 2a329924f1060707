"""From an onset curve to its rhythm: detrending, autocorrelation, Fourier tempogram.

An onset curve says how much louder the bands got at each frame. What repeats
in it is the rhythm. The Fourier view shows a tempo and its multiples, the
autocorrelation shows it and its divisors (Grosche, Müller & Kurth, "Cyclic
tempogram", ICASSP 2010); ``tempogram`` multiplies the two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TREND_S = 2.0  #: slower changes than this are dynamics, not rhythm


def detrend(onset: npt.NDArray[np.floating], frame_rate: float) -> Floats:
    """Take away the running mean, so that only what stands out remains; float64 (n_frames,)."""
    from scipy.ndimage import uniform_filter1d

    curve = np.asarray(onset, dtype=np.float64)
    if curve.size == 0:
        return curve
    width = min(curve.size, round(TREND_S * frame_rate))
    return np.asarray(curve - uniform_filter1d(curve, max(1, width), mode="nearest"))


def windows(curve: Floats, length: int, hop: int) -> Floats:
    """Overlapping stretches (n_windows, length); one zero-padded stretch if the curve is shorter."""
    if curve.size <= length:
        return np.pad(curve, (0, length - curve.size))[None]
    return np.lib.stride_tricks.sliding_window_view(curve, length)[::hop]


def onset_rate(onset: npt.NDArray[np.floating], frame_rate: float) -> float:
    """Onsets per second: peaks of an onset curve (rise in dB per frame) above 1 dB and 0.3 of its 99th percentile."""
    if onset.size < 3:
        return 0.0
    strong = max(1.0, 0.3 * float(np.percentile(onset, 99)))
    peaks = (onset[1:-1] > onset[:-2]) & (onset[1:-1] >= onset[2:]) & (onset[1:-1] > strong)
    return float(peaks.sum() / (onset.size / frame_rate))
