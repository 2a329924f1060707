"""Titles for what was kept: candidates a person keeps or rejects with a key.

Through the door to the title room, which knows what a title is and stores what
was said; here candidates are held ready, so that no key waits for the thesaurus.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING

from .. import title as title_room
from ..errors import ParameterError
from ..project import Project

if TYPE_CHECKING:
    from ..title import Proposal

SHOWN = 12
"""Candidates a page is told of at once."""


class TitleChooser:
    """One per server. Thread-safe."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lock = threading.RLock()
        self._ready: list[Proposal] = []
        self._named: dict[str, Proposal] = {}  #: every candidate that was shown, by its title

    def given(self) -> dict[str, str]:
        """Take id -> title."""
        return title_room.given_titles(self.project)

    def candidates(self, n_untitled: int) -> list[Proposal]:
        """The next few titles, the likeliest first: in all about MORE for each take without one."""
        with self._lock:
            taken = title_room.rejected_keys(self.project) | {title_room.title_key(t) for t in self.given().values()}
            self._ready = [p for p in self._ready if title_room.title_key(p.title) not in taken]
            if len(self._ready) < SHOWN:
                known = {p.title for p in self._ready}
                fresh = title_room.candidates(self.project, max(2 * SHOWN, title_room.MORE * n_untitled))
                self._ready += [p for p in fresh if p.title not in known]
                self._named.update((p.title, p) for p in fresh)
            return self._ready[:SHOWN]

    def keep(self, take_id: str, title: str, kept: Collection[str]) -> str:
        """Give a kept take this title, a candidate's or a person's own; returns the mark to take it back by."""
        if take_id not in kept:
            raise ParameterError("only a take that is kept gets a title")
        with self._lock:
            return title_room.give(self.project, take_id, title, proposal=self._named.get(title))

    def reject(self, title: str) -> str:
        """This candidate does not come up again; returns the mark to take it back by."""
        with self._lock:
            if title not in self._named:
                raise ParameterError("only a candidate that was shown can be rejected")
            return title_room.reject(self.project, [title])[0]

    def take_back(self, mark: str) -> None:
        """Undo a ``keep`` or ``reject``; the title is the next candidate again."""
        with self._lock:
            finding = self.project.catalogue.finding(mark)
            title_room.take_back(self.project, mark)
            again = self._named.get(str(finding.values.get("title"))) if finding else None
            if again is not None:
                self._ready = [again, *(p for p in self._ready if p.title != again.title)]
