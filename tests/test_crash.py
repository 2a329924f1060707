"""Kill a running stage with SIGKILL wherever it hurts; a rerun finishes, nothing lost or doubled.

The child (``run_child``) kills itself at moments drawn with a seeded generator.
tests/generate/test_crash.py kills what makes takes.
"""

from __future__ import annotations

import json
import random
import signal

import numpy as np
import pytest

KILLS = 4


def contents(project, stage):
    """What the stage has left: findings by subject, and the files they name."""
    findings = project.catalogue.findings(stage)
    assert len({f.subject for f in findings}) == len(findings), "an item was recorded twice"
    named = {path for f in findings for path in f.files.values()}
    lying = {p.relative_to(project.root).as_posix() for p in (project.artefacts_dir / stage).rglob("*") if p.is_file()}
    return {f.subject: f.values for f in findings}, named, lying


@pytest.fixture
def with_takes(project, add_take):
    rng = np.random.default_rng(5)
    for number in range(5):
        add_take(rng.normal(0, 0.1 + 0.02 * number, 24_000), number=number)
    with open(project.root / "neuralbum.toml", "a") as file:
        file.write("lease_s = 0.5\n")  # so long a rerun looks whether the killed one is alive
    return project


def test_a_killed_screen_finishes_as_if_never_killed(with_takes, run_child):
    project = with_takes
    first = run_child(project.root, "screen", {}, deadly=1)
    assert first.returncode == -signal.SIGKILL, first.stderr
    rng = random.Random(11)
    for _ in range(KILLS):
        killed = run_child(project.root, "screen", {}, deadly=rng.randint(2, 40))
        assert killed.returncode in (-signal.SIGKILL, 0), killed.stderr
    last = run_child(project.root, "screen", {})
    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout.splitlines()[-1])["failed"] == 0

    values, named, lying = contents(project, "screen")
    assert set(values) == {take.id for take in project.catalogue.takes()}
    assert all((project.root / path).exists() for path in named)
    assert named <= lying
    assert not [path for path in lying if ".part" in path]

    project.catalogue.engine.dispose()
    again = run_child(project.root, "screen", {"force": True})
    assert again.returncode == 0, again.stderr
    assert contents(project, "screen")[0] == values, "killed and unkilled runs measure the same"
