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
    assert evaluate.mean_entropy(made, [song(0.3)], seconds=0.2, sample_rate=RATE) == pytest.approx(8.0, abs=1e-4)


def test_entropy_is_that_of_the_distributions_the_engine_predicts():
    made, tune = net(shaken=0.05).eval(), song(0.1)
    engine = PlainEngine(made)
    scores = engine.log_probabilities(engine.begin(1), tune.levels[None, :512])
    expected = float(-(scores.exp() * scores).sum(-1).mean()) / np.log(2)
    short = type(tune)("", tune.levels[:512])
    got = evaluate.mean_entropy(made, [short], seconds=1.0, sample_rate=RATE, window=256)
    assert got == pytest.approx(expected, abs=1e-4)


def test_entropy_that_differs_from_the_corpus_counts_as_distance():
    known = {"level_db": -20.0, "entropy": 5.0}
    assert audition.distance({"level_db": -20.0, "entropy": 5.0}, known) == 0
    assert audition.distance({"level_db": -20.0, "entropy": 6.0}, known) == pytest.approx(np.sqrt(2.0))
