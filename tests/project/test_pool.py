"""Several processes share a stage; a dying worker is replaced, a deadly item set aside."""

from __future__ import annotations

import os
import sys
import types

import pytest

from neuralbum.errors import ParameterError
from neuralbum.project import registry
from neuralbum.project.workers import run

ROOM = """
import os, signal
from neuralbum.project.stage import Item, Measured, run_items

def run(project, *, reporter, n_items, deadly=None, once=None, shard=(1, 1), retry=False):
    def measure(item, desk):
        if item.payload == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if item.payload == once and not (project.root / "died").exists():
            (project.root / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        path = desk.file("pid.txt")
        path.write_text(str(os.getpid()))
        return Measured({"number": item.payload}, {"pid": path})
    items = [Item(f"take{n}", {"n": n}, n) for n in range(n_items)]
    return run_items(project, "screen", 1, (), items, measure, reporter=reporter, shard=shard, retry=retry)
"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room of the tests, found by name here and in the workers."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    (folder / "testroom.py").write_text(ROOM)
    site = """import sys, importlib, neuralbum.project.registry as registry
sys.modules['neuralbum.testroom'] = importlib.import_module('testroom')
registry.STAGES['testroom'] = 'testroom:run'
"""
    (folder / "sitecustomize.py").write_text(site)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    module = types.ModuleType("neuralbum.testroom")
    exec(compile(ROOM, "testroom.py", "exec"), module.__dict__)
    monkeypatch.setitem(registry.STAGES, "testroom", "testroom:run")
    monkeypatch.setitem(sys.modules, "neuralbum.testroom", module)
    return "testroom"


class Listener:
    def __init__(self):
        self.total, self.done, self.lines, self.ended = None, 0.0, [], False

    def begin(self, label, total, unit):
        self.total = total

    def advance(self, amount=1.0, note=""):
        self.done += amount

    def line(self, text):
        self.lines.append(text)

    def end(self):
        self.ended = True


def test_two_workers_do_every_item_once_and_show_one_progress(project, room):
    listener = Listener()
    outcome = run(project, room, workers=2, reporter=listener, n_items=24)
    assert (outcome.done, outcome.failed, outcome.elsewhere) == (24, 0, 0)
    assert (listener.total, listener.done, listener.ended) == (24, 24, True)
    assert sorted(f.values["number"] for f in project.catalogue.findings("screen")) == list(range(24))


def test_one_worker_runs_right_here(project, room):
    assert run(project, room, n_items=3).done == 3


def test_a_killed_worker_is_replaced_and_nothing_is_lost(project, room):
    listener = Listener()
    outcome = run(project, room, workers=2, reporter=listener, n_items=12, once=5)
    assert (outcome.failed, len(project.catalogue.latest("screen"))) == (0, 12)
    assert any("a worker died (signal 9)" in line for line in listener.lines)


def test_an_item_that_kills_twice_is_set_aside_and_the_rest_is_done(project, room):
    run(project, room, workers=2, n_items=12, deadly=5)
    failed = [f for f in project.catalogue.findings("screen") if f.error]
    assert [f.subject for f in failed] == ["take5"]
    assert "2 workers died over it" in failed[0].error
    assert len(project.catalogue.latest("screen")) == 11


def test_no_workers_at_all_is_refused(project, room):
    with pytest.raises(ParameterError, match="workers=0"):
        run(project, room, workers=0, n_items=1)
