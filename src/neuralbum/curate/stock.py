"""The takes as the server has them at hand: read again only when there are others, with their screen and scores."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from ..errors import ParameterError
from ..project import Project
from ..records import AUTO, Finding, Take
from ..screen.score import scores as screen_scores
from . import listening
from .answers import Row
from .following import Follower

LOOK_EVERY_S = 5.0


class Stock:
    """Takes in the order they were made, numbered from one. Thread-safe."""

    def __init__(self, project: Project, follower: Follower, *, refit_every: int) -> None:
        self.lock = threading.RLock()
        self.screen: dict[str, Finding] = {}  #: the newest finding of each take
        self.likeness: dict[str, Finding] = {}
        self.numbers: dict[str, int] = {}
        self.n_reads = 0  #: how often there were others
        self._project = project
        self._follower = follower
        self._refit_every = refit_every
        self._takes: dict[str, Take] = {}
        self._read_at = -LOOK_EVERY_S
        self._freshness: tuple[object, ...] = ()
        self._fitted: tuple[int, dict[str, float]] = (-1, {})
        self._rows: dict[str, Row] = {}  #: as the page shows them to who is not blind

    def all(self) -> dict[str, Take]:
        """Takes by id in the order they were made; looked up again every few seconds."""
        with self.lock:
            if time.monotonic() - self._read_at >= LOOK_EVERY_S:
                # Reading three thousand takes costs a third of a second: only when there are others than before.
                fresh = tuple(self._project.catalogue.freshness(stage) for stage in ("screen", "likeness"))
                if fresh != self._freshness:
                    self._takes = {take.id: take for take in self._project.catalogue.takes()}
                    self.numbers = {take_id: n for n, take_id in enumerate(self._takes, start=1)}
                    self.screen = self._project.catalogue.latest("screen")
                    self.likeness = self._project.catalogue.latest("likeness")
                    self._freshness = fresh
                    self._rows.clear()
                    self.n_reads += 1
                self._read_at = time.monotonic()
            return self._takes

    def look_again(self) -> None:
        """Have the next look ask whether there are others, however young the last one is."""
        self._read_at = -LOOK_EVERY_S

    def one(self, take_id: str) -> Take:
        found = self.all().get(take_id)
        if found is None:
            raise ParameterError("no such take")
        return found

    def screened(self, take_id: str) -> Mapping[str, Any]:
        finding = self.screen.get(take_id)
        return finding.values if finding else {}

    def scores(self) -> dict[str, float]:
        """Score of each take: the screen's, weighed by likeness; once people have decided enough, the ranker's."""
        plain = screen_scores(self.screen, self.likeness)
        judged = self._follower.judgements()
        people = {i: j.verdict for i, j in judged.items() if j.verdict and j.actor != AUTO}
        every = self._refit_every
        age = len(people) // every
        if age and age != self._fitted[0]:
            self._fitted = (age, listening.refit(self.screen, people))
            self._rows.clear()
        return {**plain, **self._fitted[1]} if age else plain

    def row(self, take: Take, scores: Mapping[str, float], blind: bool) -> Row:
        """What the page's wall needs of a take; what the machine thinks is not told to who is blind to it."""
        if blind:
            return self._make_row(take, scores, blind)
        row = self._rows.get(take.id)
        if row is None:
            row = self._rows[take.id] = self._make_row(take, scores, blind)
        return row

    def _make_row(self, take: Take, scores: Mapping[str, float], blind: bool) -> Row:
        values = self.screened(take.id)
        score = scores.get(take.id)
        return {
            "id": take.id,
            "number": self.numbers[take.id],
            "duration_s": round(take.duration_s, 2),
            "temperature": round(take.recipe.mean_temperature, 4),
            "model": take.recipe.model_id,
            "caption": str(values.get("caption") or ""),
            "flags": [] if blind else [str(f.get("name", "?")) for f in values.get("flags") or ()],
            "score": None if blind or score is None else round(score, 4),
        }
