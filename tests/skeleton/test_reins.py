"""The reins pull only outside the music's range, each stream's own, and a free hand is the engine's."""

import numpy as np
import pytest

from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.reins import COOLEST, FREE, HOTTEST, Reins
from neuralbum.skeleton.scoring import temper

from .makers import RATE, net, song

LOOSE = Reins(0.0, 8.0, RATE)


def sung(reins, numbers, *, start=None, n=2048):
    engine = FusedEngine(net(shaken=0.05), threads=1)
    uniforms = np.stack([np.random.default_rng(number).random(n) for number in numbers])
    running = np.full(len(numbers), reins.middle if start is None else start)
    sampled = reins.sample(engine, engine.begin(len(numbers)), running, uniforms, np.ones(uniforms.shape))
    return sampled.levels, running


def test_nothing_is_done_within_the_range_and_a_bounded_pull_back_outside():
    reins = Reins(4.0, 5.0, RATE)
    assert np.array_equal(reins.factor(np.array([4.0, 4.5, 5.0])), np.ones(3))
    assert reins.factor(np.array([3.0, 6.0])) == pytest.approx([1.2, COOLEST])
    assert reins.factor(np.array([0.0, 5.1])) == pytest.approx([HOTTEST, 0.98])


@pytest.mark.parametrize("reins", [FREE, LOOSE])
def test_with_a_free_hand_takes_are_the_engines_by_bit(reins):
    engine, uniforms = FusedEngine(net(shaken=0.05), threads=1), np.random.default_rng(3).random((1, 2048))
    plain = engine.sample(engine.begin(1), uniforms, np.ones(uniforms.shape)).levels
    assert np.array_equal(sung(reins, [3])[0], plain)


def test_a_held_take_is_the_same_by_bit_alone_and_among_others():
    tight = Reins(7.5, 7.6, RATE)
    together, entropies = sung(tight, range(5))
    alone, entropy = sung(tight, [3])
    assert np.array_equal(together[3], alone[0])
    assert entropies[3] == entropy[0]
    assert not np.array_equal(alone, sung(LOOSE, [3])[0])


def test_a_net_too_sure_of_itself_is_warmed_and_one_too_unsure_is_cooled():
    def spread(reins):
        return np.abs(np.diff(sung(reins, range(8), start=reins.middle)[0].astype(float))).mean()

    assert spread(Reins(9.0, 9.1, RATE)) > spread(LOOSE) > spread(Reins(-1.0, 0.0, RATE))


def test_the_range_is_that_of_the_music():
    made, tunes = net(shaken=0.05).eval(), [song(1.0, 1), song(1.0, 2)]
    mean, reins = temper(made, tunes, sample_rate=RATE)
    assert reins.low < mean < reins.high
