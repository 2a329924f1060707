"""The line every net has to beat."""

import numpy as np
import pytest

from neuralbum.dsp import front_end, lpc, mulaw
from neuralbum.errors import ParameterError


def test_levinson_finds_the_filter_that_made_an_autoregressive_signal():
    # AR(2) with poles 0.9 e^{±i}: x[t] = 1.8 cos(1) x[t-1] - 0.81 x[t-2] + e
    a = np.array([1.8 * np.cos(1.0), -0.81])
    r = np.zeros(5)
    rng = np.random.default_rng(0)
    x = np.zeros(200_000)
    noise = rng.normal(size=x.size)
    for t in range(2, x.size):
        x[t] = a @ x[t - 2 : t][::-1] + noise[t]
    r = np.array([x[: x.size - k] @ x[k:] for k in range(5)]) / x.size
    assert lpc.levinson(r[None])[0] == pytest.approx([*a, 0.0, 0.0], abs=0.01)


def test_prediction_uses_the_past_alone():
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    changed = x.copy()
    changed[3000:] = 0.0
    assert np.array_equal(lpc.predict(x)[:3001], lpc.predict(changed)[:3001])


def test_white_noise_costs_its_laplace_coded_entropy_and_a_sine_almost_nothing():
    rng = np.random.default_rng(2)
    noise = front_end.levels_of(rng.uniform(-0.5, 0.5, size=32_000))
    sine = front_end.levels_of(0.5 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000))
    uniform_entropy = np.log2(np.sum(np.abs(mulaw.table(256)) <= 0.5))
    # a Laplace density fits a uniform one badly, but no code beats the entropy of the levels
    histogram = lpc.histogram_bits(noise, noise)
    assert histogram - 0.05 < lpc.lpc_bits(noise) < uniform_entropy + 0.5
    assert lpc.lpc_bits(sine) < 3.0


def test_probabilities_of_all_levels_sum_to_one():
    at = np.arange(256)
    bits = [lpc.laplace_bits(np.array([level]), np.array([0.1]))[0] for level in at]
    assert np.sum(2.0 ** -np.array(bits)) == pytest.approx(1.0, abs=1e-9)


def test_the_histogram_of_uniform_levels_costs_eight_bits():
    levels = np.tile(np.arange(256), 100)
    assert lpc.histogram_bits(levels, levels) == pytest.approx(8.0, abs=1e-3)


def test_too_short_a_song_is_refused_with_the_length_it_needs():
    with pytest.raises(ParameterError, match="1024"):
        lpc.lpc_bits(np.zeros(100, dtype=int))
