"""Mu-law quantisation: round to nearest, symmetric, exactly invertible on its own levels.

Companding after ITU-T G.711's continuous form, mu = n_levels − 1. The levels
lie symmetric around zero, so that −x always gets the mirrored level; there is
an even number of them, hence none at exactly zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Float = npt.NDArray[np.float32]
Levels = npt.NDArray[np.int32]


def encode(audio: npt.NDArray[np.floating], n_levels: int = 256) -> Levels:
    """Amplitudes in [−1, 1] (clipped) -> levels in [0, n_levels), same shape."""
    mu = _mu(n_levels)
    x = np.clip(np.asarray(audio, dtype=np.float64), -1.0, 1.0)
    companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)  # in [−1, 1]
    # [−1, 1] * mu/2 + mu/2 = [0, mu]; half-integers round away from the middle, mirrored
    centred = companded * mu / 2.0
    level = np.floor(np.abs(centred) + 1e-12) + 0.5
    return np.asarray(np.where(centred < 0, -level, level) + mu / 2.0, dtype=np.int32).clip(0, n_levels - 1)


def decode(levels: npt.NDArray[np.integer], n_levels: int = 256) -> Float:
    """Levels in [0, n_levels) -> the amplitude each stands for, float32 in [−1, 1]."""
    return table(n_levels)[np.asarray(levels)]


def table(n_levels: int = 256) -> Float:
    """The amplitude of every level, float32 (n_levels,), increasing and odd-symmetric."""
    mu = _mu(n_levels)
    companded = (np.arange(n_levels, dtype=np.float64) - mu / 2.0) / (mu / 2.0)
    return np.asarray(np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu, dtype=np.float32)


def _mu(n_levels: int) -> float:
    if n_levels < 4 or n_levels % 2:
        raise ParameterError(f"n_levels={n_levels} must be even and at least 4; 256 is 8 bit, 1024 is 10 bit")
    return float(n_levels - 1)
