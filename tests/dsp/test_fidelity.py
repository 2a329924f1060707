"""Distances with known values."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.dsp import fidelity
from neuralbum.errors import ParameterError

NOISE = (np.random.default_rng(0).standard_normal(44_100) * 0.1).astype(np.float32)


def test_ten_decibels_are_a_log_spectral_distance_of_one_in_every_band():
    louder = (NOISE * 10**0.5).astype(np.float32)
    bands = [(0.0, 8000.0), (8000.0, 20_000.0)]
    assert fidelity.log_spectral_distance(NOISE, louder, 44_100, bands) == pytest.approx([1.0, 1.0], abs=1e-3)
    assert fidelity.log_spectral_distance(NOISE, NOISE, 44_100, bands) == [0.0, 0.0]


def test_a_missing_top_is_seen_in_the_top_alone():
    spectrum = np.fft.rfft(NOISE)
    spectrum[8500:] = 0
    dull = np.fft.irfft(spectrum, len(NOISE)).astype(np.float32)
    low, high = fidelity.log_spectral_distance(NOISE, dull, 44_100, [(0, 8000), (9500, 20_000)])
    assert low < 0.05
    assert high > 3


def test_frechet_distance_of_two_normals_follows_the_formula():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40_000, 2)), rng.standard_normal((40_000, 2)) * [2.0, 1.0] + [3.0, 0.0]
    # |m|² + sum (s_a - s_b)² = 9 + 1 for diagonal covariances
    assert fidelity.frechet_distance(a, b) == pytest.approx(10.0, rel=0.02)
    assert fidelity.frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_timbre_hears_the_side():
    mono = np.stack([NOISE, NOISE])
    wide = np.stack([NOISE, NOISE[::-1]])
    a, b = (fidelity.stereo_timbre(x, 44_100) for x in (mono, wide))
    assert a.shape[1] == 80
    assert np.abs(a[:, 40:].mean(0) - b[:, 40:].mean(0)).max() > 1


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match="same"):
        fidelity.log_spectral_distance(NOISE, NOISE[:-1], 44_100, [(0, 8000)])
    with pytest.raises(ParameterError, match="no bin"):
        fidelity.log_spectral_distance(NOISE, NOISE, 44_100, [(30_000, 40_000)])
    with pytest.raises(ParameterError, match="too few"):
        fidelity.timbre(NOISE[:100], 44_100)
    with pytest.raises(ParameterError, match="rows"):
        fidelity.frechet_distance(np.zeros((1, 3)), np.zeros((5, 3)))
