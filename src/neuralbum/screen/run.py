"""Screen a project's takes: the one file of this room that touches the project.

Per take one finding of stage ``screen``, with ``thumbnail.webp`` and
``spectrogram.png``.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import audio
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Take
from .measure import screen_sound
from .params import Params

STAGE, VERSION = "screen", 2


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
    """Screen every take that has no finding yet."""
    params = params or project.params("screen", Params)
    chosen = project.catalogue.takes(takes)
    items = [_item(project, take) for take in chosen]

    def measure(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        path = project.audio_of(item.payload)
        screening = screen_sound(audio.blocks(path), params, name=project.relative(path))
        thumbnail, spectrogram = scratch.file("thumbnail.webp"), scratch.file("spectrogram.png")
        thumbnail.write_bytes(screening.thumbnail())
        spectrogram.write_bytes(screening.spectrogram())
        return stage.Measured(screening.values, {"thumbnail": thumbnail, "spectrogram": spectrogram})

    return stage.run_items(
        project, STAGE, VERSION, params, items, measure, force=force, retry=retry, reporter=reporter, shard=shard
    )


def _item(project: Project, take: Take) -> stage.Item:
    """A take is what was sampled, or what the flesh made of it: the key follows the audio."""
    return stage.Item(take.id, {"audio": project.audio_digest(take)}, take)
