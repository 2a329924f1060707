"""Wishes: read, refused, kept in recipes, and told to the net; and takes that begin with stored states."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from neuralbum import model_folder
from neuralbum.errors import CheckpointError, ParameterError
from neuralbum.generate import GenerateParams, run, wishes
from neuralbum.records import Recipe
from neuralbum.skeleton import SkeletonParams, checkpoint, find_model, likeness, train
from neuralbum.skeleton.conditions import Conditions

from .makers import project

ALL = Conditions(("position", "loudness", "tempo", "tag"), ("fast", "slow"))
PARAMS = GenerateParams(count=3, length_s=0.6, prime_s=0.1, batch=2)
SKELETON = SkeletonParams(preset="debug", steps=2, batch=2, window=256, valid_s=0.3, audition_s=1.5)


def test_constants_and_schedules_are_read():
    assert wishes.points("loudness", "-20", 60.0) == [[0.0, -20.0]]
    assert wishes.points("loudness", -20.0, 60.0) == [[0.0, -20.0]]
    assert wishes.points("position", "0%:0,100%:1", 60.0) == [[0.0, 0.0], [60.0, 1.0]]
    assert wishes.points("tempo", "0:80, 12.5:160", 60.0) == [[0.0, 80.0], [12.5, 160.0]]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("loudness", "quiet", "write a number"), ("loudness", "3", "between -60 and 0"),
     ("position", "1:0,1:1", "increase"),
     ("position", "0,1", "times must be given"), ("tempo", "10", "between 40 and 320")],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(name, text, said):
    with pytest.raises(ParameterError, match=said):
        wishes.points(name, text, 10.0)


def test_a_net_without_the_condition_refuses_and_says_how_to_train_one():
    with pytest.raises(ParameterError, match=r"tag slow: m was trained without.*it knows none.*--condition tag"):
        wishes.settle(replace(PARAMS, tag=("slow",)), None, "m")
    with pytest.raises(ParameterError, match="it knows position"):
        wishes.settle(replace(PARAMS, loudness="-20"), Conditions(("position",)), "m")


def test_an_unknown_tag_names_the_nearest():
    with pytest.raises(ParameterError, match="'slow'"):
        wishes.settle(replace(PARAMS, tag=("slwo",)), ALL, "m")


def test_a_schedule_is_told_hop_by_hop_and_the_prime_hears_its_start():
    said = {"position": [[0.0, 0.0], [1.0, 1.0]], "tag": ["slow"]}
    told = wishes.written(ALL, said, 0, 16_000, hop=64, sample_rate=16_000)
    assert told.shape == (250, ALL.n_inputs)
    place = ALL.places()["position"]
    assert told[:, place] @ np.linspace(0, 1, 9) == pytest.approx(np.arange(250) / 250, abs=1e-6)
    before = wishes.written(ALL, said, -640, 640, hop=64, sample_rate=16_000)
    assert np.array_equal(before, np.repeat(told[:1], 10, axis=0))


def test_primes_come_from_songs_of_the_tag_where_there_are_any():
    told, tracks = {"tag": {"slow": ["a"], "fast": []}}, {"a": 1, "b": 2}
    assert wishes.tracks_of({"tag": ["slow"]}, told, tracks) == {"a": 1}
    assert wishes.tracks_of({"tag": ["fast"]}, told, tracks) == tracks
    assert wishes.tracks_of({}, {}, tracks) == tracks


def test_a_take_that_is_told_nothing_keeps_the_name_it_always_had():
    recipe = Recipe("m", "d", 1, 0, 3, ((0.0, 1.0),), 100, 16_000, "e", {"track": "t"})
    assert recipe.take_id == "e0823082d7dfb7090572"  # as it was before nets could be told anything
    assert replace(recipe, conditions={"tag": ["slow"]}).take_id != recipe.take_id


def sounds(made):
    return {take.id: soundfile.read(made.root / take.path)[0] for take in made.catalogue.takes()}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A project with a net that knows loudness and tags."""
    made = project(tmp_path_factory.mktemp("wishes") / "p")
    (made.root / "labels.toml").write_text('[tags]\n"train-tune" = ["slow", "live"]\n')
    train(made, replace(SKELETON, conditions=("loudness", "tag"), audition_s=0.0))
    return made


def test_what_a_take_was_told_stands_in_its_recipe_and_changes_its_sound(told):
    about = checkpoint.read_about(find_model(told)[0])
    assert about.net["conditions"] == ["loudness", "tag"]
    assert about.net["tags"] == ["live", "slow"]
    assert about.told["tag"] == {"live": ["train-tune"], "slow": ["train-tune"]}
    assert about.told["loudness"]["low"] < about.told["loudness"]["high"]
    wish = replace(PARAMS, loudness="0:-40,0.5:-10", tag=("slow",))
    assert run(told, wish).done == 3
    assert run(told, replace(wish, batch=3)).skipped == 3
    take = told.catalogue.takes()[0]
    assert json.loads(json.dumps(take.recipe.conditions)) == {"loudness": [[0.0, -40.0], [0.5, -10.0]], "tag": ["slow"]}
    first = sounds(told)
    assert run(told, replace(wish, batch=1), force=True).done == 3
    assert all(np.array_equal(sound, first[name]) for name, sound in sounds(told).items())
    assert run(told, PARAMS).done == 3  # told nothing: other takes


def test_a_wish_the_net_does_not_know_stops_before_anything_is_made(told):
    before = len(told.catalogue.takes())
    with pytest.raises(ParameterError, match="without the condition 'position'"):
        run(told, replace(PARAMS, position="0.5"))
    assert len(told.catalogue.takes()) == before


@pytest.fixture(scope="module")
def stateful(tmp_path_factory):
    """A project with states: two steps make no good net, so every second counts as healthy here."""
    made = project(tmp_path_factory.mktemp("states") / "p")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness.Band, "is_like", lambda band, second: True)
        train(made, replace(SKELETON, steps=4, checkpoint_every=2, states=3))
    return made


FROM_STATES = replace(PARAMS, count=6, prime_from="state")


def test_takes_begin_with_stored_states_by_their_own_dice_in_any_batch(stateful):
    assert run(stateful, FROM_STATES).done == 6
    primes = [take.recipe.prime for take in stateful.catalogue.takes()]
    assert {tuple(sorted(prime)) for prime in primes} == {("digest", "state")}
    assert len({prime["state"] for prime in primes}) > 1
    first = sounds(stateful)
    assert run(stateful, replace(FROM_STATES, batch=1), force=True).done == 6
    assert all(np.array_equal(sound, first[name]) for name, sound in sounds(stateful).items())
    assert run(stateful, FROM_STATES).skipped == 6


def test_a_take_from_a_state_killed_half_way_is_made_again_by_bit(stateful):
    run(stateful, FROM_STATES)
    whole, victim = sounds(stateful), stateful.catalogue.takes()[0]
    (stateful.root / victim.path).unlink()
    assert run(stateful, FROM_STATES).done == 1
    assert np.array_equal(sounds(stateful)[victim.id], whole[victim.id])


def test_every_rung_has_its_own_states_and_no_more_than_asked_for(stateful):
    folder, _ = find_model(stateful)
    assert sorted(path.name for path in (folder / "states").iterdir()) == ["2.safetensors", "4.safetensors"]
    assert all(len(model_folder.read_tensors(path)["rows"]) == 3 for path in (folder / "states").iterdir())
    about = checkpoint.read_about(folder)
    assert run(stateful, replace(FROM_STATES, model=f"{about.id}@2", count=1)).done == (0 if about.step == 2 else 1)


def test_states_under_other_weights_are_refused(stateful):
    folder, _ = find_model(stateful)
    about = checkpoint.read_about(folder)
    other = 2 if about.step == 4 else 4
    path = folder / "states" / f"{about.step}.safetensors"
    whole = path.read_bytes()
    path.write_bytes((folder / "states" / f"{other}.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="step"):
        run(stateful, FROM_STATES)
    path.write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        run(stateful, FROM_STATES)
    path.write_bytes(whole)


def test_a_model_without_states_says_so(told):
    with pytest.raises(CheckpointError, match="no stored states"):
        run(told, FROM_STATES)
