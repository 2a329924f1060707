"""Draw a project's songs: the one file of this room that touches the project."""

from __future__ import annotations

from collections.abc import Iterable

from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Take
from .encode import FORMATS
from .live import SUFFIX as LIVE_SUFFIX
from .params import Params

STAGE, VERSION = "visualise", 2


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
    """Draw the kept takes (or ``takes``) that have no pictures yet.

    Per take one finding of stage ``visualise`` with files ``video``, ``poster``,
    ``gif``, ``hover`` and ``arrays`` (the live picture's levels).
    """
    from .song import Outputs, draw_song  # brings numba along

    params = params or project.params("visualise", Params)
    wanted = project.catalogue.kept() if takes is None else list(takes)
    items = [_item(project, take) for take in project.catalogue.takes(wanted)]

    def measure(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        files = {
            "video": desk.file("video" + FORMATS[params.encoder].suffix),
            "poster": desk.file("poster." + params.poster),
            "arrays": desk.file("live" + LIVE_SUFFIX),
        }
        if params.gif:
            files["gif"] = desk.file("timelapse.gif")
        if params.hover:
            files["hover"] = desk.file("hover" + FORMATS[params.encoder].suffix)
        return stage.Measured(draw_song(project.audio_of(item.payload), params, Outputs(**files)), files)

    return stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=force, retry=retry, reporter=reporter, shard=shard
    )


def _item(project: Project, take: Take) -> stage.Item:
    return stage.Item(take.id, {"audio": project.audio_digest(take)}, take)
