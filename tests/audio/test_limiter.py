"""The limiter's laws: never above, untouched below, whole, and the same in any blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.audio.limiter import Limiter

RATE = 8000


def through(sound, sizes=(), **more):
    limiter = Limiter(RATE, len(sound), **more)
    edges = [0, *np.cumsum(sizes).tolist(), sound.shape[1]] if len(sizes) else [0, sound.shape[1]]
    parts = [limiter(sound[:, a:b]) for a, b in pairwise(edges) if b > a]
    return np.concatenate(parts, axis=1), limiter


def loud(seed=0, n=6000):
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=(2, n)) * 0.2
    sound[:, rng.integers(0, n, 40)] *= 8
    return sound.astype(np.float32)


@given(st.integers(0, 50), st.floats(-12, -0.5))
@settings(max_examples=25)
def test_no_sample_is_above_the_ceiling(seed, ceiling_db):
    out, limiter = through(loud(seed), ceiling_db=ceiling_db)
    assert np.abs(out).max() <= np.float32(limiter.ceiling)
    assert limiter.ceiling == pytest.approx(10 ** (ceiling_db / 20))


def test_what_stays_below_the_ceiling_passes_to_the_bit_later_by_the_delay():
    sound = loud() * np.float32(0.1)
    out, limiter = through(sound)
    assert np.array_equal(out[:, limiter.delay :], sound[:, : -limiter.delay])
    assert not out[:, : limiter.delay].any()


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
@settings(max_examples=25)
def test_the_blocks_sizes_do_not_change_what_comes_out(sizes):
    sound = loud(3)
    whole, _ = through(sound)
    assert np.allclose(through(sound, sizes)[0], whole, atol=1e-6)


def test_the_gain_moves_in_ramps_and_both_sides_get_the_same():
    sound = np.full((2, 4000), 0.25, dtype=np.float32)
    sound[0, 2000] = 4.0
    out, limiter = through(sound)
    gain = out[:, limiter.delay :] / sound[:, : -limiter.delay]
    assert np.allclose(gain[0], gain[1])
    assert np.abs(np.diff(gain[1])).max() < 1.1 / limiter.delay
    assert gain[1].min() == pytest.approx(limiter.ceiling / 4, rel=1e-3)
    assert gain[1, 2000 + limiter.delay + 1] == pytest.approx(1.0)
