"""How close a rendering is to its original, and two sets of sounds to each other.

Log-spectral distance needs the original, sample for sample (an upsampler has
it, free generation has not). The Fréchet distance compares two sets: each is
summed up by the mean and covariance of features of many short patches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .mel import mel_filters
from .stft import stft

Float64 = npt.NDArray[np.float64]
Samples = npt.NDArray[np.floating]

N_FFT, HOP = 2048, 512
POWER_FLOOR = 1e-8  #: of the unnormalised power spectrum; a full-scale sine has 2.6e5
N_MELS, N_COEFFICIENTS = 64, 20
PATCH_FRAMES = 16  #: 186 ms at 44.1 kHz
MEL_FLOOR = 1e-7


def log_spectral_distance(
    original: Samples, rendering: Samples, sample_rate: int, bands_hz: list[tuple[float, float]]
) -> list[float]:
    """Root mean square difference of log10 power over frequency, averaged over time, per band.

    Parameters
    ----------
    original, rendering : float (n_samples,), same length
    bands_hz : [(low, high)], e.g. ``[(0, 8000), (8000, 20000)]``

    Returns
    -------
    one number per band; 1.0 means 10 dB apart
    """
    if original.shape != rendering.shape or original.ndim != 1:
        raise ParameterError(f"shapes {original.shape} and {rendering.shape}: both must be the same (n_samples,)")
    power = [np.abs(stft(x, N_FFT, HOP)).astype(np.float64) ** 2 for x in (original, rendering)]
    logs = [np.log10(np.maximum(p, POWER_FLOOR)) for p in power]
    squared = (logs[0] - logs[1]) ** 2
    hz = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    distances = []
    for low, high in bands_hz:
        inside = (hz >= low) & (hz < high)
        if not inside.any():
            raise ParameterError(f"the band from {low:g} to {high:g} Hz holds no bin at {sample_rate} Hz")
        distances.append(float(np.sqrt(squared[:, inside].mean(axis=1)).mean()))
    return distances


def timbre(audio: Samples, sample_rate: int) -> Float64:
    """What patches of 0.2 s sound like: float64 (n_patches, 40).

    Means and deviations over each patch of 20 cepstral coefficients of a log-mel
    spectrum of the whole band. Patches overlap by half.
    """
    from scipy.fft import dct

    filters = mel_filters(sample_rate, N_FFT, N_MELS)
    power = np.abs(stft(audio, N_FFT, HOP)) ** 2
    mel = np.log10(np.maximum(power @ filters.T, MEL_FLOOR)).astype(np.float64)
    cepstrum = dct(mel, axis=1, norm="ortho")[:, :N_COEFFICIENTS]
    if len(cepstrum) < PATCH_FRAMES:
        raise ParameterError(f"{len(audio)} samples are too few; timbre needs {PATCH_FRAMES * HOP}")
    patches = np.lib.stride_tricks.sliding_window_view(cepstrum, PATCH_FRAMES, axis=0)[:: PATCH_FRAMES // 2]
    return np.concatenate([patches.mean(axis=2), patches.std(axis=2)], axis=1)


def stereo_timbre(audio: Samples, sample_rate: int) -> Float64:
    """``timbre`` of mid and side together: float (2, n_samples) left and right -> float64 (n_patches, 80)."""
    mid, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2
    return np.concatenate([timbre(mid, sample_rate), timbre(side, sample_rate)], axis=1)


def frechet_distance(a: Float64, b: Float64) -> float:
    """Distance of two normal distributions fitted to rows of features (Dowson and Landau, 1982).

    |m_a − m_b|² + tr(A + B − 2 (A B)^½), the root by eigenvalues of the symmetric A^½ B A^½.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ParameterError(f"features of shapes {a.shape} and {b.shape}: need two sets of at least two rows each")
    covariances = [np.cov(x, rowvar=False).reshape(a.shape[1], a.shape[1]) for x in (a, b)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ covariances[1] @ root)
    cross = float(np.sqrt(np.maximum(inner, 0.0)).sum())
    apart = float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariances[0]) + np.trace(covariances[1])) - 2 * cross)
