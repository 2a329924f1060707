"""Training in a project: what it leaves, resuming, claims, names of numbers, refusals."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralbum.catalogue import worker_name
from neuralbum.errors import CatalogueError, CheckpointError, ParameterError, TrainingError
from neuralbum.project import Project
from neuralbum.train import (
    FleshParams,
    SkeletonParams,
    checkpoint,
    estimate,
    find_model,
    open_flesh,
    open_model,
    open_renderer,
    session,
    settings_of,
    tilting,
    train,
)
from neuralbum.train.params import PRESETS
from neuralbum.train.skeleton_task import SkeletonTask

from .makers import project

PARAMS = SkeletonParams(preset="debug", steps=4, transposed=1)


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """A project with a trained skeleton: (project, what training said)."""
    made = project(tmp_path_factory.mktemp("train") / "p")
    yield made, train(made, PARAMS)[0]
    made.catalogue.close()


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_training_leaves_a_model_that_opens_with_its_curves_and_its_row(band):
    made, trained = band
    folder, step = find_model(made)
    assert (folder.name, step) == (trained.model_id, None)
    model, about = open_model(folder)
    assert [c.step for c in about.history] == [0, 1, 2, 3, 4]
    assert about.step == min(about.history, key=lambda c: c.valid_bits).step == trained.step
    assert {e.pitch for e in model.examples} == {-1.0, 0.0, 1.0}
    assert set(about.baselines["heldout"]) == {"static", "copy", "regression"}
    assert {"train_bits", "valid_bits", "heldout_bits"} <= set(made.catalogue.curve(trained.model_id))
    assert made.catalogue.models("skeleton")[0].config["step"] == about.step
    assert (
        open_renderer(folder)
        .render(model.codebook.decode(model.examples[0].codes[:2])[:, : model.spec.size], seed=0)
        .shape[0]
        == 2
    )
    assert "held-out songs" in trained.sentence()


def test_the_same_command_again_does_nothing_more(band):
    made, trained = band
    before = files_of(made.models_dir / trained.model_id)
    again = train(made, PARAMS)[0]
    assert (again.resumed, again.step, again.steps_done) == (True, trained.step, 4)
    assert files_of(made.models_dir / trained.model_id) == before


CHILD = """
import os, signal, sys
from neuralbum.project import Project
from neuralbum.train import SkeletonParams, train

root, deadly = sys.argv[1], int(sys.argv[2])
moments, plain = 0, os.replace

def replace(part, path):
    global moments
    for moment in ("before", "after"):
        moments += 1
        if moments == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment == "before":
            plain(part, path)

os.replace = replace
train(Project.open(root), SkeletonParams(preset="debug", steps=4, transposed=1))
"""
MOMENTS = 2 * (1 + 5 * 3)
"""Before and after each rename: the music, and at each of five looks the net, model.json and the state."""


@pytest.mark.parametrize("deadly", [*sorted(random.Random(7).sample(range(1, MOMENTS + 1), 2)), MOMENTS - 6])
def test_a_training_killed_at_any_file_ends_as_its_twin_and_leaves_no_part(band, tmp_path, deadly):
    made, trained = band
    twin = project(tmp_path / "p")
    with open(twin.root / "neuralbum.toml", "a") as file:
        file.write("lease_s = 0.5\n")  # so long the rerun looks whether the killed one is alive
    killed = subprocess.run([sys.executable, "-c", CHILD, str(twin.root), str(deadly)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    twin.catalogue.close()
    twin = Project.open(twin.root)
    train(twin, PARAMS)
    here, there = (p.models_dir / trained.model_id for p in (made, twin))
    assert files_of(here).keys() == files_of(there).keys()
    assert open_model(there)[1].history == open_model(here)[1].history
    assert twin.catalogue.curve(trained.model_id) == made.catalogue.curve(trained.model_id)
    twin.catalogue.close()


def test_whoever_does_not_get_the_claim_touches_nothing(band, monkeypatch):
    made, trained = band
    before = files_of(made.models_dir / trained.model_id)
    key = f"train:{trained.model_id}"
    made.catalogue.claim("train", [key], worker="another-1", now=time.time())
    try:
        with pytest.raises(CatalogueError, match="another process is training"):
            train(made, PARAMS, force=True)
    finally:
        made.catalogue.let_go([key], worker="another-1")
    assert files_of(made.models_dir / trained.model_id) == before
    assert worker_name() != "another-1"


def test_a_loss_that_is_not_a_number_stops_at_the_last_good_checkpoint(tmp_path, monkeypatch):
    made, plain, seen = project(tmp_path / "p", heldout_s=0), SkeletonTask.loss, []

    def poisoned(self, batch, rng, progress):
        seen.append(progress)
        return plain(self, batch, rng, progress) * (float("nan") if len(seen) > 2 else 1.0)

    monkeypatch.setattr(SkeletonTask, "loss", poisoned)
    trained = train(made, PARAMS)[0]
    assert "not a number" in trained.stopped
    assert trained.steps_done == 2
    open_model(made.models_dir / trained.model_id)
    made.catalogue.close()


def test_without_a_song_that_chose_nothing_no_number_is_called_held_out(tmp_path):
    made = project(tmp_path / "p", valid_s=0)
    trained = train(made, replace(PARAMS, steps=1))[0]
    assert set(trained.measures) == {"valid_bits"}
    assert set(trained.baselines) == {"valid"}
    assert "held-out" not in trained.sentence()
    assert "heldout_bits" not in made.catalogue.curve(trained.model_id)
    made.catalogue.close()


def test_a_training_ends_with_a_tilt_that_a_rerun_leaves_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "debug", replace(PRESETS["debug"], rounds=2))
    monkeypatch.setattr(tilting, "N_CLIPS", 2)
    monkeypatch.setattr(tilting, "N_BARS", 2)
    made = project(tmp_path / "tilted")
    trained = train(made, PARAMS)[0]
    model, about = open_model(made.models_dir / trained.model_id)
    assert int(model.tilt.rounds) == 2
    assert bool(model.tilt.code.abs().sum() > 0.0)
    assert train(made, PARAMS)[0].model_id == trained.model_id
    assert open_model(made.models_dir / trained.model_id)[1] == about


def test_too_little_music_is_refused_with_what_to_do(tmp_path):
    made = project(tmp_path / "p", train_s=3.0, valid_s=0, heldout_s=0)
    with pytest.raises(TrainingError, match=r"3.0 s of training music: too little.*neuralbum add"):
        train(made, PARAMS)
    made.catalogue.close()


def test_a_timed_training_ends_in_its_time_with_a_net(tmp_path, monkeypatch):
    """The clock is the test's: every step and every look takes a second."""
    made, now = project(tmp_path / "p", heldout_s=0), [0.0]
    evaluate, loss = SkeletonTask.evaluate, SkeletonTask.loss

    def later(method):
        def slow(self, *args):
            now[0] += 1.0
            return method(self, *args)

        return slow

    monkeypatch.setattr(SkeletonTask, "evaluate", later(evaluate))
    monkeypatch.setattr(SkeletonTask, "loss", later(loss))
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    trained = train(made, replace(PARAMS, time_s=12.0))[0]
    assert trained.steps_done > 2
    assert 10.0 <= now[0] <= 13.0
    made.catalogue.close()


def test_the_flesh_is_trained_by_the_same_loop(tmp_path):
    made = project(tmp_path / "p", heldout_s=0)
    trained = train(made, FleshParams(preset="debug", steps=2, critic_after=0.5))[0]
    folder, _ = find_model(made, kind="flesh")
    flesh, about = open_flesh(folder)
    assert about.kind == trained.kind == "flesh"
    frames = flesh.plain.mean.expand(20, -1).numpy().copy()
    assert flesh.render(frames, seed=0).shape == (2, 20 * flesh.plain.spec.hop_length)
    with pytest.raises(CheckpointError, match="is a flesh, a skeleton is needed"):
        open_model(folder)
    made.catalogue.close()


def test_the_reference_net_is_trained_by_the_same_loop(tmp_path, monkeypatch):
    small = replace(PRESETS["samplernn"], net={"width": 8, "n_layers": 1, "frame": 16, "n_embedded": 4})
    monkeypatch.setitem(PRESETS, "samplernn", small)
    made = project(tmp_path / "p", heldout_s=0)
    trained = train(made, SkeletonParams(preset="samplernn", steps=2, batch=2, window=64))[0]
    net, about = checkpoint.open_samplernn(made.models_dir / trained.model_id)
    assert about.sample_rate == 8_000
    assert 0 < trained.measures["valid_bits"] < 16 * 8_000
    levels = net.sample(2, rng=np.random.default_rng(0))
    assert levels.shape == (32,)
    made.catalogue.close()


def test_an_estimate_counts_the_steps_that_fit(band):
    made, _ = band
    by_steps = estimate(made, PARAMS)
    assert (by_steps.steps, by_steps.kind) == (4, "skeleton")
    much_time = estimate(made, replace(PARAMS, time_s=36_000.0))
    assert much_time.seconds == 36_000.0
    assert much_time.steps > 1000


def test_the_time_for_both_is_shared_out(band):
    made, _ = band
    made.tables["train"] = {"time_s": 100.0}
    try:
        skeleton, flesh = settings_of(made)
        assert (skeleton.time_s, flesh.time_s) == (pytest.approx(60.0), pytest.approx(40.0))
        assert settings_of(made, "flesh")[0].time_s == 0.0
        with pytest.raises(ParameterError, match="choose skeleton or flesh"):
            settings_of(made, "bones")
    finally:
        del made.tables["train"]
