"""Kill every stage that writes with SIGKILL wherever it hurts; run again, it ends as its uninterrupted twin.

One small album is made stage by stage. Before each stage the project is copied; the
stage runs through in the one and is killed again and again in the copy
(``stage_in_child.py`` says which moments), at moments drawn with a seeded generator.
Then both must hold the same files, findings, takes, models, songs and events, and the
same status, and nothing half written. ``pytest tests/test_crash.py --kills 100`` for a night.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import pytest
import safetensors.numpy
import soundfile

from neuralbum.project import Project, file_digest
from neuralbum.project.overview import overview

from .train.makers import RATE, tune

SETTINGS = {
    "corpus": {"min_minutes": 0.1, "sample_rate": 8000, "valid_share": 0.2, "heldout_share": 0.2},
    "skeleton": {"preset": "debug", "steps": 3, "transposed": 0},
    "flesh": {"preset": "debug", "steps": 2},
    "generate": {"count": 2, "length_s": 4.0},
    "originality": {"lanes": ["exact"]},
    "visualise": {"width": 128, "height": 96, "fps": 10, "preset": "ultrafast"},
}
RIGHTS = {"rights_holder": "The Tests", "contact": "tests@example.org", "permission": "made for the tests"}
STAGES = ("add", "train", "generate", "screen", "originality", "curate", "title", "visualise", "release", "resemblance")
FEWEST = 2
"""Kills of each stage in the suite."""
TIMES = ("created_at", "cpu_s", "at", "id")
"""What may differ between twins: when something was done, and what it cost."""


class Chain:
    """The small album, made as far as asked."""

    def __init__(self, folder: Path, child: subprocess.Popen[str]) -> None:
        self.folder, self.child = folder, child
        self.root = folder / "whole" / "album"
        self.twins: dict[str, Path] = {}  #: stage -> a copy of the project from before that stage
        self.moments: dict[str, int] = {}
        self.after: dict[str, dict] = {}

    @cached_property
    def music(self) -> Path:
        """Three songs of the band."""
        folder = self.folder / "music"
        folder.mkdir()
        for seed in (1, 2, 3):
            soundfile.write(folder / f"tune {seed}.wav", tune(6.0, seed).T, RATE)
        return folder

    def run(self, root: Path, stage: str, deadly: int = 0) -> dict:
        """What ``stage_in_child.py`` says of a run."""
        options = {"paths": [str(self.music)]} if stage == "add" else {}
        words = {"root": str(root), "stage": stage, "options": options, "deadly": deadly}
        self.child.stdin.write(json.dumps(words) + "\n")
        self.child.stdin.flush()
        for line in self.child.stdout:  # what a library prints is no answer
            if line.startswith('{"moments"'):
                return json.loads(line)
        raise AssertionError("the child is gone")

    def before(self, stage: str) -> Path:
        """The twin of ``stage``: a project in which all stages before it are done."""
        if not self.twins:
            Project.create(self.root, artist="The Tests", lease_s=0.5, tables=SETTINGS, **RIGHTS)
        for name in STAGES[: STAGES.index(stage) + 1]:
            if name not in self.twins:
                self.twins[name] = self.folder / name / "album"
                shutil.copytree(self.root, self.twins[name])
                whole = self.run(self.root, name)
                assert not whole["error"], whole["error"]
                self.moments[name], self.after[name] = whole["moments"], contents(self.root)
        return self.twins[stage]


def contents(root: Path) -> dict:
    """All a project holds that does not depend on when it was made."""
    project = Project.open(root)
    catalogue = project.catalogue
    kept = {
        "tracks": catalogue.tracks(), "models": catalogue.models(), "takes": catalogue.takes(),
        "findings": catalogue.findings(), "songs": catalogue.songs(), "events": catalogue.events(),
    }  # fmt: skip
    rows = {
        name: sorted(
            (
                {k: v for k, v in asdict(row).items() if k not in TIMES} if name != "tracks" else asdict(row)
                for row in rows
            ),
            key=repr,
        )
        for name, rows in kept.items()
    }
    rows["curves"] = {model.id: catalogue.curve(model.id) for model in catalogue.models()}
    rows["status"] = asdict(replace(overview(project), project="", next=""))
    catalogue.close()
    lying = [p for p in root.rglob("*") if p.is_file() and not p.name.startswith(("catalogue.db", "journal."))]
    rows["files"] = {p.relative_to(root).as_posix(): content(p) for p in lying}
    rows["parts"] = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if ".part" in p.name)
    return rows


def content(path: Path) -> object:
    """A file's digest; of a training's state without how long it took."""
    if path.name != "resume.safetensors":
        return file_digest(path)
    tensors = safetensors.numpy.load_file(path)
    return {name: value.tobytes() for name, value in tensors.items() if name != "clock_s"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    words = [sys.executable, str(Path(__file__).with_name("stage_in_child.py"))]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # a process of several threads cannot be forked
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=one_thread) as child:
        yield Chain(tmp_path_factory.mktemp("crash"), child)


@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_stage_ends_as_its_uninterrupted_twin(chain, stage, request):
    twin = chain.before(stage)
    kills = request.config.getoption("--kills") or FEWEST
    rng = random.Random(f"{stage} {kills}")
    deadly = [rng.randint(1, chain.moments[stage]) for _ in range(kills)]
    said = [chain.run(twin, stage, moment) for moment in [*deadly, 0]]
    assert [run["error"] for run in said] == [""] * len(said), deadly
    assert any(run["killed"] for run in said)
    here, there = contents(twin), chain.after[stage]
    assert here["parts"] == []
    for name in there:
        assert here[name] == there[name], (name, deadly)
