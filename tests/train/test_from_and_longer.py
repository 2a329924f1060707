"""Beginning with another run's weights, training longer, averaging checkpoints: what is kept, and that it is."""

import itertools
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuralbum.corpus import prepared
from neuralbum.errors import ParameterError
from neuralbum.nets.griffin_lim import PlainRenderer
from neuralbum.project import Project
from neuralbum.records import Event, Track
from neuralbum.train import (
    FleshParams,
    More,
    SkeletonParams,
    average,
    extend,
    find_model,
    open_flesh,
    open_model,
    train,
)
from neuralbum.train.averaging import mean_of
from neuralbum.train.checkpoint import read_about, write_about
from neuralbum.train.model_folder import read_tensors
from neuralbum.train.skeleton_task import SkeletonTask

from .makers import MONO_RATE, RATE, project, tune

PARAMS = SkeletonParams(preset="debug", steps=4, transposed=0)
FLESH = FleshParams(preset="debug", steps=1)


@pytest.fixture(scope="module", autouse=True)
def one_renderer():
    """The plain renderer is fitted once, on the first music: no test here is about it, and it takes the longest."""
    fitted, plain = [], PlainRenderer.fit.__func__

    def fit(cls, *args, **more):
        fitted[:] = fitted or [plain(cls, *args, **more)]
        return fitted[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainRenderer, "fit", classmethod(fit))
        yield


@pytest.fixture(scope="module")
def band(one_renderer, tmp_path_factory):
    """A project with a trained skeleton that nobody changes, and what training said."""
    made = project(tmp_path_factory.mktemp("from") / "p", train_s=6.0, heldout_s=5.0, valid_s=5.0)
    yield made, train(made, PARAMS)[0]
    made.catalogue.close()


@pytest.fixture
def copied(band, tmp_path):
    made, said = band
    made.catalogue.checkpoint()
    shutil.copytree(made.root, tmp_path / "p")
    opened = Project.open(tmp_path / "p")
    yield opened, said
    opened.catalogue.close()


def add_song(made):
    """One more song in the prepared corpus."""
    stereo = prepared.to_int16(tune(6.0, 9))
    track = Track("more", "more.wav", "more", "The Tests", "9" * 64, 6.0, RATE, 2, "train", level_db=-12, peak_db=-3)
    np.save(prepared.stereo_path(made.corpus_dir, track.id), stereo)
    np.save(prepared.mono_path(made.corpus_dir, track.id), np.zeros(6 * MONO_RATE, dtype=np.int16))
    made.catalogue.add_tracks([track])
    prepared.describe(made, sample_rate=MONO_RATE, gain=1.0, tracks=made.catalogue.tracks())


def test_with_music_added_a_run_begins_where_the_other_was_and_its_codes_go_on_meaning_the_same(copied, capsys):
    made, first = copied
    add_song(made)
    with pytest.raises(ParameterError, match=f"--from {first.model_id}"):
        extend(made, first.model_id, more=More(steps=1))
    second = train(made, replace(PARAMS, start_from=first.model_id[:9], steps=1))[0]
    assert second.model_id != first.model_id
    before, _ = open_model(made.models_dir / first.model_id)
    model, about = open_model(made.models_dir / second.model_id, 0)
    assert about.history[0].measures == pytest.approx(first.measures, rel=1e-9)  # of the same unheard songs
    assert {e.title for e in model.examples} == {"train-tune", "more"}
    for name in ("vectors", "embedded", "deviations"):
        assert np.array_equal(getattr(model.codebook, name), getattr(before.codebook, name))
    assert np.array_equal(model.form.centres, before.form.centres)
    assert all(torch.equal(a, b) for a, b in zip(before.net.parameters(), model.net.parameters(), strict=True))
    assert about.training["start_from"] == f"{first.model_id}@{first.step}"


@pytest.mark.parametrize(
    ("start_from", "preset", "why"),
    [("", "tiny", "take --preset debug"), ("@99", "debug", "no checkpoint at step 99")],
)
def test_what_it_cannot_begin_with_is_refused(band, start_from, preset, why):
    made, first = band
    with pytest.raises(Exception, match=why):
        train(made, replace(PARAMS, preset=preset, start_from=first.model_id + start_from))
    assert len(made.catalogue.models()) <= 2


def test_a_run_that_begins_anew_is_named_as_it_always_was(band):
    made, first = band
    assert "start_from" not in read_about(made.models_dir / first.model_id).training


def test_a_flesh_begins_with_anothers_weights_and_plain_renderer(tmp_path):
    made = project(tmp_path / "p", train_s=6.0, heldout_s=0, valid_s=5.0)
    first = train(made, FLESH)[0]
    second = train(made, replace(FLESH, start_from=first.model_id, learning_rate=0.01))[0]
    one, _ = open_flesh(made.models_dir / first.model_id)
    other, _ = open_flesh(made.models_dir / second.model_id, 0)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    made.catalogue.close()


def test_a_finished_run_is_trained_longer_and_an_interrupted_extension_is_ended_not_begun_anew(copied, monkeypatch):
    made, first = copied
    plain, seen = SkeletonTask.loss, []

    def interrupted(self, *args):
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return plain(self, *args)

    monkeypatch.setattr(SkeletonTask, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extend(made, first.model_id, more=More(steps=3))
    monkeypatch.undo()
    assert extend(made, first.model_id, more=More(steps=3)).steps_done == 7
    assert extend(made, first.model_id, more=More(steps=2)).steps_done == 9
    history = read_about(made.models_dir / first.model_id).history
    assert [c.step for c in history][:5] == [0, 1, 2, 3, 4]
    assert history[-1].step == 9
    assert train(made, PARAMS)[0].steps_done == 9, "the command that began it has nothing more to do"


def test_it_is_trained_longer_by_the_clock(copied, monkeypatch):
    made, first = copied
    clock_s = float(read_tensors(made.models_dir / first.model_id / "resume.safetensors")["clock_s"])
    looks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: 0.01 * next(looks))  # a clock that no busy machine can hurry
    said = extend(made, first.model_id, more=More(time_s=0.3))
    monkeypatch.undo()
    assert said.steps_done > 4
    goal = read_about(made.models_dir / first.model_id).training["until_s"]
    assert goal == pytest.approx(clock_s + 0.3)


def test_a_model_is_found_by_what_people_call_it(copied):
    made, first = copied
    made.catalogue.say([Event("name-1", 1.0, "ana", "name", "", {"model": first.model_id, "name": "Warm one"})])
    assert find_model(made, "warm ONE@4") == (made.models_dir / first.model_id, 4)


def test_the_mean_of_weights_is_their_mean_and_indices_stay():
    one, other = ({"w": torch.full((2,), x), "i": torch.tensor([3])} for x in (1.0, 4.0))
    found = mean_of([one, other])
    assert torch.equal(found["w"], torch.full((2,), 2.5))
    assert torch.equal(found["i"], torch.tensor([3]))


def test_an_average_is_scored_and_kept_only_if_it_is_better(copied):
    made, first = copied
    folder = made.models_dir / first.model_id
    worse = average(made, first.model_id, steps=[0, 4])
    assert worse.best == first.measures["valid_bits"]
    assert worse.average > worse.best  # half-way back to the beginning
    assert worse.model_id == ""
    about = read_about(folder)
    poor = tuple(replace(c, measures={**c.measures, "valid_bits": 1e6}) for c in about.history)
    write_about(folder, replace(about, history=poor))
    kept = average(made, first.model_id, steps=[3, 4])
    model, said = open_model(made.models_dir / kept.model_id)
    assert said.checkpoint.valid_bits == kept.average
    nets = [open_model(folder, step)[0].net.state_dict() for step in (3, 4)]
    for name, value in model.net.state_dict().items():
        assert torch.equal(value, mean_of(nets)[name])
    assert said.training["averaged"] == [f"{first.model_id}@3", f"{first.model_id}@4"]


@pytest.mark.parametrize("steps", [[4], [3, 99]])
def test_an_average_needs_two_checkpoints_that_are_kept(band, steps):
    made, first = band
    with pytest.raises(ParameterError, match="there are: "):
        average(made, first.model_id, steps=steps)
