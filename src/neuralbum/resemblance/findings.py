"""What is measured of tracks and takes, kept as findings, so that only what is new is measured.

Stage ``portrait``: the style of a track or take. Stage ``measures``: its numbers of likeness. Stage ``likeness``: a
take beside the band; its ``score`` is what the curator's order asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import audio
from ..corpus import prepared
from ..progress import Reporter
from ..project import Project, stage
from ..records import Finding, Take, digest
from .likeness.compare import LEAST_SONGS, of_takes
from .likeness.measures import EXCERPT_S, SongMeasures, measure
from .params import Params
from .style import SongStyle, measure_style

STYLE_STAGE, STYLE_VERSION = "portrait", 2
MEASURES_STAGE, MEASURES_VERSION = "measures", 1
LIKENESS_STAGE, LIKENESS_VERSION = "likeness", 1
EMBEDDING = "mfcc"  #: stands in the keys of findings: neuralbum 0.1 had another one, too
ARRAYS = ("excerpts", "colours", "cuts", "levels")
CUT_STEP_S = 10.0  #: cuts of takes shorter than ``cut_s`` are rounded to this, so that a new take changes no cut


@dataclass(frozen=True)
class Loop:
    """What each stage of this room tells ``stage.run_items``."""

    force: bool
    retry: bool
    reporter: Reporter
    shard: tuple[int, int] = (1, 1)

    def run(self, project: Project, name: str, version: int, shape: Any, *rest: Any, **named: Any) -> stage.Outcome:
        return stage.run_items(project, name, version, shape, *rest, **{**vars(self), **named})


def found(
    project: Project, name: str, version: int, shape: Mapping[str, Any], items: Sequence[stage.Item]
) -> dict[str, Finding]:
    """The findings of the items that could be measured, by subject."""
    keys = ((item.subject, digest(name, version, shape, item.inputs, item.subject)) for item in items)
    every = ((subject, project.catalogue.finding(key)) for subject, key in keys)
    return {subject: finding for subject, finding in every if finding is not None and finding.error is None}


def measure_styles(
    project: Project, params: Params, corpus: prepared.PreparedCorpus, chosen: Sequence[Take], how: Loop
) -> tuple[stage.Outcome, dict[str, Finding]]:
    """Measure the style of what has none yet; the findings of all that have one, by subject."""
    rate = corpus.sample_rate
    shape = {"embedding": EMBEDDING, "patch_s": params.patch_s, "patches": params.patches, "sample_rate": rate}
    items = [_track_item(song, corpus) for song in corpus.songs] + [_take_item(project, take) for take in chosen]

    def listen(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        if isinstance(item.payload, Take):
            path = project.audio_of(item.payload)
            sound, name = audio.read(path, sample_rate=rate, mono=True)[0][0], project.relative(path)
        else:
            sound, name = prepared.to_float(item.payload.mono), item.payload.track.title
        style = measure_style(sound, rate, patch_s=params.patch_s, n_patches=params.patches, name=name)
        path = scratch.file("points.npy")
        np.save(path, style.points, allow_pickle=False)
        return stage.Measured({k: v for k, v in vars(style).items() if k != "points"}, {"points": path})

    done = how.run(project, STYLE_STAGE, STYLE_VERSION, shape, items, listen, label="styles")
    return done, found(project, STYLE_STAGE, STYLE_VERSION, shape, items)


def read_style(project: Project, finding: Finding) -> SongStyle:
    return SongStyle(
        np.load(project.local(project.root / finding.files["points"]), allow_pickle=False), **finding.values
    )


def _track_item(song: prepared.PreparedTrack, corpus: prepared.PreparedCorpus) -> stage.Item:
    return stage.Item(song.track.id, {"track": song.track.sha256, "corpus": corpus.digest}, song)


def _take_item(project: Project, take: Take) -> stage.Item:
    return stage.Item(take.id, {"audio": project.audio_digest(take)}, take)


# ---- likeness --------------------------------------------------------------------


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

    @property
    def comparable(self) -> bool:
        return len(self.band) >= LEAST_SONGS and bool(self.takes)


def measure_songs(
    project: Project, cut_s: float, corpus: prepared.PreparedCorpus, chosen: Sequence[Take], how: Loop
) -> tuple[stage.Outcome, Measured]:
    """Measure what has no measures yet: tracks as prepared, in stereo, and takes; sounds under 10 s are left out."""
    cut_s = _cut_s(cut_s, chosen)
    items = [
        _track_item(song, corpus) for song in corpus.songs if song.stereo.shape[1] >= EXCERPT_S * prepared.STEREO_RATE
    ]
    items += [_take_item(project, take) for take in chosen if take.duration_s >= EXCERPT_S]

    def listen(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        if isinstance(item.payload, Take):
            path = project.audio_of(item.payload)
            sound, sample_rate = audio.read(path)
            name = project.relative(path)
        else:
            sound, sample_rate = prepared.to_float(item.payload.stereo), prepared.STEREO_RATE
            name = item.payload.track.title
        song = measure(sound, sample_rate, name=name, cut_s=cut_s)
        path = scratch.file("measures.npz")
        np.savez(path, **{array: getattr(song, array) for array in ARRAYS})
        return stage.Measured({"duration_s": song.duration_s}, {"measures": path})

    shape = {"cut_s": cut_s}
    done = how.run(project, MEASURES_STAGE, MEASURES_VERSION, shape, items, listen, label="measures")
    known = found(project, MEASURES_STAGE, MEASURES_VERSION, shape, items)
    songs = {subject: _read_measures(project, finding) for subject, finding in known.items()}
    ours = {take.id for take in chosen}
    return done, Measured(
        band={subject: song for subject, song in songs.items() if subject not in ours},
        takes={subject: song for subject, song in songs.items() if subject in ours},
        keys={subject: finding.key for subject, finding in known.items()},
        cut_s=cut_s,
    )


def judge_takes(project: Project, measured: Measured, how: Loop) -> stage.Outcome | None:
    """A finding of stage ``likeness`` for every take; None where the band has too few songs to compare with."""
    if not measured.comparable:
        return None
    band = list(measured.band.values())
    theirs = digest(sorted(measured.keys[track] for track in measured.band))
    items = [
        stage.Item(subject, {"band": theirs, "take": measured.keys[subject]}, take)
        for subject, take in measured.takes.items()
    ]

    def judge(item: stage.Item, scratch: stage.Scratch) -> stage.Measured:
        return stage.Measured(asdict(of_takes(band, [item.payload])[0]))

    shape = {"cut_s": measured.cut_s}
    return how.run(project, LIKENESS_STAGE, LIKENESS_VERSION, shape, items, judge, shard=(1, 1))


def _cut_s(cut_s: float, takes: Sequence[Take]) -> float:
    lengths = [take.duration_s for take in takes if take.duration_s >= EXCERPT_S]
    usual = float(np.median(lengths)) if lengths else cut_s
    return min(cut_s, max(EXCERPT_S, round(usual / CUT_STEP_S) * CUT_STEP_S))


def _read_measures(project: Project, finding: Finding) -> SongMeasures:
    with np.load(project.local(project.root / finding.files["measures"]), allow_pickle=False) as arrays:
        return SongMeasures(finding.subject, finding.values["duration_s"], *(arrays[name] for name in ARRAYS))
