"""Compare a project's album with its corpus: the one file of this room that touches the project.

A *portrait* per track and per take (stage ``portrait``, kept, so that a second run
measures only what is new), then one finding of stage ``resemblance`` about the
subject ``album``, with ``report.html`` and ``picture.png``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio, prepared, stage
from ..errors import CatalogueError
from ..progress import SILENT, Reporter
from ..project import Project
from ..records import Finding, Take, digest
from .compare import LEAST_SONGS, compare
from .params import Params
from .portrait import Embed, Portrait, draw

STAGE, VERSION = "resemblance", 1
PORTRAIT_STAGE, PORTRAIT_VERSION = "portrait", 1
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
    drawn, found = _draw_portraits(project, params, corpus, chosen, how, shard)
    if shard[0] != 1 or drawn.elsewhere:
        return drawn
    titles = {song.track.id: song.track.title for song in corpus.songs}
    band = {name: _read(project, found[name]) for name in titles if name in found}
    album = {take.id: _read(project, found[take.id]) for take in chosen if take.id in found}
    for name, side in (("tracks", band), ("takes", album)):
        if len(side) < LEAST_SONGS:
            raise CatalogueError(
                f"{project.root}: {len(side)} {name} can be compared, at least {LEAST_SONGS} are needed "
                f"(each at least {params.patch_s:g} s long and not silent)"
            )

    def judge(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        from . import picture

        comparison = compare(band, album, params, seed=project.settings.seed)
        names = {song.take_id: song.title for song in project.catalogue.songs()}
        about = {
            **comparison.plain,
            "embedding": params.embedding,
            "patch_s": params.patch_s,
            "sample_rate": corpus.sample_rate,
            "which": which,
            "songs": [
                {**row, "nearest_title": titles[row["nearest_track"]], "title": names.get(row["take"], "")}
                for row in comparison.plain["songs"]
            ],
        }
        image, page = desk.file("picture.png"), desk.file("report.html")
        png = picture.draw(comparison)
        image.write_bytes(png)
        page.write_text(_page(project, about, png), encoding="utf-8")
        return stage.Measured(about, {"picture": image, "report": page})

    inputs = {"portraits": digest(sorted(found[name].key for name in (*band, *album))), "which": which}
    judged = stage.run_items(project, STAGE, VERSION, params, [stage.Item(SUBJECT, inputs)], judge, **vars(how))
    return replace(
        judged,
        failed=judged.failed + drawn.failed,
        failed_before=judged.failed_before + drawn.failed_before,
        errors=drawn.errors + judged.errors,
    )


@dataclass(frozen=True)
class Loop:
    """What both stages of this room tell ``stage.run_items``."""

    force: bool
    retry: bool
    reporter: Reporter


def _draw_portraits(
    project: Project,
    params: Params,
    corpus: prepared.PreparedCorpus,
    chosen: list[Take],
    how: Loop,
    shard: tuple[int, int],
) -> tuple[stage.Outcome, dict[str, Finding]]:
    """Portray what has no portrait yet; the findings of all that could be portrayed, by subject."""
    embed = _embedding(params)
    rate = corpus.sample_rate
    shape = {"embedding": params.embedding, "patch_s": params.patch_s, "patches": params.patches, "sample_rate": rate}
    items = [
        stage.Item(song.track.id, {"track": song.track.sha256, "corpus": corpus.digest}, song) for song in corpus.songs
    ]
    items += [_take_item(project, take) for take in chosen]

    def portray(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        if isinstance(item.payload, Take):
            path = project.audio_of(item.payload)
            sound = audio.read(path, sample_rate=rate, mono=True)[0][0]
            name = project.relative(path)
        else:
            sound, name = prepared.to_float(item.payload.mono), item.payload.track.title
        portrait = draw(sound, rate, embed=embed, patch_s=params.patch_s, n_patches=params.patches, name=name)
        path = desk.file("points.npy")
        np.save(path, portrait.points, allow_pickle=False)
        values = {
            "base_bpm": portrait.base_bpm,
            "clarity": portrait.clarity,
            "loudness_lufs": portrait.loudness_lufs,
            "centroid_hz": portrait.centroid_hz,
            "key": portrait.key,
        }
        return stage.Measured(values, {"points": path})

    drawn = stage.run_items(
        project, PORTRAIT_STAGE, PORTRAIT_VERSION, shape, items, portray, label="portraits", shard=shard, **vars(how)
    )
    keys = {digest(PORTRAIT_STAGE, PORTRAIT_VERSION, shape, item.inputs, item.subject): item.subject for item in items}
    found = {
        subject: finding
        for key, subject in keys.items()
        if (finding := project.catalogue.finding(key)) is not None and finding.error is None
    }
    return drawn, found


def _chosen(project: Project, params: Params, takes: Iterable[str] | None) -> tuple[list[Take], str]:
    if takes is not None:
        return project.catalogue.takes(takes), "chosen"
    kept = project.catalogue.kept() if params.which == "kept" else []
    if len(kept) >= LEAST_SONGS:
        return project.catalogue.takes(kept), "kept"
    return project.catalogue.takes(), "all"


def _embedding(params: Params) -> Embed:
    if params.embedding == "musicnn":
        from . import musicnn

        weights = musicnn.load(params.musicnn)
        return lambda patches, sample_rate: musicnn.embed(patches, sample_rate, weights)
    from . import mfcc

    return mfcc.embed


def _take_item(project: Project, take: Take) -> stage.Item:
    path = project.audio_of(take)
    sha256 = take.sha256 if path == project.root / take.path else stage.file_digest(path)
    return stage.Item(take.id, {"audio": sha256}, take)


def _read(project: Project, finding: Finding) -> Portrait:
    points = np.load(project.root / finding.files["points"], allow_pickle=False)
    v = finding.values
    return Portrait(points, v["base_bpm"], v["clarity"], v["loudness_lufs"], v["centroid_hz"], v["key"])


def _page(project: Project, about: dict[str, Any], png: bytes) -> str:
    import jinja2

    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return page.render(
        album=project.name,
        artist=project.settings.artist or "the band",
        found=about,
        picture=base64.b64encode(png).decode("ascii"),
        measures=MEASURES,
        numbers=NUMBERS,
    )
