"""The steady forecast: kernel and twin agree, it finds what was played, and it cannot learn its own mistakes."""

import numpy as np
import pytest

from neuralbum.dsp import lpc_bank
from neuralbum.kernels import step_bank


def resonance(frequency, n=20_000, seed=0):
    """Noise through a sharp resonance, and the two weights that predict it."""
    rng, radius = np.random.default_rng(seed), 0.98
    weights = (2 * radius * np.cos(frequency), -(radius**2))
    out = np.zeros(n)
    for t in range(2, n):
        out[t] = weights[0] * out[t - 1] + weights[1] * out[t - 2] + 0.02 * rng.normal()
    return out, weights


TWO = [resonance(0.2)[0], resonance(1.5, seed=1)[0]]
BANK = lpc_bank.fit(TWO, order=step_bank.ORDER, size=step_bank.SIZE)


def test_kernel_agrees_with_its_numpy_twin():
    sound = np.concatenate([TWO[0][:700], TWO[1][:700], np.zeros(300)])
    assert step_bank.forecast(sound, BANK) == pytest.approx(step_bank.forecast_plain(sound, BANK), abs=1e-6)


def test_memory_carried_on_is_one_long_listening():
    memory = step_bank.new_memory()
    parts = [step_bank.forecast(part, BANK, memory) for part in np.split(TWO[0][:1000], 4)]
    assert np.array_equal(np.concatenate(parts), step_bank.forecast(TWO[0][:1000], BANK))


def test_it_predicts_each_sound_it_was_fitted_to_nearly_as_well_as_can_be():
    for sound in TWO:
        left = sound - step_bank.forecast(sound, BANK)[:, 2]
        assert np.sqrt(np.mean(left[1000:] ** 2)) < 1.1 * 0.02
        assert np.sqrt(np.mean(left[1000:] ** 2)) < 0.5 * sound.std()


def test_two_predictors_of_two_sounds_are_the_two_resonances():
    bank = lpc_bank.fit(TWO, order=2, size=2)
    wanted = np.array(sorted([resonance(0.2, 3)[1], resonance(1.5, 3)[1]]))
    assert np.array(sorted(map(tuple, bank.T))) == pytest.approx(wanted, abs=0.05)


def test_hearing_noise_for_long_changes_nothing_of_how_music_is_heard_later():
    noise = 0.3 * np.random.default_rng(0).normal(size=50_000)
    memory = step_bank.new_memory()
    step_bank.forecast(noise, BANK, memory)
    after = step_bank.forecast(TWO[0], BANK, memory)[12_000:]
    assert after == pytest.approx(step_bank.forecast(TWO[0], BANK)[12_000:], abs=1e-5)


def test_a_corpus_of_silence_predicts_silence():
    bank = lpc_bank.fit([np.zeros(5000)], order=4, size=2)
    assert not bank.any()
