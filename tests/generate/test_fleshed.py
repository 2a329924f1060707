"""Takes are fleshed as they are made, once, and the ledger counts their time once."""

import itertools

import pytest

from neuralbum import model_folder
from neuralbum.errors import CatalogueError
from neuralbum.flesh import checkpoint
from neuralbum.flesh.net import new_generator
from neuralbum.flesh.params import NetShape
from neuralbum.generate import GenerateParams, fleshed, run
from neuralbum.records import Model
from neuralbum.skeleton import SkeletonParams, train

from .makers import project

COUNT = 3


def params(**more):
    return GenerateParams(count=COUNT, length_s=0.3, prime_s=0.0, batch=1, **more)


@pytest.fixture
def bare(tmp_path):
    made = project(tmp_path / "p")
    train(made, SkeletonParams(preset="debug", steps=2, batch=2, window=256, valid_s=0.3, audition_s=0.0))
    return made


def add_flesh(made):
    shape = NetShape(8, 1)
    folder = made.models_dir / "flesh-test"
    folder.mkdir(parents=True)
    model_folder.write_tensors(folder / model_folder.WEIGHTS, new_generator(shape, 0).state_dict())
    checkpoint.write_about(folder, checkpoint.About("flesh-test", "debug", shape, 256, "", "test"))
    made.catalogue.add_model(Model("flesh-test", checkpoint.KIND, "debug", 44_100, "", {}, 0.0))


def fleshed_ids(made):
    return sorted(f.subject for f in made.catalogue.findings("flesh") if f.error is None)


def test_without_a_flesh_takes_stay_bare_unless_one_is_asked_for(bare):
    assert run(bare, params()).done == COUNT
    assert fleshed_ids(bare) == []
    with pytest.raises(CatalogueError, match="train flesh"):
        run(bare, params(flesh="always"))


def test_takes_are_fleshed_while_others_are_made_and_bare_ones_later(bare, monkeypatch):
    add_flesh(bare)
    monkeypatch.setattr(fleshed, "AT_ONCE", 1)
    seen = []
    plain = fleshed.flesh.run

    def watched(made, **words):
        seen.append((len(made.catalogue.takes()), list(words["takes"])))
        return plain(made, **words)

    monkeypatch.setattr(fleshed.flesh, "run", watched)
    assert run(bare, params(flesh="never")).done == COUNT
    assert not seen
    run(bare, GenerateParams(count=COUNT + 2, length_s=0.3, prime_s=0.0, batch=1))
    takes = sorted(t.id for t in bare.catalogue.takes())
    assert [n for n, _ in seen] == [COUNT + 1, COUNT + 2, COUNT + 2]  # each when it was whole, the old ones at the end
    assert fleshed_ids(bare) == takes
    assert all((bare.fleshed_dir / f"{name}.flac").exists() for name in takes)
    run(bare, GenerateParams(count=COUNT + 2, length_s=0.3, prime_s=0.0, batch=1))
    assert fleshed_ids(bare) == takes  # nothing twice


def test_what_fleshing_takes_is_entered_once(bare, monkeypatch):
    add_flesh(bare)
    monkeypatch.setattr(fleshed, "AT_ONCE", 1)
    run(bare, params())
    rows = sorted(
        (a for a in bare.catalogue.activities() if a.stage in ("generate", "flesh")), key=lambda a: a.started_at
    )
    assert {a.stage for a in rows} == {"generate", "flesh"}
    assert sum(a.n_done for a in rows if a.stage == "flesh") == COUNT
    assert sum(a.n_done for a in rows if a.stage == "generate") == COUNT
    for before, after in itertools.pairwise(rows):
        assert after.started_at >= before.started_at + before.wall_s - 1e-6
