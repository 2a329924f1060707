"""Where a project stands, and where a take comes from: queries over what is there.

Nothing is stored for this; ``neuralbum status`` and ``neuralbum why`` print it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from .errors import ParameterError
from .project import Project
from .records import AUTO, SPLITS, Finding, Take, canonical

TAKE_STAGES = ("screen", "originality", "visualise")
"""Stages that measure takes one by one; ``visualise`` draws the kept ones."""


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


def overview(project: Project) -> Overview:
    """Count what is done, pending and failed."""
    catalogue = project.catalogue
    tracks, takes = catalogue.tracks(), catalogue.takes()
    judged = catalogue.judgements()
    kept = set(catalogue.kept())
    newest = _newest(catalogue.findings())
    verdicts = Counter((judged[t.id].verdict if t.id in judged else None) or "undecided" for t in takes)
    songs = catalogue.songs()
    stages = [
        _count(stage, kept if stage == "visualise" else {t.id for t in takes}, newest)
        for stage in TAKE_STAGES
    ]
    stages.append(StageCount("title", len(songs), max(0, len(kept - {s.take_id for s in songs})), 0, "of the kept"))
    return Overview(
        project=str(project.root.resolve()),
        artist=project.settings.artist,
        tracks={name: sum(t.split == name for t in tracks) for name in SPLITS},
        track_minutes={name: sum(t.duration_s for t in tracks if t.split == name) / 60 for name in SPLITS},
        models=[_model(project, m.id, m.kind, m.preset) for m in catalogue.models()],
        n_takes=len(takes),
        take_hours=sum(t.duration_s for t in takes) / 3600,
        stages=stages,
        verdicts={name: verdicts[name] for name in ("keep", "maybe", "drop", "undecided")},
        decided_by_people=sum(j.actor not in (None, AUTO) for j in judged.values()),
        n_songs=len(songs),
        failures=[(f.stage, f.subject, f.error) for f in newest.values() if f.error is not None],
    )


def _newest(findings: list[Finding]) -> dict[tuple[str, str], Finding]:
    return {(f.stage, f.subject): f for f in findings}  # oldest first: the newest one stays


def _count(stage: str, subjects: set[str], newest: dict[tuple[str, str], Finding]) -> StageCount:
    found = [newest[stage, s] for s in subjects if (stage, s) in newest]
    failed = sum(f.error is not None for f in found)
    remark = "of the kept" if stage == "visualise" else ""
    return StageCount(stage, len(found) - failed, len(subjects) - len(found), failed, remark)


def _model(project: Project, model_id: str, kind: str, preset: str) -> dict[str, Any]:
    curves = project.catalogue.curve(model_id)
    steps = [step for points in curves.values() for step, _ in points]
    bits = curves.get("heldout_bits", [])
    return {
        "id": model_id,
        "kind": kind,
        "preset": preset,
        "step": max(steps, default=0),
        "heldout_bits": bits[-1][1] if bits else None,
    }


def find_take(project: Project, word: str) -> Take:
    """The take whose id begins with ``word``, or whose song has that title or number.

    Raises
    ------
    ParameterError
        None, or more than one.
    """
    takes = {t.id: t for t in project.catalogue.takes()}
    by_song = {s.take_id for s in project.catalogue.songs() if word.casefold() in (s.title.casefold(), str(s.number))}
    found = [t for i, t in takes.items() if i.startswith(word) or i in by_song]
    if len(found) != 1:
        what = "no take" if not found else f"{len(found)} takes"
        raise ParameterError(f"{word!r}: {what} of that id, title or number; `neuralbum status --takes` lists them")
    return found[0]


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
