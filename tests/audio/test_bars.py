"""Bars found in made-up frames whose bars are known."""

import numpy as np
import pytest

from neuralbum.audio.bars import Bars, find_bars

FRAME_RATE = 60.0
N_BANDS = 40


def song(bar_s, n_bars=40, beats=4, drift=0.0, seed=0):
    """Levels (n_frames, N_BANDS) of drum strokes and chords that come back every two bars, and where the bars begin."""
    rng = np.random.default_rng(seed)
    lengths = bar_s * FRAME_RATE * (1.0 + drift * np.sin(np.arange(n_bars) / n_bars * 2 * np.pi))
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    levels = np.full((int(starts[-1]) + 1, N_BANDS), -50.0) + rng.normal(0, 2, (int(starts[-1]) + 1, N_BANDS))
    chords = rng.normal(0, 10, (2 * beats, N_BANDS))
    frames = np.arange(len(levels))
    for bar in range(n_bars):
        for beat in range(beats):
            at = starts[bar] + beat / beats * lengths[bar]
            ring = np.exp(-np.maximum(frames - at, 0) / 8.0) * (frames >= at) * (frames < at + lengths[bar])
            levels += ring[:, None] * (25.0 + 10.0 * (beat == 0) + chords[(bar % 2) * beats + beat])
    return levels.astype(np.float32), starts


@pytest.mark.parametrize(("bar_s", "beats"), [(1.6, 4), (2.0, 4), (2.4, 4), (1.8, 3), (2.5, 6)])
def test_the_length_of_the_bars_is_found_to_a_thousandth(bar_s, beats):
    levels, _ = song(bar_s, beats=beats)
    found = find_bars(levels, FRAME_RATE)
    assert found.regular
    assert found.length / FRAME_RATE == pytest.approx(bar_s, rel=1e-3)


def test_the_grid_follows_a_tempo_that_drifts_by_a_hundredth():
    levels, starts = song(2.0, drift=0.01)
    found = find_bars(levels, FRAME_RATE)
    inside = found.starts[(found.starts > 0) & (found.starts < len(levels))]
    phase = np.interp(inside, starts, np.arange(len(starts))) % 1.0
    around = np.angle(np.exp(2j * np.pi * phase)) / (2 * np.pi)  # of a bar, relative to the true lines
    assert np.ptp(np.sort(around - np.median(around))) < 0.12


def test_noise_has_no_bars_and_an_even_grid():
    noise = np.random.default_rng(1).normal(-40, 6, (3000, N_BANDS)).astype(np.float32)
    found = find_bars(noise, FRAME_RATE)
    assert not found.regular
    assert np.allclose(np.diff(found.starts), 2.0 * FRAME_RATE)


def test_a_piece_of_two_seconds_gets_a_grid_and_no_bars():
    found = find_bars(np.zeros((120, N_BANDS), dtype=np.float32), FRAME_RATE)
    assert not found.regular
    assert found.starts[-1] >= 120


def test_places_in_bars_and_in_frames_are_each_others_inverse():
    bars = Bars(np.array([3.0, 103.0, 201.0, 302.0]), 0.5, 2)
    frames = np.linspace(-50, 400, 37)
    assert np.allclose(bars.frame(bars.position(frames)), frames)
    assert bars.position(np.array([103.0])) == pytest.approx(1.0)
