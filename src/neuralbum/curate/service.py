"""What the server answers and what it is told: one method for each thing the page asks, and events into the log.

What a person may know of a take is decided in ``views`` and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..errors import NeuralbumError, ParameterError
from ..project import Project
from ..records import AUTO, Event, Take, digest
from . import agreement, calibration, highlights, pictures, ranking, validation
from .event_reader import LOOK_BACK, EventReader
from .media_cache import MediaCache
from .params import Params
from .queues import Queue, QueueStore
from .responses import (
    AgreementResponse,
    Atlas,
    BandResponse,
    EventsResponse,
    NewsResponse,
    PassName,
    PassResponse,
    ProgressResponse,
    RankerResponse,
    RefusedEvent,
    ScreenFlag,
    SessionResponse,
    TakeResponse,
    TitlesResponse,
)
from .take_cache import TakeCache
from .titles import TitleChooser
from .views import View

CHECKPOINT_EVERY_S = 10.0
AHEAD = 6
"""Listening copies made ahead of the cursor."""


class CurationService:
    """One per server. Thread-safe."""

    def __init__(self, project: Project, params: Params) -> None:
        self.project = project
        self.params = params
        self.media = MediaCache(project, opus_kbps=params.opus_kbps)
        self.title_chooser = TitleChooser(project)
        in_order = project.catalogue.engine.dialect.name == "sqlite"
        self.reader = EventReader(
            lambda after: project.catalogue.events(after=after), look_back=0 if in_order else LOOK_BACK
        )
        self.takes = TakeCache(project, self.reader, refit_every=params.refit_every)
        self.queues = QueueStore(project, params, self.reader, self.takes)
        self._lock = threading.Lock()
        self._atlases: dict[str, list[Atlas]] = {}  #: by queue id, of the takes as read last
        self._atlases_read = 0
        self._durable_id = 0
        self._checkpointed_at = 0.0

    def close(self) -> None:
        self.media.close()

    def view(self, actor: str) -> View:
        """What a person may know now."""
        self.reader.refresh()
        blind = self.queues.blind(actor)
        return View(actor, blind, self.reader, self.takes, machine_first=self.params.machine_first)

    # ---- a sitting -----------------------------------------------------------

    def session(self, actor: str, may_choose: bool) -> SessionResponse:
        blind = self.view(actor).blind
        used = Counter(tag for i, j in self.reader.judgements().items() if i not in blind for tag in j.tags)
        tags = [tag for tag, _ in used.most_common(200)]
        return {
            "project": self.project.name,
            "project_id": digest("project", str(self.project.root.resolve()), self.project.settings.database),
            "artist": self.project.settings.artist,
            "actor": actor,
            "may_choose_actor": may_choose,
            "people": sorted({who for i, who in self.reader.annotations() if i not in blind} - {AUTO}),
            "n_takes": len(self.takes.all()),
            "passes": list(validation.PASSES),
            "tags": tags + [t for t in self.params.tags if t not in used],
            "excerpt_s": self.params.excerpt_s,
            "heard_in_full": self.params.heard_in_full,
        }

    def open_pass(self, actor: str, pass_name: PassName) -> PassResponse:
        """Everything a pass needs to begin: its frozen queue, and what is known of its takes."""
        queue = self.queues.get(actor, pass_name)
        takes, view = self.takes.all(), self.view(actor)
        # That a blind take belongs to a pass would tell what was said about it; to these two all judged takes may.
        untold = frozenset() if pass_name in ("eye", "second") else view.blind
        ids = [t for t in queue.takes if t in takes and t not in untold]
        known = set(queue.takes)
        members = self.queues.members(actor, pass_name)
        spoken_about = self.reader.judgements()
        with self.takes.lock:  # what is kept at hand belongs to the takes as they were read last
            rows = view.rows(ids)
            atlases = self._atlases_of(queue, [takes[t] for t in ids])
        return {
            "pass_name": pass_name,
            "queue": {
                "id": queue.queue_id,
                "order": queue.order,
                "n_new": 0 if pass_name == "second" else sum(t not in known for t in members),
            },
            "rows": rows,
            "state": {t: view.state(t) for t in ids if t in spoken_about or t in view.blind},
            "atlases": atlases,
            "columns": pictures.ATLAS_COLUMNS,
            "undo": view.undo_steps(),
            "blind": bool(view.blind),
            "now": self.reader.now,
        }

    def _atlases_of(self, queue: Queue, takes: Sequence[Take]) -> list[Atlas]:
        """Named once for each queue and state of the screen; the page asks at every visit."""
        if self._atlases_read != self.takes.n_reads:
            self._atlases.clear()
            self._atlases_read = self.takes.n_reads
        if queue.queue_id not in self._atlases:
            self._atlases[queue.queue_id] = self.media.atlases(takes, self.takes.screen)
        return self._atlases[queue.queue_id]

    def news(self, actor: str, since: int) -> NewsResponse:
        """What changed since an earlier answer's ``now``."""
        view, takes = self.view(actor), self.takes.all()
        since = since if since <= self.reader.now else 0  # counted by a server before this one
        # That somebody else speaks about a blind take is no news for who is blind to it.
        told = [t for t, who in self.reader.changes(since) if t in takes and (who == actor or t not in view.blind)]
        ids = list(dict.fromkeys(told))
        return {
            "state": {t: view.state(t) for t in ids},
            "rows": view.rows(ids),
            "blind": bool(view.blind),
            "now": self.reader.now,
        }

    # ---- a take --------------------------------------------------------------

    def take(self, take_id: str, actor: str) -> TakeResponse:
        take, view = self.takes.one(take_id), self.view(actor)
        told, state = view.told(take_id), view.state(take_id)
        values = self.takes.screened(take_id)
        flags = [f for f in values.get("flags") or () if isinstance(f, Mapping)] if told else []
        try:
            levels = self.media.levels(take, self.takes.screen.get(take_id))
        except NeuralbumError:
            levels = np.zeros((1, 0), dtype=np.uint8)
        found = highlights.highlights(levels, take.duration_s, flags, n_highlights=self.params.points)
        tempo = values.get("tempo")
        return {
            "id": take_id,
            "points": [{"at_s": h.at_s, "why": h.why} for h in found],
            "flags": [_flag(f) for f in flags],
            "reasons": list(ranking.reasons_of(values))[:3] if told else [],
            "withheld": not told,
            "machine_tempo": cast(Any, dict(tempo)) if tempo and state["mine"]["bpm"] is not None else None,
            "state": state,
            "facts": {
                "take": take_id,
                **_made_by(take),
                "length": f"{take.duration_s:.1f} s",
            },
        }

    def picture(self, take_id: str) -> Path:
        """The levels of a take's picture, as a gzipped file."""
        return self.media.mel(self.takes.one(take_id), self.takes.screen.get(take_id))

    def prepare_next(self, queue_id: str, take_id: str) -> None:
        """Have the listening copies made that come next in a queue."""
        event = self.reader.event(queue_id)
        if event is None or event.kind != "queue":
            return
        queue = self.queues.parse(event)
        if take_id in queue.takes:
            at = queue.takes.index(take_id) + 1
            takes = self.takes.all()
            self.media.opus_ahead([takes[t] for t in queue.takes[at : at + AHEAD] if t in takes])

    # ---- events --------------------------------------------------------------

    def say(self, actor: str, raw: Sequence[object]) -> EventsResponse:
        """Append events from a browser; see ``validation`` for what is refused."""
        if len(raw) > validation.MAX_BATCH:
            raise ParameterError(f"{len(raw)} events at once; at most {validation.MAX_BATCH}")
        self.reader.refresh()
        good, refused = self._validated(actor, raw)
        new = self.project.catalogue.say(good.values()) if good else 0
        view = self.view(actor)
        self._checkpoint()
        judged = dict.fromkeys(e.take_id for e in good.values() if e.kind in ("verdict", "tap", "undo"))
        return {
            "new": new,
            "rows": view.rows(judged),
            "refused": refused,
            "last_id": self.reader.highest,
            "durable_id": self._durable_id,
            "now": self.reader.now,
        }

    def _validated(self, actor: str, raw: Sequence[object]) -> tuple[dict[str, Event], list[RefusedEvent]]:
        takes, now = self.takes.all(), time.time()
        good: dict[str, Event] = {}
        refused: list[RefusedEvent] = []
        for words in raw:
            try:
                event = validation.parse_event(words, actor=actor, now=now, is_take=takes.__contains__)
                if event.kind == "undo":
                    self._may_undo(event, good)
                known = good.get(event.client_id) or self.reader.event(event.client_id)
                if known is not None and not validation.equal_content(known, event):
                    raise ParameterError("this client_id is taken by another event")
                good[event.client_id] = event
            except ParameterError as why:
                name = words.get("client_id") if isinstance(words, Mapping) else None
                refused.append({"client_id": str(name)[:80], "reason": str(why)})
        return good, refused

    def _may_undo(self, undo: Event, batch: Mapping[str, Event]) -> None:
        target = batch.get(undo.undoes or "") or self.reader.event(undo.undoes or "")
        if target is None:
            raise ParameterError("the event to undo is not in the log")
        if target.actor != undo.actor or target.take_id != undo.take_id:
            raise ParameterError("one can only take back one's own words, about the same take")

    def _checkpoint(self) -> None:
        with self._lock:
            highest = self.reader.highest
            if highest == self._durable_id or time.monotonic() - self._checkpointed_at < CHECKPOINT_EVERY_S:
                return
            self.project.catalogue.checkpoint()
            self._durable_id, self._checkpointed_at = highest, time.monotonic()

    # ---- the band, titles ----------------------------------------------------

    def band(self) -> BandResponse:
        """The band's own songs, as far as their files are where they were: to hear beside a take."""
        tracks = sorted(self.project.catalogue.tracks(), key=lambda t: (t.title.casefold(), t.id))
        return {
            "songs": [
                {"id": t.id, "title": t.title, "duration_s": round(t.duration_s, 2)}
                for t in tracks
                if Path(t.path).is_file()
            ]
        }

    def titles(self, actor: str, mark: str = "") -> TitlesResponse:
        """Kept takes with their titles, and candidates; a blind person's takes are not told."""
        kept = self._kept_for(actor)
        given = self.title_chooser.given()
        n_untitled = sum(take_id not in given for take_id in kept)
        offered = self.title_chooser.candidates(n_untitled) if kept else []
        return {
            "phrase": self.project.settings.phrase,
            "takes": [
                {**_named(row, ("id", "number", "duration_s", "caption")), "title": given.get(row["id"])}  # type: ignore[typeddict-item]
                for row in self.view(actor).rows(kept)
            ],
            "candidates": [{"title": p.title, "rule": p.rule, "seeds": list(p.seeds)} for p in offered],
            "mark": mark,
        }

    def say_title(self, actor: str, words: Mapping[str, Any]) -> TitlesResponse:
        """Keep, reject or take back a title; see ``titles``."""
        verb, take_id, text = (str(words.get(name, "")) for name in ("verb", "take_id", "title"))
        match verb:
            case "keep":
                mark = self.title_chooser.keep(take_id, text, self._kept_for(actor))
            case "reject":
                mark = self.title_chooser.reject(text)
            case "undo":
                mark = str(words.get("mark", ""))
                if not validation.CLIENT_ID.fullmatch(mark):
                    raise ParameterError("mark must be one that an earlier answer gave")
                self.title_chooser.take_back(mark)
                mark = ""
            case _:
                raise ParameterError("verb must be one of keep, reject, undo")
        return self.titles(actor, mark)

    def _kept_for(self, actor: str) -> list[str]:
        blind, judged = self.view(actor).blind, self.reader.judgements()
        return [t for t in self.takes.all() if t not in blind and t in judged and judged[t].verdict == "keep"]

    # ---- numbers -------------------------------------------------------------

    def ranker(self, actor: str) -> RankerResponse:
        """How the ranking fares against people, on takes it had not seen when it scored them."""
        if self.view(actor).blind:
            return calibration.withheld()
        self.takes.all()
        judged = {i: j for i, j in self.reader.judgements().items() if j.verdict and j.actor != AUTO}
        said = self.reader.annotations()
        in_order = sorted(judged, key=lambda i: said[i, str(judged[i].actor)].at)
        return calibration.calibrate(self.takes.screen, {i: str(judged[i].verdict) for i in in_order})

    def agreement(self, actor: str) -> AgreementResponse:
        return agreement.withheld() if self.view(actor).blind else agreement.agreement(self.reader)

    def progress(self, actor: str) -> ProgressResponse:
        view, takes = self.view(actor), self.takes.all()
        judged = {i: j for i, j in self.reader.judgements().items() if i in takes and i not in view.blind}
        verdicts = Counter(j.verdict or "undecided" for j in judged.values())
        verdicts["undecided"] += len(takes) - len(judged)
        spoken = [t for t, who in self.reader.annotations() if who == actor and t in takes]
        own = {t: one for t in spoken if (one := view.own(t)) is not None}
        missed = {}
        for pass_name in ("eye", "ear"):
            queue = self.queues.latest(actor, pass_name)
            if queue is not None and queue.by_rank:
                said = {t: one.by_pass[pass_name] for t, one in own.items() if pass_name in one.by_pass}
                open_takes = [t for t in queue.by_rank if t not in view.blind]
                missed[pass_name] = calibration.missed_keepers(open_takes, queue.audit, said)
        full = self.params.heard_in_full
        return {
            "n_takes": len(takes),
            "verdicts": dict(verdicts),
            "by_pass": dict(Counter(name for one in own.values() for name in one.by_pass)),
            "heard_in_full": sum(one.share_heard(takes[t].duration_s) >= full for t, one in own.items()),
            "heard_h": sum(end - start for one in own.values() for start, end in one.heard) / 3600,
            "missed": missed,
        }


def _flag(flag: Mapping[str, Any]) -> ScreenFlag:
    return {
        "name": str(flag.get("name", "?")),
        "value": flag.get("value"),
        "threshold": flag.get("threshold"),
        "ranges": [(float(a), float(b)) for a, b in flag.get("ranges") or ()],
    }


def _named(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _made_by(take: Take) -> dict[str, str]:
    """How a take was made, as far as is known."""
    recipe = take.recipe
    if recipe.origin:
        return {"made by": str(recipe.origin["generator"]), "imported from": str(recipe.origin["file"])}
    return {
        "temperature": f"{recipe.mean_temperature:.3f}",
        "model": f"{recipe.model_id} at step {recipe.step}",
        "seed": f"{recipe.seed}/{recipe.number}",
    }
