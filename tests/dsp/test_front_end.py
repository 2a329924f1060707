"""One way from prepared audio to levels."""

import numpy as np
import pytest

from neuralbum.dsp import front_end, mulaw
from neuralbum.errors import ParameterError


@pytest.mark.parametrize("n_levels", [16, 256, 1024])
def test_int16_and_float_of_the_same_sound_get_the_same_levels(n_levels):
    pcm = np.arange(-32767, 32768, 7, dtype=np.int16)
    assert np.array_equal(front_end.levels_of(pcm, n_levels), front_end.levels_of(pcm / 32767.0, n_levels))


@pytest.mark.parametrize("n_levels", [16, 256, 1024])
def test_an_amplitude_between_two_edges_gets_the_level_between_them(n_levels):
    edges = front_end.edges(n_levels)
    middles = np.concatenate([[-1.0], (edges[1:] + edges[:-1]) / 2, [1.0]])
    assert np.array_equal(front_end.levels_of(middles, n_levels), np.arange(n_levels))


def test_every_level_lies_between_its_edges():
    edges, amplitudes = front_end.edges(256), mulaw.table(256)
    assert np.all(amplitudes[1:] > edges)
    assert np.all(amplitudes[:-1] < edges)


def test_the_silent_level_is_the_quietest_there_is():
    assert abs(mulaw.table(256)[front_end.silent_level(256)]) == np.abs(mulaw.table(256)).min()


def test_other_integers_are_refused_because_their_scale_is_unknown():
    with pytest.raises(ParameterError, match="int32"):
        front_end.levels_of(np.zeros(3, dtype=np.int32))
