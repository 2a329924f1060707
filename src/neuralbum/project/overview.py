"""Where a project stands, and where a take comes from: queries over what is there.

Nothing is stored for this; ``neuralbum status`` and ``neuralbum why`` print it.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalogue import Brief
from ..errors import CatalogueError, ParameterError
from ..records import AUTO, SPLITS, Model, Take, canonical
from . import Project

TAKE_STAGES = ("screen", "originality", "visualise")
"""Stages that measure takes one by one; ``visualise`` draws the kept ones."""
DIGITS_OF_AN_ID = 6
"""So many digits and more may be the beginning of a take's id; fewer are a song's number."""


@dataclass(frozen=True)
class StageCount:
    """How far a stage is: over takes it has to do with."""

    stage: str
    done: int
    pending: int
    failed: int
    remark: str = ""


@dataclass(frozen=True)
class Overview:
    """Everything ``neuralbum status`` shows."""

    project: str
    artist: str
    tracks: dict[str, int]  #: split -> songs
    track_minutes: dict[str, float]  #: split -> minutes
    models: list[dict[str, Any]]  #: id, kind, preset, step, heldout_bits
    n_takes: int
    take_hours: float
    stages: list[StageCount]
    verdicts: dict[str, int]  #: keep, maybe, drop, undecided
    decided_by_people: int
    n_songs: int
    failures: list[tuple[str, str, str]]  #: (stage, subject, error), newest last
    next: str = ""  #: the command to run next


def overview(project: Project) -> Overview:
    """Count what is done, pending and failed; say what to do next.

    Reads no finding's values and no take's recipe: ten thousand takes are counted in a moment.
    """
    catalogue = project.catalogue
    tracks, takes, songs, models = catalogue.tracks(), catalogue.take_paths(), catalogue.songs(), catalogue.models()
    judged = catalogue.verdicts()
    kept = {i for i in takes if i in judged and judged[i].verdict == "keep"}
    newest = _newest(catalogue.briefs())
    verdicts = Counter((judged[i].verdict if i in judged else None) or "undecided" for i in takes)
    stages = [_count(stage, kept if stage == "visualise" else takes, newest) for stage in TAKE_STAGES]
    stages.append(StageCount("title", len(songs), max(0, len(kept - {s.take_id for s in songs})), 0, "of the kept"))
    return Overview(
        project=str(project.root.resolve()),
        artist=project.settings.artist,
        tracks={name: sum(t.split == name for t in tracks) for name in SPLITS},
        track_minutes={name: sum(t.duration_s for t in tracks if t.split == name) / 60 for name in SPLITS},
        models=[_model(project, m.id, m.kind, m.preset) for m in models],
        n_takes=len(takes),
        take_hours=catalogue.take_seconds() / 3600,
        stages=stages,
        verdicts={name: verdicts[name] for name in ("keep", "maybe", "drop", "undecided")},
        decided_by_people=sum(j.actor not in (None, AUTO) for j in judged.values()),
        n_songs=len(songs),
        failures=[(b.stage, b.subject, b.error) for b in newest.values() if b.error is not None],
        next=_next(
            project,
            has_music=bool(tracks),
            has_net=any(model.kind != "flesh" and not _left_nothing(project, model) for model in models),
            has_takes=bool(takes),
            pending={count.stage for count in stages if count.pending},
            has_kept=bool(kept),
        ),
    )


def _left_nothing(project: Project, model: Model) -> bool:
    """Whether a training failed before there was a net."""
    failed = (model.config.get("ended") or {}).get("how") == "failed"
    return failed and not any((project.models_dir / model.id).glob("steps/*"))


def next_step(project: Project) -> str:
    """The command that brings the album on from here."""
    return overview(project).next


def _next(
    project: Project, *, has_music: bool, has_net: bool, has_takes: bool, pending: set[str], has_kept: bool
) -> str:
    album = project.album_dir / "index.html"
    steps = (
        (not has_music and not has_takes, "add ~/Music/TheBand"),
        (not has_net and not has_takes, "train"),
        (not has_takes, "generate"),
        ("screen" in pending, "screen"),
        (not has_music and "originality" in pending, "add ~/Music/WhatTheTakesMayCopy"),
        ("originality" in pending, "originality"),
        (not has_kept, "curate"),
        ("title" in pending, "title"),
        ("visualise" in pending, "visualise"),
        (not album.exists(), "release"),
    )
    step = next((words for needed, words in steps if needed), None)
    if step is None:
        return f"open {album}"
    return f"neuralbum {step}{_from_here(project.root)}"


def _from_here(root: Path) -> str:
    """What a command needs so that it finds the project from this folder."""
    try:
        here, root = Path.cwd(), root.resolve()
    except OSError:  # the folder one stands in is gone
        return f" --project {shlex.quote(str(root))}"
    return "" if root in (here, *here.parents) else f" --project {shlex.quote(str(root))}"


def _newest(findings: Iterable[Brief]) -> dict[tuple[str, str], Brief]:
    return {(f.stage, f.subject): f for f in findings}  # oldest first: the newest one stays


def _count(stage: str, subjects: Iterable[str], newest: dict[tuple[str, str], Brief]) -> StageCount:
    subjects = list(subjects)
    found = [newest[stage, s] for s in subjects if (stage, s) in newest]
    failed = sum(f.error is not None for f in found)
    remark = "of the kept" if stage == "visualise" else ""
    return StageCount(stage, len(found) - failed, len(subjects) - len(found), failed, remark)


def _model(project: Project, model_id: str, kind: str, preset: str) -> dict[str, Any]:
    ends = project.catalogue.curve_ends(model_id)
    bits = ends.get("heldout_bits")
    return {
        "id": model_id,
        "kind": kind,
        "preset": preset,
        "step": max((step for step, _ in ends.values()), default=0),
        "heldout_bits": bits[1] if bits else None,
    }


def find_take(project: Project, word: str) -> Take:
    """The take a word names: a song's number or title, or a take's id or the beginning of one.

    A number of fewer than DIGITS_OF_AN_ID digits is always a song's.

    Raises
    ------
    ParameterError
        None, or more than one.
    CatalogueError
        There are no takes yet.
    """
    return project.catalogue.takes([take_id_of(project, word)])[0]


def take_id_of(project: Project, word: str) -> str:
    """As ``find_take``, the id alone."""
    word = word.strip()
    songs, ids = project.catalogue.songs(), project.catalogue.take_paths()
    if not ids:
        raise CatalogueError(f"{project.root}: no takes yet; make some with `neuralbum generate`")
    number = int(word) if word.isascii() and word.isdecimal() and len(word) < DIGITS_OF_AN_ID else None
    if number is not None:
        found = {s.take_id for s in songs if s.number == number}
        if not found:
            have = f"numbers go from {songs[0].number} to {songs[-1].number}" if songs else "no song is titled yet"
            raise ParameterError(
                f"{word!r}: no song of that number; {have}. A take's id is written with {DIGITS_OF_AN_ID} digits or "
                f"more; `neuralbum status --takes` lists them"
            )
        return found.pop()
    found = {s.take_id for s in songs if word.casefold() == s.title.casefold() and s.take_id in ids}
    found |= {i for i in ids if word and i.startswith(word.lower())}
    if word in ids:
        return word
    if len(found) != 1:
        what = "no take" if not found else f"{len(found)} takes"
        raise ParameterError(f"{word!r}: {what} of that id, title or number; `neuralbum status --takes` lists them")
    return found.pop()


def provenance(project: Project, take: Take) -> dict[str, Any]:
    """All that is known of a take, from the music its model learned to its place on the album."""
    catalogue = project.catalogue
    model = next((m for m in catalogue.models() if m.id == take.recipe.model_id), None)
    song = next((s for s in catalogue.songs() if s.take_id == take.id), None)
    trained = catalogue.tracks("train") if model is not None else []
    judged = catalogue.judgements().get(take.id)
    findings = {f.stage: f for f in catalogue.findings(subject=take.id)}
    return {
        "take": canonical(take),
        "audio": project.relative(project.audio_of(take)),
        "model": None if model is None else canonical(model),
        "trained_on": [{"title": t.title, "artist": t.artist, "sha256": t.sha256} for t in trained],
        "findings": {
            stage: {"values": f.values, "files": f.files, "error": f.error, "version": f.version, "params": f.params}
            for stage, f in findings.items()
        },
        "judgement": None if judged is None else canonical(judged),
        "events": [canonical(e) for e in catalogue.events(take.id)],
        "song": None if song is None else canonical(song),
    }
