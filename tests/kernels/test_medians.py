"""Running medians, 31 wide."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from neuralbum.errors import ParameterError
from neuralbum.kernels.medians import TILE, WIDTH, network, run_network, running_median, running_median_plain

# SciPy reads beside the array where a mirrored edge goes round more than twice (an axis of 2 or 3
# numbers and a reach of 15): there the plain twin, which pads first, is the measure.
SHORTEST = 4


def scipy_median(values, axis):
    size = [1, 1]
    size[axis] = WIDTH
    return median_filter(values, size=size, mode="reflect")


@given(st.integers(SHORTEST, 70), st.integers(SHORTEST, 40), st.sampled_from([0, 1]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_the_fast_median_is_scipys_bit_for_bit(n, m, axis, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, m)).astype(np.float32)
    values[rng.random((n, m)) < 0.3] = 0.0  # ties, as in silence
    assert np.array_equal(running_median(values, axis), scipy_median(values, axis))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (15, 31), (33, 17)])
def test_the_plain_twin_is_scipys_too(shape, axis):
    values = np.random.default_rng(1).random(shape).astype(np.float32)
    assert np.array_equal(running_median_plain(values, axis), scipy_median(values, axis))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(1, 9), (2, 3), (3, 2), (3, 40)])
def test_on_very_short_axes_fast_and_plain_agree(shape, axis):
    values = np.random.default_rng(4).random(shape).astype(np.float32)
    assert np.array_equal(running_median(values, axis), running_median_plain(values, axis))


def test_the_network_finds_medians_of_zeros_and_ones():
    # A network of minima and maxima that is right on zeros and ones is right on everything (Knuth, 5.3.4).
    rng = np.random.default_rng(2)
    inputs = rng.random((TILE + WIDTH - 1, 4000)) < rng.random(4000)
    steps = np.arange(TILE + WIDTH - 1)[:, None] < np.arange(TILE + WIDTH)[None, :]  # all thresholds, both ways
    inputs = np.concatenate([inputs, steps, ~steps], axis=1)
    found = run_network(list(inputs), np.logical_and, np.logical_or)
    for first, medians in enumerate(found):
        assert np.array_equal(medians, inputs[first : first + WIDTH].sum(axis=0) > WIDTH // 2)


def test_the_network_has_no_idle_steps():
    steps, outputs = network()
    used = set(itertools.chain.from_iterable((a, b) for _, a, b in steps)) | set(outputs)
    assert all(TILE + WIDTH - 1 + place in used for place in range(len(steps)))
    assert len(steps) / TILE < 34


def test_other_types_and_even_widths_are_refused():
    with pytest.raises(ParameterError, match="float64"):
        running_median(np.zeros((3, 3)), 0)
    with pytest.raises(ParameterError, match="must be odd"):
        running_median_plain(np.zeros((3, 3)), 0, width=4)


def test_nothing_gives_nothing():
    assert running_median(np.zeros((0, 5), np.float32), 0).shape == (0, 5)
