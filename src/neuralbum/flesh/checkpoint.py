"""Fleshes on disk: what model.json says of one, its snapshots and what was decided in training.

Besides what every model's folder has (``model_folder``): curves.png, audition/<step>.flac.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import model_folder
from ..errors import CheckpointError
from .params import NetShape

if TYPE_CHECKING:
    from .net import Generator

FORMAT = 1
KIND = "flesh"
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
    model_folder.write_about(
        folder,
        {
            "format": FORMAT,
            "kind": KIND,
            "sample_rate": about.net.output_rate,
            "quantiser": {"kind": "mulaw", "n_levels": about.n_levels},
            **dataclasses.asdict(about),
        },
    )


def read_about(folder: Path) -> About:
    """Read model.json.

    Raises
    ------
    CheckpointError
        Missing, not JSON, of another kind or format, or incomplete.
    """
    path = folder / model_folder.ABOUT
    text = model_folder.read_about(folder, train="neuralbum train flesh")
    if text.get("kind") != KIND:
        raise CheckpointError(
            f"{path}: a model of kind {text.get('kind')!r}, not a flesh; train one with `neuralbum train flesh`"
        )
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


def load_net(folder: Path, step: int | None = None) -> tuple[Generator, About, Path]:
    """The chosen snapshot, or the one at ``step``: (net, about, the weights' path).

    Raises
    ------
    CheckpointError
        Missing, damaged, or the weights do not fit the net that model.json describes.
    """
    from .net import new_generator

    about = read_about(folder)
    path = folder / model_folder.WEIGHTS
    if step is not None and step != about.step:
        path = model_folder.step_path(folder, step)
        if not path.exists():
            known = ", ".join(str(s.step) for s in about.snapshots) or "none"
            raise CheckpointError(f"{about.id}: no snapshot at step {step}; there are: {known}")
        about = dataclasses.replace(about, step=step)
    net = new_generator(about.net, 0)
    model_folder.fill(net.state_dict(), model_folder.read_tensors(path), path)
    return net.eval(), about, path


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
