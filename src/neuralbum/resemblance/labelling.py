"""Labels for songs that nobody has labelled: a measured tempo, and the tags of takes that sound like them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..corpus import labels, prepared
from ..progress import SILENT, Reporter
from ..project import Project
from .compare import LEAST_SONGS
from .params import Params
from .portrait import Portrait
from .portraits import STAGE as PORTRAIT_STAGE
from .portraits import Loop, draw_portraits, read
from .voices import LEAST_TAKES, Suggestion, Voices, in_words, shared_tags, tempo_of, voices


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

    Portraits that are there are used; what is missing is measured and kept.

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
    found = draw_portraits(project, params, corpus, project.catalogue.takes(tags), Loop(False, False, reporter))[1]
    portraits = {name: read(project, finding) for name, finding in found.items()}
    band = {t.id: portraits[t.id] for t in tracks if t.id in portraits}
    takes = {name: portraits[name] for name in tags if name in portraits}
    heard, notes = _hear(band, takes, tags, params) if no_tags else (Voices({}, 0), [])
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
        near = heard.of_track.get(track.id, ()) if track.id in no_tags else ()
        because, shared = {}, shared_tags(near, tags)
        if bpm is not None:
            because["tempo"] = f"measured, clarity {band[track.id].clarity:.2f}"
        if shared:
            because["tags"] = in_words(shared, len(near))
        if because:
            rows.append(Suggestion(track.id, track.title, tuple(sorted(shared)), bpm, because))
    if accept and rows:
        labels.write_labels(path, tracks, {row.track: row.change for row in rows}, only_new=True)
    return Suggestions(tuple(rows), tuple(notes), n_failed, str(path) if accept and rows else "")


def _hear(
    band: Mapping[str, Portrait], takes: Mapping[str, Portrait], tags: Mapping[str, Sequence[str]], params: Params
) -> tuple[Voices, list[str]]:
    """Which takes speak for which track, and why not more do."""
    if not tags:
        return Voices({}, 0), ["no tags: no kept take has one yet; keep and tag takes with `neuralbum curate`"]
    if len(band) < LEAST_SONGS:
        few = f"no tags: {len(band)} tracks can be compared, at least {LEAST_SONGS} are needed"
        return Voices({}, 0), [few]
    heard, notes = voices(band, takes, params), []
    if len(takes) < len(tags):
        notes.append(f"{len(tags) - len(takes)} of {len(tags)} kept and tagged takes could not be measured")
    if heard.n_mute:
        notes.append(
            f"{heard.n_mute} of {len(tags)} kept and tagged takes sound like no track of the band, or like several: "
            "they hand on no tags"
        )
    if heard.of_track and not any(shared_tags(near, tags) for near in heard.of_track.values()):
        notes.append(f"no tags: none is on {LEAST_TAKES} and on half of the takes that speak for one track")
    return heard, notes


def _curators_tags(project: Project) -> dict[str, tuple[str, ...]]:
    """The tags of kept takes that have any, by take."""
    judged = project.catalogue.judgements()
    return {name: judged[name].tags for name in project.catalogue.kept() if judged[name].tags}


def _why(project: Project, subject: str) -> str:
    failed = [f.error for f in project.catalogue.findings(PORTRAIT_STAGE, subject) if f.error]
    return failed[-1] if failed else "another process has it in hand; run the command again"
