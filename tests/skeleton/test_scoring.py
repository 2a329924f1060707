"""What a checkpoint is scored by: known entropies, and a net that hisses scores worse than one that does not."""

import numpy as np
import pytest
import torch

from neuralbum.skeleton import audition, evaluate
from neuralbum.skeleton.stepping import PlainEngine

from .makers import RATE, net, song


def test_a_net_that_knows_nothing_has_all_bits_of_entropy():
    made = net("samplernn-debug")
    with torch.no_grad():
        made.out.weight = torch.zeros_like(made.out.weight) + 1e-12
        made.out.bias.zero_()
    got = evaluate.entropies(made, [song(0.3)], seconds=0.2, places=3, sample_rate=RATE)
    assert got == pytest.approx([8.0] * 3, abs=1e-4)


def test_entropy_is_that_of_the_distributions_the_engine_predicts():
    made, tune = net(shaken=0.05).eval(), song(0.1)
    engine = PlainEngine(made)
    scores = engine.log_probabilities(engine.begin(1), tune.levels[None, :512])
    expected = float(-(scores.exp() * scores).sum(-1).mean()) / np.log(2)
    short = type(tune)("", tune.levels[:512])
    got = evaluate.entropies(made, [short], seconds=1.0, places=1, sample_rate=RATE, window=256)
    assert got == pytest.approx([expected], abs=1e-4)


def test_entropy_that_differs_from_the_corpus_counts_as_distance():
    known = {"level_db": -20.0, "entropy": 5.0}
    assert audition.distance({"level_db": -20.0, "entropy": 5.0}, known) == 0
    assert audition.distance({"level_db": -20.0, "entropy": 6.0}, known) == pytest.approx(np.sqrt(2.0))


def colours(n):
    white = np.random.default_rng(0).standard_normal(n)
    return {"white": white, "brown": np.cumsum(white), "blue": np.diff(white, prepend=0.0)}


@pytest.mark.parametrize("colour", ["white", "brown", "blue"])
def test_noise_of_any_colour_has_the_tonality_that_theory_says(colour):
    noise = colours(160_000)[colour]
    found = audition.tonality(0.1 * noise[None] / noise.std())
    assert found == pytest.approx(np.pi / np.sqrt(6.0), abs=0.08)  # a bin's power is exponentially distributed


def test_tones_stand_out_and_silence_has_no_tonality():
    t = np.arange(32_000) / 16_000
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6, 440.0, 659.3)) / 10
    rng = np.random.default_rng(0)
    assert audition.tonality((chord + 1e-3 * rng.standard_normal(32_000))[None]) > 2.0
    assert audition.tonality(np.zeros((1, 32_000))) is None
    assert "tonality" not in audition.statistics(np.zeros(32_000))
    assert audition.statistics(chord)["tonality"] > 2.0
