"""The stages that are reached by name: by the pool of workers, the album of one command and one stage from another.

This is the only place where a name becomes an import; ``tests/test_rooms.py`` reads it, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

STAGES = {
    "add": "corpus:add",
    "train": "train:run",
    "sweep": "train.sweep:run",
    "generate": "generate:run",
    "screen": "screen:run",
    "originality": "originality:run",
    "memorisation": "originality:measure_model",
    "resemblance": "resemblance:run",
    "curate auto": "curate:auto",
    "title": "title:run",
    "visualise": "visualise:run",
    "release": "release:run",
    "training grams": "footprint:training_grams",
}


def stage(name: str) -> Callable[..., Any]:
    """A stage's function by the stage's name.

    Raises
    ------
    KeyError
        There is no such stage.
    """
    room, _, function = STAGES[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f"neuralbum.{room}"), function)
    return found
