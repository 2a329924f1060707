"""What the events mean: state is a fold over an append-only log.

Pure: events in log order in, judgements out. Rebuilding gives the same state
as following along (tests/catalogue/test_projection.py holds that law).

Rules: the last word of each actor counts; among actors a person's verdict
always wins over ``auto``'s, and the latest person wins. An undone event is as
if never said; undoing an undo brings it back.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import CatalogueError
from ..records import AUTO, Event, Judgement, Note


def standing(events: Iterable[Event]) -> list[Event]:
    """The events that still hold, in log order: not undone, and not undos themselves."""
    log = list(events)
    undone: set[str] = set()
    for event in reversed(log):  # a later undo can take back an earlier undo
        if event.kind == "undo" and event.undoes and event.client_id not in undone:
            undone.add(event.undoes)
    return [event for event in log if event.kind != "undo" and event.client_id not in undone]


def fold(events: Iterable[Event]) -> dict[str, Judgement]:
    """Where each take stands after ``events`` (in log order): take id -> judgement."""
    by_take: dict[str, list[Event]] = {}
    for event in standing(events):
        if event.take_id:  # a queue, for one, is about no single take
            by_take.setdefault(event.take_id, []).append(event)
    return {take_id: _judge(take_id, said) for take_id, said in by_take.items()}


def _judge(take_id: str, said: list[Event]) -> Judgement:
    verdicts: dict[str, str] = {}
    tags: dict[str, None] = {}  # an ordered set
    notes: dict[str, Note] = {}
    style: str | None = None
    bpm: float | None = None
    taps: tuple[float, ...] = ()
    plays: list[tuple[float, float]] = []
    for event in said:
        try:
            payload = event.payload
            match event.kind:
                case "verdict":
                    verdicts.pop(event.actor, None)  # so that the latest speaker comes last
                    verdicts[event.actor] = str(payload["value"])
                case "tag":
                    tags[str(payload["tag"])] = None
                case "untag":
                    tags.pop(str(payload["tag"]), None)
                case "style":
                    style = str(payload["style"])
                case "note":
                    note_id = str(payload.get("note_id", event.client_id))
                    start_s = float(payload["start_s"])
                    end_s = float(payload.get("end_s", start_s))
                    notes[note_id] = Note(note_id, start_s, end_s, str(payload["text"]), event.actor)
                case "unnote":
                    notes.pop(str(payload["note_id"]), None)
                case "tap":
                    bpm = float(payload["bpm"])
                    taps = tuple(float(t) for t in payload.get("times_s", ()))
                case "play":
                    plays.append((float(payload["start_s"]), float(payload["end_s"])))
        except (KeyError, TypeError, ValueError) as cause:
            raise CatalogueError(
                f"catalogue: event {event.id} ({event.kind} by {event.actor} about take {take_id}) is not what "
                f"neuralbum wrote there (changed by hand?); restore the catalogue from a copy, or remove the row: "
                f"DELETE FROM event WHERE id = {event.id}"
            ) from cause
    people = [actor for actor in verdicts if actor != AUTO]
    actor = people[-1] if people else (AUTO if AUTO in verdicts else None)
    return Judgement(
        take_id=take_id,
        verdict=None if actor is None else verdicts[actor],
        actor=actor,
        by_actor=dict(verdicts),
        tags=tuple(tags),
        style=style,
        notes=tuple(sorted(notes.values(), key=lambda n: (n.start_s, n.note_id))),
        bpm=bpm,
        taps_s=taps,
        heard_s=sum(max(0.0, end - start) for start, end in plays),
        heard=merge(plays),
    )


def merge(stretches: Iterable[tuple[float, float]], gap_s: float = 0.25) -> tuple[tuple[float, float], ...]:
    """Join stretches of time that touch or nearly touch: what was heard at least once.

    >>> merge([(4.0, 6.0), (0.0, 2.0), (1.5, 3.0)])
    ((0.0, 3.0), (4.0, 6.0))
    """
    merged: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if end <= start:
            continue
        if merged and start <= merged[-1][1] + gap_s:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
