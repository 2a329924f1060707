"""The plain renderer: known sounds come back, in any blocks, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralbum.errors import ParameterError
from neuralbum.nets.frames import FrameSpec, analyse
from neuralbum.nets.griffin_lim import Grid, OverlapAdd, PlainRenderer, griffin_lim

from .conftest import SPEC, recording, sine

BORDERS = 1e-4  # what rounding may change where blocks meet; peaks are about 0.5
CENTS = 20.0  # a fifth of a semitone, which is how wide the bands are there
LEVEL_DB = 1.0
TONE_DB = 2.0  # a lone tone's columns agree, so it loses nothing to phases, for which bands are raised by about 1 dB


def frames_of(audio):
    return analyse(audio, SPEC)[0]


def level_db(sound):
    return 10 * np.log10(np.mean(np.square(sound)))


@pytest.mark.parametrize("overlap", [4, 6])
def test_a_spectrum_and_its_inverse_give_the_sound_back(overlap):
    grid = Grid(100, overlap)
    sound = torch.randn(2, 5000, generator=torch.Generator().manual_seed(0))
    made = grid.sound(grid.spectrum(sound))
    inner = slice(grid.n_window, -grid.n_window)
    assert torch.allclose(made[:, inner], sound[:, : made.shape[1]][:, inner], atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_overlap_add_in_blocks_is_the_whole_inverse(size):
    grid = Grid(100)
    spectrum = grid.spectrum(torch.randn(2, 4000, generator=torch.Generator().manual_seed(0)))
    adder = OverlapAdd(grid)
    made = [adder.push(piece) for piece in spectrum.split(size, dim=1)] + [adder.flush()]
    assert torch.allclose(torch.cat(made, dim=1), grid.sound(spectrum), atol=1e-6)


def test_columns_agree_better_after_griffin_lim():
    grid = Grid(100)
    rng = torch.Generator().manual_seed(0)
    magnitude = grid.spectrum(torch.randn(6000, generator=rng)).abs()
    phases = torch.rand(magnitude.shape, generator=rng) * 6.28

    def error(iterations):
        made = griffin_lim(grid, magnitude, phases, iterations)
        return float((grid.spectrum(grid.sound(made)).abs() - magnitude).square().mean())

    assert error(8) < 0.5 * error(0)


@pytest.mark.parametrize("hz", [110.0, 311.0, 440.0, 1010.0])
def test_a_sine_comes_back_at_its_frequency_and_level(plain, hz):
    sound = sine(hz, 3.0, 0.1)
    made = plain.render(frames_of(sound[None]), seed=0)[0, 44_100:88_200]
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))  # a bin is 1 Hz
    assert abs(1200 * np.log2(spectrum.argmax() / hz)) < max(CENTS, 1200 * np.log2(1 + 1.0 / hz))
    assert abs(level_db(made) - level_db(sound)) < TONE_DB


def test_noise_keeps_its_level_and_its_width(plain):
    rng = np.random.default_rng(5)
    mid, side = rng.standard_normal((2, 44_100 * 3)).astype(np.float32) * np.float32([[0.1], [0.05]])
    made = plain.render(frames_of(np.stack([mid + side, mid - side])), seed=0)
    inner = made[:, 22_050:-22_050]
    assert abs(level_db(inner[0] + inner[1]) - level_db(2 * mid)) < LEVEL_DB
    assert abs(level_db(inner[0] - inner[1]) - level_db(2 * side)) < LEVEL_DB


def test_a_hit_comes_back_where_it_was(plain):
    sound = np.zeros((2, 88_200), dtype=np.float32)
    at = 44_100
    burst = np.random.default_rng(0).standard_normal(2000) * np.exp(-np.arange(2000) / 400)
    sound[:, at : at + 2000] = 0.5 * burst
    made = plain.render(frames_of(sound), seed=0)[0]
    centre = (np.arange(len(made)) * made.astype(np.float64) ** 2).sum() / (made.astype(np.float64) ** 2).sum()
    assert abs(centre - (at + 200)) < 0.010 * 44_100


def test_frames_of_mono_give_two_equal_channels(plain):
    left, right = plain.render(frames_of(recording(7, 2.0)[:1]), seed=0)
    assert np.array_equal(left, right)


def test_the_same_frames_and_seed_give_the_same_bits(plain, pairs):
    frames = pairs[0][0][:300]
    first = plain.render(frames, seed=3)
    plain.render(pairs[1][0][:100], seed=4)  # another take in between
    assert np.array_equal(plain.render(frames, seed=3), first)
    assert not np.array_equal(plain.render(frames, seed=4), first)


@pytest.mark.parametrize("block", [1, 37, 10_000])
def test_where_blocks_meet_is_not_heard(plain, pairs, block):
    frames = pairs[0][0][:120]
    whole = plain.render(frames, seed=0, block=120)
    assert np.abs(plain.render(frames, seed=0, block=block) - whole).max() < BORDERS


@pytest.mark.parametrize("n_frames", [1, 2, 61])
def test_a_take_lasts_as_many_hops_as_it_has_frames(plain, pairs, n_frames):
    assert plain.render(pairs[0][0][:n_frames], seed=0).shape == (2, n_frames * SPEC.hop_length)


def test_frames_far_outside_the_band_stay_bounded(plain):
    wild = np.random.default_rng(0).normal(0.0, 200.0, (120, SPEC.size)).astype(np.float32)
    made = plain.render(wild, seed=0)
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 100.0


def test_a_renderer_is_its_buffers(plain, pairs):
    again = PlainRenderer(SPEC)
    again.load_state_dict(plain.state_dict())
    frames = pairs[0][0][:100]
    assert np.array_equal(again.render(frames, seed=0), plain.render(frames, seed=0))


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_other_sample_rates_are_rendered_too(rate):
    spec = FrameSpec(rate)
    audio = recording(1, 4.0, spec)
    frames = analyse(audio, spec)[0]
    made = PlainRenderer.fit([(frames, audio)], spec).render(frames, seed=0)
    assert abs(level_db(made) - level_db(audio)) < 2 * LEVEL_DB


def test_frames_of_another_shape_are_refused(plain):
    with pytest.raises(ParameterError, match=rf"\(5, 7\).*{SPEC.size}"):
        plain.render(np.zeros((5, 7), dtype=np.float32), seed=0)


def test_too_little_music_is_refused(pairs):
    frames, audio = pairs[0]
    with pytest.raises(ParameterError, match="longer than 60 frames"):
        PlainRenderer.fit([(frames[:50], audio)], SPEC)
