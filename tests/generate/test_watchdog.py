"""The watchdog barks at planted trouble and not at the band."""

import numpy as np
import pytest

from neuralbum.generate.watchdog import Watchdog
from neuralbum.nets.grid import STEPS_PER_BAR

from .makers import small_model


@pytest.fixture
def band():
    model, _ = small_model()
    songs = [example.codes for example in model.examples if example.pitch == 0.0]
    return Watchdog(model.codebook, songs), model.codebook, songs


def planted(songs, trouble, start, length):
    """A song with trouble in it."""
    rng = np.random.default_rng(0)
    take = np.tile(songs[0], (10, 1))[: start + length + 64].copy()
    take[:] = rng.permutation(take)  # nothing of the song's own repetition
    take[start : start + length] = trouble
    return take


def test_the_bands_own_songs_are_healthy(band):
    watchdog, _, songs = band
    assert [watchdog.diagnose(song) for song in songs] == [None] * len(songs)


def test_a_held_step_is_found_where_it_begins(band):
    watchdog, _, songs = band
    found = watchdog.diagnose(planted(songs, songs[0][5], 40, watchdog.longest["held"] + 2))
    assert (found.trouble, found.start) == ("held", 41)


def test_a_bar_repeated_too_long_is_found_where_it_begins_again(band):
    watchdog, _, songs = band
    n = (watchdog.longest["loop"] // STEPS_PER_BAR + 3) * STEPS_PER_BAR
    loop = np.tile(songs[0][: 2 * STEPS_PER_BAR][:STEPS_PER_BAR], (n // STEPS_PER_BAR, 1))
    assert len({tuple(step) for step in loop}) > 4, "a bar in which something happens"
    found = watchdog.diagnose(planted(songs, loop, 48, n))
    assert found.trouble == "loop"
    assert abs(found.start - 64) <= 1


def test_silence_is_found(band):
    watchdog, _, songs = band
    quietest = np.array([power.argmin() for power in watchdog.power] + [0])
    watchdog.power = [np.where(np.arange(len(p)) == p.argmin(), 1e-9, p) for p in watchdog.power]
    found = watchdog.diagnose(planted(songs, quietest, 32, watchdog.longest["silence"] + 4))
    assert found.trouble == "silence"
    assert found.start == 32


def test_bars_louder_than_the_band_are_found(band):
    watchdog, _, songs = band
    loudest = np.array([power.argmax() for power in watchdog.power] + [0])
    watchdog.power = [np.where(np.arange(len(p)) == p.argmax(), 100.0 * p, p) for p in watchdog.power]
    found = watchdog.diagnose(planted(songs, loudest, 32, STEPS_PER_BAR))
    assert (found.trouble, found.start) == ("loud", 32)
