"""Read the event log as it grows: only what is new, with each take's judgement at hand.

Several writers commit to one log, and on PostgreSQL an event may become
visible after one with a higher id; so there each reading goes back a window and
passes over what is known (SQLite has one writer at a time, and needs none).
Nothing here is a second truth: forget it all and read again, and the state is
the same (tests/curate/test_event_reader.py).
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable

from ..catalogue import fold, fold_by_person
from ..records import Event, Judgement

LOOK_BACK = 1000
"""Ids: two of the largest batches that may be on their way at once."""


class EventReader:
    """The log as known so far. Thread-safe."""

    def __init__(self, read: Callable[[int], list[Event]], *, look_back: int = LOOK_BACK) -> None:
        self._read = read  #: ids after this -> events, in order of id
        self._look_back = look_back
        self._lock = threading.RLock()
        self._ids: set[int] = set()
        self._highest = 0
        self._by_take: dict[str, list[Event]] = {}
        self._by_client_id: dict[str, Event] = {}
        self._judgements: dict[str, Judgement] = {}
        self._annotations: dict[str, dict[str, Judgement]] = {}
        self._arrivals: list[tuple[str, str]] = []  #: (take id, actor) in the order events arrived here
        self.queues: list[Event] = []

    def refresh(self) -> None:
        """Read what is new."""
        with self._lock:
            touched: dict[tuple[str, str], None] = {}
            for event in self._read(max(0, self._highest - self._look_back)):
                if event.id in self._ids:
                    continue
                self._ids.add(event.id)
                self._highest = max(self._highest, event.id)
                self._by_client_id[event.client_id] = event
                if not event.take_id:  # about no take: a queue of this tool's, or another tool's words about a training
                    if event.kind == "queue":
                        self.queues.append(event)
                    continue
                bisect.insort(self._by_take.setdefault(event.take_id, []), event, key=lambda e: e.id)
                touched[event.take_id, event.actor] = None
            for take_id in {take_id for take_id, _ in touched}:
                said = self._by_take[take_id]
                self._judgements.update(fold(said) or {take_id: Judgement(take_id)})
                self._annotations[take_id] = {actor: one for (_, actor), one in fold_by_person(said).items()}
            self._arrivals += touched

    @property
    def highest(self) -> int:
        """The highest event id read."""
        return self._highest

    @property
    def now(self) -> int:
        """How much has arrived; hand it to ``changes`` later."""
        return len(self._arrivals)

    def changes(self, since: int) -> list[tuple[str, str]]:
        """(Take, actor) of what was said since ``now`` was ``since``; each once."""
        with self._lock:
            return list(dict.fromkeys(self._arrivals[since:]))

    def event(self, client_id: str) -> Event | None:
        return self._by_client_id.get(client_id)

    def events_about(self, take_id: str, actor: str) -> list[Event]:
        """What a person said about a take, in log order."""
        with self._lock:
            return [e for e in self._by_take.get(take_id, ()) if e.actor == actor]

    def events_by(self, actor: str, kinds: Iterable[str]) -> list[Event]:
        """A person's events of some kinds, in log order."""
        wanted = set(kinds)
        with self._lock:
            mine = [e for said in self._by_take.values() for e in said if e.actor == actor and e.kind in wanted]
        return sorted(mine, key=lambda e: e.id)

    def judgement(self, take_id: str) -> Judgement:
        return self._judgements.get(take_id) or Judgement(take_id)

    def judgements(self) -> dict[str, Judgement]:
        with self._lock:
            return dict(self._judgements)

    def annotations_about(self, take_id: str) -> dict[str, Judgement]:
        """Actor -> what that person alone says about a take."""
        return self._annotations.get(take_id, {})

    def annotations(self) -> dict[tuple[str, str], Judgement]:
        """(Take id, actor) -> what that person alone says."""
        with self._lock:
            return {(take_id, actor): one for take_id, by in self._annotations.items() for actor, one in by.items()}
