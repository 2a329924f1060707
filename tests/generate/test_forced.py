"""Teacher-forced samples in a project: a file for every track, once, by one recipe."""

import json

import numpy as np
import pytest

from neuralbum.generate import GenerateParams, force
from neuralbum.skeleton import SkeletonParams, train

from .makers import project

PARAMS = GenerateParams(temperature=(0.9, 1.1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("forced") / "p")
    train(made, SkeletonParams(preset="debug", steps=2, batch=2, window=256, valid_s=0.3, audition_s=0.0))
    return made


def test_every_track_gets_a_file_of_its_own_length_once(trained, tmp_path):
    folder = tmp_path / "forced"
    done = force(trained, folder, PARAMS)
    assert (done.tracks, done.skipped) == (3, 0)
    corpus = {p.name.split(".")[0]: np.load(p) for p in trained.corpus_dir.glob("*.mono.npy")}
    for name, mono in corpus.items():
        made = np.load(folder / f"{name}.npy")
        assert made.dtype == np.float32
        assert made.shape == mono.shape
    before = (folder / "valid-tune.npy").read_bytes()
    assert force(trained, folder, PARAMS).skipped == 3
    assert force(trained, folder, PARAMS, splits=["valid"], again=True).tracks == 1
    assert (folder / "valid-tune.npy").read_bytes() == before


def test_a_folder_of_another_recipe_is_made_anew(trained, tmp_path):
    force(trained, tmp_path, PARAMS, splits=["valid"])
    drawn = np.load(tmp_path / "valid-tune.npy")
    assert force(trained, tmp_path, PARAMS, splits=["valid"], expected=True).tracks == 1
    assert json.loads((tmp_path / "forced.json").read_text())["temperature"] is None
    assert not np.array_equal(np.load(tmp_path / "valid-tune.npy"), drawn)
