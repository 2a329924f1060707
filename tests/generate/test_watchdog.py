"""The watchdog barks at planted illness and not at music."""

import numpy as np
import pytest

from neuralbum.demo.band import make_band
from neuralbum.generate import watchdog

RATE = 16_000
rng = np.random.default_rng(0)
RIFF = np.cumsum(rng.normal(size=4000)) * 0.01

ILL = {
    "silence": np.zeros(2 * RATE),
    "flatline": np.full(2 * RATE, 0.3),
    "dc": 0.5 + 0.1 * np.sin(np.arange(2 * RATE) * 0.1),
    "noise": 0.3 * rng.normal(size=2 * RATE),
    "loop": np.tile(RIFF - RIFF.mean(), 8),
}


@pytest.mark.parametrize("illness", watchdog.ILLNESSES)
def test_planted_illness_is_found(illness):
    assert watchdog.diagnose(ILL[illness], RATE) == illness


def test_a_net_that_knows_nothing_any_more_is_ill_of_noise():
    music = 0.3 * np.sin(np.cumsum(0.05 + 0.01 * rng.normal(size=2 * RATE)))
    assert watchdog.diagnose(music, RATE, entropy=7.9) == "noise"
    assert watchdog.diagnose(music, RATE, entropy=4.0) is None


def test_the_bands_own_songs_are_healthy():
    from neuralbum.audio import resample

    for song in make_band(seed=0, n_songs=3, duration_s=6.0):
        mono = resample(song.audio.mean(0, keepdims=True), song.sample_rate, RATE)[0]
        windows = [mono[start : start + 2 * RATE] for start in range(RATE // 2, mono.size - 2 * RATE, RATE)]
        assert [watchdog.diagnose(window, RATE) for window in windows] == [None] * len(windows)
