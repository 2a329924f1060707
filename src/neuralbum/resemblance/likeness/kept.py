"""Measures of tracks and takes, kept as findings, so that only what is new is measured.

Stage ``measures``: a track's or take's numbers, in ``measures.npz``. Stage ``likeness``: a take beside
the band; its ``score`` is what the curator's order asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ... import audio
from ...corpus import prepared
from ...project import Project, stage
from ...records import Finding, Take, digest
from ..portraits import Loop, take_item
from .compare import LEAST_SONGS, of_takes
from .measures import EXCERPT_S, SongMeasures, measure

STAGE, VERSION = "measures", 1
TAKE_STAGE, TAKE_VERSION = "likeness", 1
ARRAYS = ("excerpts", "colours", "cuts", "levels")
CUT_STEP_S = 10.0  #: cuts of takes shorter than ``cut_s`` are rounded to this, so that a new take changes no cut


@dataclass(frozen=True)
class Measured:
    """What is known of both sides, by track and take, and the findings it comes from."""

    band: dict[str, SongMeasures]
    takes: dict[str, SongMeasures]
    keys: dict[str, str]  #: of the findings, by track and take
    cut_s: float

    @property
    def digest(self) -> str:
        """Changes with anything measured."""
        return digest(sorted(self.keys.values()))


def measure_songs(
    project: Project,
    cut_s: float,
    corpus: prepared.PreparedCorpus,
    chosen: Sequence[Take],
    how: Loop,
    shard: tuple[int, int] = (1, 1),
) -> tuple[stage.Outcome, Measured]:
    """Measure what has no measures yet: tracks as prepared, in stereo, and takes; sounds under 10 s are left out."""
    cut_s = _cut_s(cut_s, chosen)
    items = [
        stage.Item(song.track.id, {"track": song.track.sha256, "corpus": corpus.digest}, song)
        for song in corpus.songs
        if song.stereo.shape[1] >= EXCERPT_S * prepared.STEREO_RATE
    ]
    items += [take_item(project, take) for take in chosen if take.duration_s >= EXCERPT_S]

    def listen(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        if isinstance(item.payload, Take):
            path = project.audio_of(item.payload)
            sound, sample_rate = audio.read(path)
            name = project.relative(path)
        else:
            sound, sample_rate = prepared.to_float(item.payload.stereo), prepared.STEREO_RATE
            name = item.payload.track.title
        song = measure(sound, sample_rate, name=name, cut_s=cut_s)
        path = desk.file("measures.npz")
        np.savez(path, **{array: getattr(song, array) for array in ARRAYS})
        return stage.Measured({"duration_s": song.duration_s}, {"measures": path})

    shape = {"cut_s": cut_s}
    done = stage.run_items(project, STAGE, VERSION, shape, items, listen, label="measures", shard=shard, **vars(how))
    found: dict[str, Finding] = {}
    for item in items:
        finding = project.catalogue.finding(digest(STAGE, VERSION, shape, item.inputs, item.subject))
        if finding is not None and finding.error is None:
            found[item.subject] = finding
    songs = {subject: _read(project, finding) for subject, finding in found.items()}
    ours = {take.id for take in chosen}
    return done, Measured(
        band={subject: song for subject, song in songs.items() if subject not in ours},
        takes={subject: song for subject, song in songs.items() if subject in ours},
        keys={subject: finding.key for subject, finding in found.items()},
        cut_s=cut_s,
    )


def judge_takes(project: Project, measured: Measured, how: Loop) -> stage.Outcome | None:
    """A finding of stage ``likeness`` for every take; None where the band has too few songs to compare with."""
    if len(measured.band) < LEAST_SONGS or not measured.takes:
        return None
    band = list(measured.band.values())
    theirs = digest(sorted(measured.keys[track] for track in measured.band))
    items = [
        stage.Item(subject, {"band": theirs, "take": measured.keys[subject]}, take)
        for subject, take in measured.takes.items()
    ]

    def judge(item: stage.Item, desk: stage.Desk) -> stage.Measured:
        return stage.Measured(asdict(of_takes(band, [item.payload])[0]))

    return stage.run_items(project, TAKE_STAGE, TAKE_VERSION, {"cut_s": measured.cut_s}, items, judge, **vars(how))


def _cut_s(cut_s: float, takes: Sequence[Take]) -> float:
    lengths = [take.duration_s for take in takes if take.duration_s >= EXCERPT_S]
    usual = float(np.median(lengths)) if lengths else cut_s
    return min(cut_s, max(EXCERPT_S, round(usual / CUT_STEP_S) * CUT_STEP_S))


def _read(project: Project, finding: Finding) -> SongMeasures:
    with np.load(project.root / finding.files["measures"], allow_pickle=False) as arrays:
        return SongMeasures(finding.subject, finding.values["duration_s"], *(arrays[name] for name in ARRAYS))
