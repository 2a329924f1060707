"""Compare a project's album with its corpus.

A *portrait* (``portraits``) and *measures* (``likeness.kept``) per track and per take, the likeness of each take
to the band, then one finding of stage ``resemblance`` about the subject ``album``, with ``report.html`` and
``picture.png``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..corpus import prepared
from ..errors import CatalogueError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Take, digest
from .compare import LEAST_SONGS, compare
from .likeness import compare as likeness_compare
from .likeness import kept
from .likeness.compare import Likeness
from .likeness.kept import judge_takes, measure_songs
from .params import Params
from .portraits import Loop, draw_portraits, read

STAGE, VERSION = "resemblance", 2
SUBJECT = "album"
TEMPLATE = Path(__file__).with_name("report.html.j2")

MEASURES = (
    ("frechet", "Fréchet distance"),
    ("kernel", "kernel distance (MMD²)"),
    ("density", "density"),
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
    """Portray what has no portrait yet, then compare.

    Parameters
    ----------
    takes : compare these takes instead of the kept ones.
    shard : portraits can be shared out; the comparison is made by shard 1 when all are there.

    Raises
    ------
    CatalogueError
        No corpus, or fewer than two takes or tracks long enough to compare.
    """
    params = params or project.params("resemblance", Params)
    corpus = prepared.open_corpus(project)
    chosen, which = _chosen(project, params, takes)
    how = Loop(force, retry, reporter)
    drawn, found = draw_portraits(project, params, corpus, chosen, how, shard)
    heard, measured = measure_songs(
        project,
        params.cut_s,
        replace(corpus, songs=tuple(song for song in corpus.songs if song.track.id in found)),
        [take for take in chosen if take.id in found],  # what has no portrait is told of once
        how,
        shard,
    )
    drawn = _together(drawn, heard)
    if shard[0] != 1 or drawn.elsewhere:
        return drawn
    titles = {song.track.id: song.track.title for song in corpus.songs}
    band = {name: read(project, found[name]) for name in titles if name in found}
    album = {take.id: read(project, found[take.id]) for take in chosen if take.id in found}
    for name, side in (("tracks", band), ("takes", album)):
        if len(side) < LEAST_SONGS:
            raise CatalogueError(
                f"{project.root}: {len(side)} {name} can be compared, at least {LEAST_SONGS} are needed "
                f"(each at least {params.patch_s:g} s long and not silent)"
            )

    def judge(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        from . import picture

        comparison = compare(band, album, params, seed=project.settings.seed)
        likeness = _likeness(measured, project.settings.seed)
        names = {song.take_id: song.title for song in project.catalogue.songs()}
        about = {
            **comparison.plain,
            "embedding": params.embedding,
            "patch_s": params.patch_s,
            "sample_rate": corpus.sample_rate,
            "which": which,
            "cut_s": measured.cut_s,
            "likeness": None if likeness is None else likeness.plain(),
            "words": " ".join([*([likeness.words()] if likeness else []), comparison.plain["words"]]),
            "songs": [
                {**row, "nearest_title": titles[row["nearest_track"]], "title": names.get(row["take"], "")}
                for row in comparison.plain["songs"]
            ],
        }
        image, page = desk.file("picture.png"), desk.file("report.html")
        png = picture.draw(comparison, likeness, measured.band, measured.takes)
        image.write_bytes(png)
        page.write_text(_page(project, about, likeness, png), encoding="utf-8")
        return stage.Measured(about, {"picture": image, "report": page})

    inputs = {
        "portraits": digest(sorted(found[name].key for name in (*band, *album))),
        "measures": measured.digest,
        "which": which,
    }
    scored = judge_takes(project, measured, how)
    judged = stage.run_items(project, STAGE, VERSION, params, [stage.Item(SUBJECT, inputs)], judge, **vars(how))
    return _together(drawn if scored is None else _together(drawn, scored), judged)


def _together(first: stage.Outcome, then: stage.Outcome) -> stage.Outcome:
    """The later outcome, with what failed or is in other hands on the way."""
    return replace(
        then,
        failed=then.failed + first.failed,
        failed_before=then.failed_before + first.failed_before,
        elsewhere=then.elsewhere + first.elsewhere,
        errors=first.errors + then.errors,
    )


def _likeness(measured: kept.Measured, seed: int) -> Likeness | None:
    """None where too few songs are long enough to be measured."""
    if len(measured.band) < likeness_compare.LEAST_SONGS or not measured.takes:
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
