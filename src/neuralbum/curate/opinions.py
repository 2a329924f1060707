"""What each person said about a take, in each pass: the fold that agreement is computed from.

Pure. The catalogue's projection says where a take stands for the album; this
one keeps people apart, because a second opinion is only worth something as
long as it is not mixed with the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..catalogue import merge, standing
from ..records import Event, Note

Stretch = tuple[float, float]
APART = ("second", "disputes")
"""Passes whose verdicts stand beside the one a person comes to by eye, by ear and in full."""


@dataclass(frozen=True)
class Opinion:
    """One person's words about one take, all that still stand."""

    actor: str
    take_id: str
    verdict: str | None = None  #: the last one
    openly: str | None = None  #: the last one that was neither said blind nor to settle a dispute
    by_pass: dict[str, str] = field(default_factory=dict)  #: pass -> the last verdict in it
    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    bpm: float | None = None
    taps_s: tuple[float, ...] = ()
    heard: tuple[Stretch, ...] = ()  #: merged stretches that were played
    at: float = 0.0  #: of the last word, Unix seconds


def opinions(events: Iterable[Event]) -> dict[tuple[str, str], Opinion]:
    """(take id, actor) -> opinion, from events in log order."""
    said: dict[tuple[str, str], list[Event]] = {}
    for event in standing(events):
        said.setdefault((event.take_id, event.actor), []).append(event)
    return {key: _one(key, spoken) for key, spoken in said.items()}


def _one(key: tuple[str, str], said: list[Event]) -> Opinion:
    by_pass: dict[str, str] = {}
    tags: dict[str, None] = {}
    notes: dict[str, Note] = {}
    plays: list[Stretch] = []
    verdict: str | None = None
    openly: str | None = None
    bpm: float | None = None
    taps: tuple[float, ...] = ()
    for event in said:
        words: Any = event.payload
        match event.kind:
            case "verdict":
                verdict = str(words["value"])
                by_pass[event.pass_name] = verdict
                if event.pass_name not in APART:
                    openly = verdict
            case "tag":
                tags[str(words["tag"])] = None
            case "untag":
                tags.pop(str(words["tag"]), None)
            case "note":
                note_id = str(words.get("note_id", event.client_id))
                start_s = float(words["start_s"])
                end_s = float(words.get("end_s", start_s))
                notes[note_id] = Note(note_id, start_s, end_s, str(words["text"]), event.actor)
            case "unnote":
                notes.pop(str(words["note_id"]), None)
            case "tap":
                bpm, taps = float(words["bpm"]), tuple(float(t) for t in words.get("times_s", ()))
            case "play":
                plays.append((float(words["start_s"]), float(words["end_s"])))
    return Opinion(
        actor=key[1],
        take_id=key[0],
        verdict=verdict,
        openly=openly,
        by_pass=by_pass,
        tags=tuple(tags),
        notes=tuple(sorted(notes.values(), key=lambda n: (n.start_s, n.note_id))),
        bpm=bpm,
        taps_s=taps,
        heard=merge(plays),
        at=max((e.at for e in said), default=0.0),
    )


def share_heard(heard: Iterable[Stretch], duration_s: float) -> float:
    """Share of a take that was played at least once, in [0, 1]."""
    if duration_s <= 0:
        return 0.0
    return min(1.0, sum(min(end, duration_s) - min(start, duration_s) for start, end in heard) / duration_s)
