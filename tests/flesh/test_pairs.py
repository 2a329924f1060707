"""What the flesh learns from is what a skeleton would give it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import soxr

from neuralbum.dsp import front_end
from neuralbum.errors import ParameterError, TrainingError
from neuralbum.flesh import pairs
from neuralbum.flesh.params import FleshParams, NetShape

from .makers import song

SHAPE = NetShape(16, 1)
PLAIN = FleshParams(noise_share=0.0, cutoff_share=0.0)


def crops(params=PLAIN, songs=None, seed=0, batch=3, frames=40):
    rng = np.random.default_rng(seed)
    return pairs.draw(songs or [song(0), song(1)], SHAPE, params, batch=batch, frames=frames, rng=rng)


def test_the_input_goes_through_the_skeletons_quantiser_and_nothing_else():
    made = crops()
    assert np.array_equal(made.heard, front_end.amplitudes_of(front_end.levels_of(made.clean)))
    assert not np.array_equal(made.heard, made.clean)
    assert (made.level == 0).all()


def test_input_and_target_are_the_same_moment():
    made = crops(batch=4)
    edge = 3 * 160
    for clean, wanted in zip(made.clean, made.wanted, strict=True):
        inner = clean[edge : edge + 37 * 160]
        low = soxr.resample(wanted[0], 44_100, 16_000)
        n = min(len(inner), len(low))
        assert np.corrcoef(inner[200 : n - 200], low[200 : n - 200])[0, 1] > 0.99


def test_dice_decide_everything():
    assert all(
        np.array_equal(a, b)
        for a, b in zip(*(dataclasses.astuple(crops(FleshParams())) for _ in range(2)), strict=True)
    )
    assert not np.array_equal(crops(seed=0).heard, crops(seed=1).heard)


@pytest.mark.parametrize("follows", [False, True])
def test_noise_has_the_signal_to_noise_ratio_asked_for(follows):
    clean = pairs.to_float(song(0).mono)
    worse = pairs.noisy(clean, 20.0, follows, 16_000, np.random.default_rng(0))
    assert pairs.snr_db(clean, worse) == pytest.approx(20.0, abs=0.2)


def test_levels_span_the_promised_ratios():
    assert [pairs.level_of_snr(x) for x in (60, 50, 27.5, 5, 0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_a_lower_cut_off_keeps_the_bass_and_takes_the_top():
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    before, after = (np.abs(np.fft.rfft(x)) ** 2 for x in (noise, pairs.lowered(noise, 6500, 16_000)))
    assert after[:5500].sum() == pytest.approx(before[:5500].sum(), rel=0.05)
    assert after[7500:].sum() < 0.01 * before[7500:].sum()


def test_noisy_crops_tell_their_level():
    made = crops(FleshParams(noise_share=1.0, cutoff_share=0.0), batch=8)
    snr = [pairs.level_of_snr(pairs.snr_db(c, h)) for c, h in zip(made.clean, made.heard, strict=True)]
    assert (made.level > 0).all()
    assert np.corrcoef(snr, made.level)[0, 1] > 0.8


def test_the_skeletons_own_samples_are_used_with_their_own_level():
    plain = song(0)
    rng = np.random.default_rng(0)
    drawn = pairs.quantised(pairs.noisy(pairs.to_float(plain.mono), 25.0, True, 16_000, rng), 256)
    made = crops(dataclasses.replace(PLAIN, forced_share=1.0), [dataclasses.replace(plain, forced=drawn)])
    assert (made.level > 0.3).all()
    suggested = pairs.suggested_level([dataclasses.replace(plain, forced=drawn)], 0.0)
    assert suggested == pytest.approx(pairs.level_of_snr(25.0), abs=0.05)
    assert pairs.suggested_level([plain], 0.42) == 0.42


def test_forced_samples_of_another_length_are_refused():
    with pytest.raises(ParameterError, match="one sample for each"):
        pairs.check_forced(dataclasses.replace(song(0), forced=np.zeros(5, np.int16)))


def test_songs_shorter_than_a_crop_are_refused_with_a_way_out():
    with pytest.raises(TrainingError, match=r"crop_s"):
        crops(songs=[song(0, 0.3)])


def test_free_running_audio_has_no_original():
    free = [pairs.to_float(song(3).mono)]
    made = pairs.draw_free(free, SHAPE, level=0.5, batch=2, frames=30, rng=np.random.default_rng(0))
    assert made.wanted is None
    assert (made.level == 0.5).all()
    with pytest.raises(TrainingError, match="free-running"):
        pairs.draw_free([np.zeros(10, np.float32)], SHAPE, level=0.5, batch=2, frames=30, rng=np.random.default_rng(0))


def test_excerpts_are_aligned_and_leave_silence_out():
    silent = pairs.Song("silence", np.zeros(64_000, np.int16), np.zeros((2, 176_400), np.int16))
    found = pairs.excerpts([song(0), silent], SHAPE, 4.0)
    assert [(m.shape, s.shape) for m, s in found] == [((32_000,), (2, 88_200))]
