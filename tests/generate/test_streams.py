"""A take's own dice and temperature."""

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.generate import streams


def test_dice_depend_on_seed_number_and_rewind_alone():
    first = streams.dice(3, 5).random(100)
    assert np.array_equal(first, streams.dice(3, 5).random(100))
    others = [streams.dice(3, 6), streams.dice(4, 5), streams.dice(3, 5, 1)]
    assert not any(np.isin(first, other.random(100)).any() for other in others)


def test_dice_thrown_in_pieces_are_dice_thrown_at_once():
    rng = streams.dice(0, 0)
    pieces = np.concatenate([rng.random(7), rng.random(93)])
    assert np.array_equal(pieces, streams.dice(0, 0).random(100))


def test_temperatures_fill_their_range_evenly_whatever_the_count():
    temperatures = np.array([streams.temperature_of(k, (0.98, 1.02)) for k in range(200)])
    assert temperatures.min() >= 0.98
    assert temperatures.max() <= 1.02
    for part in (temperatures[:50], temperatures):
        counts, _ = np.histogram(part, bins=5, range=(0.98, 1.02))
        assert np.ptp(counts) <= 3


def test_one_temperature_is_the_same_for_all_takes():
    assert {streams.temperature_of(k, (1.01,)) for k in range(9)} == {1.01}


def test_a_schedule_goes_straight_from_point_to_point():
    points = ((0.0, 1.0), (1.0, 2.0))
    got = streams.schedule(points, 8000, 16_000, 16_000)
    assert got[0] == pytest.approx(1.5)
    assert got[-1] == pytest.approx(2.0)


def test_primes_lie_inside_their_song_and_short_songs_are_passed_over():
    songs = {"long": 100, "short": 10}
    chosen = [streams.choose_prime(0, k, songs, 50) for k in range(30)]
    assert {one["track"] for one in chosen} == {"long"}
    assert all(0 <= one["start"] <= 50 for one in chosen)
    assert len({one["start"] for one in chosen}) > 5
    assert streams.choose_prime(0, 0, songs, 500) == {}


def test_a_temperature_of_nothing_is_refused():
    with pytest.raises(ParameterError, match="musical range"):
        streams.temperature_of(0, (0.0,))
