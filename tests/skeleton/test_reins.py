"""The reins pull only outside the music's range, each stream's own, and a free hand is the engine's."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neuralbum.dsp import front_end
from neuralbum.skeleton.engine import FusedEngine
from neuralbum.skeleton.likeness import TONE_FRAME
from neuralbum.skeleton.reins import COOLEST, FREE, HOTTEST, LINE_MOST, NO_LINE_DB, Reins, usual_line
from neuralbum.skeleton.scoring import temper
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.stepping import Sampled

from .makers import RATE, net, song

LOOSE = Reins(0.0, 8.0, RATE)
SECOND = np.arange(RATE) / RATE
TONE = 0.1 * np.sin(2 * np.pi * 1500.0 * SECOND)
HISS = 0.1 * np.random.default_rng(0).normal(size=RATE)


def sung(reins, numbers):
    """Two frames, in two calls, and what is known of the streams then."""
    engine = FusedEngine(net(shaken=0.05), threads=1)
    uniforms = np.stack([np.random.default_rng(number).random(2 * TONE_FRAME) for number in numbers])
    memory, running = engine.begin(len(numbers)), reins.begin(len(numbers))
    levels = [
        reins.sample(engine, memory, running, half, np.ones(half.shape)).levels
        for half in np.split(uniforms, 2, axis=1)
    ]
    return np.concatenate(levels, axis=1), running


def known(reins, entropies, lines=()):
    running = reins.begin(len(entropies))
    running[:, 0] = entropies
    running[: len(lines), 100] = lines
    return running


class Singer:
    """An engine that sings what it is given: (B, n) sound, over and over."""

    n_levels, hop = 256, 64

    def __init__(self, *sounds):
        self.levels, self.at = np.stack([front_end.levels_of(sound) for sound in sounds]), 0

    def sample(self, memory, uniforms, temperatures, busy=None, told=None):
        places = (self.at + np.arange(uniforms.shape[1])) % self.levels.shape[1]
        self.at += uniforms.shape[1]
        return Sampled(self.levels[:, places], np.full(uniforms.shape, 5.0, dtype=np.float32))


def followed(reins, singer, *, halves, busy=None):
    """The steadiest line of each stream after so many half seconds."""
    running = reins.begin(len(singer.levels))
    for _ in range(halves):
        dice = np.full((len(singer.levels), RATE // 2), 0.5)
        reins.sample(singer, None, running, dice, np.ones(dice.shape), busy)
    return running[:, 1:].max(1)


def test_nothing_is_done_within_the_range_and_a_bounded_pull_back_outside():
    reins = Reins(4.0, 5.0, RATE)
    assert np.array_equal(reins.factor(known(reins, [4.0, 4.5, 5.0])), np.ones(3))
    assert reins.factor(known(reins, [3.0, 6.0])) == pytest.approx([1.2, COOLEST])
    assert reins.factor(known(reins, [0.0, 5.1])) == pytest.approx([HOTTEST, 0.98])


def test_a_line_that_stands_out_warms_even_what_is_too_unsure():
    reins = Reins(4.0, 5.0, RATE, line_db=-14.0)
    assert reins.factor(known(reins, [4.5] * 3, [-20.0, -13.0, -2.0])) == pytest.approx([1.0, 1.02, 1.0 + LINE_MOST])
    assert reins.factor(known(reins, [6.0] * 2, [-20.0, -13.0])) == pytest.approx([COOLEST, 1.02])
    assert reins.factor(known(reins, [3.0] * 2, [-20.0, -13.0])) == pytest.approx([1.2, 1.2])


def test_a_held_tone_is_heard_as_one_and_hiss_is_not():
    reins = replace(LOOSE, line_db=-14.0)
    tone, hiss = followed(reins, Singer(TONE, HISS), halves=20)
    assert tone == pytest.approx(0.0, abs=0.5)
    assert hiss < -19.0
    # a tone that goes and comes again holds its line no longer than a note does
    notes = np.where(SECOND < 0.25, TONE, HISS)
    assert followed(reins, Singer(notes, notes), halves=20)[0] < tone - 6.0


def test_streams_that_are_not_busy_are_not_followed_nor_is_less_than_a_frame():
    reins = replace(LOOSE, line_db=-14.0)
    assert followed(reins, Singer(TONE, TONE), halves=2, busy=[1])[0] == NO_LINE_DB
    running = reins.begin(1)
    dice = np.full((1, TONE_FRAME - 64), 0.5)
    reins.sample(Singer(TONE), None, running, dice, np.ones(dice.shape))
    assert (running[:, 1:] == NO_LINE_DB).all()


def test_the_usual_line_is_that_of_the_music():
    def of(*sounds, seconds=10):
        songs = [Song(str(i), front_end.levels_of(np.tile(sound, seconds))) for i, sound in enumerate(sounds)]
        return usual_line(songs, 256, sample_rate=RATE)

    assert of(TONE) == pytest.approx(0.0, abs=1.0)
    assert of(HISS) < -19.0
    assert of(HISS) < of(HISS, HISS + 0.3 * TONE) < of(TONE)
    assert of(TONE, seconds=4) == math.inf


@pytest.mark.parametrize("reins", [FREE, LOOSE])
def test_with_a_free_hand_takes_are_the_engines_by_bit(reins):
    engine, uniforms = FusedEngine(net(shaken=0.05), threads=1), np.random.default_rng(3).random((1, 2 * TONE_FRAME))
    plain = engine.sample(engine.begin(1), uniforms, np.ones(uniforms.shape)).levels
    assert np.array_equal(sung(reins, [3])[0], plain)


@pytest.mark.parametrize("tight", [Reins(7.5, 7.6, RATE), Reins(7.5, 7.6, RATE, line_db=-50.0)])
def test_a_held_take_is_the_same_by_bit_alone_and_among_others(tight):
    together, known = sung(tight, range(5))
    alone, known_alone = sung(tight, [3])
    assert np.array_equal(together[3], alone[0])
    assert np.array_equal(known[3], known_alone[0])
    assert not np.array_equal(alone, sung(LOOSE, [3])[0])


def test_a_net_too_sure_of_itself_is_warmed_and_one_too_unsure_is_cooled():
    def spread(reins):
        return np.abs(np.diff(sung(reins, range(8))[0].astype(float))).mean()

    assert spread(Reins(9.0, 9.1, RATE)) > spread(LOOSE) > spread(Reins(-1.0, 0.0, RATE))


def test_the_range_is_that_of_the_music():
    made, tunes = net(shaken=0.05).eval(), [song(1.0, 1), song(1.0, 2)]
    mean, reins = temper(made, tunes, sample_rate=RATE)
    assert reins.low < mean < reins.high
