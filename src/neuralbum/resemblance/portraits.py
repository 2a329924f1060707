"""Portraits of tracks and takes, kept as findings of stage ``portrait``, so that only what is new is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import audio
from ..corpus import prepared
from ..progress import Reporter
from ..project import Project, stage
from ..records import Finding, Take, digest
from .params import Params
from .portrait import Embed, Portrait, draw

STAGE, VERSION = "portrait", 2


@dataclass(frozen=True)
class Loop:
    """What each stage of this room tells ``stage.run_items``."""

    force: bool
    retry: bool
    reporter: Reporter


def draw_portraits(
    project: Project,
    params: Params,
    corpus: prepared.PreparedCorpus,
    chosen: Sequence[Take],
    how: Loop,
    shard: tuple[int, int] = (1, 1),
) -> tuple[stage.Outcome, dict[str, Finding]]:
    """Portray what has no portrait yet; the findings of all that could be portrayed, by subject."""
    embed = _embedding(params)
    rate = corpus.sample_rate
    shape = {"embedding": params.embedding, "patch_s": params.patch_s, "patches": params.patches, "sample_rate": rate}
    items = [
        stage.Item(song.track.id, {"track": song.track.sha256, "corpus": corpus.digest}, song) for song in corpus.songs
    ]
    items += [take_item(project, take) for take in chosen]

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

    drawn = stage.run_items(project, STAGE, VERSION, shape, items, portray, label="portraits", shard=shard, **vars(how))
    keys = {digest(STAGE, VERSION, shape, item.inputs, item.subject): item.subject for item in items}
    found = {
        subject: finding
        for key, subject in keys.items()
        if (finding := project.catalogue.finding(key)) is not None and finding.error is None
    }
    return drawn, found


def _embedding(params: Params) -> Embed:
    if params.embedding == "musicnn":
        from . import musicnn

        weights = musicnn.load(params.musicnn)
        return lambda patches, sample_rate: musicnn.embed(patches, sample_rate, weights)
    from . import mfcc

    return mfcc.embed


def take_item(project: Project, take: Take) -> stage.Item:
    """A take with the digest of the audio that counts."""
    return stage.Item(take.id, {"audio": project.audio_digest(take)}, take)


def read(project: Project, finding: Finding) -> Portrait:
    points = np.load(project.root / finding.files["points"], allow_pickle=False)
    v = finding.values
    return Portrait(points, v["base_bpm"], v["clarity"], v["loudness_lufs"], v["centroid_hz"], v["key"])
