"""What a checkpoint is scored by: known entropies."""

import numpy as np
import pytest
import torch

from neuralbum.skeleton import audition, evaluate, likeness
from neuralbum.skeleton.params import SkeletonParams
from neuralbum.skeleton.scoring import ANCHORED, score
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


@pytest.mark.parametrize("best", [1, 2])
def test_a_checkpoint_sings_with_the_anchor_that_brings_it_closest_to_its_band(best, monkeypatch):
    songs = [song(2.0, 0)], [song(1.0, 1)], [song(1.0, 2)]
    band = likeness.band(songs[0], 256, sample_rate=RATE)
    asked = []

    def sing(engine, trained, **how):
        """The band itself with one anchor, and quieter with the others."""
        away = 0.0 if len(asked) == best else 20.0
        asked.append(engine.name)
        return audition.Sung(np.zeros((1, RATE), dtype=np.float32), {"level_db": band.known["level_db"] - away})

    monkeypatch.setattr(audition, "sing", sing)
    scored = score(net(shaken=0.05), 5, songs, SkeletonParams(valid_s=0.5), sample_rate=RATE, seed=0)
    assert len(set(asked)) == len(ANCHORED)
    assert scored.rung.anchored == ANCHORED[best]
    assert scored.engine == asked[best]
    assert scored.rung.distance == 0.0
