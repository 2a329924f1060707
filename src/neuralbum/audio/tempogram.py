"""The tempo of a rhythm as a spectrum: 30 to 480 BPM, 48 bins per octave.

Two views of the same onset curve are multiplied. The Fourier tempogram (how
strongly does the curve swing at this rate?) shows a tempo and its multiples;
the autocorrelation (is it like itself one beat later?) shows it and its
divisors. What both show is the tempo (Grosche, Müller & Kurth, ICASSP 2010;
Peeters, "Template-based estimation of time-varying tempo", 2007).

Pure: onset curves in, spectra out.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .onset import detrend, windows

Floats = npt.NDArray[np.float64]

LOW_BPM, HIGH_BPM, BINS_PER_OCTAVE = 30.0, 480.0, 48
N_BINS = 4 * BINS_PER_OCTAVE + 1
BPM: Floats = LOW_BPM * 2.0 ** (np.arange(N_BINS) / BINS_PER_OCTAVE)
"""The tempo of each bin, (193,)."""

TOGETHER = 64  #: stretches worked on at once

QUIET_RISE = 0.3
"""Variance (dB per frame, squared) of an onset curve that counts as nothing: keeps a drone's ripple from
being taken for rhythm; real tracks have 1 to 20, noise and drones about 0.1."""


def tempograms(onset: npt.NDArray[np.floating], frame_rate: float, *, window_s: float, hop_s: float) -> Floats:
    """Both views of every stretch of an onset curve.

    Parameters
    ----------
    onset : (n_frames,) rise per frame
    frame_rate : Hz
    window_s, hop_s : float
        Stretches of ``window_s``, one every ``hop_s``.

    Returns
    -------
    float64 (n_windows, 2, N_BINS): [:, 0] Fourier magnitude, [:, 1] autocorrelation,
    both about 0 to 1 (a train of equal clicks at that tempo gives about 1).
    """
    length, hop = max(2, round(window_s * frame_rate)), max(1, round(hop_s * frame_rate))
    stretches = windows(detrend(onset, frame_rate), length, hop)
    parts = [_views(stretches[i : i + TOGETHER], frame_rate) for i in range(0, len(stretches), TOGETHER)]
    return np.concatenate(parts)


def _views(stretches: Floats, frame_rate: float) -> Floats:
    length = stretches.shape[1]
    stretches = stretches - stretches.mean(axis=1, keepdims=True)
    energy = (stretches**2).sum(axis=1) + QUIET_RISE * length
    kernel = _fourier_kernel(length, frame_rate)
    fourier = np.abs(stretches @ kernel) / np.sqrt(energy * length)[:, None]
    return np.stack([fourier, _autocorrelation(stretches, frame_rate) / energy[:, None]], axis=1)


@lru_cache(maxsize=4)
def _fourier_kernel(length: int, frame_rate: float) -> npt.NDArray[np.complex128]:
    time_s = np.arange(length) / frame_rate
    taper = np.hanning(length + 2)[1:-1]
    taper /= np.sqrt((taper**2).mean())
    # [beats/min] / [60 s/min] * [s] = [beats]
    return np.asarray(taper[:, None] * np.exp(-2j * np.pi * time_s[:, None] * BPM[None, :] / 60.0))


def _autocorrelation(stretches: Floats, frame_rate: float) -> Floats:
    """At lags of one beat of every tempo, corrected for the overlap that shrinks with the lag."""
    from scipy.fft import irfft, next_fast_len, rfft

    length = stretches.shape[1]
    n_fft = next_fast_len(2 * length, real=True)
    spectrum = rfft(stretches, n_fft, axis=1)
    raw = irfft(np.abs(spectrum) ** 2, n_fft, axis=1)[:, :length]
    raw *= length / np.maximum(length - np.arange(length), length / 4)
    lags = 60.0 / BPM * frame_rate  # [60 s/min] / [beats/min] * [frames/s] = [frames/beat]
    inside = lags < length - 2
    found = np.zeros((len(raw), N_BINS))
    whole = np.floor(lags[inside]).astype(int)
    part = lags[inside] - whole
    # Catmull-Rom through four neighbours: at 480 BPM a bin is 0.2 frames wide
    a, b, c, d = (raw[:, whole + k] for k in (-1, 0, 1, 2))
    found[:, inside] = b + 0.5 * part * (c - a + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a)))
    return np.maximum(found, 0.0)


def smooth_bins(spectrum: Floats, width_bins: float) -> Floats:
    """Blur along tempo by a Gaussian of that standard deviation in bins."""
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(spectrum, width_bins, axis=-1, mode="constant"))


def peak_bpm(spectrum: Floats, index: int) -> float:
    """The tempo of a peak, between bins: a parabola through its neighbours (in log tempo)."""
    shift = 0.0
    if 0 < index < spectrum.size - 1:
        left, middle, right = spectrum[index - 1 : index + 2]
        curve = left - 2 * middle + right
        shift = float(np.clip(0.5 * (left - right) / curve, -0.5, 0.5)) if curve < 0 else 0.0
    return float(LOW_BPM * 2.0 ** ((index + shift) / BINS_PER_OCTAVE))
