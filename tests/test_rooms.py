"""The law of imports: only downwards, or through a named door."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from neuralbum.project import registry

SOURCE = Path(__file__).parent.parent / "src" / "neuralbum"

FLOORS = {
    "__init__": 0,
    "errors": 0,
    "records": 0,
    "settings": 0,
    "progress": 0,
    "kernels": 1,
    "audio": 2,
    "catalogue": 2,
    "project": 3,
    "web": 3,
    "corpus": 4,
    "marking": 4,
    "importing": 4,
    "nets": 4,
    "train": 4,
    "runs": 4,
    "generate": 4,
    "screen": 4,
    "originality": 4,
    "resemblance": 4,
    "curate": 4,
    "title": 4,
    "visualise": 4,
    "release": 4,
    "footprint": 4,
    "radio": 4,
    "demo": 4,
    "cli": 5,
    "__main__": 5,
}
ROOM_FLOOR = 4

DOORS = {
    ("train", "corpus"),  # the prepared corpus, as it lies on disk
    ("originality", "corpus"),
    ("resemblance", "corpus"),  # and the labels that it proposes
    ("train", "nets"),
    ("train", "originality"),  # what a checkpoint copies, in memory
    ("train", "resemblance"),  # how like the band its clips are
    ("train", "generate"),  # the clips it plays
    ("generate", "nets"),
    ("generate", "train"),  # open models; what a step hears
    ("runs", "train"),  # what model.json says of a training
    ("runs", "generate"),  # what its checkpoints play
    ("runs", "screen"),  # the picture of a clip
    ("runs", "footprint"),  # what a training cost
    ("train", "generate"),  # what a net plays by itself, while and after it is trained
    ("radio", "generate"),
    ("radio", "marking"),
    ("radio", "originality"),  # what is like the band's music is not played
    ("release", "marking"),
    ("curate", "screen"),  # the ranker, refitted while a person decides
    ("curate", "title"),  # keep or reject proposed titles
    ("resemblance", "screen"),  # the tempo spectrum
    ("originality", "generate"),  # sample checkpoints for the memorisation test
}

TORCH_ROOMS = {"nets", "train", "generate"}
NUMBA_HOME = {"kernels"}
BY_NAME = {"project/registry.py", "cli/run.py", "audio/__init__.py", "train/run.py"}
"""The files that turn a name into an import: stages, commands, the functions of audio, the task of a kind of net."""

FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Absolute names a file imports, and whether at module level."""
    package = ["neuralbum", *path.relative_to(SOURCE).parent.parts]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*stem, *([node.module] if node.module else [])])
            found.append((name, id(node) in top))
            found += [(f"{name}.{alias.name}", id(node) in top) for alias in node.names]
    return found


def breach(room: str, name: str) -> str | None:
    """Why a file of ``room`` may not import ``name``; None if it may."""
    parts = name.split(".")
    if parts[0] == "torch" and room not in TORCH_ROOMS:
        return f"torch belongs to {sorted(TORCH_ROOMS)}"
    if parts[0] == "numba" and room not in NUMBA_HOME:
        return "numba belongs to kernels"
    if parts[0] != "neuralbum" or len(parts) == 1:
        return None
    other = parts[1]
    if other not in FLOORS or other == room:
        return None
    if FLOORS[other] > FLOORS[room]:
        return f"{other} is on floor {FLOORS[other]}, above {room} on floor {FLOORS[room]}"
    if FLOORS[other] == FLOORS[room] == ROOM_FLOOR and (room, other) not in DOORS:
        return f"there is no door from {room} to {other}"
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_imports_go_down_or_through_a_door(path):
    room = room_of(path)
    assert room in FLOORS, f"{room} is not in the house plan"
    broken = {why for name, _ in imports_of(path) if (why := breach(room, name))}
    assert not broken


@pytest.mark.parametrize(
    ("room", "name"),
    [
        ("screen", "neuralbum.curate"),
        ("audio", "neuralbum.project"),
        ("screen", "torch"),
        ("audio", "numba"),
        ("records", "neuralbum.catalogue"),
    ],
)
def test_the_law_catches_a_planted_breach(room, name):
    assert breach(room, name) is not None


def test_only_the_registries_import_by_name():
    asking = {p for p in FILES if "import_module" in p.read_text(encoding="utf-8")}
    assert {p.relative_to(SOURCE).as_posix() for p in asking} == BY_NAME


@pytest.mark.parametrize("name", registry.STAGES)
def test_every_stage_of_the_registry_is_there(name):
    assert callable(registry.stage(name))


def test_nothing_lies_loose_above_the_ground_floor():
    loose = {p.stem for p in SOURCE.glob("*.py")}
    assert loose == {"__init__", "__main__", "errors", "records", "settings", "progress"}


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from neuralbum.cli.run import run; run(['--help']);"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'torch','numba','numpy','scipy','librosa','sqlalchemy','pydantic','av','starlette','sklearn'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_no_room_is_named_after_nothing():
    empty_names = {"utils", "helpers", "common", "misc", "manager", "base", "util"}
    assert not [p for p in FILES if p.stem in empty_names]
