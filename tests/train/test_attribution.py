"""Which song a take was learned from: the arithmetic on numbers that are known, and the smallest nets."""

import hashlib

import numpy as np
import pytest

from neuralbum.corpus import prepared
from neuralbum.errors import ParameterError
from neuralbum.generate import GenerateParams
from neuralbum.generate import run as generate
from neuralbum.records import Track
from neuralbum.train import SkeletonParams, attribution, train

from .makers import MONO_RATE, RATE, project, tune


def test_the_song_whose_absence_costs_the_take_most_comes_first():
    """Net 2 lacks the take's song; net 0 is worse at everything; nothing of that is the takes' own."""
    rng = np.random.default_rng(0)
    bits = 200.0 + rng.normal(size=(4, 13))
    bits[0] += 30.0
    bits[2, 0] += 12.0
    found = attribution.influences(["a", "b", "c", "d"], bits)
    assert found[0].song == "c"
    assert found[0].bits == pytest.approx(12.0 * 3 / 4, abs=2.5)
    assert found[0].p == pytest.approx(1 / 13)
    assert all(one.p > 0.1 for one in found[1:])


def test_a_take_like_the_others_owes_nothing_to_one_song():
    rng = np.random.default_rng(1)
    p = [min(one.p for one in attribution.influences("abcd", rng.normal(size=(4, 13)))) for _ in range(200)]
    assert np.mean(np.array(p) <= 0.2) <= 0.3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project of three training songs, with a net and a take."""
    one = project(tmp_path_factory.mktemp("attribution") / "p", heldout_s=0)
    for seed in (4, 5):
        stereo = prepared.to_int16(tune(8.0, seed))
        name, sha = f"train-{seed}", hashlib.sha256(stereo.tobytes()).hexdigest()
        np.save(prepared.mono_path(one.corpus_dir, name), stereo[0, : 8 * MONO_RATE])
        np.save(prepared.stereo_path(one.corpus_dir, name), stereo)
        one.catalogue.add_tracks(
            [Track(name, f"{name}.wav", name, "The Tests", sha, 8.0, RATE, 2, "train", level_db=-12.0, peak_db=-3.0)]
        )
    prepared.describe(one, sample_rate=MONO_RATE, gain=1.0, tracks=one.catalogue.tracks())
    train(one, SkeletonParams(preset="debug", steps=2, transposed=0))
    generate(one, GenerateParams(count=1, length_s=4.0))
    yield one, one.catalogue.takes()[0]
    one.catalogue.close()


def test_nets_without_a_song_each_are_trained_once_and_asked(made):
    one, take = made
    planned = attribution.plan(one, take, 3, steps=2)
    assert planned.titles[planned.songs[0]] == take.recipe.prime["song"]
    asked = attribution.price(planned)
    assert (asked.n_nets, asked.steps) == (3, 2)
    assert "3 nets of 2 steps" in asked.sentence()
    found, outcome = attribution.attribute(one, planned)
    assert outcome.done == 3
    assert {i.song for i in found} == set(planned.titles.values())
    assert sum(i.bits for i in found) == pytest.approx(0.0, abs=1e-6)
    again = attribution.plan(one, take, 3, steps=2)
    assert again.left == 0
    same, outcome = attribution.attribute(one, again)
    assert (outcome.done, same) == (0, found)


def test_what_cannot_be_told_is_refused(made):
    one, take = made
    with pytest.raises(ParameterError, match="at least 3 nets"):
        attribution.plan(one, take, 2)
