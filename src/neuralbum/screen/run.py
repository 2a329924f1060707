"""Screen a project's takes: the one file of this room that touches the project.

Per take one finding of stage ``screen``, with ``thumbnail.webp`` and
``spectrogram.png``. When all takes have theirs, the wall's atlases (stage
``wall``, one finding per 300 takes) and the near-duplicates (stage
``duplicates``) are made from them.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import audio, stage
from ..progress import SILENT, Reporter
from ..project import Project
from ..records import Finding, Take, digest
from . import pictures
from .measure import screen_sound
from .params import Params
from .signature import find_duplicates

STAGE, VERSION = "screen", 1
WALL_STAGE, WALL_VERSION = "wall", 1
DUPLICATES_STAGE, DUPLICATES_VERSION = "duplicates", 1


def run(
    project: Project,
    params: Params | None = None,
    *,
    takes: Iterable[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
) -> stage.Outcome:
    """Screen every take that has no finding yet; then, if none is missing, lay out the wall."""
    params = params or project.params("screen", Params)
    chosen = project.catalogue.takes(takes)
    items = [_item(project, take) for take in chosen]

    def measure(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        path = project.audio_of(item.payload)
        screening = screen_sound(audio.blocks(path), params, name=project.relative(path))
        thumbnail, spectrogram = desk.file("thumbnail.webp"), desk.file("spectrogram.png")
        thumbnail.write_bytes(screening.thumbnail())
        spectrogram.write_bytes(screening.spectrogram())
        return stage.Measured(screening.values, {"thumbnail": thumbnail, "spectrogram": spectrogram})

    outcome = stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=force, retry=retry, reporter=reporter, shard=shard
    )
    if takes is None and shard == (1, 1) and not outcome.elsewhere:
        lay_out(project, params, reporter=reporter)
    return outcome


def lay_out(project: Project, params: Params | None = None, *, reporter: Reporter = SILENT) -> None:
    """Make the wall's atlases and look for near-duplicates, from the findings there are.

    What has not changed since the last time is not made again.
    """
    params = params or project.params("screen", Params)
    order = [take.id for take in project.catalogue.takes()]
    findings = project.catalogue.latest(STAGE)
    known = [findings[take_id] for take_id in order if take_id in findings]
    if not known:
        return
    groups = [known[i : i + pictures.ATLAS_SIZE] for i in range(0, len(known), pictures.ATLAS_SIZE)]
    walls = [
        stage.Item(f"atlas-{number:04d}", {"thumbnails": [f.key for f in group]}, group)
        for number, group in enumerate(groups)
    ]

    def draw(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        group: list[Finding] = item.payload
        image, cells = pictures.atlas([project.root / f.files["thumbnail"] for f in group])
        path = desk.file("atlas.webp")
        path.write_bytes(image)
        values = {
            "cells": {f.subject: list(cell) for f, cell in zip(group, cells, strict=True)},
            "width": pictures.WIDTH,
            "height": pictures.HEIGHT,
        }
        return stage.Measured(values, {"atlas": path})

    stage.run_items(project, WALL_STAGE, WALL_VERSION, {"size": pictures.ATLAS_SIZE}, walls, draw, reporter=reporter)

    def compare(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        pairs = find_duplicates({f.subject: f.values["signature"] for f in known}, threshold=params.duplicate)
        return stage.Measured(
            {"pairs": [{"take": a, "other": b, "likeness": round(r, 4), "shift_s": s} for a, b, r, s in pairs]}
        )

    everything = stage.Item("takes", {"signatures": digest(*(f.key for f in known))})
    stage.run_items(
        project,
        DUPLICATES_STAGE,
        DUPLICATES_VERSION,
        {"duplicate": params.duplicate},
        [everything],
        compare,
        reporter=reporter,
    )


def _item(project: Project, take: Take) -> stage.Item:
    """The key follows the audio, also where a take was fleshed apart."""
    path = project.audio_of(take)
    sha256 = take.sha256 if path == project.root / take.path else stage.file_digest(path)
    return stage.Item(take.id, {"audio": sha256}, take)
