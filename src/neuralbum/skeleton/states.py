"""Good states: moments of an audition a take can begin at, instead of hearing music of the band first.

    models/<id>/states/<step>.safetensors     rows, levels, forecast: a snapshot of the engine's memory each

Each was taken after the net had sung on its own for a while and while it sounded like the
corpus, so the samples it holds are the net's. A state belongs to the weights and the
engine it was made with; with any other it is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import model_folder
from ..errors import CheckpointError
from .checkpoint import About

if TYPE_CHECKING:
    from .stepping import Engine

FORMAT = "1"
PARTS = ("rows", "levels", "forecast")
Snapshot = tuple[npt.NDArray[Any], ...]


@dataclass(frozen=True)
class State:
    """One good state."""

    number: int
    digest: str
    snapshot: Snapshot  #: row, levels, forecast, as ``FusedEngine.restore`` takes them


def states_path(folder: Path, step: int) -> Path:
    return folder / "states" / f"{step}.safetensors"


def choose(snapshots: Sequence[Snapshot], n: int) -> list[Snapshot]:
    """At most ``n`` of them, evenly apart."""
    if len(snapshots) <= n:
        return list(snapshots)
    return [snapshots[int(i)] for i in np.linspace(0, len(snapshots) - 1, n).round()] if n else []


def write_states(
    folder: Path, about: About, step: int, weights: str, engine: str, snapshots: Sequence[Snapshot]
) -> None:
    """Store snapshots of ``engine``'s memory; without any, what was there goes.

    ``weights`` is the digest of the checkpoint's file.
    """
    import torch

    path = states_path(folder, step)
    if not snapshots:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: torch.from_numpy(np.stack([snapshot[i] for snapshot in snapshots])) for i, name in enumerate(PARTS)
    }
    model_folder.write_tensors(path, tensors, _card(about, step, weights, engine))


def read_states(folder: Path, about: About, engine: Engine, weights: str) -> list[State]:
    """The states of a checkpoint, if they fit its weights and this engine.

    Raises
    ------
    CheckpointError
        There are none, the file is truncated, or it belongs to other weights, another
        model, quantiser, rate or engine.
    """
    from safetensors import SafetensorError, safe_open

    path = states_path(folder, about.step)
    if not path.exists():
        known = ", ".join(str(r.step) for r in about.ladder if states_path(folder, r.step).exists()) or "none"
        raise CheckpointError(
            f"{about.id}@{about.step}: no stored states (checkpoints that have some: {known}); a state is kept where "
            f"an audition sounds like the corpus; train longer, or prime with music (--prime 2)"
        )
    tensors = model_folder.read_tensors(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            card = dict(file.metadata() or {})
    except (SafetensorError, OSError) as cause:
        raise CheckpointError(f"{path}: truncated or not a safetensors file ({cause}); train again") from cause
    for name, wanted in _card(about, about.step, weights, engine.name).items():
        if card.get(name) != wanted:
            hint = "; states are made on the CPU: --device cpu" if name == "engine" else ""
            raise CheckpointError(
                f"{path}: these states have {name} {card.get(name, 'unknown')}, here it is {wanted}{hint}; "
                f"take the checkpoint they were made with, or prime with music (--prime 2)"
            )
    quiet = engine.snapshot(engine.begin(1), 0)
    parts = [tensors[name].numpy() for name in PARTS if name in tensors]
    shapes = [part.shape[1:] for part in parts]
    if shapes != [part.shape for part in quiet] or [p.dtype for p in parts] != [p.dtype for p in quiet]:
        raise CheckpointError(f"{path}: its states have shapes {shapes}, the engine needs others; train again")
    rows, levels, forecast = parts
    sound = np.isfinite(rows).all() and np.isfinite(forecast).all() and (levels >= 0).all()
    if not (sound and (levels < about.n_levels).all() and len({len(part) for part in parts}) == 1):
        raise CheckpointError(f"{path}: damaged: values that no state can have; train again")
    return [
        State(i, _digest(snapshot), snapshot) for i, snapshot in enumerate(zip(rows, levels, forecast, strict=True))
    ]


def _card(about: About, step: int, weights: str, engine: str) -> dict[str, str]:
    """What a file of states must agree in."""
    return {
        "format": FORMAT, "model": about.id, "step": str(step), "weights": weights, "engine": engine,
        "sample_rate": str(about.sample_rate), "n_levels": str(about.n_levels),
    }  # fmt: skip


def _digest(snapshot: Snapshot) -> str:
    name = hashlib.blake2b(digest_size=10)
    for part in snapshot:
        name.update(np.ascontiguousarray(part).tobytes())
    return name.hexdigest()
