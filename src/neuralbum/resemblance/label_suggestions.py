"""Labels for songs that nobody has labelled: a measured tempo, and the tags of takes that sound like them.

A curator tags takes, which are ours; a net is told the tags of tracks, which are theirs. The bridge is
which track a take sounds most like (``width.away``). The rule:

    a take counts for the track nearest to it, if it was kept, has a tag, lies no farther from that track than
        the band's own tracks usually lie from their nearest, and clearly nearer than to any other track;
    a tag is suggested for a track if at least LEAST_TAKES takes that count for it carry the tag, and at
        least half of them do.

"Clearly nearer" is Lowe's ratio test (International Journal of Computer Vision 60, 2004, section 7.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..corpus import labels, prepared
from ..corpus.labels import HIGHEST_BPM, LOWEST_BPM, Change
from ..progress import SILENT, Reporter
from ..project import Project
from . import distances
from .findings import STYLE_STAGE, Loop, measure_styles, read_style
from .params import Params
from .style import SongStyle
from .width import LEAST_SONGS, away

LEAST_TAKES = 2
REACH = 1.0  #: in distances of the band's tracks from their nearest
CLEARLY = 0.8  #: distance to the nearest over that to the second nearest, at most (Lowe's threshold)


@dataclass(frozen=True)
class Suggestion:
    """What could be said of one song, and why."""

    track: str  #: id
    title: str
    tags: tuple[str, ...] = ()
    tempo: float | None = None  #: beats per minute
    because: Mapping[str, str] = field(default_factory=dict)  #: "tags" and "tempo" -> where it comes from

    @property
    def change(self) -> Change:
        """As it is written to labels.toml."""
        return Change(self.tags or None, self.tempo, self.because)


@dataclass(frozen=True)
class NearTakes:
    """The takes that count for a track."""

    of_track: Mapping[str, Sequence[str]]
    n_unlike: int  #: takes that sound like no track, or like several


def near_takes(band: Mapping[str, SongStyle], takes: Mapping[str, SongStyle], params: Params) -> NearTakes:
    """Give each take to the track it sounds most like; at least two tracks."""
    if not takes:
        return NearTakes({}, 0)
    scale = distances.fit_scale(np.concatenate([p.points for p in band.values()]), params.components)
    tracks, of_track = list(band), dict[str, list[str]]()
    distance = away({n: scale(p.points) for n, p in band.items()}, {n: scale(p.points) for n, p in takes.items()})
    for take, row in zip(takes, distance, strict=True):
        nearest, second = np.sort(row)[:2]
        if nearest <= min(REACH, CLEARLY * second):
            of_track.setdefault(tracks[int(np.argmin(row))], []).append(take)
    return NearTakes(of_track, len(takes) - sum(map(len, of_track.values())))


def shared_tags(takes: Sequence[str], tags: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The tags that enough of these takes carry, and how many do; the commonest first."""
    counts = Counter(tag for take in takes for tag in dict.fromkeys(tags[take]))
    needed = max(LEAST_TAKES, len(takes) / 2)
    return {tag: n for tag, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if n >= needed}


def tempo_of(style: SongStyle) -> float | None:
    """The measured base tempo, by octaves within what labels may say; None where nothing repeats."""
    bpm = style.base_bpm
    if not bpm > 0:
        return None
    while bpm < LOWEST_BPM:
        bpm *= 2.0
    while bpm > HIGHEST_BPM:
        bpm /= 2.0
    return round(bpm, 1)


def in_words(tags: Mapping[str, int], n_takes: int) -> str:
    """``{"slow": 3}`` of 4 -> "of 4 tagged takes that sound most like it: 3 slow"."""
    named = ", ".join(f"{n} {tag}" for tag, n in tags.items())
    return f"of {n_takes} tagged takes that sound most like it: {named}"


@dataclass(frozen=True)
class Suggestions:
    """What ``suggest`` found."""

    suggestions: tuple[Suggestion, ...]
    notes: tuple[str, ...]  #: why there are none, or not more
    n_failed: int = 0  #: songs that could not be measured
    written: str = ""  #: the file they were written to


def suggest(
    project: Project,
    path: Path,
    *,
    songs: Iterable[str] = (),
    accept: bool = False,
    params: Params | None = None,
    reporter: Reporter = SILENT,
) -> Suggestions:
    """Suggest labels for tracks: a tempo for those without one, tags for those of which nobody said any.

    Styles that are known are used; what is missing is measured and kept.

    Parameters
    ----------
    path : labels.toml
    songs : titles, files or ids of the only tracks to suggest something for.
    accept : write the suggestions to ``path``; what stands there is never changed.

    Raises
    ------
    CatalogueError
        No corpus.
    ParameterError
        An unknown song, or a file that cannot be read.
    """
    params = params or project.params("resemblance", Params)
    corpus = prepared.open_corpus(project)
    tracks = [song.track for song in corpus.songs]
    said = labels.read_labels(path, tracks, may_lack=True)
    chosen = {labels.find_track(name, tracks).id for name in songs} or {track.id for track in tracks}
    unlabelled = {t.id: said.get(t.id, labels.Labels()) for t in tracks if t.id in chosen}
    no_tempo = {name for name, label in unlabelled.items() if label.tempo is None}
    no_tags = {name for name, label in unlabelled.items() if not label.tags and not label.none_fit}
    if not no_tempo and not no_tags:
        return Suggestions((), ("all of these songs have tags and a tempo already",))
    tags = _curators_tags(project) if no_tags else {}
    takes = project.catalogue.takes(tags)
    known = measure_styles(project, params, corpus, takes, Loop(False, False, reporter))[1]
    styles = {name: read_style(project, finding) for name, finding in known.items()}
    band = {t.id: styles[t.id] for t in tracks if t.id in styles}
    near, notes = NearTakes({}, 0), list[str]()
    if no_tags:
        near, notes = _compare(band, {name: styles[name] for name in tags if name in styles}, tags, params)
    rows, n_failed = [], 0
    for track in sorted(tracks, key=lambda t: (t.title.casefold(), t.id)):
        if track.id not in no_tempo | no_tags:
            continue
        if track.id not in band:
            n_failed += 1
            notes.append(f"{track.title}: could not be measured; {_why(project, track.id)}")
            continue
        bpm = tempo_of(band[track.id]) if track.id in no_tempo else None
        if bpm is None and track.id in no_tempo:
            notes.append(f"{track.title}: no tempo; nothing in it repeats clearly")
        of_track = near.of_track.get(track.id, ()) if track.id in no_tags else ()
        because, shared = {}, shared_tags(of_track, tags)
        if bpm is not None:
            because["tempo"] = f"measured, clarity {band[track.id].clarity:.2f}"
        if shared:
            because["tags"] = in_words(shared, len(of_track))
        if because:
            rows.append(Suggestion(track.id, track.title, tuple(sorted(shared)), bpm, because))
    if accept and rows:
        labels.write_labels(path, tracks, {row.track: row.change for row in rows}, only_new=True)
    return Suggestions(tuple(rows), tuple(notes), n_failed, str(path) if accept and rows else "")


def _compare(
    band: Mapping[str, SongStyle], takes: Mapping[str, SongStyle], tags: Mapping[str, Sequence[str]], params: Params
) -> tuple[NearTakes, list[str]]:
    """Which takes count for which track, and why not more do."""
    if not tags:
        return NearTakes({}, 0), ["no tags: no kept take has one yet; keep and tag takes with `neuralbum curate`"]
    if len(band) < LEAST_SONGS:
        few = f"no tags: {len(band)} tracks can be compared, at least {LEAST_SONGS} are needed"
        return NearTakes({}, 0), [few]
    near, notes = near_takes(band, takes, params), []
    if len(takes) < len(tags):
        notes.append(f"{len(tags) - len(takes)} of {len(tags)} kept and tagged takes could not be measured")
    if near.n_unlike:
        notes.append(
            f"{near.n_unlike} of {len(tags)} kept and tagged takes sound like no track of the band, or like several: "
            "they hand on no tags"
        )
    if near.of_track and not any(shared_tags(some, tags) for some in near.of_track.values()):
        notes.append(f"no tags: none is on {LEAST_TAKES} and on half of the takes that sound most like one track")
    return near, notes


def _curators_tags(project: Project) -> dict[str, tuple[str, ...]]:
    """The tags of kept takes that have any, by take."""
    judged = project.catalogue.judgements()
    return {name: judged[name].tags for name in project.catalogue.kept() if judged[name].tags}


def _why(project: Project, subject: str) -> str:
    failed = [f.error for f in project.catalogue.findings(STYLE_STAGE, subject) if f.error]
    return failed[-1] if failed else "another process has it in hand; run the command again"
