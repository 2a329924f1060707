"""Follow the event log: read only what is new, keep each take's judgement at hand.

Several writers commit to one log, and on PostgreSQL an event may become
visible after one with a higher id; so there each look goes back a window and
passes over what is known (SQLite has one writer at a time, and needs none).
Nothing here is a second truth: forget it all and read again, and the state is
the same (tests/curate/test_following.py).
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable

from ..catalogue import fold
from ..records import Event, Judgement
from .opinions import Opinion, opinions

LOOK_BACK = 1000
"""Ids: two of the largest batches that may be on their way at once."""


class Follower:
    """The log as known so far. Thread-safe."""

    def __init__(self, read: Callable[[int], list[Event]], *, look_back: int = LOOK_BACK) -> None:
        self._read = read  #: ids after this -> events, in order of id
        self._look_back = look_back
        self._lock = threading.RLock()
        self._ids: set[int] = set()
        self._highest = 0
        self._by_take: dict[str, list[Event]] = {}
        self._by_client_id: dict[str, Event] = {}
        self._judged: dict[str, Judgement] = {}
        self._opinions: dict[str, dict[tuple[str, str], Opinion]] = {}
        self._arrivals: list[tuple[str, str]] = []  #: (take id, who spoke) in the order the news arrived here
        self.queues: list[Event] = []

    def look(self) -> None:
        """Read what is new."""
        with self._lock:
            events = self._read(max(0, self._highest - self._look_back))
            touched: dict[str, None] = {}
            heard: dict[tuple[str, str], None] = {}
            for event in events:
                if event.id in self._ids:
                    continue
                self._ids.add(event.id)
                self._highest = max(self._highest, event.id)
                self._by_client_id[event.client_id] = event
                if event.kind == "queue":
                    self.queues.append(event)
                    continue
                bisect.insort(self._by_take.setdefault(event.take_id, []), event, key=lambda e: e.id)
                touched[event.take_id] = None
                heard[event.take_id, event.actor] = None
            for take_id in touched:
                said = self._by_take[take_id]
                self._judged.update(fold(said) or {take_id: Judgement(take_id)})
                self._opinions[take_id] = opinions(said)
            self._arrivals += heard

    @property
    def highest(self) -> int:
        """The highest event id seen."""
        return self._highest

    @property
    def now(self) -> int:
        """How much news has arrived; hand it to ``news`` later."""
        return len(self._arrivals)

    def news(self, since: int) -> list[tuple[str, str]]:
        """(Take, who) of what was said since ``now`` was ``since``; each once."""
        with self._lock:
            return list(dict.fromkeys(self._arrivals[since:]))

    def event(self, client_id: str) -> Event | None:
        return self._by_client_id.get(client_id)

    def said_about(self, take_id: str) -> list[Event]:
        with self._lock:
            return list(self._by_take.get(take_id, ()))

    def judgement(self, take_id: str) -> Judgement:
        return self._judged.get(take_id) or Judgement(take_id)

    def judgements(self) -> dict[str, Judgement]:
        with self._lock:
            return dict(self._judged)

    def opinions_about(self, take_id: str) -> dict[tuple[str, str], Opinion]:
        return self._opinions.get(take_id, {})

    def all_opinions(self) -> dict[tuple[str, str], Opinion]:
        with self._lock:
            return {key: o for about in self._opinions.values() for key, o in about.items()}

    def spoken_by(self, actor: str, kinds: Iterable[str]) -> list[Event]:
        """An actor's events of some kinds, in log order."""
        wanted = set(kinds)
        with self._lock:
            mine = [e for said in self._by_take.values() for e in said if e.actor == actor and e.kind in wanted]
        return sorted(mine, key=lambda e: e.id)
