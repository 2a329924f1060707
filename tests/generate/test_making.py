"""Recipes to sound: the same bits alone or in any batch; what a recipe says is what is heard."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from neuralbum.errors import ParameterError
from neuralbum.generate import GenerateParams
from neuralbum.generate.making import REDRAWS, play, render, slot_of, sound
from neuralbum.generate.params import UNWATCHED
from neuralbum.generate.planning import LAST_BARS, beginning, plan_of
from neuralbum.generate.playing import Player
from neuralbum.generate.run import batches, plan
from neuralbum.generate.watchdog import Diagnosis
from neuralbum.nets.frames import FrameSpec, analyse
from neuralbum.nets.grid import STEPS_PER_BAR

from .makers import RATE, small_band


@pytest.fixture(scope="module")
def band():
    return small_band()


def recipes(band, count=3, **params):
    return plan(7, GenerateParams(count=count, **{"length_s": 4.0, **params}), band).recipes


class Barking:
    """A watchdog that finds trouble at a step as often as it is told to."""

    def __init__(self, start, times):
        self.start, self.times, self.heard = start, times, []

    def diagnose(self, codes):
        self.heard.append(codes)
        return Diagnosis("held", self.start) if len(self.heard) <= self.times else None


def test_a_take_is_the_same_bits_alone_and_in_any_batch(band):
    asked = recipes(band, 4)
    together = {p.recipe.number: p for p in play(band, asked, band.watchdog())}
    assert np.array_equal(render(band, asked[2]), np.concatenate(list(sound(band, together[2])), axis=1))
    other_way = play(band, [asked[3], asked[1]], band.watchdog())
    assert all(np.array_equal(p.codes, together[p.recipe.number].codes) for p in other_way)


@pytest.mark.parametrize("repetition", [0.0, 1000.0])
def test_of_several_candidates_a_bar_the_one_that_keeps_best_to_its_form_or_to_the_bars_before_goes_on(
    band, repetition, monkeypatch
):
    monkeypatch.setattr("neuralbum.generate.playing.REPETITION", repetition)
    model, form = band.model, band.model.form
    plan, _ = plan_of(model, recipes(band, 1, length_s=30.0)[0])
    apart, alike = [], []
    for n in (1, 8):
        player = Player(model, [replace(plan, rng=np.random.default_rng(0))], n_candidates=n)
        bars = model.codebook.latents(player.play()[0]).reshape(-1, STEPS_PER_BAR, model.codebook.vectors.shape[-1])
        distances = form.distances(form.describe(bars.mean(1)))
        apart.append(distances[np.arange(len(bars)), plan.tokens[: len(bars)]].mean())
        pattern = ((bars - bars.mean(1, keepdims=True)) * model.codebook.deviations).reshape(len(bars), -1)
        same = np.corrcoef(pattern)
        alike.append(np.mean([max(same[bar, bar - back] for back in (1, 2, 4)) for bar in range(4, len(bars))]))
    if repetition == 0.0:
        assert apart[1] < 0.8 * apart[0]
    else:
        assert alike[1] > alike[0] + 0.05


def test_a_tilt_changes_what_is_played_as_its_weights_say(band):
    model = replace(band.model, tilt=copy.deepcopy(band.model.tilt))
    plan, _ = plan_of(model, recipes(band, 1, length_s=20.0)[0])
    model.tilt.code[2, 7] = 50.0  # a code nobody can miss
    played = Player(model, [plan]).play()[0]
    assert (played[:, 2] == 7).all()
    assert not (played[:, 1] == 7).all()


def test_other_takes_are_other_music(band):
    played = play(band, recipes(band, 4, length_s=8.0), band.watchdog())
    n = min(len(p.codes) for p in played)
    alike = [(a.codes[:n] == b.codes[:n]).mean() for a in played for b in played if a is not b]
    assert max(alike) < 0.9


def test_a_take_lasts_whole_bars_as_near_as_possible_to_the_length_asked(band):
    for recipe in recipes(band, 6, length_s=7.0):
        audio = render(band, recipe)
        assert audio.shape == (2, recipe.n_samples)
        assert np.abs(audio).max() <= 1.0
        made, bar_frames = plan_of(band.model, recipe)
        bar_s = bar_frames / band.model.spec.frame_rate
        assert made.n_steps % STEPS_PER_BAR == 0
        assert abs(recipe.n_samples / RATE - 7.0) <= bar_s / 2 + 1 / 30


def test_the_album_spreads_over_the_bands_songs_and_their_transpositions(band):
    begun = [beginning(band.model.examples, 0, number) for number in range(30)]
    assert [one["song"] for one in begun[:3]] == ["song 0", "song 1", "song 2"]
    assert {band.model.examples[one["example"]].pitch for one in begun} == {0.0, -2.0}
    for one in begun:
        example = band.model.examples[one["example"]]
        assert example.title == one["song"]
        assert 1 <= one["bar"] < max(2, len(example.tokens) - LAST_BARS)


def test_a_band_with_nothing_to_begin_like_is_refused(band):
    short = replace(band.model.examples[0], tokens=np.zeros(1, dtype=np.int64))
    with pytest.raises(ParameterError, match="more music"):
        beginning([short], 0, 0)


@pytest.mark.parametrize("bpm", [100.0, 50.0, 200.0])
def test_a_tempo_asked_for_is_heard(band, bpm):
    recipe = recipes(band, 1, tempo=bpm, length_s=12.0)[0]
    assert recipe.conditions == {"tempo": bpm}
    bar_s = plan_of(band.model, recipe)[1] / band.model.spec.frame_rate
    assert bar_s == pytest.approx(2.4), "four beats at 100 are two at 50 and eight at 200"


def test_without_a_tempo_asked_for_it_is_near_that_of_the_song(band):
    for recipe in recipes(band, 6):
        own = band.model.examples[recipe.prime["example"]].bar_frames
        assert plan_of(band.model, recipe)[1] == pytest.approx(own, rel=0.031)


def test_a_schedule_of_temperatures_reaches_the_steps(band):
    recipe = recipes(band, 1, temperature=(1.0,), drift=0.5, length_s=12.0)[0]
    warmth = plan_of(band.model, recipe)[0].temperature
    assert warmth[0] == 1.0
    assert (np.diff(warmth) >= 0).all()
    assert warmth[-1] == pytest.approx(1.5, abs=0.06)


def test_more_temperature_means_more_surprise(band):
    def unlikely(temperature):
        counts = np.bincount(np.concatenate([e.codes[:, 0] for e in band.model.examples]), minlength=24)
        bits = -np.log2((counts + 0.1) / (counts + 0.1).sum())
        played = play(band, recipes(band, 8, temperature=(temperature,), length_s=20.0), band.watchdog())
        return np.mean([bits[p.codes[:, 0]].mean() for p in played])

    assert unlikely(0.5) < unlikely(1.0) < unlikely(2.0)


def test_a_take_in_trouble_keeps_its_good_bars_and_goes_on_otherwise(band):
    recipe = recipes(band, 1, length_s=12.0)[0]
    barking = Barking(start=2 * STEPS_PER_BAR + 5, times=1)
    (played,) = play(band, [recipe], barking)
    first, second = barking.heard
    good = 2 * STEPS_PER_BAR
    assert np.array_equal(first[:good], second[:good])
    assert not np.array_equal(first[good:], second[good:])
    assert np.array_equal(played.codes, second)
    assert [(e["kind"], e["redrawn"]) for e in played.events] == [("held", True)]
    assert played.events[0]["start_s"] == pytest.approx(2 * played.bar_frames / band.model.spec.frame_rate, abs=1e-3)


def test_what_is_kept_leaves_the_net_as_if_it_had_drawn_it(band):
    recipe = recipes(band, 1, length_s=8.0)[0]
    whole = play(band, [recipe], band.watchdog())[0].codes
    made, _ = plan_of(band.model, recipe, given=whole[:STEPS_PER_BAR])
    free, _ = plan_of(band.model, recipe)
    codes = [Player(band.model, [p]).play()[0] for p in (made, free)]
    assert np.array_equal(codes[0], codes[1])


def test_trouble_that_stays_ends_after_a_bounded_number_of_redraws(band):
    (played,) = play(band, [recipes(band, 1)[0]], Barking(start=3, times=99))
    assert [e["redrawn"] for e in played.events] == [True] * REDRAWS + [False]


def test_without_a_watchdog_nothing_is_drawn_again_and_the_recipe_says_so(band):
    recipe = recipes(band, 1, watchdog=False)[0]
    assert recipe.engine == UNWATCHED
    (played,) = play(band, [recipe], Barking(start=3, times=99))
    assert played.events == ()


def test_batches_hold_takes_of_different_places_in_order(band):
    many = recipes(band, 40, length_s=1.0)
    assert [len(batch) for batch in batches(many, 99)] == [16, 16, 8]
    assert [r for batch in batches(many, 7) for r in batch] == list(many)
    odd = [*many[:2], many[16], many[3]]
    assert [[r.number for r in batch] for batch in batches(odd, 99)] == [[0, 1], [16, 3]]
    assert all(len({slot_of(r) for r in batch}) == len(batch) for batch in batches(odd, 99))


def test_the_renderer_gives_a_take_the_levels_its_frames_ask_for(band):
    from neuralbum.generate.making import frames_of

    (played,) = play(band, [recipes(band, 1, length_s=8.0)[0]], band.watchdog())
    spec = FrameSpec(RATE)
    asked = frames_of(band, played)
    heard = analyse(np.concatenate(list(sound(band, played)), axis=1), spec)[0][: len(asked)]
    assert np.median(np.abs(heard - asked)[:, : spec.n_bands].mean(0)) < 6.0


def test_a_recipe_of_another_model_is_refused(band):
    recipe = replace(recipes(band, 1)[0], prime={"example": 99, "bar": 1})
    with pytest.raises(ParameterError, match="which this model has not"):
        plan_of(band.model, recipe)
