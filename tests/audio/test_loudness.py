"""BS.1770 loudness against the standard's own numbers and against two other implementations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from neuralbum.audio.loudness import LoudnessMeter, TruePeak, k_weighting, measure
from neuralbum.errors import ParameterError

RATE = 48_000


def sine(hz: float, seconds: float, level_db: float, *, rate: int = RATE, phase: float = 0.0) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time + phase)).astype(np.float32)


def music(seconds: float, *, rate: int = RATE, seed: int = 2) -> np.ndarray:
    """Stereo noise whose level wanders, so that both gates have work."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    level = 10 ** (
        np.interp(np.arange(n) / rate, np.arange(0, seconds + 1, 2), rng.uniform(-60, -10, int(seconds / 2) + 1)) / 20
    )
    return (level * rng.normal(0, 0.5, (2, n))).clip(-1, 1).astype(np.float32)


def test_a_full_scale_sine_in_one_channel_reads_minus_three():
    # ITU-R BS.1770-4: 0 dBFS, 997 Hz, one front channel -> −3.01 LKFS
    assert measure(sine(997, 5, 0)[None], RATE).integrated_lufs == pytest.approx(-3.01, abs=0.01)


def test_the_filter_has_the_standards_printed_coefficients_at_48_khz():
    shelf, highpass = k_weighting(48_000)
    assert shelf == pytest.approx([1.53512486, -2.69169619, 1.19839281, 1, -1.69065929, 0.73248077], abs=1e-7)
    assert highpass == pytest.approx([1, -2, 1, 1, -1.99004745, 0.99007225], abs=1e-7)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_it_agrees_with_pyloudnorm(rate):
    import pyloudnorm

    audio = music(20, rate=rate)
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(audio.T.astype(np.float64))
    assert measure(audio, rate).integrated_lufs == pytest.approx(theirs, abs=0.05)


@pytest.mark.parametrize(("first", "second", "range_lu"), [(-20, -30, 10), (-20, -15, 5), (-40, -20, 20)])
def test_the_range_of_two_levels_is_their_difference(first, second, range_lu):
    # EBU Tech 3342, minimum requirements, cases 1 to 3: ±1 LU
    audio = np.concatenate([sine(1000, 20, first, rate=16_000), sine(1000, 20, second, rate=16_000)])
    assert measure(np.stack([audio, audio]), 16_000).range_lu == pytest.approx(range_lu, abs=1)


def test_loudness_and_peak_agree_with_libebur128():
    ebur = pytest.importorskip("pyebur128")
    audio = music(20)
    modes = ebur.MeasurementMode.MODE_I | ebur.MeasurementMode.MODE_TRUE_PEAK
    state = ebur.R128State(2, RATE, modes)
    state.add_frames(np.ascontiguousarray(audio.T).reshape(-1), audio.shape[1])
    ours = measure(audio, RATE)
    assert ours.integrated_lufs == pytest.approx(ebur.get_loudness_global(state), abs=1e-3)
    peak = max(ebur.get_true_peak(state, channel) for channel in (0, 1))
    assert ours.true_peak_db == pytest.approx(20 * np.log10(peak), abs=0.2)


def test_silence_between_songs_does_not_count():
    loud = sine(997, 10, -20)[None]
    gap = np.concatenate([loud, np.zeros((1, 20 * RATE), np.float32), loud], axis=1)
    assert measure(gap, RATE).integrated_lufs == pytest.approx(measure(loud, RATE).integrated_lufs, abs=0.1)


def test_blocks_of_any_size_give_the_same_numbers():
    audio = music(12)
    meter = LoudnessMeter(RATE, 2)
    edges = [0, 1, 7, 5000, 5001, 200_000, audio.shape[1]]
    for start, end in itertools.pairwise(edges):
        meter.feed(audio[:, start:end])
    whole, parts = measure(audio, RATE), meter.result()
    assert parts.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-9)
    assert parts.true_peak_db == pytest.approx(whole.true_peak_db, abs=1e-5)


def test_the_true_peak_lies_between_the_samples():
    # fs/4 at 45 degrees: every sample is 3.01 dB below the wave's peak (EBU Tech 3341, cases 15 to 19: +0.2/−0.4 dB)
    peak = measure(sine(RATE / 4, 2, -6, phase=np.pi / 4)[None], RATE)
    assert peak.sample_peak_db == pytest.approx(-9.01, abs=0.01)
    assert -6.4 <= peak.true_peak_db <= -5.8


def test_a_sound_of_one_sample_has_a_peak_and_no_loudness():
    found = measure(np.array([[0.5]], dtype=np.float32), RATE)
    assert found.integrated_lufs is None
    assert found.sample_peak_db == pytest.approx(-6.02, abs=0.01)


def test_the_low_frequency_channel_does_not_count():
    audio = np.zeros((6, 5 * RATE), dtype=np.float32)
    audio[3] = sine(50, 5, -6)
    assert measure(audio, RATE).integrated_lufs is None


def test_passing_quiet_blocks_over_changes_nothing():
    audio = music(3)
    every = TruePeak(RATE, 2)
    every._worst = 1e9  # no block is ever passed over
    every.feed(audio)
    some = TruePeak(RATE, 2)
    some.feed(audio)
    assert some.true_peak == every.true_peak


def test_a_rate_too_low_is_refused():
    with pytest.raises(ParameterError, match="500 Hz"):
        k_weighting(500)
