"""Runs: all trainings and their checkpoints, compared by eye and by ear.

A hundred experiments are only worth their time if one can find again which was which. A run
that failed or was pruned stays beside the others; what people call it, star it and say of its clips
are events in the catalogue, folded once (``catalogue/run_projection.py``).

    listing      what trainings there are; filters, orders, and the settings that tell them apart
    advice       what to try next (pure)
    clips        what each checkpoint plays by itself
    page         one page that opens offline: curves, settings, players, spectrograms
    deleting     with its size, and only after it was said
    listening    the page on which checkpoints are heard as they come, and what is said of them
    blind        two checkpoints compared by who does not know which is which (pure)
    server       the page's addresses; page_files/ is the page
    dashboard    a sweep's trials in optuna-dashboard
    tensorboard  event files, for whoever looks there
    run          the verbs
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "find", "give_name", "give_star", "listen", "listening_beside", "make_missing_clips", "select", "show",
    "write_page", "write_tensorboard",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
