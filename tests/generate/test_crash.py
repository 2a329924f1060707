"""Kill generate with SIGKILL wherever it hurts: the same files and rows as if it had never been killed."""

from __future__ import annotations

import json
import random
import signal

from neuralbum.project import Project
from neuralbum.project.stage import file_digest

from .makers import write_small_model

KILLS = 4


def test_killed_takes_are_the_files_they_would_have_been(tmp_path, run_child):
    twins = []
    for name in ("killed", "whole"):
        made = Project.create(
            tmp_path / name, artist="The Tests", lease_s=0.5, tables={"generate": {"count": 4, "length_s": 2.0}}
        )
        write_small_model(made)
        made.catalogue.close()
        twins.append(made)
    killed, whole = twins
    counted = json.loads(run_child(whole.root, "generate", {}).stdout.splitlines()[-1])
    rng = random.Random(3)
    for _ in range(KILLS):
        done = run_child(killed.root, "generate", {}, deadly=rng.randint(2, counted["moments"]))
        assert done.returncode in (-signal.SIGKILL, 0), done.stderr
    last = run_child(killed.root, "generate", {})
    assert last.returncode == 0, last.stderr
    sounds = [{p.name: file_digest(p) for p in made.takes_dir.iterdir()} for made in twins]
    assert sounds[0] == sounds[1], "the same files, and nothing beside them"
    rows = [{(t.id, t.sha256) for t in Project.open(made.root).catalogue.takes()} for made in twins]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4
