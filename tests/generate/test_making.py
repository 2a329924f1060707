"""Slots, blocks and rewinds, on an engine whose sound the test writes."""

from dataclasses import dataclass, replace

import numpy as np

from neuralbum.dsp import front_end
from neuralbum.generate.making import EARNED, Guard, make
from neuralbum.records import Recipe
from neuralbum.skeleton import likeness
from neuralbum.skeleton.songs import Song
from neuralbum.skeleton.stepping import Sampled

RATE = 16_000


@dataclass
class Script:
    """An engine that plays notes, and falls silent in the given stretch until its dice change."""

    silent: tuple[int, int] = (0, 0)
    stubborn: bool = False
    name = "script"
    hop = 64
    n_levels = 256
    conditions = None

    def begin(self, n_streams):
        return np.zeros((n_streams, 2))  # position, and whether it has been rewound

    def hear(self, memory, stream, levels):
        memory[stream, 0] += 0

    def sample(self, memory, uniforms, temperatures, busy=None, told=None):
        n = uniforms.shape[1]
        levels = np.full(uniforms.shape, 128, dtype=np.int16)
        for b in range(len(memory)) if busy is None else busy:
            at = memory[b, 0] + np.arange(n)
            sound = 0.3 * np.sin(2 * np.pi * 200 * at / RATE + 3 * np.sin(at / 3000) + uniforms[b] * 0.3)
            ill = (at >= self.silent[0]) & (at < self.silent[1])
            if self.stubborn or not memory[b, 1]:
                sound[ill] = 0.0
            levels[b] = front_end.levels_of(sound)
            memory[b, 0] += n
        return Sampled(levels, np.full((len(memory), 1), 4.0, dtype=np.float32))

    def snapshot(self, memory, stream):
        return memory[stream].copy()

    def restore(self, memory, stream, snapshot):
        memory[stream] = snapshot
        memory[stream, 1] = snapshot[0] > 0


def takes(engine, recipes, batch, guard=Guard(), band=None):
    waiting = list(recipes)
    sound, events = {}, {}
    for handed in make(
        engine,
        lambda: waiting.pop(0) if waiting else None,
        batch=batch,
        sample_rate=RATE,
        prime=lambda recipe: np.zeros(0, dtype=np.int16),
        guard=guard,
        band=band,
    ):
        sound.setdefault(handed.recipe.number, []).append(handed.audio)
        if handed.last:
            events[handed.recipe.number] = handed.events
    return {k: np.concatenate(v) for k, v in sound.items()}, events


def recipe(number, seconds=4.0):
    return Recipe("m", "d", 1, 0, number, ((0.0, 1.0),), int(seconds * RATE), RATE, "script")


def test_every_take_has_exactly_its_length_however_many_slots_there_are():
    for batch in (1, 2, 5):
        sound, _ = takes(Script(), [recipe(k, 1.0 + 0.3 * k) for k in range(5)], batch)
        assert [len(sound[k]) for k in range(5)] == [int((1.0 + 0.3 * k) * RATE) for k in range(5)]


def test_a_take_that_falls_silent_is_rewound_once_and_its_sound_is_whole():
    sound, events = takes(Script(silent=(2 * RATE, 60 * RATE)), [recipe(0, 8.0)], 1)
    assert [e["kind"] for e in events[0]] == ["rewind"]
    assert events[0][0]["illness"] == "silence"
    assert len(sound[0]) == 8 * RATE
    assert np.abs(sound[0][7 * RATE :]).max() > 0.1


def test_rewinds_are_bounded_and_giving_up_is_told():
    sound, events = takes(Script((RATE, 60 * RATE), stubborn=True), [recipe(0, 8.0)], 1, Guard(rewinds=3))
    assert [e["kind"] for e in events[0]] == ["rewind"] * 3 + ["gave up"]
    assert len(sound[0]) == 8 * RATE


def test_without_the_watchdog_nothing_is_rewound():
    _, events = takes(Script((RATE, 60 * RATE), stubborn=True), [recipe(0, 8.0)], 1, Guard(on=False))
    assert events[0] == ()


PAUSE = (int(2.5 * RATE), int(3.0 * RATE))  # too short for the watchdog


def band():
    """What the script plays where it is not silent."""
    sound, _ = takes(Script(), [recipe(0, 8.0)], 1)
    found = likeness.band([Song("script", front_end.levels_of(sound[0]))], 256, sample_rate=RATE)
    return replace(found, limit=2.0 * found.limit)


def test_a_block_that_strays_from_the_band_is_drawn_again():
    plain, silence = takes(Script(PAUSE), [recipe(0)], 1)
    assert silence == {0: ()}
    assert np.abs(plain[0][slice(*PAUSE)]).max() < 1e-3
    for batch in (1, 3):
        sound, events = takes(Script(PAUSE), [recipe(0), recipe(1), recipe(2)], batch, band=band())
        for k in range(3):
            assert events[k] == ({"kind": "redrawn", "blocks": 1},)
            assert len(sound[k]) == 4 * RATE
            assert np.abs(sound[k][slice(*PAUSE)]).max() > 0.1
            assert np.array_equal(sound[k][: PAUSE[0]], sound[0][: PAUSE[0]]) == (k == 0)


def test_what_strays_for_good_is_drawn_again_a_bounded_number_of_times():
    for redraws in (0, 1, 3):
        script = Script((2 * RATE, 60 * RATE), stubborn=True)
        guard = Guard(rewinds=0, redraws=redraws)
        sound, events = takes(script, [recipe(0, 20.0)], 1, guard, band())
        drawn = sum(event["blocks"] for event in events[0] if event["kind"] == "redrawn")
        assert (drawn > 0) == (redraws > 0)
        assert drawn <= redraws + EARNED * 4  # what it played before
        assert len(sound[0]) == 20 * RATE
    _, events = takes(Script(PAUSE), [recipe(0)], 1, Guard(on=False), band())
    assert events == {0: ()}
