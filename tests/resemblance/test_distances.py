"""Distances with known values, and laws they must keep."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.resemblance import distances

RNG_SEED = 4


def gaussian(mean: float, width: float, n: int = 4000, d: int = 3, seed: int = RNG_SEED) -> np.ndarray:
    return mean + width * np.random.default_rng(seed).normal(0, 1, (n, d))


def test_frechet_of_two_gaussians_is_the_formula():
    # |m1 − m2|² + Σ (s1 − s2)² for independent coordinates
    found = distances.frechet(gaussian(0, 1), gaussian(2, 3, seed=5))
    assert found == pytest.approx(3 * (4 + 4), rel=0.05)


def test_frechet_to_itself_is_zero_even_when_flat():
    flat = gaussian(0, 1) * np.array([1, 1, 0])
    assert distances.frechet(flat, flat) == pytest.approx(0, abs=1e-9)


def test_coverage_of_alike_clouds_is_one_minus_two_to_the_minus_k():
    # Naeem et al. 2020, equation 11, for equal sizes
    covered = distances.coverage(gaussian(0, 1, 2000), gaussian(0, 1, 2000, seed=8), 5)
    assert covered == pytest.approx(1 - 2**-5, abs=0.02)


def test_copies_of_one_point_are_one_thing_and_far_points_are_many():
    assert distances.effective_number(np.zeros((20, 3)), 1.0) == pytest.approx(1.0)
    assert distances.effective_number(100.0 * np.arange(20)[:, None], 1.0) == pytest.approx(20.0)


def test_the_scale_takes_units_out():
    points = gaussian(0, 1, 300) * np.array([1, 1000, 0.001])
    scaled = distances.fit_scale(points, 3)(points)
    assert scaled.std(axis=0) == pytest.approx(np.ones(3), abs=0.1)
