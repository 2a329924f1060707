"""What a spectrum says at a glance: mel bands, flatness, centroid, chroma, key.

Matrices that turn a power spectrum into a few meaningful numbers, and the
formulas on those numbers. Frequencies in Hz, powers re a full-scale sine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import mel

Floats = npt.NDArray[np.float32]

NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Krumhansl & Kessler 1982: how well each pitch class fits a major and a minor key.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def mel_matrix(sample_rate: int, n_fft: int, n_bands: int, low_hz: float, high_hz: float) -> Floats:
    """The mel triangles with height 1 instead of area 1, float32 (n_fft//2 + 1, n_bands).

    So a full-scale sine gives about 0 dB in its band wherever it lies. Bands
    narrower than the bins take their nearest bin; bands above half the sample rate
    are zero, so pictures of sounds of different rates can be laid side by side.
    """
    edges = mel.mel_frequencies(n_bands + 2, low_hz, high_hz)
    filters = mel.mel_filters(sample_rate, n_fft, n_bands, low_hz, high_hz)
    matrix = filters.T * ((edges[2:] - edges[:-2]) / 2.0)  # area 1 -> height 1
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    for band in np.flatnonzero((matrix.max(axis=0) < 0.5) & (edges[1:-1] < sample_rate / 2)):
        matrix[np.argmin(np.abs(bins - edges[band + 1])), band] = 1.0
    return matrix.astype(np.float32)


def linear_matrix(sample_rate: int, n_fft: int, n_bands: int, low_hz: float, high_hz: float) -> Floats:
    """Averages over equally wide bands of FFT bins, float32 (n_fft//2 + 1, n_bands); for flatness."""
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    edges = np.linspace(low_hz, high_hz, n_bands + 1)
    inside = (bins[:, None] >= edges[None, :-1]) & (bins[:, None] < edges[None, 1:])
    return (inside / np.maximum(inside.sum(axis=0), 1)).astype(np.float32)


def chroma_matrix(sample_rate: int, n_fft: int, low_hz: float = 130.0, high_hz: float = 2000.0) -> Floats:
    """Which pitch class each FFT bin belongs to, float32 (n_fft//2 + 1, 12), C first, A = 440 Hz.

    Every semitone weighs the same however many bins fall into it, so white
    noise gives an even chroma; bins should be narrower than a semitone at ``low_hz``.
    """
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    note = 69 + 12 * np.log2(np.maximum(bins, 1e-9) / 440.0)  # MIDI numbers, fractional
    inside = (bins >= low_hz) & (bins <= high_hz)
    matrix = np.zeros((bins.size, 12))
    for semitone in np.unique(np.rint(note[inside])):
        weight = np.where(inside, np.exp(-0.5 * ((note - semitone) / 0.25) ** 2), 0.0)
        matrix[:, int(semitone) % 12] += weight / max(float(weight.sum()), 1e-9)
    return matrix.astype(np.float32)


def flatness(powers: npt.NDArray[np.floating], axis: int = -1) -> npt.NDArray[np.floating]:
    """Geometric over arithmetic mean: 1 for white noise (bands averaged), near 0 for a tone; 0 for silence."""
    mean = powers.mean(axis=axis)
    geometric = np.exp(np.log(np.maximum(powers, 1e-20)).mean(axis=axis))
    return np.where(mean > 1e-12, geometric / np.maximum(mean, 1e-20), 0.0)


def centroid(powers: npt.NDArray[np.floating], frequencies_hz: npt.NDArray[np.floating]) -> float:
    """Centre of mass of a power spectrum, Hz; 0 for silence."""
    total = float(powers.sum())
    return float((powers * frequencies_hz).sum() / total) if total > 1e-12 else 0.0


def key(chroma: npt.NDArray[np.floating]) -> tuple[str, float]:
    """The likeliest of 24 keys and how well it fits (correlation with Krumhansl's profiles, −1 to 1).

    >>> key(np.eye(12)[[0, 4, 7]].sum(axis=0))[0]
    'C major'
    """
    best, fit = "", -1.0
    if float(np.std(chroma)) < 1e-9:
        return "", 0.0
    for name, profile in (("major", MAJOR), ("minor", MINOR)):
        for tonic in range(12):
            r = float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1])
            if r > fit:
                best, fit = f"{NOTE_NAMES[tonic]} {name}", r
    return best, fit
