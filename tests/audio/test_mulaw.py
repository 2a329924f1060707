"""The quantiser: exact on its own levels, mirrored, as good as 8 bits can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuralbum.audio import mulaw
from neuralbum.errors import ParameterError

amplitudes = hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1, 1))


@pytest.mark.parametrize("n_levels", [4, 256, 1024])
def test_every_level_decodes_to_itself(n_levels):
    levels = np.arange(n_levels)
    assert np.array_equal(mulaw.encode(mulaw.decode(levels, n_levels), n_levels), levels)


@given(amplitudes, st.sampled_from([256, 1024]))
def test_the_code_is_mirrored(x, n_levels):
    x = x[x != 0]
    assert np.array_equal(mulaw.encode(-x, n_levels), n_levels - 1 - mulaw.encode(x, n_levels))


@given(amplitudes)
def test_no_other_level_is_nearer_once_companded(x):
    def bent(v):
        return np.sign(v) * np.log1p(255 * np.abs(v)) / np.log1p(255)

    own = np.abs(bent(x) - bent(mulaw.decode(mulaw.encode(x)).astype(np.float64)))
    best = np.abs(bent(x)[:, None] - bent(mulaw.table().astype(np.float64))[None]).min(axis=1)
    assert np.all(own <= best + 1e-6)


def test_eight_bits_give_about_38_db():
    x = np.random.default_rng(0).normal(0, 0.1, 100_000)
    error = mulaw.decode(mulaw.encode(x)) - x
    assert 10 * np.log10(np.mean(x**2) / np.mean(error**2)) == pytest.approx(37.8, abs=0.5)


def test_what_is_too_loud_is_clipped_to_the_last_level():
    assert mulaw.encode(np.array([-5.0, 5.0])).tolist() == [0, 255]


@pytest.mark.parametrize("n_levels", [2, 255, 0])
def test_an_odd_number_of_levels_is_refused(n_levels):
    with pytest.raises(ParameterError, match=f"n_levels={n_levels}"):
        mulaw.encode(np.zeros(3), n_levels)
