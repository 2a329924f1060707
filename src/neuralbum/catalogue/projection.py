"""What the events mean: state is a fold over an append-only log.

Pure: events in log order in, judgements out. Rebuilding gives the same state
as following along (tests/catalogue/test_projection.py holds that law).

Rules: the last word of each actor counts; among actors a person's verdict
always wins over ``auto``'s, and the latest person wins. Tags and notes belong
to who said them: nobody takes away another's. An undone event is as if never
said; undoing an undo brings it back.

The page shows a person's own events before the server has heard of them by the same rules
(curate/web/src/annotation.ts); both are tested from tests/catalogue/annotations.json.
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


def fold_by_person(events: Iterable[Event]) -> dict[tuple[str, str], Judgement]:
    """The same for each person apart: (take id, actor) -> the judgement that this person's events alone make.

    Agreement is computed from these, because a second opinion is only worth something as long as it is
    not mixed with the first.
    """
    by_person: dict[tuple[str, str], list[Event]] = {}
    for event in standing(events):
        if event.take_id:
            by_person.setdefault((event.take_id, event.actor), []).append(event)
    return {key: _judge(key[0], said) for key, said in by_person.items()}


class _State:
    """What was said about one take so far; what two people say stays apart until ``judgement`` joins it."""

    def __init__(self) -> None:
        self.verdicts: dict[str, str] = {}
        self.by_pass: dict[str, str] = {}
        self.tags: dict[tuple[str, str], str] = {}  #: (actor, tag) -> tag
        self.notes: dict[tuple[str, str], Note] = {}  #: (actor, note id) -> note
        self.style: str | None = None
        self.bpm: float | None = None
        self.taps_s: tuple[float, ...] = ()
        self.plays: list[tuple[float, float]] = []

    def apply(self, event: Event) -> None:
        words, actor = event.payload, event.actor
        match event.kind:
            case "verdict":
                for latest, name in ((self.verdicts, actor), (self.by_pass, event.pass_name)):
                    latest.pop(name, None)  # so that the latest comes last
                    latest[name] = str(words["value"])
            case "tag":
                self.tags[actor, str(words["tag"])] = str(words["tag"])
            case "untag":
                self.tags.pop((actor, str(words["tag"])), None)
            case "style":
                self.style = str(words["style"])
            case "note":
                note_id, start_s = str(words.get("note_id", event.client_id)), float(words["start_s"])
                end_s = float(words.get("end_s", start_s))
                self.notes[actor, note_id] = Note(note_id, start_s, end_s, str(words["text"]), actor)
            case "unnote":
                self.notes.pop((actor, str(words["note_id"])), None)
            case "tap":
                self.bpm, self.taps_s = float(words["bpm"]), tuple(float(t) for t in words.get("times_s", ()))
            case "play":
                self.plays.append((float(words["start_s"]), float(words["end_s"])))


def _judge(take_id: str, said: list[Event]) -> Judgement:
    state = _State()
    for event in said:
        try:
            state.apply(event)
        except (KeyError, TypeError, ValueError) as cause:
            raise CatalogueError(
                f"catalogue: event {event.id} ({event.kind} by {event.actor} about take {take_id}) is not what "
                f"neuralbum wrote there (changed by hand?); restore the catalogue from a copy, or remove the row: "
                f"DELETE FROM event WHERE id = {event.id}"
            ) from cause
    people = [actor for actor in state.verdicts if actor != AUTO]
    actor = people[-1] if people else (AUTO if AUTO in state.verdicts else None)
    return Judgement(
        take_id=take_id,
        verdict=None if actor is None else state.verdicts[actor],
        actor=actor,
        by_actor=state.verdicts,
        by_pass=state.by_pass,
        tags=tuple(dict.fromkeys(state.tags.values())),
        style=state.style,
        notes=tuple(sorted(state.notes.values(), key=lambda n: (n.start_s, n.note_id, n.actor))),
        bpm=state.bpm,
        taps_s=state.taps_s,
        heard_s=sum(max(0.0, end - start) for start, end in state.plays),
        heard=merge(state.plays),
        at=max(event.at for event in said),
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
