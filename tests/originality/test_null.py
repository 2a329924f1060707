"""What chance looks like."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuralbum.originality.null_distribution import (
    PRIOR_SCALE,
    Gumbel,
    benjamini_hochberg,
    fit,
    from_plain,
    null_for,
    to_plain,
)


@pytest.mark.parametrize("scale", [2.0, 5.0])
def test_a_fit_to_gumbel_samples_states_tail_probabilities_within_two(scale):
    rng = np.random.default_rng(0)
    null = fit(rng.gumbel(20.0, scale, 2000), window_s=3.0, index_s=3600.0, prior_scale=3.0)
    fresh = rng.gumbel(20.0, scale, 20_000)
    for stated in (0.1, 0.01, 0.001):
        bound = null.location - null.scale * math.log(-math.log1p(-stated))
        assert stated / 2 <= np.mean(fresh > bound) <= stated * 2


def test_a_band_that_repeats_itself_does_not_spoil_the_fit():
    rng = np.random.default_rng(1)
    plain = list(rng.gumbel(10.0, 3.0, 40))
    clean = fit(plain, window_s=3.0, index_s=3600.0, prior_scale=PRIOR_SCALE["exact"])
    repeating = fit([*plain, 400.0], window_s=3.0, index_s=3600.0, prior_scale=PRIOR_SCALE["exact"])
    assert repeating.scale < 2 * clean.scale


def test_the_location_grows_with_the_logarithm_of_what_was_compared():
    null = Gumbel(10.0, 2.0, 50, 3.0, 3600.0)
    assert null.at(30.0, 3600.0).location == pytest.approx(10 + 2 * math.log(10))
    assert null.at(3.0, 7200.0).location == pytest.approx(10 + 2 * math.log(2))


def test_far_tails_do_not_underflow():
    null = Gumbel(10.0, 1.0, 50, 3.0, 3600.0)
    assert null.log10_p(110.0) == pytest.approx(-100 / math.log(10))
    assert null.log10_p(0.0) == pytest.approx(0.0, abs=1e-6)
    assert null.log10_p(10.0) == pytest.approx(math.log10(1 - math.exp(-1)))


def test_fits_survive_storage_and_are_interpolated_between_lengths():
    nulls = {"exact": [Gumbel(5.0, 2.0, 24, 3.0, 100.0), Gumbel(9.0, 4.0, 24, 12.0, 100.0)]}
    again = from_plain(to_plain(nulls))
    assert again["exact"] == nulls["exact"]
    between = null_for(again["exact"], 6.0, 100.0)
    assert (between.location, between.scale) == (pytest.approx(7.0), pytest.approx(3.0))


def test_benjamini_hochberg_gives_the_textbook_values():
    # Benjamini and Hochberg 1995, section 3.2: four of the fifteen are called at 0.05.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    q = benjamini_hochberg(p[::-1])[::-1]
    assert sum(value <= 0.05 for value in q) == 4
    assert q == sorted(q)
    assert benjamini_hochberg([]) == []
