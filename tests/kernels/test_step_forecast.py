"""The forecast: kernel and twin agree, it knows the past only, and by itself it neither grows nor forgets the band."""

import numpy as np
import pytest

from neuralbum.dsp import lpc
from neuralbum.kernels import step_forecast

ROUNDING = 1e-5
"""Both sum in float64 but in another order, and solve the same equations another way."""


def anchor(order):
    """Of a band that knows one broad resonance."""
    k = np.arange(order + 1)
    return 0.9**k * np.cos(0.3 * k)


def sound(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 16_000
    return 0.3 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 1234 * t) + 0.02 * rng.normal(size=n)


@pytest.mark.parametrize("order", [96, 104, 512])  # 104: no multiple of what goes at once
def test_kernel_agrees_with_its_numpy_twin(order):
    x = sound()
    assert step_forecast.forecast(x, anchor(order)) == pytest.approx(
        step_forecast.forecast_plain(x, anchor(order)), abs=ROUNDING, rel=ROUNDING
    )


def test_hearing_in_pieces_is_hearing_at_once_by_bit():
    x, memory = sound(4000), step_forecast.new_memory(96)  # longer than the room for the sound
    parts = [step_forecast.forecast(x[i : i + 113], anchor(96), memory) for i in range(0, len(x), 113)]
    assert np.array_equal(np.concatenate(parts), step_forecast.forecast(x, anchor(96)))


@pytest.mark.parametrize("n", [0, 256, 1024, 1280, 4096])
def test_a_memory_taken_apart_and_put_together_goes_on_by_bit(n):
    x, memory, fresh = sound(5000), step_forecast.new_memory(104), step_forecast.new_memory(104)
    step_forecast.forecast(x[:n], anchor(104), memory)
    step_forecast.put_parts(fresh, 104, step_forecast.parts_of(memory, 104))
    assert np.array_equal(
        step_forecast.forecast(x[n:], anchor(104), fresh), step_forecast.forecast(x[n:], anchor(104), memory)
    )


def test_what_is_forecast_does_not_depend_on_the_future():
    x = sound()
    changed = x.copy()
    changed[1000:] = -0.5
    now, then = (step_forecast.forecast(y, anchor(96))[:1001] for y in (x, changed))
    assert np.array_equal(now, then)


def test_two_tones_are_known_but_for_their_noise_and_the_mixture_is_as_good_as_the_better():
    x = sound(8000)
    features = step_forecast.forecast(x, np.zeros(513))[4000:]  # no anchor: nothing else is in this band
    left = [np.abs(x[4000:] - features[:, k]).mean() for k in range(3)]
    assert left[2] < 1.25 * 0.02 * np.sqrt(2 / np.pi)
    assert left[2] < 1.02 * min(left[:2])


def test_left_alone_with_steady_noise_it_rings_in_the_colour_of_its_anchor_and_stays_bounded():
    """A loop of prediction and noise, as a net that sings is: 20000 samples after a loud tone it has come home."""
    order, rng, colour = 96, np.random.default_rng(0), anchor(96)
    memory, played = step_forecast.new_memory(order), np.zeros(24_000)
    tone = 0.5 * np.sin(0.8 * np.arange(4000))
    step_forecast.forecast(tone, colour, memory)
    for t in range(len(played)):
        played[t] = memory[2] + 0.02 * rng.standard_normal()
        step_forecast.forecast(played[t : t + 1], colour, memory)
    late = played[-8192:]
    assert 0.02 < late.std() < 0.3
    r = lpc.mean_autocorrelation([late], 1)
    assert r[1] == pytest.approx(colour[1], abs=0.15)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_silence_and_a_stuck_value_stay_finite(value):
    assert np.isfinite(step_forecast.forecast(np.full(5000, value), anchor(96))).all()


@pytest.mark.parametrize("order", [32, 100])
def test_an_order_the_kernel_cannot_take_is_refused(order):
    with pytest.raises(ValueError, match=rf"order={order}: .* multiple of 8 and at least 96"):
        step_forecast.forecast(sound(), anchor(order))
