"""Takes in a project: same recipe same sound, resumable, shared, safe."""

import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from neuralbum.errors import AudioError, CatalogueError
from neuralbum.generate import GenerateParams, run, sample
from neuralbum.skeleton import SkeletonParams, train
from neuralbum.skeleton.checkpoint import read_about

from .makers import project

PARAMS = GenerateParams(count=3, length_s=0.6, prime_s=0.2, batch=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    made = project(tmp_path_factory.mktemp("generate") / "p")
    train(made, SkeletonParams(preset="debug", steps=2, batch=2, window=256, valid_s=0.3, audition_s=0.0))
    return made


@pytest.fixture
def fresh(trained):
    """The trained project without takes."""
    for take in trained.catalogue.takes():
        (trained.root / take.path).unlink(missing_ok=True)
    return trained


def sounds(made):
    return {
        take.id: soundfile.read(made.root / take.path)[0]
        for take in made.catalogue.takes()
        if (made.root / take.path).exists()
    }


def test_takes_are_made_once_and_keep_their_sound_in_any_batch(fresh):
    assert run(fresh, PARAMS).done == 3
    first = sounds(fresh)
    assert all(len(sound) == 9600 for sound in first.values())
    assert run(fresh, PARAMS).skipped == 3
    alone = GenerateParams(count=3, length_s=0.6, prime_s=0.2, batch=1)
    assert run(fresh, alone, force=True).done == 3
    again = sounds(fresh)
    assert again.keys() == first.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_more_takes_later_leave_those_that_are_there_alone(fresh):
    run(fresh, PARAMS)
    before = set(sounds(fresh))
    outcome = run(fresh, GenerateParams(count=4, length_s=0.6, prime_s=0.2, batch=2))
    assert (outcome.done, outcome.skipped) == (1, 3)
    assert before < set(sounds(fresh))


def test_the_recipe_tells_the_prime_and_the_prime_is_not_in_the_sound(fresh):
    run(fresh, PARAMS)
    take = fresh.catalogue.takes()[0]
    assert take.recipe.prime["track"] == "train-tune"
    assert take.recipe.prime["n_samples"] == 3200
    assert take.n_samples == 9600


def test_the_recipe_tells_the_reins_and_letting_go_makes_other_takes(fresh):
    run(fresh, PARAMS)
    held = {take.id: take.recipe.engine for take in fresh.catalogue.takes()}
    known = next(iter(fresh.models_dir.iterdir()))
    reins = read_about(known).reins
    assert 0.0 < reins.low < reins.high < 8.0
    assert all(f"+{reins.name}+watchdog" in engine for engine in held.values())
    assert all(engine.endswith(f"+redraws-1:3:{read_about(known).band.limit:.3f}") for engine in held.values())
    run(fresh, replace(PARAMS, reins=False))
    free = [take for take in fresh.catalogue.takes() if take.id not in held]
    assert len(free) == 3
    assert not any("reins" in take.recipe.engine for take in free)


def test_a_half_written_take_is_made_again(fresh):
    run(fresh, PARAMS)
    whole = sounds(fresh)
    victim = fresh.catalogue.takes()[0]
    (fresh.root / victim.path).unlink()
    dead = 2**22 + 1  # beyond the largest process id
    left = fresh.takes_dir / f"{victim.id}.{dead}.part.flac"
    left.write_bytes(b"fLaC half")
    assert run(fresh, PARAMS).done == 1
    assert not left.exists()
    assert np.array_equal(sounds(fresh)[victim.id], whole[victim.id])


def test_what_another_process_has_in_hand_is_left_to_it(fresh):
    run(fresh, PARAMS)
    victim = fresh.catalogue.takes()[0]
    (fresh.root / victim.path).unlink()
    fresh.catalogue.claim("generate", [victim.id], worker="elsewhere:1:1", now=1e12, lease_s=1e9)
    outcome = run(fresh, PARAMS)
    assert (outcome.done, outcome.elsewhere) == (0, 1)
    fresh.catalogue.let_go([victim.id], worker="elsewhere:1:1")


def test_shards_share_the_takes_without_overlap(fresh):
    assert run(fresh, PARAMS, shard=(1, 2)).done == 2
    assert run(fresh, PARAMS, shard=(2, 2)).done == 1
    assert run(fresh, PARAMS).skipped == 3


def test_a_full_disk_stops_with_a_clear_error_and_leaves_nothing_half_written(fresh, monkeypatch):
    from neuralbum.audio import FlacWriter

    def full(self, audio):
        raise AudioError("takes/x.flac: cannot be written: no space left; is the disk full?")

    monkeypatch.setattr(FlacWriter, "write", full)
    with pytest.raises(AudioError, match="disk full"):
        run(fresh, PARAMS)
    assert list(fresh.takes_dir.glob("*.flac")) == []
    monkeypatch.undo()
    assert run(fresh, PARAMS).done == 3


def test_without_a_model_it_says_how_to_train_one(tmp_path):
    with pytest.raises(CatalogueError, match="train skeleton"):
        run(project(tmp_path / "p"), PARAMS)


def test_sampling_without_a_project_gives_blocks_of_the_asked_length(trained):
    (folder,) = trained.models_dir.iterdir()
    blocks = list(sample(folder, seeds=[0, 1], temperatures=[1.0, 1.0], n_samples=9000))
    assert np.concatenate(blocks, axis=1).shape == (2, 9000)
    assert os.listdir(folder)
