"""Frames of sounds whose levels are known."""

import numpy as np
import pytest

from neuralbum.nets.frames import FrameSpec, analyse

RATE = 44_100


def sine(hz, seconds=1.0, level=0.5, rate=RATE):
    return (level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("hz", [110.0, 440.0, 2000.0, 6000.0])
def test_a_sine_is_loudest_in_the_band_that_holds_it(rate, hz):
    spec = FrameSpec(rate)
    frames = analyse(np.stack([sine(hz, rate=rate)] * 2), spec)[0]
    band = int(frames[20, : spec.n_bands].argmax())
    assert spec.edges[band] <= hz <= spec.edges[band + 2]


def test_frames_are_sixty_a_second_at_any_rate():
    for rate in (16_000, 22_050, 44_100, 48_000, 96_000):
        spec = FrameSpec(rate)
        assert spec.hop_length % 2 == 0
        assert spec.frame_rate == pytest.approx(60.0, rel=0.01)


def test_twice_the_amplitude_is_six_decibels_more_in_every_band():
    spec, rng = FrameSpec(RATE), np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (2, RATE)).astype(np.float32)
    quiet, loud = (analyse(noise * gain, spec)[0, :, : spec.n_bands] for gain in (1.0, 2.0))
    assert np.allclose(loud - quiet, 6.02, atol=0.1)


def test_a_transposed_copy_reads_the_sine_a_semitone_higher():
    spec = FrameSpec(RATE)
    sound = np.stack([sine(440.0)] * 2)
    plain, higher = analyse(sound, spec, pitches=(0.0, 1.0))
    real = analyse(np.stack([sine(440.0 * 2 ** (1 / 12))] * 2), spec)[0]
    assert higher[20, : spec.n_bands].argmax() == real[20, : spec.n_bands].argmax() == plain[20].argmax() + 1


@pytest.mark.parametrize(("right", "width"), [(1.0, -24.0), (-1.0, 24.0), (0.0, 0.0)])
def test_width_is_the_side_against_the_middle(right, width):
    spec, noise = FrameSpec(RATE), np.random.default_rng(0).normal(0, 0.2, RATE).astype(np.float32)
    frames = analyse(np.stack([noise, right * noise]), spec)[0]
    assert np.allclose(frames[10:40, spec.n_bands :], width, atol=0.1)


def test_mono_is_two_equal_channels():
    spec, mono = FrameSpec(RATE), sine(300.0)[None]
    assert np.array_equal(analyse(mono, spec), analyse(np.repeat(mono, 2, axis=0), spec))
