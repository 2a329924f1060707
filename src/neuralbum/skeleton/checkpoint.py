"""Skeletons on disk: what model.json says of one, and its ladder of checkpoints.

Besides what every model's folder has (``model_folder``):

    models/<id>/states/<step>.safetensors  moments to begin takes with (``states``)
    models/<id>/curves.png, audition/<step>.flac
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import model_folder
from ..errors import CheckpointError
from .likeness import Band
from .reins import FREE, Reins

if TYPE_CHECKING:
    from .presets import Net

FORMAT = 3


@dataclass(frozen=True)
class Rung:
    """One checkpoint of the ladder and how it scored."""

    step: int
    valid_bits: float | None = None
    heldout_bits: float | None = None
    free_running: Mapping[str, float] = field(default_factory=dict)  #: statistics of what it samples
    distance: float | None = None  #: of those from the corpus; smaller is more alike
    told_bits: Mapping[str, float] = field(default_factory=dict)
    """Bits when it is told what is known of the songs: "valid" and "heldout"; the others are of a net that is
    told nothing. Empty for nets without conditions."""
    entropy_range: tuple[float, float] | None = None  #: of its predictions over the music, bits; see ``reins``
    line_db: float | None = None  #: how far lines stand out in its music; None: not known
    band: Mapping[str, float] = field(default_factory=dict)  #: the same statistics of its music; see ``likeness``
    band_limit: float = 0.0  #: how far from those its own seconds lie
    anchored: float = 1.0  #: how many times the forecast's anchor it sang best with


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
    def rung(self) -> Rung | None:
        """This checkpoint's, if it was scored."""
        return next((rung for rung in self.ladder if rung.step == self.step), None)

    @property
    def anchored(self) -> float:
        """How many times the forecast's anchor this checkpoint sings with."""
        return 1.0 if self.rung is None else self.rung.anchored

    @property
    def band(self) -> Band | None:
        """What its music measures; None for checkpoints that do not know."""
        if self.rung is None or not self.rung.band:
            return None
        return Band(self.rung.band, self.rung.band_limit, self.sample_rate)

    @property
    def reins(self) -> Reins:
        """What holds this checkpoint while it sings; nothing, if its range is not known."""
        rung = self.rung
        if rung is None or rung.entropy_range is None:
            return FREE
        return Reins(*rung.entropy_range, self.sample_rate, math.inf if rung.line_db is None else rung.line_db)


def write_about(folder: Path, about: About) -> None:
    model_folder.write_about(
        folder,
        {
            "format": FORMAT,
            "quantiser": about.quantiser,
            **{k: v for k, v in about.__dict__.items() if k != "ladder"},
            "ladder": [_plain(rung) for rung in about.ladder],
        },
    )


def _plain(rung: Rung) -> dict[str, Any]:
    """As model.json holds it; nets without conditions have no word of them there."""
    return {name: value for name, value in rung.__dict__.items() if name != "told_bits" or value}


def read_about(folder: Path) -> About:
    """Read model.json.

    Raises
    ------
    CheckpointError
        Missing, not JSON, of another format, or its quantiser is unknown.
    """
    path = folder / model_folder.ABOUT
    text = model_folder.read_about(folder, train="neuralbum train skeleton")
    if text.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {text.get('format')}, this neuralbum reads {FORMAT}; train again")
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


def load_net(folder: Path, step: int | None = None) -> tuple[Net, About]:
    """A net with its weights, ready to generate: the best checkpoint, or the one at ``step``.

    Raises
    ------
    CheckpointError
        Missing, damaged, or the weights do not fit the net that model.json describes.
    """
    from .presets import build

    about = read_about(folder)
    path = folder / model_folder.WEIGHTS
    if step is not None and step != about.step:
        path = model_folder.step_path(folder, step)
        if not path.exists():
            known = ", ".join(str(rung.step) for rung in about.ladder) or "none"
            raise CheckpointError(f"{about.id}: no checkpoint at step {step}; there are: {known}")
        about = replace(about, step=step)
    net = build(about.kind, about.net)
    model_folder.fill(dict(net.named_parameters()), model_folder.read_tensors(path), path)
    net.eval()
    return net, about
