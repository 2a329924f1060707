"""Free-running clips of checkpoints: what a net plays by itself at that moment of its training.

All checkpoints are asked for the same: the same random streams, the same beginnings where
the music is the same, the temperature 1, and the same plain renderer; so what differs
between two clips of one number is what the net learned. Of a flesh the newest skeleton
plays, and each checkpoint makes it sound.

A clip is a finding like any other (stage ``clips``, subject ``ID@step``): it is made once,
also if several processes are asked, and making it can be killed and run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import audio
from ..audio.encode import Target, encode
from ..errors import ParameterError
from ..generate.opening import BandFiles, open_files
from ..generate.params import ENGINE, GenerateParams
from ..generate.run import MOST_PLAYED, batches, plan
from ..progress import SILENT, Reporter
from ..project import Project
from ..project.stage import Item, Measured, Outcome, Scratch, run_items
from ..screen import pictures
from ..screen.analysis import analyse
from ..train.checkpoint import find_model
from .listing import Run
from .params import Params

if TYPE_CHECKING:
    from ..generate.making import Band

STAGE, VERSION = "clips", 1
BLIND_FROM = 1000
"""Numbers of the clips that only blind comparisons play: nobody has heard them with their checkpoint's name."""


@dataclass(frozen=True)
class Clip:
    """One clip of one checkpoint."""

    id: str
    model_id: str
    step: int
    number: int
    seconds: float
    made_at: float  #: Unix seconds
    sound: Path
    picture: Path


@dataclass(frozen=True)
class _How:
    """What changes a clip besides the checkpoint: part of its finding's key."""

    first: int
    count: int
    clip_s: float
    kbps: int


def make_clips(
    project: Project,
    wanted: Sequence[tuple[Run, int]],
    params: Params,
    *,
    first: int = 0,
    count: int | None = None,
    reporter: Reporter = SILENT,
) -> Outcome:
    """Make the clips ``first``, ``first`` + 1 … of checkpoints (run, step) that have none yet.

    Raises
    ------
    ParameterError
        A net that cannot be played, or a checkpoint that is not kept.
    """
    how = _How(first, params.clips if count is None else count, params.clip_s, params.clip_kbps)
    items = [_item(project, run, step) for run, step in wanted]

    def measure(item: Item, scratch: Scratch) -> Measured:
        band = open_files(_files(project, *item.payload))
        values: list[dict[str, Any]] = []
        files: dict[str, Path] = {}
        for number, sound in _played(band, project.settings.seed, how):
            rate = band.model.spec.sample_rate
            whole, small, picture = (scratch.file(f"{number}.{end}") for end in ("flac", "opus", "webp"))
            audio.write_flac(whole, sound, rate)
            encode(whole, [Target(small, "opus", how.kbps)])
            whole.unlink()
            picture.write_bytes(pictures.thumbnail(analyse([(sound, rate)]).picture))
            values.append({"number": number, "seconds": sound.shape[1] / rate})
            files |= {f"{number}.opus": small, f"{number}.webp": picture}
        return Measured({"clips": values}, files)

    return run_items(project, STAGE, VERSION, how, items, measure, reporter=reporter)


def _item(project: Project, run: Run, step: int) -> Item:
    if run.kind not in ("skeleton", "flesh"):
        raise ParameterError(f"{run.id}: is a {run.kind}; clips are made of skeletons and of fleshes")
    digests = {c.step: c.sha256 for c in run.kept}
    if step not in digests:
        raise ParameterError(f"{run.id}: no checkpoint is kept at step {step}")
    inputs = {"checkpoint": digests[step], "engine": ENGINE, "seed": project.settings.seed}
    return Item(f"{run.id}@{step}", inputs, (run, step))


def _files(project: Project, run: Run, step: int) -> BandFiles:
    folder = project.models_dir / run.id
    return BandFiles((folder, step)) if run.kind == "skeleton" else BandFiles(find_model(project), (folder, step))


def _played(band: Band, seed: int, how: _How) -> Iterator[tuple[int, audio.Audio]]:
    """(Number, sound (2, n_samples)) of each clip."""
    from ..generate.making import play, sound

    asked = GenerateParams(count=how.first + how.count, length_s=how.clip_s, temperature=(1.0,))
    recipes = plan(seed, asked, band).recipes[how.first :]
    watchdog = band.watchdog()
    for batch in batches(recipes, MOST_PLAYED):
        for played in play(band, batch, watchdog):
            yield played.recipe.number, np.concatenate(list(sound(band, played)), axis=1)


def clips_of(project: Project, *, blind: bool = False) -> list[Clip]:
    """All clips that are there, newest first; those of blind comparisons only when asked for."""
    newest: dict[tuple[str, int], Clip] = {}
    for finding in project.catalogue.findings(STAGE):  # oldest first: of a checkpoint that was made again the last
        model_id, _, step = finding.subject.partition("@")
        for one in finding.values.get("clips", ()) if finding.error is None else ():
            number = int(one["number"])
            files = [finding.files.get(f"{number}.{end}") for end in ("opus", "webp")]
            if (number >= BLIND_FROM) != blind or None in files:
                continue
            sound, picture = (project.root / str(path) for path in files)
            clip = Clip(
                f"{finding.key[:12]}-{number}", model_id, int(step), number, float(one["seconds"]),
                finding.created_at, sound, picture,
            )  # fmt: skip
            if sound.exists():
                newest[finding.subject, number] = clip
    return sorted(newest.values(), key=lambda c: (-c.made_at, -c.step, c.number))
