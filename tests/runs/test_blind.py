"""Blind comparisons: the exact binomial test, and two sounds that differ in nothing but the music."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from scipy.stats import binomtest

from neuralbum.audio import loudness
from neuralbum.records import BlindTest
from neuralbum.runs.blind import alike, binomial_p, result

RATE = 44_100


@pytest.mark.parametrize("n", [1, 2, 7, 16, 40, 200])
def test_the_p_value_is_the_exact_two_sided_binomial_tests(n):
    for chosen in range(n + 1):
        assert binomial_p(chosen, n) == pytest.approx(binomtest(chosen, n, 0.5).pvalue, rel=1e-9)


def test_of_16_trials_13_tell_taste_from_chance_and_12_do_not():
    assert binomial_p(13, 16) < 0.05 < binomial_p(12, 16)


def test_a_result_names_the_preferred_one_or_says_that_there_is_none():
    clear = result(BlindTest("t", "ana", "m@1", "m@2", 8, ("b",) * 8))
    assert (clear["chose_a"], clear["chose_b"]) == (0, 8)
    assert str(clear["sentence"]).startswith("m@2 is preferred")
    assert "no difference" in str(result(BlindTest("t", "ana", "m@1", "m@2", 2, ("a", "b")))["sentence"])


def sound(seconds, gain, seed):
    return (gain * np.random.default_rng(seed).normal(0, 0.1, (2, round(seconds * RATE)))).astype(np.float32)


def test_neither_length_nor_loudness_tells_two_sounds_apart():
    pair = alike(sound(2.0, 1.0, 1), sound(1.5, 0.2, 2), RATE)
    assert len(pair[0]) == len(pair[1])
    assert pair[0][:44] == pair[1][:44]  # the header
    plain = [soundfile.read(io.BytesIO(data), dtype="float32")[0].T for data in pair]
    one, other = (loudness.measure(np.ascontiguousarray(s), RATE).integrated_lufs for s in plain)
    assert one == pytest.approx(other, abs=0.1)
    assert other == pytest.approx(loudness.measure(sound(1.5, 0.2, 2), RATE).integrated_lufs, abs=0.1)


def test_silence_is_left_as_it_is():
    one, other = alike(np.zeros((2, RATE), np.float32), sound(1.0, 1.0, 1), RATE)
    assert len(one) == len(other)
