"""A take's own random numbers and temperature."""

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.generate import streams


def test_random_numbers_depend_on_seed_number_use_and_redraw_alone():
    first = streams.stream(3, 5, streams.CODES).random(100)
    assert np.array_equal(first, streams.stream(3, 5, streams.CODES).random(100))
    others = [(3, 6, streams.CODES, 0), (4, 5, streams.CODES, 0), (3, 5, streams.PLAN, 0), (3, 5, streams.CODES, 1)]
    assert not any(np.isin(first, streams.stream(*key).random(100)).any() for key in others)


def test_temperatures_fill_their_range_evenly_whatever_the_count():
    temperatures = np.array([streams.temperature_of(k, (0.98, 1.02)) for k in range(200)])
    assert temperatures.min() >= 0.98
    assert temperatures.max() <= 1.02
    for part in (temperatures[:50], temperatures):
        counts, _ = np.histogram(part, bins=5, range=(0.98, 1.02))
        assert np.ptp(counts) <= 3


def test_one_temperature_is_the_same_for_all_takes():
    assert {streams.temperature_of(k, (1.01,)) for k in range(9)} == {1.01}


def test_a_schedule_goes_straight_from_point_to_point_and_stays_at_its_ends():
    got = streams.schedule(((0.0, 1.0), (2.0, 2.0)), np.array([0.0, 1.0, 2.0, 9.0]))
    assert got == pytest.approx([1.0, 1.5, 2.0, 2.0])


def test_a_temperature_of_nothing_is_refused():
    with pytest.raises(ParameterError, match="musical range"):
        streams.temperature_of(0, (0.0,))
