"""Takes in a project: same recipe same sound, resumable, shared, safe."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from neuralbum.catalogue import Catalogue
from neuralbum.errors import AudioError, CatalogueError, CheckpointError
from neuralbum.generate import GenerateParams, render, run
from neuralbum.project import Project
from neuralbum.project.stage import file_digest
from neuralbum.records import digest

from .makers import RATE, write_small_model

LEASE_S = 0.5
PARAMS = GenerateParams(count=3, length_s=3.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    made = Project.create(tmp_path_factory.mktemp("generate") / "p", artist="The Tests")
    made.__dict__["catalogue"] = Catalogue.at(made.root / "catalogue.db", lease_s=LEASE_S)
    write_small_model(made)
    return made


@pytest.fixture
def fresh(trained):
    """The trained project without takes."""
    for take in trained.catalogue.takes():
        (trained.root / take.path).unlink(missing_ok=True)
    return trained


def files(made):
    return {path.name: file_digest(path) for path in made.takes_dir.glob("*")}


def test_takes_are_made_once_and_are_the_same_files_when_made_again(fresh, counting, monkeypatch):
    assert run(fresh, PARAMS, reporter=counting).done == 3
    assert counting.done == pytest.approx(counting.total)
    first = files(fresh)
    assert len(first) == 3
    takes = fresh.catalogue.takes()
    assert all((take.channels, take.sample_rate) == (2, RATE) for take in takes)
    assert all(take.sha256 == first[f"{take.id}.flac"] for take in takes)
    assert run(fresh, PARAMS).skipped == 3
    monkeypatch.setattr(sys.modules["neuralbum.generate.run"], "n_sharing", lambda: 3)  # so: in batches of one
    assert run(fresh, PARAMS, force=True).done == 3
    assert files(fresh) == first


def test_a_take_over_which_two_workers_died_is_set_aside_and_nobody_is_blamed_with_it(fresh):
    run(fresh, PARAMS)
    takes = fresh.catalogue.takes()
    for take in takes:
        (fresh.root / take.path).unlink()
    ids = [take.id for take in takes]
    for _ in range(2):
        theirs = Catalogue.at(fresh.root / "catalogue.db")
        theirs.claim("generate", ids, worker="dead", now=time.time())
        theirs.start(ids[1], now=time.time())
        theirs.close()
        fresh.catalogue.count_death("dead")
    outcome = run(fresh, PARAMS)
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (2, 1, 0)
    assert outcome.errors[0][0] == ids[1]
    outcome = run(fresh, PARAMS)
    assert (outcome.skipped, outcome.failed, outcome.failed_before) == (2, 0, 1)
    assert run(fresh, PARAMS, retry=True).done == 1
    assert run(fresh, PARAMS).skipped == 3


def test_a_recipe_gives_its_take_back_bit_for_bit(fresh):
    run(fresh, PARAMS)
    take = fresh.catalogue.takes()[1]
    stored, rate = soundfile.read(fresh.root / take.path, dtype="int16")
    assert (rate, len(stored)) == (take.recipe.sample_rate, take.recipe.n_samples)
    again = fresh.takes_dir.parent / "again.flac"
    soundfile.write(again, render(fresh, take.recipe).T, rate, subtype="PCM_16")
    assert np.array_equal(soundfile.read(again, dtype="int16")[0], stored)


def test_a_recipe_of_weights_that_changed_is_refused(fresh):
    run(fresh, PARAMS)
    recipe = fresh.catalogue.takes()[0].recipe
    with pytest.raises(CheckpointError, match="not what made it"):
        render(fresh, replace(recipe, model_digest="1" * 20))


def test_more_takes_later_leave_those_that_are_there_alone(fresh):
    run(fresh, PARAMS)
    before = files(fresh)
    outcome = run(fresh, replace(PARAMS, count=4))
    assert (outcome.done, outcome.skipped) == (1, 3)
    assert before.items() < files(fresh).items()


def test_hours_are_made_of_takes_of_the_length_asked(fresh):
    assert run(fresh, replace(PARAMS, hours=6.0 / 3600)).done == 2


def test_what_killed_processes_left_half_written_goes_and_is_made_again(fresh):
    run(fresh, PARAMS)
    whole = files(fresh)
    victim = fresh.catalogue.takes()[0]
    (fresh.root / victim.path).unlink()
    for name in (victim.id, digest("of another recipe")):
        (fresh.takes_dir / f"{name}.{'0' * 8}.part.flac").write_bytes(b"fLaC half")
    assert run(fresh, PARAMS).done == 1
    assert files(fresh) == whole


def test_what_another_process_has_in_hand_is_left_to_it_with_its_part(fresh):
    run(fresh, PARAMS)
    victim = fresh.catalogue.takes()[0]
    (fresh.root / victim.path).unlink()
    part = fresh.takes_dir / f"{victim.id}.{'0' * 8}.part.flac"
    part.write_bytes(b"fLaC half")
    other = Catalogue.at(fresh.root / "catalogue.db", lease_s=LEASE_S)
    other.claim("generate", [victim.id], worker="elsewhere", now=time.time())
    outcome = run(fresh, PARAMS)
    assert (outcome.done, outcome.elsewhere) == (0, 1)
    assert part.exists()
    other.let_go([victim.id], worker="elsewhere")
    other.close()
    assert run(fresh, PARAMS).done == 1
    assert not part.exists()


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


def asked_by_memorisation(project, temperature=1.0):
    """The settings with which the memorisation test samples the only model, 9 s in takes of 3 s."""
    from neuralbum.originality import memorisation, params

    (model,) = project.catalogue.models()
    experiment = memorisation.Experiment(
        project, None, model, (1,), (temperature,), 9.0, 3.0, project.settings.seed, params.Params()
    )
    return experiment.asked(1, temperature)


def test_the_memorisation_test_searches_what_generate_makes(fresh):
    from neuralbum.originality.fingerprints import read_mono
    from neuralbum.originality.memorisation import sampled

    params = asked_by_memorisation(fresh)
    heard = list(sampled(fresh, params, fresh.settings.seed))
    assert run(fresh, params).done == len(heard) == 3
    takes = {take.recipe.number: take for take in fresh.catalogue.takes() if (fresh.root / take.path).exists()}
    for number, sound in enumerate(heard):
        stored = read_mono(fresh.root / takes[number].path)
        assert np.abs(sound - stored).max() <= 1.1 / 2**15, "the same but for 16 bits"


def test_the_memorisation_tests_key_changes_with_what_changes_takes(fresh):
    from neuralbum.generate import recipes

    def ids(made, temperature=1.0):
        return [r.take_id for r in recipes(made, asked_by_memorisation(made, temperature))]

    assert ids(fresh) == ids(fresh)
    assert ids(fresh) != ids(fresh, 1.1)
    assert ids(fresh) != ids(Project.open(fresh.root, ["generate.watchdog=false"]))
    assert ids(fresh) != ids(Project.open(fresh.root, ["generate.tempo=90"]))


def test_without_a_model_it_says_how_to_train_one(project):
    with pytest.raises(CatalogueError, match="neuralbum train"):
        run(project, PARAMS)


def test_a_flesh_that_is_not_trained_is_said_to_be_missing(fresh):
    with pytest.raises(CatalogueError, match="no trained flesh"):
        run(fresh, replace(PARAMS, flesh="always"))


NOTHING_TO_DO = """
import sys
from neuralbum.cli.run import run
code = run(["generate", "--count", "3", "--length", "3", "--project", sys.argv[1]])
print(code, sorted({"torch", "numba", "scipy", "numpy", "av"} & sys.modules.keys()))
"""


def test_with_nothing_to_do_no_net_is_opened_and_what_to_run_next_is_said(fresh):
    run(fresh, PARAMS)
    words = [sys.executable, "-c", NOTHING_TO_DO, str(fresh.root)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[-1] == "0 []", said
    assert said[-3] == "generate: nothing to do, 3 takes were done already"
    assert said[-2].startswith("next: neuralbum ")


def test_a_take_whose_file_is_gone_or_a_damaged_note_is_something_to_do(fresh):
    for note in (fresh.artefacts_dir / "generate").glob("*.json"):
        note.unlink()
    run(fresh, PARAMS)
    (fresh.root / fresh.catalogue.takes()[0].path).unlink(missing_ok=True)
    assert run(fresh, PARAMS).done <= 1
    assert run(fresh, PARAMS).skipped == 3
    (note,) = (fresh.artefacts_dir / "generate").glob("*.json")
    said = note.read_text()
    note.write_text("half wri")
    assert run(fresh, PARAMS).skipped == 3
    assert note.read_text() == said
