"""How like the corpus something sounds: known answers, and what is ill lies farther off than the corpus itself."""

import numpy as np
import pytest

from neuralbum.dsp import front_end
from neuralbum.skeleton import likeness

from .makers import RATE, song


def test_entropy_that_differs_from_the_corpus_counts_as_distance():
    known = {"level_db": -20.0, "entropy": 5.0}
    assert likeness.distance({"level_db": -20.0, "entropy": 5.0}, known) == 0
    assert likeness.distance({"level_db": -20.0, "entropy": 6.0}, known) == pytest.approx(np.sqrt(2.0))


def colours(n):
    white = np.random.default_rng(0).standard_normal(n)
    return {"white": white, "brown": np.cumsum(white), "blue": np.diff(white, prepend=0.0)}


@pytest.mark.parametrize("colour", ["white", "brown", "blue"])
def test_noise_of_any_colour_has_the_tonality_that_theory_says(colour):
    noise = colours(160_000)[colour]
    found = likeness.tonality(0.1 * noise[None] / noise.std())
    assert found == pytest.approx(np.pi / np.sqrt(6.0), abs=0.08)  # a bin's power is exponentially distributed


def test_tones_stand_out_and_silence_has_no_tonality():
    t = np.arange(32_000) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6, 440.0, 659.3)) / 10
    rng = np.random.default_rng(0)
    assert likeness.tonality((chord + 1e-3 * rng.standard_normal(32_000))[None]) > 2.0
    assert likeness.tonality(np.zeros((1, 32_000))) is None
    assert "tonality" not in likeness.statistics(np.zeros(32_000), sample_rate=RATE)
    assert likeness.statistics(chord, sample_rate=RATE)["tonality"] > 2.0


def test_one_tone_holds_all_there_is_and_noise_as_much_as_chance_gives_three_bins():
    t = np.arange(8 * RATE) / RATE
    whistle, noise = 0.1 * np.sin(2 * np.pi * 2000.0 * t), np.random.default_rng(0).standard_normal(t.size)
    assert likeness.held_line(whistle[None], RATE) == pytest.approx(0.0, abs=0.1)
    assert likeness.held_line(0.1 * noise[None], RATE) < -20.0
    loud = 10 ** (-6 / 20) * np.sqrt(2) * whistle / 0.1 * noise.std()  # a fifth of all power, a quarter of the noise's
    assert -8.0 < likeness.held_line((0.05 * (noise + loud))[None], RATE) < -4.0


def test_a_line_counts_where_it_stands_and_not_where_it_moves():
    t = np.arange(8 * RATE) / RATE
    tune = np.sin(2 * np.pi * np.cumsum(500.0 * 2.0 ** (np.floor(4.0 * t) % 5 / 5.0)) / RATE)  # four notes a second
    assert likeness.held_line(tune[None], RATE) < -30.0
    both = np.stack([tune, np.sin(2 * np.pi * 500.0 * t)])
    assert likeness.held_line(both, RATE) == pytest.approx(likeness.held_line(tune[None], RATE) / 2.0, abs=0.1)


@pytest.mark.parametrize("sound", [np.zeros(4 * RATE), np.ones(4 * RATE - 1)])
def test_silence_and_less_than_four_seconds_have_no_line(sound):
    assert "held_line_db" not in likeness.statistics(sound, sample_rate=RATE)


def test_most_of_a_bands_seconds_are_like_it_and_noise_and_silence_are_not():
    songs = [song(8.0, 0), song(8.0, 1)]
    band = likeness.band(songs, 256, sample_rate=RATE)
    own = [front_end.amplitudes_of(s.levels[k * RATE : (k + 1) * RATE]) for s in songs for k in range(8)]
    assert np.mean([band.is_like(second) for second in own]) == likeness.LIKE_SHARE
    assert not band.is_like(np.zeros(RATE))
    assert not band.is_like(0.3 * np.random.default_rng(0).normal(size=RATE))
