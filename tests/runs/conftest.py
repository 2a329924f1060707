"""A project with one small trained net; costly tests share it, destructive ones get a copy."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from neuralbum.nets.griffin_lim import PlainRenderer
from neuralbum.project import Project
from neuralbum.train import SkeletonParams, train

_spec = importlib.util.spec_from_file_location("train_makers", Path(__file__).parents[1] / "train" / "makers.py")
_makers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_makers)
tunes = _makers.project

PARAMS = SkeletonParams(preset="debug", steps=4, transposed=0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, one_renderer):
    """(Project, what training said); nobody changes it."""
    made = tunes(tmp_path_factory.mktemp("runs") / "p", train_s=6.0, heldout_s=5.0, valid_s=5.0)
    with open(made.root / "neuralbum.toml", "a") as file:
        file.write("\n[runs]\nclips = 1\nclip_s = 1.0\n")
    made = Project.open(made.root)
    yield made, train(made, PARAMS)[0]
    made.catalogue.close()


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of that project, and the run's id."""
    made, said = trained
    made.catalogue.checkpoint()
    shutil.copytree(made.root, tmp_path / "p", dirs_exist_ok=True)
    opened = Project.open(tmp_path / "p")
    yield opened, said.model_id
    opened.catalogue.close()


@pytest.fixture(scope="session", autouse=True)
def one_renderer():
    """The plain renderer is fitted once: the music is the same in all tests here, and fitting it takes the longest."""
    fitted = {}
    plain = PlainRenderer.fit.__func__

    def fit(cls, pairs, spec, **more):
        key = (len(pairs), sum(audio.shape[1] for _, audio in pairs), str(more))
        if key not in fitted:
            fitted[key] = plain(cls, pairs, spec, **more)
        return fitted[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainRenderer, "fit", classmethod(fit))
        yield
