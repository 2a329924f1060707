"""What one person may know of the takes right now: own words, other people's, and the machine's.

Everything the page shows of a take passes through here. Two things are withheld:

- while a person's second pass is open (``queues.QueueStore.blind``), everything anybody, that person
  included, said earlier about its takes;
- by default, the screen's flags and score and ``auto``'s verdict, until this person has judged the take.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from ..catalogue import fold_by_person
from ..records import AUTO, Event, Judgement
from .event_reader import EventReader
from .responses import Mine, NoteResponse, TakeRow, TakeState, UndoStep
from .take_cache import TakeCache

UNDOABLE = ("verdict", "tag", "untag", "note", "unnote", "tap", "style")
UNDO_DEPTH = 100


class View:
    """Made for each request; the reader is fresh, and ``blind`` are the takes of an open second pass."""

    def __init__(
        self, actor: str, blind: frozenset[str], reader: EventReader, takes: TakeCache, *, machine_first: bool
    ) -> None:
        self.actor = actor
        self.blind = blind
        self._reader = reader
        self._takes = takes
        self._machine_first = machine_first

    def own(self, take_id: str) -> Judgement | None:
        """What this person said about a take, as far as that person may know it now."""
        if take_id not in self.blind:
            return self._reader.annotations_about(take_id).get(self.actor)
        return self._fold(e for e in self._reader.events_about(take_id, self.actor) if _said_blindly(e))

    def _fold(self, events: Iterable[Event]) -> Judgement | None:
        return next(iter(fold_by_person(events).values()), None)

    def told(self, take_id: str) -> bool:
        """Whether this person may know what the machine thinks of a take."""
        own = self.own(take_id)
        judged = own is not None and own.verdict is not None
        return take_id not in self.blind and (self._machine_first or judged)

    def rows(self, ids: Iterable[str]) -> list[TakeRow]:
        takes = self._takes.all()
        scores = self._takes.scores(learned=not self.blind)
        return [
            self._takes.row(takes[i], scores, machine=self.told(i), tempo=getattr(self.own(i), "bpm", None) is not None)
            for i in ids
        ]

    def state(self, take_id: str) -> TakeState:
        own = self.own(take_id)
        heard = own.share_heard(self._takes.all()[take_id].duration_s) if own else 0.0
        state: TakeState = {
            "mine": mine(own),
            "heard": round(heard, 3),
            "blind": take_id in self.blind,
            "album": None,
            "who": None,
            "others": [],
            "other_notes": [],
        }
        if take_id in self.blind:
            return state
        judged = self._reader.judgement(take_id)
        if judged.actor != AUTO or self.told(take_id):
            state["album"], state["who"] = cast(Any, judged.verdict), judged.actor
        others = self._reader.annotations_about(take_id).items()
        for actor, one in sorted((actor, one) for actor, one in others if actor not in (self.actor, AUTO)):
            said = mine(one)
            state["others"].append(
                {"actor": actor, "verdict": said["verdict"], "bpm": said["bpm"], "tags": said["tags"]}
            )
            state["other_notes"] += said["notes"]
        return state

    def undo_steps(self) -> list[UndoStep]:
        """The person's last words that can be taken back, oldest first, each with what stood before it."""
        steps: list[UndoStep] = []
        gone: set[str] = set()
        for event in reversed(self._reader.events_by(self.actor, ("undo", *UNDOABLE))):
            if event.kind == "undo":
                if event.client_id not in gone and event.undoes:
                    gone.add(event.undoes)
                continue
            hidden = event.take_id in self.blind
            if event.client_id in gone or (hidden and event.pass_name != "second"):
                continue
            earlier = [
                e
                for e in self._reader.events_about(event.take_id, self.actor)
                if (e.kind == "undo" or e.id < event.id) and (not hidden or _said_blindly(e))
            ]
            steps.append(
                {
                    "client_id": event.client_id,
                    "take_id": event.take_id,
                    "kind": event.kind,
                    "before": mine(self._fold(earlier)),
                }
            )
            if len(steps) == UNDO_DEPTH:
                break
        return steps[::-1]


def _said_blindly(event: Event) -> bool:
    return event.pass_name == "second" or event.kind == "undo"


def mine(one: Judgement | None) -> Mine:
    """What one person says about a take, for the page."""
    one = one or Judgement("")
    notes: list[NoteResponse] = [
        {"id": n.note_id, "start_s": n.start_s, "end_s": n.end_s, "text": n.text, "actor": n.actor} for n in one.notes
    ]
    return {
        "verdict": cast(Any, one.verdict),
        "by_pass": cast(Any, dict(one.by_pass)),
        "tags": list(one.tags),
        "notes": notes,
        "bpm": one.bpm,
        "taps_s": list(one.taps_s),
    }
