"""What every model's folder has: weights in safetensors, the rest in JSON; nothing is ever unpickled.

    models/<id>/model.json                 what the net is and how it was trained
    models/<id>/weights.safetensors        the chosen checkpoint
    models/<id>/steps/<step>.safetensors   those that are kept
    models/<id>/resume.safetensors         the trainer's state

Every file is written under another name, flushed, then renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, ParameterError, ToolError
from ..project import atomic

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, ABOUT, RESUME = "weights.safetensors", "model.json", "resume.safetensors"


def step_path(folder: Path, step: int) -> Path:
    return folder / "steps" / f"{step}.safetensors"


def parse_model(word: str) -> tuple[str, int | None]:
    """``"ID@step"`` -> (ID, step); ``"ID"`` -> (ID, None)."""
    name, at, step = word.partition("@")
    if at and not step.isdigit():
        raise ParameterError(f"model {word!r}: write it as ID or ID@step, for example tiny-1a2b3c4d@1500")
    return name, int(step) if at else None


def write_about(folder: Path, text: Mapping[str, Any]) -> None:
    with _room_on_disk(folder / ABOUT), atomic(folder / ABOUT) as part:
        part.write_text(json.dumps(text, indent=2), encoding="utf-8")


def read_about(folder: Path, *, train: str) -> dict[str, Any]:
    """The table in model.json; ``train`` is the command that makes such models.

    Raises
    ------
    CheckpointError
        Missing, or not JSON.
    """
    path = folder / ABOUT
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{folder}: no model here; train one with `{train}`") from cause
    except (ValueError, RecursionError, OSError) as cause:
        raise CheckpointError(f"{path}: damaged; take another model or train again") from cause
    if not isinstance(text, dict):
        raise CheckpointError(f"{path}: damaged; take another model or train again")
    return text


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Write tensors whole or not at all."""
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with _room_on_disk(path), atomic(path) as part:
        save_file(plain, str(part), metadata=dict(about or {}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors; a missing, truncated or foreign file is a CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(str(path))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{path}: missing; training makes it again") from cause
    except (SafetensorError, OSError, ValueError) as cause:
        raise CheckpointError(
            f"{path}: truncated or not a safetensors file ({cause}); take another checkpoint"
        ) from cause
    return tensors


def fill(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into a net's own (its parameters, or its state), or say which one does not fit.

    Raises
    ------
    CheckpointError
        Names, a shape, or values that are not numbers.
    """
    import torch

    if odd := sorted(set(tensors) ^ set(wanted))[:3]:
        raise CheckpointError(f"{path}: its tensors do not fit the net in model.json (for example {odd})")
    for name, own in wanted.items():
        if tensors[name].shape != own.shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, the net needs {tuple(own.shape)}"
            )
        if not bool(torch.isfinite(tensors[name]).all()):
            raise CheckpointError(f"{path}: {name} holds values that are not numbers; take another checkpoint")
    with torch.no_grad():
        for name, own in wanted.items():
            own.copy_(tensors[name])


@contextmanager
def _room_on_disk(path: Path) -> Iterator[None]:
    """Say plainly that the disk is full."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as cause:
        raise ToolError(
            f"{path}: cannot be written ({cause}); free some space, then run the same command again"
        ) from cause
