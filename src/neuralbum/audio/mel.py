"""The mel scale: bands that sound equally far apart.

Slaney's scale (linear to 1 kHz, logarithmic above) and triangles of equal
area, as in librosa, whose numbers these are.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

LINEAR_HZ_PER_MEL = 200.0 / 3.0
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27.0  # 27 steps span 1 kHz to 6.4 kHz (Slaney, Auditory Toolbox, 1998)


def hz_to_mel(frequency_hz: npt.ArrayLike) -> Double:
    """Hertz -> mel (Slaney)."""
    hz = np.asarray(frequency_hz, dtype=np.float64)
    above = BREAK_MEL + np.log(np.maximum(hz, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.where(hz < BREAK_HZ, hz / LINEAR_HZ_PER_MEL, above)


def mel_to_hz(mel: npt.ArrayLike) -> Double:
    """Mel (Slaney) -> hertz."""
    m = np.asarray(mel, dtype=np.float64)
    above = BREAK_HZ * np.exp(LOG_STEP * (np.maximum(m, BREAK_MEL) - BREAK_MEL))
    return np.where(m < BREAK_MEL, m * LINEAR_HZ_PER_MEL, above)


def mel_frequencies(n: int, low_hz: float, high_hz: float) -> Double:
    """``n`` frequencies in Hz, evenly spaced in mel, both ends included."""
    return mel_to_hz(np.linspace(float(hz_to_mel(low_hz)), float(hz_to_mel(high_hz)), n))


def band_centres(n_mels: int, low_hz: float, high_hz: float) -> Double:
    """The centre of each band in Hz: the inner points of ``n_mels + 2`` (weigh bands here, nowhere else)."""
    return mel_frequencies(n_mels + 2, low_hz, high_hz)[1:-1]


@cache
def mel_filters(
    sample_rate: int, n_fft: int = 2048, n_mels: int = 128, low_hz: float = 20.0, high_hz: float | None = None
) -> Float:
    """The triangles that sum a power spectrum into bands: float32 (n_mels, n_fft // 2 + 1), read-only.

    ``high_hz`` None means half the sample rate. Low bands narrower than a bin
    may stay empty, as in librosa.
    """
    high = sample_rate / 2 if high_hz is None else high_hz
    if not 0 <= low_hz < high or n_mels < 1:
        raise ParameterError(f"{n_mels} mel bands from {low_hz:g} to {high:g} Hz: need 0 <= low < high")
    edges = mel_frequencies(n_mels + 2, low_hz, high)
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    ramps = edges[:, None] - bins[None, :]
    width = np.diff(edges)[:, None]
    rising, falling = -ramps[:-2] / width[:-1], ramps[2:] / width[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    triangles *= 2.0 / (edges[2:] - edges[:-2])[:, None]
    filters = triangles.astype(np.float32)
    filters.flags.writeable = False
    return filters


def mel_power(power: npt.NDArray[np.floating], filters: Float) -> Float:
    """Sum a power spectrogram (n_frames, n_bins) into bands: float32 (n_frames, n_mels)."""
    return np.asarray(power @ filters.T, dtype=np.float32)
