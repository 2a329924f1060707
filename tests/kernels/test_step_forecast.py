"""The forecast: kernel and twin agree, and it knows the past only."""

import numpy as np
import pytest

from neuralbum.kernels import step_forecast

ROUNDING = 1e-5
"""Both sum in float64 but in another order, and both adapt: differences grow slowly."""


def sound(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 16_000
    return 0.3 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 1234 * t) + 0.02 * rng.normal(size=n)


@pytest.mark.parametrize("n_long", [32, 40, 256])  # 40: no multiple of what goes at once
def test_kernel_agrees_with_its_numpy_twin(n_long):
    x = sound()
    assert step_forecast.forecast(x, n_long) == pytest.approx(
        step_forecast.forecast_plain(x, n_long), abs=ROUNDING, rel=ROUNDING
    )


def test_hearing_in_pieces_is_hearing_at_once_by_bit():
    x, memory = sound(), step_forecast.new_memory(32)
    parts = [step_forecast.forecast(x[i : i + 113], 32, memory) for i in range(0, len(x), 113)]
    assert np.array_equal(np.concatenate(parts), step_forecast.forecast(x, 32))


def test_what_is_forecast_does_not_depend_on_the_future():
    x = sound()
    changed = x.copy()
    changed[1000:] = -0.5
    assert np.array_equal(step_forecast.forecast(x, 32)[:1001], step_forecast.forecast(changed, 32)[:1001])


def test_each_stage_leaves_less_of_a_predictable_sound():
    x = sound(8000)
    features = step_forecast.forecast(x, 256)[4000:]
    left = [np.abs(x[4000:] - features[:, k]).mean() for k in range(3)]
    assert left[0] < 0.1 * np.abs(x).mean()
    assert left[2] < 1.05 * left[0]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_silence_and_a_stuck_value_stay_finite(value):
    assert np.isfinite(step_forecast.forecast(np.full(5000, value), 32)).all()
