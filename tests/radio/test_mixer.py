"""Joining: exactly as many samples as asked, equal power, no click, the same in any blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.radio.finish import Finish
from neuralbum.radio.mixer import LIVE, Item, Mixer
from neuralbum.radio.params import RATE

FADE = 400


def item(sound, name="a", source=LIVE, gain=1.0):
    return Item(name, name, source, np.rint(np.broadcast_to(sound, (2, len(sound))) * 32767).astype(np.int16), gain)


def sine(n, hz, level=0.5):
    return level * np.sin(2 * np.pi * hz * np.arange(n) / RATE)


def mixer_of(*items):
    waiting = list(items)
    begun = []
    mixer = Mixer(
        lambda: waiting.pop(0) if waiting else None, FADE, on_air=lambda one, at: begun.append((one.take, at))
    )
    return mixer, begun


def read(mixer, sizes):
    return np.concatenate([mixer.read(n) for n in sizes], axis=1)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
@settings(max_examples=40)
def test_it_gives_exactly_what_is_asked_and_blocks_do_not_matter(sizes):
    def fresh():
        return mixer_of(*(item(sine(2500, 300 + 70 * k), str(k)) for k in range(6)))[0]

    parts = read(fresh(), sizes)
    assert parts.shape == (2, sum(sizes))
    assert np.array_equal(parts, fresh().read(sum(sizes)))


def test_unrelated_sounds_keep_their_power_through_a_fade():
    rng = np.random.default_rng(0)
    n, length = 200, 3 * FADE
    mixes = np.stack(
        [
            mixer_of(*(item(rng.normal(size=length) * 0.1, str(k)) for k in range(2)))[0].read(2 * length - FADE)
            for _ in range(n)
        ]
    )
    power = (mixes**2).mean(axis=(0, 1))
    steady = power[FADE : length - FADE].mean()
    fading = power[length - FADE : length]
    # the mean of n * 2 squares (both sides are one signal: n free ones) has a deviation of sqrt(2 / n)
    assert np.abs(fading.reshape(8, -1).mean(axis=1) / steady - 1).max() < 0.05


def test_no_step_is_larger_than_the_sounds_own():
    hz, level = 200, 0.5
    mixer, _ = mixer_of(*(item(sine(5000, hz), str(k)) for k in range(4)))
    sound = mixer.read(5000)
    mixer.skip(FADE)
    sound = np.concatenate([sound, mixer.read(9000)], axis=1)
    steepest = level * 2 * np.pi * hz / RATE
    # two of them at once, each with a gain that moves by pi/2 / FADE
    assert np.abs(np.diff(sound)).max() < 2 * (steepest + level * np.pi / 2 / FADE)


def test_items_begin_when_the_one_before_begins_to_go():
    mixer, begun = mixer_of(*(item(sine(3000, 300), name) for name in "abc"))
    mixer.read(8000)
    assert begun == [("a", 0), ("b", 3000 - FADE), ("c", 6000 - 2 * FADE)]


def test_next_goes_on_at_once_and_only_once():
    mixer, begun = mixer_of(*(item(sine(9000, 300), name) for name in "abc"))
    mixer.read(2000)
    mixer.skip(100)
    mixer.skip(100)
    mixer.read(50)
    assert begun == [("a", 0), ("b", 2000)]
    assert mixer.current.take == "b"


def test_without_a_next_item_there_is_silence_and_then_music_again():
    waiting = []
    mixer = Mixer(lambda: waiting.pop() if waiting else None, FADE)
    assert not mixer.read(500).any()
    waiting.append(item(sine(3000, 300)))
    assert mixer.read(3000).any()
    assert not mixer.read(500).any()
    assert mixer.n_mixed == 4000


@pytest.mark.parametrize("album", [None, 7])
def test_the_last_steps_take_dc_and_peaks_away_and_lose_no_sample(album):
    rng = np.random.default_rng(1)
    mix = (rng.normal(size=(2, 3 * RATE)) * 0.4 + 0.2).astype(np.float32)
    finish = Finish(album)
    out = np.concatenate([finish(mix[:, i : i + 4410]) for i in range(0, mix.shape[1], 4410)], axis=1)
    assert mix.shape[1] - RATE < out.shape[1] <= mix.shape[1]
    assert abs(out[:, RATE:].mean()) < 0.002
    assert np.abs(out).max() <= 10 ** (-1.5 / 20) + 1e-6


def test_what_is_played_is_marked_as_the_albums_radio():
    from neuralbum import marking

    rng = np.random.default_rng(2)
    mix = (rng.normal(size=(2, 30 * RATE)) * 0.1).astype(np.float32)
    finish = Finish(0x1234ABCD)
    out = np.concatenate([finish(mix[:, i : i + 4410]) for i in range(0, mix.shape[1], 4410)], axis=1)
    answer = marking.detect([(out, RATE)], speeds=(1.0,))
    assert answer.found
    assert answer.marks[0].payload == marking.Payload(album=0x1234ABCD, song=0)
