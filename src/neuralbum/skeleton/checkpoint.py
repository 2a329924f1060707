"""Models on disk: weights in safetensors, everything else in JSON; nothing is ever unpickled.

    models/<id>/model.json            what the net is, how it was trained, its ladder of checkpoints
    models/<id>/weights.safetensors   the best checkpoint's weights
    models/<id>/steps/<step>.safetensors   the ladder
    models/<id>/states/<step>.safetensors  moments to begin takes with (``states``)
    models/<id>/resume.safetensors    the trainer's state
    models/<id>/curves.png, audition/<step>.flac

Every file is written under another name, flushed, then renamed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, ParameterError, ToolError
from ..project import atomic

if TYPE_CHECKING:
    from torch import Tensor

    from .presets import Net

FORMAT = 1
WEIGHTS, ABOUT, RESUME = "weights.safetensors", "model.json", "resume.safetensors"


@dataclass(frozen=True)
class Rung:
    """One checkpoint of the ladder and how it scored."""

    step: int
    valid_bits: float | None = None
    heldout_bits: float | None = None
    free_running: Mapping[str, float] = field(default_factory=dict)  #: statistics of what it samples
    distance: float | None = None  #: of those from the corpus; smaller is more alike
    steady_bits: float | None = None  #: held-out bits by the steady forecast
    steady: bool = False  #: it sings closer to the corpus by the steady forecast


@dataclass(frozen=True)
class About:
    """model.json."""

    id: str
    kind: str
    net: Mapping[str, Any]  #: the net's config
    preset: str
    sample_rate: int
    n_levels: int
    corpus_digest: str
    code: str  #: version of neuralbum that trained it
    step: int = 0  #: of weights.safetensors
    steps_done: int = 0
    lines: Mapping[str, float] = field(default_factory=dict)  #: LPC and histogram on the held-out music
    training: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)  #: of each condition, what the training songs said
    ladder: tuple[Rung, ...] = ()

    @property
    def quantiser(self) -> dict[str, Any]:
        return {"kind": "mulaw", "n_levels": self.n_levels}

    @property
    def steady(self) -> bool:
        """Whether this checkpoint generates without the forecast."""
        return any(rung.steady for rung in self.ladder if rung.step == self.step)


def write_about(folder: Path, about: About) -> None:
    text = {
        "format": FORMAT,
        "quantiser": about.quantiser,
        **{k: v for k, v in about.__dict__.items() if k != "ladder"},
        "ladder": [dict(r.__dict__) for r in about.ladder],
    }
    with _disk(folder / ABOUT), atomic(folder / ABOUT) as part:
        part.write_text(json.dumps(text, indent=2), encoding="utf-8")


def read_about(folder: Path) -> About:
    """Read model.json.

    Raises
    ------
    CheckpointError
        Missing, not JSON, of another format, or its quantiser is unknown.
    """
    path = folder / ABOUT
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{folder}: no model here; train one with `neuralbum train skeleton`") from cause
    except (json.JSONDecodeError, UnicodeDecodeError) as cause:
        raise CheckpointError(f"{path}: damaged; take another model or train again") from cause
    if text.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {text.get('format')}, this neuralbum reads {FORMAT}")
    quantiser = text.get("quantiser") or {}
    if quantiser.get("kind") != "mulaw" or quantiser.get("n_levels") != text["net"].get("n_levels"):
        raise CheckpointError(
            f"{path}: its quantiser {quantiser} does not fit the net ({text['net'].get('n_levels')} mu-law levels)"
        )
    fields = {k: text[k] for k in About.__dataclass_fields__ if k in text and k != "ladder"}
    try:
        return About(**fields, ladder=tuple(Rung(**rung) for rung in text.get("ladder", ())))
    except TypeError as cause:
        raise CheckpointError(f"{path}: incomplete ({cause}); take another model or train again") from cause


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Write tensors whole or not at all."""
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with _disk(path), atomic(path) as part:
        save_file(plain, str(part), metadata=dict(about or {}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors; a missing, truncated or foreign file is a CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(str(path))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{path}: missing; `neuralbum train skeleton` makes it again") from cause
    except (SafetensorError, OSError, ValueError) as cause:
        raise CheckpointError(
            f"{path}: truncated or not a safetensors file ({cause}); take another checkpoint"
        ) from cause
    return tensors


def rung_path(folder: Path, step: int) -> Path:
    return folder / "steps" / f"{step}.safetensors"


def load_net(folder: Path, step: int | None = None) -> tuple[Net, About]:
    """A net with its weights, ready to generate: the best checkpoint, or the one at ``step``.

    Raises
    ------
    CheckpointError
        Missing, damaged, or the weights do not fit the net that model.json describes.
    """
    import torch

    from .presets import build

    about = read_about(folder)
    path = folder / WEIGHTS
    if step is not None and step != about.step:
        path = rung_path(folder, step)
        if not path.exists():
            known = ", ".join(str(rung.step) for rung in about.ladder) or "none"
            raise CheckpointError(f"{about.id}: no checkpoint at step {step}; there are: {known}")
        about = replace(about, step=step)
    net = build(about.kind, about.net)
    tensors = read_tensors(path)
    wanted = dict(net.named_parameters())
    if set(tensors) != set(wanted):
        odd = sorted(set(tensors) ^ set(wanted))[:3]
        raise CheckpointError(f"{path}: its tensors do not fit the net in model.json (for example {odd})")
    with torch.no_grad():
        for name, parameter in wanted.items():
            if tensors[name].shape != parameter.shape:
                raise CheckpointError(
                    f"{path}: {name} has shape {tuple(tensors[name].shape)}, the net needs {tuple(parameter.shape)}"
                )
            if not bool(torch.isfinite(tensors[name]).all()):
                raise CheckpointError(f"{path}: {name} holds values that are not numbers; take another checkpoint")
            parameter.copy_(tensors[name])
    net.eval()
    return net, about


def parse_model(word: str) -> tuple[str, int | None]:
    """``"ID@step"`` -> (ID, step); ``"ID"`` -> (ID, None)."""
    name, at, step = word.partition("@")
    if at and not step.isdigit():
        raise ParameterError(f"model {word!r}: write it as ID or ID@step, for example tiny-1a2b3c4d@1500")
    return name, int(step) if at else None


class _disk:
    """Say plainly that the disk is full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, value: BaseException | None, trace: Any) -> None:
        if isinstance(value, OSError) or type(value).__name__ == "SafetensorError":
            raise ToolError(
                f"{self.path}: cannot be written ({value}); free some space, then run the same command again"
            ) from value
