"""The takes as the server has them at hand: read again only when there are others, with their screen and scores."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..errors import ParameterError
from ..project import Project
from ..records import AUTO, Finding, Take
from ..screen import ranker
from ..screen.default_order import scores as screen_scores
from .event_reader import EventReader
from .responses import TakeRow

READ_EVERY_S = 5.0


class TakeCache:
    """Takes in the order they were made, numbered from one. Thread-safe."""

    def __init__(self, project: Project, reader: EventReader, *, refit_every: int) -> None:
        self.lock = threading.RLock()
        self.screen: dict[str, Finding] = {}  #: the newest finding of each take
        self.likeness: dict[str, Finding] = {}
        self.numbers: dict[str, int] = {}
        self.n_reads = 0  #: how often there were others
        self._project = project
        self._reader = reader
        self._refit_every = refit_every
        self._takes: dict[str, Take] = {}
        self._read_at = -READ_EVERY_S
        self._freshness: tuple[object, ...] = ()
        self._fitted: tuple[int, dict[str, float]] = (-1, {})
        self._rows: dict[tuple[str, bool, bool], TakeRow] = {}  #: as each may be told, but for the score

    def all(self) -> dict[str, Take]:
        """Takes by id in the order they were made; looked up again every few seconds."""
        with self.lock:
            if time.monotonic() - self._read_at >= READ_EVERY_S:
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

    def expire(self) -> None:
        """Have the next reading ask whether there are others, however young the last one is."""
        self._read_at = -READ_EVERY_S

    def one(self, take_id: str) -> Take:
        found = self.all().get(take_id)
        if found is None:
            raise ParameterError("no such take")
        return found

    def screened(self, take_id: str) -> Mapping[str, Any]:
        finding = self.screen.get(take_id)
        return finding.values if finding else {}

    def scores(self, *, learned: bool = True) -> dict[str, float]:
        """Score of each take: the screen's, weighed by likeness; once people have decided enough, the ranker's.

        Not ``learned``: without what was decided, for somebody who must not be told.
        """
        plain = screen_scores(self.screen, self.likeness)
        if not learned:
            return plain
        judged = self._reader.judgements()
        people = {i: j.verdict for i, j in judged.items() if j.verdict and j.actor != AUTO}
        every = self._refit_every
        age = len(people) // every
        if age and age != self._fitted[0]:
            self._fitted = (age, ranker.refit(self.screen, people))
        return {**plain, **self._fitted[1]} if age else plain

    def row(self, take: Take, scores: Mapping[str, float], *, machine: bool, tempo: bool) -> TakeRow:
        """What the page's wall needs of a take.

        Parameters
        ----------
        machine : may this person know the machine's opinion: flags and score?
        tempo : and the tempo that it heard?
        """
        key = (take.id, machine, tempo)
        row = self._rows.get(key) or self._rows.setdefault(key, self._make_row(take, machine=machine, tempo=tempo))
        score = scores.get(take.id) if machine else None
        return row if score is None else {**row, "score": round(score, 4)}

    def _make_row(self, take: Take, *, machine: bool, tempo: bool) -> TakeRow:
        values = self.screened(take.id)
        loudness = values.get("loudness_lufs")
        return {
            "id": take.id,
            "number": self.numbers[take.id],
            "duration_s": round(take.duration_s, 2),
            "temperature": None if (t := take.recipe.mean_temperature) is None else round(t, 4),
            "loudness_lufs": round(loudness, 1) if isinstance(loudness, int | float) else None,
            "model": take.recipe.model_id,
            "caption": plain_caption(str(values.get("caption") or ""), flags=machine, tempo=tempo),
            "flags": [str(f.get("name", "?")) for f in values.get("flags") or ()] if machine else [],
            "score": None,
            "withheld": not machine,
        }


TEMPO_WORDS = re.compile(r"(?:, )?(?:about \d+ BPM(?: \(or [^)]*\))?|no tempo)$")


def plain_caption(caption: str, *, flags: bool, tempo: bool) -> str:
    """The screen's caption without what a person should not know yet.

    >>> plain_caption("loud, dense, about 140 BPM (or 70, 280); falls silent at 0:52", flags=False, tempo=False)
    'loud, dense'
    """
    traits, *events = caption.split("; ")
    if not tempo:
        traits = TEMPO_WORDS.sub("", traits)
    return "; ".join(word for word in (traits, *(events if flags else ())) if word)
