"""A stage of the tests, which workers find by its name as they find every other."""

from __future__ import annotations

import os
import sys
import types

import pytest

from neuralbum.project import registry

ROOM = """
import os, signal, threading
from neuralbum.project.stage import Item, Measured, run_items

def node():
    import ray
    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else ""

def run(project, *, reporter, n_items, deadly=None, once=None, stuck=None, on_node=None, shard=(1, 1), retry=False):
    def measure(item, desk):
        if item.payload == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if item.payload == once and not (project.root / "died").exists():
            (project.root / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if item.payload == stuck or (on_node is not None and node() == on_node):
            (project.root / "working").touch()
            while True:
                threading.Event().wait(0.1)
        path = desk.file("number.txt")
        path.write_text(str(item.payload))
        return Measured({"number": item.payload}, {"number": path})
    items = [Item(f"take{n}", {"n": n}, n) for n in range(n_items)]
    return run_items(project, "screen", 1, (), items, measure, reporter=reporter, shard=shard, retry=retry)
"""
SITE = """
import sys, importlib, neuralbum.project.registry as registry
sys.modules["neuralbum.testroom"] = importlib.import_module("testroom")
registry.STAGES["testroom"] = "testroom:run"
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A room of the tests, found by name here and in the workers."""
    folder = tmp_path_factory.mktemp("rooms")
    (folder / "testroom.py").write_text(ROOM)
    (folder / "sitecustomize.py").write_text(SITE)
    module = types.ModuleType("neuralbum.testroom")
    exec(compile(ROOM, "testroom.py", "exec"), module.__dict__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setitem(registry.STAGES, "testroom", "testroom:run")
        patch.setitem(sys.modules, "neuralbum.testroom", module)
        yield "testroom"


class Listener:
    """A reporter that remembers."""

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


@pytest.fixture
def listener():
    return Listener()
