"""Flesh models on disk: weights in safetensors, everything else in JSON; nothing is ever unpickled.

    models/<id>/model.json            what the net is, how it was trained, its snapshots
    models/<id>/weights.safetensors   the chosen snapshot
    models/<id>/steps/<step>.safetensors   the snapshots that are kept
    models/<id>/resume.safetensors    the trainer's state
    models/<id>/curves.png, audition/<step>.flac

Every file is written under another name, flushed, then renamed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, NeuralbumError, ParameterError, ToolError
from ..project import atomic
from .params import NetShape

if TYPE_CHECKING:
    from torch import Tensor

    from .net import Generator

FORMAT = 1
KIND = "flesh"
WEIGHTS, ABOUT, RESUME = "weights.safetensors", "model.json", "resume.safetensors"
CONTENT, ADVERSARIAL = "content", "adversarial"
PHASES = (CONTENT, ADVERSARIAL)


@dataclass(frozen=True)
class Snapshot:
    """One set of weights and how it did on held-out songs."""

    step: int
    phase: str
    score: float | None = None  #: smaller is better; plain upsampling has 1
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """Something that was decided in training: a switch of phase, its undoing, a start."""

    step: int
    what: str
    why: str


@dataclass(frozen=True)
class About:
    """model.json."""

    id: str
    preset: str
    net: NetShape
    n_levels: int
    corpus_digest: str
    code: str  #: version of neuralbum that trained it
    step: int = 0  #: of weights.safetensors
    steps_done: int = 0
    phase: str = CONTENT
    phase_start: int = 0  #: the step the phase began at
    level: float = 0.3  #: the noise level suggested for a skeleton's takes
    plain: Mapping[str, float] = field(default_factory=dict)  #: measures of plain upsampling on the same excerpts
    training: Mapping[str, Any] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    history: tuple[Turn, ...] = ()

    @property
    def input_rate(self) -> int:
        return self.net.input_rate

    @property
    def best(self) -> Snapshot | None:
        """The snapshot with the smallest score; the latest where nothing was scored."""
        scored = [s for s in self.snapshots if s.score is not None]
        if scored:
            return min(scored, key=lambda s: (s.score, s.step))
        return self.snapshots[-1] if self.snapshots else None


def write_about(folder: Path, about: About) -> None:
    text = {
        "format": FORMAT,
        "kind": KIND,
        "sample_rate": about.net.output_rate,
        "quantiser": {"kind": "mulaw", "n_levels": about.n_levels},
        **dataclasses.asdict(about),
    }
    with _disk(folder / ABOUT), atomic(folder / ABOUT) as part:
        part.write_text(json.dumps(text, indent=2), encoding="utf-8")


def read_about(folder: Path) -> About:
    """Read model.json.

    Raises
    ------
    CheckpointError
        Missing, not JSON, of another kind or format, or incomplete.
    """
    path = folder / ABOUT
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{folder}: no model here; train one with `neuralbum train flesh`") from cause
    except (json.JSONDecodeError, UnicodeDecodeError) as cause:
        raise CheckpointError(f"{path}: damaged; take another model or train again") from cause
    if not isinstance(text, dict) or text.get("kind") != KIND:
        kind = text.get("kind") if isinstance(text, dict) else None
        raise CheckpointError(f"{path}: a model of kind {kind!r}, not a flesh; train one with `neuralbum train flesh`")
    if text.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {text.get('format')}, this neuralbum reads {FORMAT}")
    if text.get("quantiser") != {"kind": "mulaw", "n_levels": text.get("n_levels")}:
        raise CheckpointError(f"{path}: its quantiser {text.get('quantiser')} is not one this neuralbum knows")
    try:
        known = {k: text[k] for k in About.__dataclass_fields__ if k in text}
        known["net"] = NetShape(**known["net"])
        known["snapshots"] = tuple(Snapshot(**s) for s in known.get("snapshots", ()))
        known["history"] = tuple(Turn(**t) for t in known.get("history", ()))
        return About(**known)
    except (TypeError, KeyError) as cause:
        raise CheckpointError(f"{path}: incomplete ({cause}); take another model or train again") from cause


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors whole or not at all."""
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with _disk(path), atomic(path) as part:
        save_file(plain, str(part))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors; a missing, truncated or foreign file is a CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(str(path))
    except FileNotFoundError as cause:
        raise CheckpointError(f"{path}: missing; `neuralbum train flesh` makes it again") from cause
    except (SafetensorError, OSError, ValueError) as cause:
        raise CheckpointError(f"{path}: truncated or not a safetensors file ({cause}); take another one") from cause
    return tensors


def load_weights(net: Generator, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put tensors into a net, or say which one does not fit."""
    import torch

    wanted = net.state_dict()
    if odd := sorted(set(tensors) ^ set(wanted))[:3]:
        raise CheckpointError(f"{path}: its tensors do not fit the net in model.json (for example {odd})")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tuple(tensor.shape)}, the net needs {tuple(wanted[name].shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: {name} holds values that are not numbers; take an earlier snapshot")
    net.load_state_dict(dict(tensors))


def snapshot_path(folder: Path, step: int) -> Path:
    return folder / "steps" / f"{step}.safetensors"


def load_net(folder: Path, step: int | None = None) -> tuple[Generator, About, Path]:
    """The chosen snapshot, or the one at ``step``: (net, about, the weights' path).

    Raises
    ------
    CheckpointError
        Missing, damaged, or the weights do not fit the net that model.json describes.
    """
    from .net import new_generator

    about = read_about(folder)
    path = folder / WEIGHTS
    if step is not None and step != about.step:
        path = snapshot_path(folder, step)
        if not path.exists():
            known = ", ".join(str(s.step) for s in about.snapshots) or "none"
            raise CheckpointError(f"{about.id}: no snapshot at step {step}; there are: {known}")
        about = dataclasses.replace(about, step=step)
    net = new_generator(about.net, 0)
    load_weights(net, read_tensors(path), path)
    return net.eval(), about, path


def parse_model(word: str) -> tuple[str, int | None]:
    """``"ID@step"`` -> (ID, step); ``"ID"`` -> (ID, None)."""
    name, at, step = word.partition("@")
    if at and not step.isdigit():
        raise ParameterError(f"model {word!r}: write it as ID or ID@step, for example flesh-small-1a2b3c4d@1500")
    return name, int(step) if at else None


def kept(snapshots: tuple[Snapshot, ...], keep: int) -> tuple[Snapshot, ...]:
    """Which snapshots stay: the latest, the last before each change of phase, then the best ones."""
    if len(snapshots) <= keep:
        return snapshots
    must = {snapshots[-1].step}
    must |= {a.step for a, b in itertools.pairwise(snapshots) if a.phase != b.phase}
    by_score = sorted(snapshots, key=lambda s: (s.score is None, s.score or 0.0, -s.step))
    for snapshot in by_score:
        if len(must) >= keep:
            break
        must.add(snapshot.step)
    return tuple(s for s in snapshots if s.step in must)


class _disk:
    """Say plainly that the disk is full."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, value: BaseException | None, trace: Any) -> None:
        if value is None or isinstance(value, NeuralbumError):
            return
        if isinstance(value, OSError) or type(value).__name__ == "SafetensorError":
            raise ToolError(
                f"{self.path}: cannot be written ({value}); free some space, then run the same command again"
            ) from value
