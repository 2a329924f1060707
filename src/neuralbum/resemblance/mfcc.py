"""Patches of sound as 60 plain numbers: mean, spread and movement of 20 MFCCs.

No weights, no downloads; in trials with two bands of one genre it told their
tracks apart nearly as well as a trained net (docs/resemblance.md).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..audio import mel
from ..audio.stft import stft

Floats = npt.NDArray[np.float32]

N_FFT, HOP = 1024, 512  #: at 16 kHz: 64 ms every 32 ms
N_MELS, N_MFCC = 40, 20
LOW_HZ, HIGH_HZ = 50.0, 7600.0
FLOOR_DB = -80.0
N_NUMBERS = 3 * N_MFCC


def embed(patches: Floats, sample_rate: int) -> Floats:
    """Float32 (n_patches, n_samples) -> float32 (n_patches, N_NUMBERS)."""
    return np.stack([_one(patch, sample_rate) for patch in patches])


def _one(patch: Floats, sample_rate: int) -> Floats:
    filters = mel.mel_filters(sample_rate, N_FFT, N_MELS, LOW_HZ, min(HIGH_HZ, 0.475 * sample_rate))
    spectrum = stft(patch, N_FFT, HOP)
    power = mel.mel_power(spectrum.real**2 + spectrum.imag**2, filters) / (N_FFT / 4) ** 2
    level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    cepstra = level @ _cosines()
    movement = np.abs(np.diff(cepstra, axis=0)).mean(axis=0) if len(cepstra) > 1 else np.zeros(N_MFCC)
    return np.concatenate([cepstra.mean(axis=0), cepstra.std(axis=0), movement]).astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """The orthonormal DCT-II, float32 (N_MELS, N_MFCC)."""
    k, n = np.arange(N_MFCC), np.arange(N_MELS)
    matrix = np.cos(np.pi * k[None, :] * (n[:, None] + 0.5) / N_MELS) * np.sqrt(2.0 / N_MELS)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)
