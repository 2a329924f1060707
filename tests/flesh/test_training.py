"""Training in a project: it gains, it goes on exactly, its switch can be seen and undone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import neuralbum.flesh
from neuralbum import model_folder
from neuralbum.errors import CheckpointError, ParameterError, TrainingError
from neuralbum.flesh import FleshParams, checkpoint, open_flesh, train
from neuralbum.flesh.checkpoint import Snapshot, kept
from neuralbum.flesh.scores import score
from neuralbum.progress import Silent
from neuralbum.project import Project

from .makers import fill_corpus, song

QUICK = FleshParams(preset="debug", batch=1, crop_s=0.25, valid_s=1.0, check_every=3, steps=9, ramp_steps=2)


@pytest.fixture
def filled(project):
    project.corpus_ids = fill_corpus(project, seconds=2.6)
    return project


def weights(project, trained, step):
    return model_folder.read_tensors(project.root / trained.folder / "steps" / f"{step}.safetensors")


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


class Kill(Silent):
    """Interrupts at the n-th step."""

    def __init__(self, n):
        self.left = n

    def advance(self, amount=1.0, note=""):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_few_seconds_of_training_halve_the_high_bands_distance(project):
    fill_corpus(project, seconds=3.0)
    params = FleshParams(preset="debug", batch=1, steps=45, check_every=15, valid_s=1.5, adversarial="never")
    trained = train(project, params)
    assert trained.measures["lsd_high"] < 0.5 * trained.plain["lsd_high"]
    assert trained.measures["lsd_side"] < 0.5 * trained.plain["lsd_side"]
    assert trained.score < 0.7
    assert [m.id for m in project.catalogue.models("flesh")] == [trained.model_id]
    curves = project.catalogue.curve(trained.model_id)
    assert [step for step, _ in curves["score"]] == [15, 30, 45]
    assert curves["score"][-1][1] < curves["score"][0][1]
    assert (project.root / trained.folder / "curves.png").stat().st_size > 1000
    assert len(list((project.root / trained.folder / "audition").glob("*.flac"))) == 3
    assert project.catalogue.activities()[-1].stage == "flesh"


def test_interrupted_and_uninterrupted_training_give_the_same_weights_across_the_switch(filled, tmp_path):
    whole = train(filled, QUICK)
    other = Project.create(tmp_path / "other", artist="The Test Band", seed=7)
    fill_corpus(other, seconds=2.6)
    for steps in (5, 3):  # killed in the content phase, then in the adversarial one
        with pytest.raises(KeyboardInterrupt):
            train(other, QUICK, reporter=Kill(steps))
    resumed = train(other, QUICK)
    assert resumed.resumed
    assert resumed.model_id == whole.model_id
    assert resumed.history == whole.history
    assert [turn.what for turn in whole.history] == ["start", "adversarial"]
    for step in (3, 6, 9):
        assert same(weights(filled, whole, step), weights(other, resumed, step))
    assert train(other, QUICK).steps_done == 9  # all done: nothing happens
    other.catalogue.close()


def test_the_switch_is_logged_and_can_be_undone_for_good(filled):
    trained = train(filled, QUICK)
    folder = filled.root / trained.folder
    about = checkpoint.read_about(folder)
    assert [(s.step, s.phase) for s in about.snapshots] == [(3, "content"), (6, "content"), (9, "adversarial")]
    assert about.history[-1].step == 6
    undone = train(filled, dataclasses.replace(QUICK, steps=6), back_to=6)
    assert undone.steps_done == 9  # how far it had come; what is used is not what was undone
    assert undone.step <= 6
    assert not (folder / "steps" / "9.safetensors").exists()
    again = train(filled, QUICK)
    assert again.history[-1].what == "back"
    assert {s.phase for s in checkpoint.read_about(folder).snapshots} == {"content"}


def test_the_phase_can_be_asked_for_by_hand_or_never(filled):
    early = train(filled, dataclasses.replace(QUICK, steps=3), phase="adversarial")
    assert early.history[-1].what == "phase adversarial"
    assert checkpoint.read_about(filled.root / early.folder).phase == "adversarial"
    never = train(filled, dataclasses.replace(QUICK, adversarial="never"), force=True)
    assert len(never.history) == 1
    with pytest.raises(ParameterError, match="phase 'later'"):
        train(filled, QUICK, phase="later")


def test_standing_still_starts_the_adversarial_phase(filled):
    params = dataclasses.replace(QUICK, adversarial_share=1.0, patience=1, check_every=1, steps=6, learning_rate=1e-9)
    trained = train(filled, params)
    assert "no better score" in trained.history[-1].why


def test_time_limits_the_training_by_the_clock_it_is_given(filled, counting):
    ticks = iter(range(10_000))
    params = dataclasses.replace(QUICK, time_s=20.0)
    trained = train(filled, params, clock=lambda: float(next(ticks)), reporter=counting)
    assert 2 <= trained.steps_done <= 12
    assert counting.done == pytest.approx(counting.total)


def test_the_skeletons_own_samples_and_free_running_audio_are_learned_from(filled, tmp_path):
    forced = tmp_path / "forced"
    forced.mkdir()
    original = song(0, 2.6).mono
    worse = original + np.random.default_rng(0).normal(0, 300, len(original)).astype(np.int16)
    np.save(forced / f"{filled.corpus_ids[0]}.npy", worse)
    params = dataclasses.replace(QUICK, free_share=1.0, forced_share=1.0)
    free = [song(9, 2.0).mono]
    trained = train(filled, params, forced=forced, free=free)
    assert 0 < checkpoint.read_about(filled.root / trained.folder).level < 1
    with pytest.raises(ParameterError, match="track id"):
        train(filled, params, forced=tmp_path)
    with pytest.raises(ParameterError, match="holds no"):
        train(filled, params, free=tmp_path / "forced")


def test_too_little_music_is_refused(project):
    fill_corpus(project, ("valid",), seconds=2.6)
    with pytest.raises(TrainingError, match="at least 5 s"):
        train(project, QUICK)


def test_an_explosion_stops_with_the_last_good_snapshot(filled, monkeypatch):
    from neuralbum.flesh import trainer

    good = trainer.low_band_loss
    calls = []

    def explode(mid, clean):
        calls.append(1)
        return good(mid, clean) * (float("nan") if len(calls) == 5 else 1.0)

    monkeypatch.setattr(trainer, "low_band_loss", explode)
    trained = train(filled, QUICK)
    assert "not a number" in trained.stopped
    assert trained.step == 3
    open_flesh(filled.root / trained.folder)


def test_damaged_foreign_and_mismatched_models_are_refused(filled):
    trained = train(filled, dataclasses.replace(QUICK, steps=3, adversarial="never"))
    folder = filled.root / trained.folder
    with pytest.raises(CheckpointError, match="no snapshot at step 77; there are: 3"):
        open_flesh(folder, 77)
    with pytest.raises(CheckpointError, match="no model folder"):
        open_flesh(folder / "nowhere")

    path, about = folder / "weights.safetensors", json.loads((folder / "model.json").read_text())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="truncated"):
        open_flesh(folder)
    tensors = model_folder.read_tensors(folder / "steps" / "3.safetensors")
    model_folder.write_tensors(path, {**tensors, "heads.bias": tensors["heads.bias"] * float("nan")})
    with pytest.raises(CheckpointError, match="not numbers"):
        open_flesh(folder)
    path.write_bytes(data)
    for change, words in (
        ({"kind": "skeleton"}, "not a flesh"),
        ({"format": 99}, "format 99"),
        ({"quantiser": {"kind": "linear", "n_levels": 256}}, "quantiser"),
        ({"net": {**about["net"], "channels": 8}}, "shape"),
        ({"net": {}}, "incomplete"),
    ):
        (folder / "model.json").write_text(json.dumps({**about, **change}))
        with pytest.raises(CheckpointError, match=words):
            open_flesh(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        open_flesh(folder)


@pytest.mark.parametrize("name", ["lsd_low", "lsd_high", "lsd_side", "frechet"])
def test_plain_upsampling_scores_one_and_a_tenth_less_of_any_distance_counts_the_same(name):
    plain = {"lsd_low": 0.4, "lsd_high": 6.0, "lsd_side": 5.0, "frechet": 2500.0}
    before = {"lsd_low": 0.3, "lsd_high": 1.5, "lsd_side": 1.4, "frechet": 35.0}
    after = {**before, name: before[name] * (0.81 if name == "frechet" else 0.9)}
    assert score(plain, plain) == pytest.approx(1.0)
    assert score(after, plain) == pytest.approx(score(before, plain) * 0.9**0.25)


def test_the_best_the_latest_and_both_sides_of_a_switch_are_kept():
    def shot(step, phase, score):
        return Snapshot(step, phase, score)

    ladder = tuple(shot(i, "content" if i < 5 else "adversarial", 1.0 / (i + 1) if i < 3 else 0.9) for i in range(9))
    steps = [s.step for s in kept(ladder, 4)]
    assert steps == [1, 2, 4, 8]
    assert kept(ladder[:2], 4) == ladder[:2]


def test_nothing_is_unpickled():
    source = "".join(p.read_text() for p in Path(neuralbum.flesh.__file__).parent.glob("*.py"))
    assert not any(word in source for word in ("import pickle", "torch.load", "torch.save", "allow_pickle=True"))
