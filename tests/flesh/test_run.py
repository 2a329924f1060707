"""Fleshing takes in a project, and the commands."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from neuralbum import audio
from neuralbum.cli.run import run as command_line
from neuralbum.errors import CatalogueError, ParameterError
from neuralbum.flesh import FleshParams, find_model, flesh_blocks, open_flesh, run, train
from neuralbum.stage import file_digest, verb

from .makers import fill_corpus, song

QUICK = FleshParams(preset="debug", batch=1, crop_s=0.25, valid_s=1.0, steps=2, check_every=1, adversarial="never")


def sound(seed=0, seconds=1.0):
    return song(seed, seconds).mono.astype(np.float32) / 32767


@pytest.fixture
def trained(project):
    fill_corpus(project, seconds=2.6)
    return train(project, QUICK)


def test_without_a_flesh_the_user_is_told_to_train_one(project, add_take):
    add_take(sound())
    with pytest.raises(CatalogueError, match="train flesh"):
        run(project)


def test_takes_become_stereo_files_that_everyone_finds(project, add_take, trained):
    takes = [add_take(sound(n), number=n) for n in range(2)]
    outcome = run(project, takes=[takes[0].id])
    assert (outcome.done, outcome.failed) == (1, 0)
    assert run(project).done == 1
    assert run(project).skipped == 2
    path = project.audio_of(takes[0])
    assert path == project.fleshed_dir / f"{takes[0].id}.flac"
    made, rate = audio.read(path)
    assert (rate, made.shape) == (44_100, (2, 44_100))
    values = project.catalogue.latest("flesh")[takes[0].id].values
    assert values["sha256"] == file_digest(path)
    assert values["model"] == f"{trained.model_id}@{trained.step}"
    assert not list(project.fleshed_dir.glob("*.part*"))


def test_the_file_is_what_flesh_blocks_gives(project, add_take, trained):
    take = add_take(sound())
    run(project)
    model = open_flesh(*find_model(project))
    source, _ = audio.read(project.root / take.path)
    expected = np.concatenate(
        list(flesh_blocks(model, np.array_split(source, 5, axis=1), seed=int(take.id[:12], 16))), 1
    )
    made, _ = audio.read(project.audio_of(take))
    assert np.abs(made - np.clip(expected, -1, 1)).max() <= 1.5 / 32768


def test_other_settings_make_the_file_anew_and_so_does_going_back(project, add_take, trained):
    take = add_take(sound())
    run(project)
    stereo = file_digest(project.audio_of(take))
    assert run(project, FleshParams(width=0.0)).done == 1
    mono, _ = audio.read(project.audio_of(take))
    assert np.array_equal(mono[0], mono[1])
    assert run(project).done == 1
    assert file_digest(project.audio_of(take)) == stereo
    project.audio_of(take).unlink()
    assert run(project).done == 1
    assert file_digest(project.audio_of(take)) == stereo


def test_a_take_of_another_rate_or_with_two_channels_fails_alone(project, add_take, trained):
    good = add_take(sound())
    add_take(sound(), sample_rate=8000, number=1)
    add_take(np.stack([sound(), sound()]), number=2)
    gone = add_take(sound(), number=3)
    (project.root / gone.path).unlink()
    outcome = run(project)
    assert (outcome.done, outcome.failed) == (1, 3)
    said = " ".join(message for _, message in outcome.errors)
    assert "8000 Hz" in said
    assert "2 channels" in said
    assert "missing" in said
    assert list(project.catalogue.latest("flesh")) == [good.id]


def test_models_are_found_by_name_and_step(project, trained):
    other = train(project, dataclasses.replace(QUICK, batch=2))
    assert find_model(project)[0].name == other.model_id
    assert find_model(project, trained.model_id + "@1") == (project.models_dir / trained.model_id, 1)
    with pytest.raises(ParameterError, match="2 fit"):
        find_model(project, "flesh")
    with pytest.raises(ParameterError, match="ID@step"):
        find_model(project, "flesh@last")


def test_other_rooms_find_the_verbs_by_name():
    assert verb("flesh") is run
    assert verb("flesh.train") is train


def test_the_commands_train_flesh_and_say_json_alone(project, add_take, capsys):
    fill_corpus(project, seconds=2.6)
    take = add_take(sound())
    where = ["--project", str(project.root), "--json"]
    quick = ["--set", "flesh.batch=1", "--set", "flesh.crop_s=0.25", "--set", "flesh.valid_s=1"]
    train_it = ["train", "flesh", "--preset", "debug", "--device", "cpu", *quick]
    assert command_line([*train_it, "--estimate", *where]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] > 100_000
    assert command_line([*train_it, "--steps", "2", *where]) == 0
    assert json.loads(capsys.readouterr().out)["steps_done"] == 2
    assert command_line(["flesh", take.id[:6], "--width", "0", *where]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 1
    assert command_line(["flesh", "--width", "9", *where]) == 2
    assert "width" in capsys.readouterr().err
