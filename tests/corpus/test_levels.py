from __future__ import annotations

import math

import numpy as np
import pytest

from neuralbum.corpus.levels import LevelMeter, corpus_gain, to_stereo

RATE = 8000


def sine(amplitude: float, n: int = RATE) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 440 * np.arange(n) / RATE)).astype(np.float32)


def test_a_sine_lies_three_decibels_below_its_peak():
    meter = LevelMeter(RATE)
    tone = np.stack([sine(0.5), sine(0.5)])
    for start in range(0, RATE, 1000):
        meter.add(tone[:, start : start + 1000])
    levels = meter.levels()
    assert levels.peak_db == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert levels.level_db == pytest.approx(levels.peak_db - 3.01, abs=0.01)
    assert levels.duration_s == 1.0


def test_sides_that_cancel_are_seen():
    meter = LevelMeter(RATE)
    meter.add(np.stack([sine(0.5), -sine(0.5)]))
    levels = meter.levels()
    assert levels.level_db == -180.0
    assert levels.stereo_db == pytest.approx(-9.03, abs=0.01)


def test_not_a_number_is_counted_and_silenced():
    meter = LevelMeter(RATE)
    block = np.zeros((2, 10), np.float32)
    block[0, 3], block[1, 4] = np.nan, np.inf
    meter.add(block)
    assert meter.levels().bad_samples == 2
    assert meter.levels().peak_db == -180.0


def test_one_gain_brings_the_loudest_peak_to_the_level_and_not_above():
    gain_db = 20 * math.log10(corpus_gain([-7.3, -30.0], -1.0))
    assert gain_db == pytest.approx(6.0)
    assert -7.3 + gain_db <= -1.0


def test_a_slightly_louder_track_does_not_move_the_gain():
    assert corpus_gain([-7.3], -1.0) == corpus_gain([-7.3, -7.1], -1.0)


@pytest.mark.parametrize("channels", [1, 2, 4, 6, 8])
def test_any_number_of_channels_becomes_two(channels):
    audio = np.ones((channels, 5), np.float32)
    stereo = to_stereo(audio)
    assert stereo.shape == (2, 5)
    assert np.array_equal(stereo[0], stereo[1])
