"""Training: one loop and one format of checkpoints, for the skeleton, the flesh and the reference net.

    prepare.py     the corpus as steps, codes and forms      material.py       what a step of it hears
    loop.py        the training loop                         session.py        files, clock and stopping around it
    skeleton_task.py, flesh_task.py, samplernn_task.py       what each net is trained on
    averaging.py   one net out of several checkpoints
    clips.py, clip_check.py                                  what a checkpoint plays: is it copied, is it like the band?
    sweep.py, sweep_picture.py                               many trainings, and the front of what they reached
    curve_picture.py                                         a training's curves
    baselines.py   the lines a skeleton is held against      checkpoint.py     models on disk
    run.py         files and catalogue

Verbs: ``run`` (also called ``train``), ``extend``, ``average``, ``estimate``, ``find_model``, ``open_model``,
``open_renderer``, ``open_flesh``.
"""

from __future__ import annotations

from typing import Any

from .checkpoint import find_model, open_flesh, open_model, open_renderer
from .params import FleshParams, SkeletonParams, SweepParams, TrainParams
from .run import (
    Estimate,
    More,
    Trained,
    estimate,
    extend,
    run,
    settings_of,
    train,
)  # light: torch waits inside the functions

__all__ = [
    "Estimate", "FleshParams", "More", "SkeletonParams", "SweepParams", "TrainParams", "Trained", "average", "estimate",
    "extend", "find_model", "open_flesh", "open_model", "open_renderer", "run", "settings_of", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "average":  # torch waits until it is asked for
        from .averaging import average

        return average
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
