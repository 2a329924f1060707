"""Training: one loop and one format of checkpoints, for the skeleton, the flesh and the reference net.

    prepare.py     the corpus as steps, codes and forms      material.py       what a step of it hears
    loop.py        the training loop                         session.py        files, clock and stopping around it
    skeleton_task.py, flesh_task.py, samplernn_task.py       what each net is trained on
    baselines.py   the lines a skeleton is held against      checkpoint.py     models on disk
    run.py         files and catalogue

Verbs: ``run`` (also called ``train``), ``estimate``, ``find_model``, ``open_model``, ``open_renderer``, ``open_flesh``.
"""

from .checkpoint import find_model, open_flesh, open_model, open_renderer
from .params import FleshParams, SkeletonParams, TrainParams
from .run import Estimate, Trained, estimate, run, settings_of, train  # light: torch waits inside the functions

__all__ = [
    "Estimate", "FleshParams", "SkeletonParams", "TrainParams", "Trained", "estimate", "find_model", "open_flesh",
    "open_model", "open_renderer", "run", "settings_of", "train",
]  # fmt: skip
