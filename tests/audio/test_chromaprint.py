"""Chromaprint in NumPy gives fpcalc's words."""

from __future__ import annotations

import numpy as np

from neuralbum import audio
from neuralbum.audio.chromaprint import RATE, chromaprint

FPCALC = """d1003822 51c03822 578418e2 578c08a2 578cc882 578c8880 578d8880 df86a980 dd06aa80 dd12ba80 fd32aac1 fd32aa02
fd33aa32 fd31aa22 e5306a22 e5703a22 e7b03b21 e7b01920 e3b41920 f3ff08d0 f37e0880 d15e0880 51460883 51861882 5182d882
51839882 5180b8c2"""
"""``fpcalc -raw -length 0`` (version 1.5.1) of ``chord`` as 16-bit WAV."""


def chord() -> np.ndarray:
    """Five notes that come and go, and noise: float32 (1, n), a whole number of 16-bit steps."""
    rng, t = np.random.default_rng(7), np.arange(6 * RATE) / RATE
    hz = (110.0, 164.81, 246.94, 369.99, 554.37)
    notes = sum(np.sin(2 * np.pi * f * t) * (np.sin(2 * np.pi * (0.3 + 0.1 * k) * t) > 0) for k, f in enumerate(hz))
    mixed = np.clip(0.12 * notes + 0.02 * rng.standard_normal(t.size), -1, 1)
    return (np.round(mixed * 32767) / 32768)[None].astype(np.float32)


def test_the_words_are_those_of_fpcalc():
    assert [f"{word:08x}" for word in chromaprint(chord(), RATE)] == FPCALC.split()


def test_another_rate_and_two_channels_change_hardly_a_bit():
    sound = audio.resample(chord(), RATE, 44_100)
    words = chromaprint(np.concatenate([sound, sound]), 44_100)
    assert np.bitwise_count(words[:26] ^ chromaprint(chord(), RATE)[:26]).mean() < 0.5


def test_a_sound_too_short_for_a_word_has_none():
    assert chromaprint(chord()[:, : 2 * RATE], RATE).size == 0
    assert chromaprint(np.zeros((1, 0), np.float32), RATE).size == 0
