"""Compare a project's album with its corpus.

The style and the measures of every track and take (``findings``), the likeness of each take
to the band, then one finding of stage ``resemblance`` about the subject ``album``, with ``report.html`` and
``picture.png``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..corpus import prepared
from ..errors import CatalogueError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Take, digest
from .findings import EMBEDDING, Loop, Measured, judge_takes, measure_songs, measure_styles, read_style
from .likeness import compare as likeness_compare
from .likeness.compare import Likeness
from .params import Params
from .style import SongStyle
from .width import LEAST_SONGS, compare_width

STAGE, VERSION = "resemblance", 2
SUBJECT = "album"
TEMPLATE = Path(__file__).with_name("report.html.j2")

MEASURES = (
    ("frechet", "Fréchet distance"),
    ("coverage", "coverage"),
)
NUMBERS = (
    ("tempo_bpm", "tempo (base), BPM", 0),
    ("clarity", "clarity of the tempo", 2),
    ("loudness_lufs", "loudness, LUFS", 1),
    ("centroid_hz", "spectral centroid, Hz", 0),
)


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
    """Measure what is not measured yet, then compare.

    Parameters
    ----------
    takes : compare these takes instead of the kept ones.
    shard : measuring can be shared out; the comparison is made by shard 1 when all are there.

    Raises
    ------
    CatalogueError
        No corpus, or fewer than two takes or tracks long enough to compare.
    """
    params = params or project.params("resemblance", Params)
    corpus = prepared.open_corpus(project)
    chosen, which = _chosen(project, params, takes)
    how = Loop(force, retry, reporter, shard)
    outcome, found = measure_styles(project, params, corpus, chosen, how)
    usable = replace(corpus, songs=tuple(song for song in corpus.songs if song.track.id in found))
    # What has no style is reported once.
    done, measured = measure_songs(project, params.cut_s, usable, [take for take in chosen if take.id in found], how)
    outcome = _together(outcome, done)
    if shard[0] != 1 or outcome.elsewhere:
        return outcome
    band = {song.track.id: read_style(project, found[song.track.id]) for song in usable.songs}
    album = {take.id: read_style(project, found[take.id]) for take in chosen if take.id in found}
    for name, side in (("tracks", band), ("takes", album)):
        if len(side) < LEAST_SONGS:
            raise CatalogueError(
                f"{project.root}: {len(side)} {name} can be compared, at least {LEAST_SONGS} are needed "
                f"(each at least {params.patch_s:g} s long and not silent)"
            )
    if (judged := judge_takes(project, measured, how)) is not None:
        outcome = _together(outcome, judged)
    about = {"patch_s": params.patch_s, "sample_rate": corpus.sample_rate, "which": which, "cut_s": measured.cut_s}
    inputs = {
        "portraits": digest(sorted(found[name].key for name in (*band, *album))),
        "measures": measured.digest,
        "which": which,
    }

    def judge(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        return _compare_album(project, params, band, album, measured, about, desk)

    items = [stage.Item(SUBJECT, inputs)]
    return _together(outcome, how.run(project, STAGE, VERSION, params.in_key(), items, judge, shard=(1, 1)))


def _compare_album(
    project: Project,
    params: Params,
    band: Mapping[str, SongStyle],
    album: Mapping[str, SongStyle],
    measured: Measured,
    about: Mapping[str, Any],
    desk: stage.Desk,
) -> stage.Measured:
    """The album's finding: numbers, a picture and a page."""
    from . import picture

    width = compare_width(band, album, params, seed=project.settings.seed)
    likeness = _likeness(measured, project.settings.seed)
    titles = {track.id: track.title for track in project.catalogue.tracks()}
    names = {song.take_id: song.title for song in project.catalogue.songs()}
    values = {
        **width.plain,
        **about,
        "embedding": EMBEDDING,
        "likeness": None if likeness is None else likeness.plain(),
        "words": " ".join([*([likeness.words()] if likeness else []), width.plain["words"]]),
        "songs": [
            {**row, "nearest_title": titles[row["nearest_track"]], "title": names.get(row["take"], "")}
            for row in width.plain["songs"]
        ],
    }
    image, page = desk.file("picture.png"), desk.file("report.html")
    png = picture.draw(width, likeness, measured.band, measured.takes)
    image.write_bytes(png)
    page.write_text(_page(project, values, likeness, png), encoding="utf-8")
    return stage.Measured(values, {"picture": image, "report": page})


def _together(first: stage.Outcome, then: stage.Outcome) -> stage.Outcome:
    """The later outcome, with what failed or is in other hands on the way."""
    return replace(
        then,
        failed=then.failed + first.failed,
        failed_before=then.failed_before + first.failed_before,
        elsewhere=then.elsewhere + first.elsewhere,
        errors=first.errors + then.errors,
    )


def _likeness(measured: Measured, seed: int) -> Likeness | None:
    """None where too few songs are long enough to be measured."""
    if not measured.comparable:
        return None
    rng = np.random.default_rng([seed, 7])
    return likeness_compare.compare(list(measured.band.values()), list(measured.takes.values()), rng)


def _chosen(project: Project, params: Params, takes: Iterable[str] | None) -> tuple[list[Take], str]:
    if takes is not None:
        return project.catalogue.takes(takes), "chosen"
    kept = project.catalogue.kept() if params.which == "kept" else []
    if len(kept) >= LEAST_SONGS:
        return project.catalogue.takes(kept), "kept"
    return project.catalogue.takes(), "all"


def _page(project: Project, about: dict[str, Any], likeness: Likeness | None, png: bytes) -> str:
    import jinja2

    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return page.render(
        album=project.name,
        artist=project.settings.artist or "the band",
        found=about,
        likeness=likeness,
        number=likeness_compare.number,
        picture=base64.b64encode(png).decode("ascii"),
        measures=MEASURES,
        numbers=NUMBERS,
    )
