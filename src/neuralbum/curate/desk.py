"""What the server answers and what it is told: each answer of the page's addresses, and events into the log.

Which takes a person is blind to is decided in ``lineup`` and nowhere else;
here everything anybody said about them is withheld from that person in every
answer, whatever is asked.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NeuralbumError, ParameterError
from ..project import Project
from ..records import AUTO, Event, Take, digest
from . import audit, concord, pictures, points, queues, ranking, speech, trust
from .answers import (
    AgreementAnswer,
    Atlas,
    BandAnswer,
    DeskAnswer,
    EventsAnswer,
    Mine,
    NewsAnswer,
    NoteWords,
    ProgressAnswer,
    RankerAnswer,
    Row,
    SessionAnswer,
    State,
    TakeAnswer,
    TitlesAnswer,
    Undoable,
)
from .following import LOOK_BACK, Follower
from .lineup import Lineup
from .naming import Naming
from .opinions import Opinion, opinions, share_heard
from .params import Params
from .shelf import Shelf
from .stock import Stock

UNDOABLE = ("verdict", "tag", "untag", "note", "unnote", "tap", "style")
UNDO_DEPTH = 100
CHECKPOINT_EVERY_S = 10.0
AHEAD = 6
"""Listening copies made ahead of the cursor."""


class Desk:
    """One per server. Thread-safe."""

    def __init__(self, project: Project, params: Params) -> None:
        self.project = project
        self.params = params
        self.shelf = Shelf(project, opus_kbps=params.opus_kbps)
        self.naming = Naming(project)
        in_order = project.catalogue.engine.dialect.name == "sqlite"
        self.follower = Follower(
            lambda after: project.catalogue.events(after=after), look_back=0 if in_order else LOOK_BACK
        )
        self.stock = Stock(project, self.follower, refit_every=params.refit_every)
        self.lineup = Lineup(project, params, self.follower, self.stock)
        self._lock = threading.Lock()
        self._sheets: dict[str, list[Atlas]] = {}  #: queue id -> its atlases, of the takes as read last
        self._sheets_read = 0
        self._durable_id = 0
        self._checkpointed_at = 0.0

    def close(self) -> None:
        self.shelf.close()

    def picture(self, take_id: str) -> Path:
        """The levels of a take's picture, as a gzipped file."""
        return self.shelf.mel(self.stock.one(take_id), self.stock.screen.get(take_id))

    def _said_blindly(self, take_id: str, actor: str) -> Opinion | None:
        """What a person said about a take in the second pass alone."""
        words = [e for e in self.follower.said_about(take_id) if e.actor == actor]
        chosen = [e for e in words if e.pass_name == "second" or e.kind == "undo"]
        return opinions(chosen).get((take_id, actor))

    # ---- answers -----------------------------------------------------------

    def session(self, actor: str, may_choose: bool) -> SessionAnswer:
        self.follower.look()
        blind = self.lineup.blind(actor)
        used = Counter(tag for i, j in self.follower.judgements().items() if i not in blind for tag in j.tags)
        tags = [tag for tag, _ in used.most_common(200)]
        people = sorted({who for i, who in self.follower.all_opinions() if i not in blind} - {AUTO})
        return {
            "project": self.project.name,
            "project_id": digest("project", str(self.project.root.resolve()), self.project.settings.database),
            "artist": self.project.settings.artist,
            "actor": actor,
            "may_choose_actor": may_choose,
            "people": people,
            "n_takes": len(self.stock.all()),
            "passes": list(speech.PASSES),
            "tags": tags + [t for t in self.params.tags if t not in used],
            "excerpt_s": self.params.excerpt_s,
            "heard_in_full": self.params.heard_in_full,
        }

    def desk(self, actor: str, pass_name: str) -> DeskAnswer:
        queue = self.lineup.of(actor, pass_name)
        takes = self.stock.all()
        blind = self.lineup.blind(actor)
        # That a blind take belongs to a pass would tell what was said about it; to these two all judged takes may.
        untold = frozenset() if pass_name in ("eye", "second") else blind
        ids = [t for t in queue.takes if t in takes and t not in untold]
        known = set(queue.takes)
        members = self.lineup.members(actor, pass_name)
        news = 0 if pass_name == "second" else sum(t not in known for t in members)
        spoken_about = self.follower.judgements()
        with self.stock.lock:  # what is kept at hand belongs to the takes as they were read last
            rows = self._rows(ids, actor, blind)
            atlases = self._atlases(queue, [takes[t] for t in ids])
        return {
            "pass_name": pass_name,
            "queue": {"id": queue.queue_id, "order": queue.order, "n_new": news},
            "rows": rows,
            "state": {t: self.state(t, actor, blind) for t in ids if t in spoken_about or t in blind},
            "atlases": atlases,
            "columns": pictures.ATLAS_COLUMNS,
            "undo": self._undo(actor),
            "blind": bool(blind),
            "now": self.follower.now,
        }

    def _rows(self, ids: Sequence[str], actor: str, blind: frozenset[str]) -> list[Row]:
        """Takes as this person may see them."""
        takes = self.stock.all()
        scores = self.stock.scores(learned=not blind)
        made = []
        for take_id in ids:
            mine = self._mine(take_id, actor, blind)
            tapped = mine is not None and mine.bpm is not None
            told = self._told(mine, take_id, blind)
            made.append(self.stock.row(takes[take_id], scores, machine=told, tempo=tapped))
        return made

    def _mine(self, take_id: str, actor: str, blind: frozenset[str]) -> Opinion | None:
        """What a person said about a take, as far as that person may know it now."""
        if take_id in blind:
            return self._said_blindly(take_id, actor)
        return self.follower.opinions_about(take_id).get((take_id, actor))

    def _told(self, mine: Opinion | None, take_id: str, blind: frozenset[str]) -> bool:
        """Whether a person may know what the machine thinks of a take: by default after having judged it."""
        return take_id not in blind and (self.params.machine_first or (mine is not None and mine.verdict is not None))

    def _atlases(self, queue: queues.Queue, takes: Sequence[Take]) -> list[Atlas]:
        """Named once for each queue and state of the screen; the page asks at every visit."""
        if self._sheets_read != self.stock.n_reads:
            self._sheets.clear()
            self._sheets_read = self.stock.n_reads
        if queue.queue_id not in self._sheets:
            self._sheets[queue.queue_id] = self.shelf.atlases(takes, self.stock.screen)
        return self._sheets[queue.queue_id]

    def state(self, take_id: str, actor: str, blind: frozenset[str]) -> State:
        about = self.follower.opinions_about(take_id)
        hidden = take_id in blind
        mine = self._mine(take_id, actor, blind)
        heard = share_heard(mine.heard, self.stock.all()[take_id].duration_s) if mine else 0.0
        if hidden:
            return {
                "mine": _mine(mine),
                "heard": round(heard, 3),
                "blind": True,
                "album": None,
                "who": None,
                "others": [],
                "other_notes": [],
            }
        judged = self.follower.judgement(take_id)
        by_machine = judged.actor == AUTO and not self._told(mine, take_id, blind)
        others = [o for o in about.values() if o.actor not in (actor, AUTO)]
        return {
            "mine": _mine(mine),
            "heard": round(heard, 3),
            "blind": False,
            "album": None if by_machine else judged.verdict,
            "who": None if by_machine else judged.actor,
            "others": [
                {"actor": o.actor, "verdict": o.verdict, "bpm": o.bpm, "tags": list(o.tags)}
                for o in sorted(others, key=lambda o: o.actor)
            ],
            "other_notes": [note for o in others for note in _notes(o)],
        }

    def news(self, actor: str, since: int) -> NewsAnswer:
        self.follower.look()
        blind = self.lineup.blind(actor)
        takes = self.stock.all()
        since = since if since <= self.follower.now else 0  # counted by a server before this one
        # That somebody else speaks about a blind take is no news for who is blind to it.
        told = [t for t, who in self.follower.news(since) if t in takes and (who == actor or t not in blind)]
        ids = list(dict.fromkeys(told))
        return {
            "state": {t: self.state(t, actor, blind) for t in ids},
            "rows": self._rows(ids, actor, blind),
            "blind": bool(blind),
            "now": self.follower.now,
        }

    def _undo(self, actor: str) -> list[Undoable]:
        """The person's last words that can be taken back, oldest first, each with what stood before it."""
        undone: list[Undoable] = []
        blind = self.lineup.blind(actor)
        spoken = self.follower.spoken_by(actor, ("undo", *UNDOABLE))
        gone: set[str] = set()
        for event in reversed(spoken):
            if event.kind == "undo":
                if event.client_id not in gone and event.undoes:
                    gone.add(event.undoes)
                continue
            hidden = event.take_id in blind
            if event.client_id in gone or (hidden and event.pass_name != "second"):
                continue
            earlier = [
                e
                for e in self.follower.said_about(event.take_id)
                if e.actor == actor
                and (e.kind == "undo" or e.id < event.id)
                and (e.kind == "undo" or e.pass_name == "second" or not hidden)
            ]
            before = opinions(earlier).get((event.take_id, actor))
            undone.append(
                {
                    "client_id": event.client_id,
                    "take_id": event.take_id,
                    "kind": event.kind,
                    "before": _mine(before),
                }
            )
            if len(undone) == UNDO_DEPTH:
                break
        return undone[::-1]

    def detail(self, take_id: str, actor: str) -> TakeAnswer:
        take = self.stock.one(take_id)
        self.follower.look()
        blind = self.lineup.blind(actor)
        told = self._told(self._mine(take_id, actor, blind), take_id, blind)
        values = self.stock.screened(take_id)
        flags = [] if not told else [f for f in values.get("flags") or () if isinstance(f, Mapping)]
        try:
            levels = self.shelf.levels(take, self.stock.screen.get(take_id))
        except NeuralbumError:
            levels = np.zeros((1, 0), dtype=np.uint8)
        telling = points.telling_points(levels, take.duration_s, flags, n_points=self.params.points)
        state = self.state(take_id, actor, blind)
        tempo = values.get("tempo")
        return {
            "id": take_id,
            "points": [{"at_s": p.at_s, "why": p.why} for p in telling],
            "flags": [
                {
                    "name": str(f.get("name", "?")),
                    "value": f.get("value"),
                    "threshold": f.get("threshold"),
                    "ranges": [[float(a), float(b)] for a, b in f.get("ranges") or ()],
                }
                for f in flags
            ],
            "reasons": [] if not told else list(ranking.reasons_of(values))[:3],
            "withheld": not told,
            "machine_tempo": dict(tempo) if tempo and state["mine"]["bpm"] is not None else None,
            "state": state,
            "facts": {
                "take": take_id,
                "temperature": f"{take.recipe.mean_temperature:.3f}",
                "model": f"{take.recipe.model_id} at step {take.recipe.step}",
                "seed": f"{take.recipe.seed}/{take.recipe.number}",
                "length": f"{take.duration_s:.1f} s",
            },
        }

    # ---- saying ------------------------------------------------------------

    def say(self, actor: str, raw: Sequence[object]) -> EventsAnswer:
        """Append what a browser says; see ``speech`` for what is refused."""
        if len(raw) > speech.MAX_BATCH:
            raise ParameterError(f"{len(raw)} events at once; at most {speech.MAX_BATCH}")
        takes = self.stock.all()
        self.follower.look()
        now = time.time()
        good: dict[str, Event] = {}
        refused = []
        for words in raw:
            try:
                event = speech.understand(words, actor=actor, now=now, is_take=takes.__contains__)
                if event.kind == "undo":
                    self._may_undo(event, good)
                known = good.get(event.client_id) or self.follower.event(event.client_id)
                if known is not None and not speech.same_words(known, event):
                    raise ParameterError("this client_id is taken by another event")
                good[event.client_id] = event
            except ParameterError as why:
                name = words.get("client_id") if isinstance(words, Mapping) else None
                refused.append({"client_id": str(name)[:80], "reason": str(why)})
        new = self.project.catalogue.say(good.values()) if good else 0
        self.follower.look()
        self._checkpoint()
        blind = self.lineup.blind(actor)
        judged = dict.fromkeys(e.take_id for e in good.values() if e.kind in ("verdict", "tap", "undo"))
        return {
            "new": new,
            "rows": self._rows(list(judged), actor, blind),
            "refused": refused,  # type: ignore[typeddict-item]
            "last_id": self.follower.highest,
            "durable_id": self._durable_id,
            "now": self.follower.now,
        }

    def _may_undo(self, undo: Event, batch: Mapping[str, Event]) -> None:
        target = batch.get(undo.undoes or "") or self.follower.event(undo.undoes or "")
        if target is None:
            raise ParameterError("the event to undo is not in the log")
        if target.actor != undo.actor or target.take_id != undo.take_id:
            raise ParameterError("one can only take back one's own words, about the same take")

    def _checkpoint(self) -> None:
        with self._lock:
            highest = self.follower.highest
            if highest == self._durable_id or time.monotonic() - self._checkpointed_at < CHECKPOINT_EVERY_S:
                return
            self.project.catalogue.checkpoint()
            self._durable_id, self._checkpointed_at = highest, time.monotonic()

    def prepare_next(self, queue_id: str, take_id: str) -> None:
        """Have the listening copies made that come next in a queue."""
        event = self.follower.event(queue_id)
        if event is None or event.kind != "queue":
            return
        queue = self.lineup.thaw(event)
        if take_id in queue.takes:
            at = queue.takes.index(take_id) + 1
            takes = self.stock.all()
            self.shelf.opus_ahead([takes[t] for t in queue.takes[at : at + AHEAD] if t in takes])

    # ---- the band ----------------------------------------------------------

    def band(self) -> BandAnswer:
        """The band's own songs, as far as their files are where they were: to hear beside a take."""
        tracks = sorted(self.project.catalogue.tracks(), key=lambda t: (t.title.casefold(), t.id))
        return {
            "songs": [
                {"id": t.id, "title": t.title, "duration_s": round(t.duration_s, 2)}
                for t in tracks
                if Path(t.path).is_file()
            ]
        }

    # ---- titles ------------------------------------------------------------

    def titles(self, actor: str, mark: str = "") -> TitlesAnswer:
        """Kept takes with their titles, and candidates; a blind person's takes are not told."""
        kept = self._kept_for(actor)
        given = self.naming.given()
        n_untitled = sum(take_id not in given for take_id in kept)
        offered = self.naming.candidates(n_untitled) if kept else []
        return {
            "phrase": self.project.settings.phrase,
            "takes": [
                {
                    "id": take_id,
                    "number": self.stock.numbers[take_id],
                    "duration_s": round(self.stock.all()[take_id].duration_s, 2),
                    "caption": row["caption"],
                    "title": given.get(take_id),
                }
                for take_id, row in zip(kept, self._rows(kept, actor, frozenset()), strict=True)
            ],
            "candidates": [{"title": p.title, "rule": p.rule, "seeds": list(p.seeds)} for p in offered],
            "mark": mark,
        }

    def say_title(self, actor: str, words: Mapping[str, Any]) -> TitlesAnswer:
        """Keep, reject or take back a title; see ``naming``."""
        verb, take_id, text = (str(words.get(name, "")) for name in ("verb", "take_id", "title"))
        match verb:
            case "keep":
                mark = self.naming.keep(take_id, text, self._kept_for(actor))
            case "reject":
                mark = self.naming.reject(text)
            case "undo":
                mark = str(words.get("mark", ""))
                if not speech.CLIENT_ID.fullmatch(mark):
                    raise ParameterError("mark must be one that an earlier answer gave")
                self.naming.take_back(mark)
                mark = ""
            case _:
                raise ParameterError("verb must be one of keep, reject, undo")
        return self.titles(actor, mark)

    def _kept_for(self, actor: str) -> list[str]:
        self.follower.look()
        takes, blind = self.stock.all(), self.lineup.blind(actor)
        judged = self.follower.judgements()
        return [t for t in takes if t not in blind and t in judged and judged[t].verdict == "keep"]

    # ---- numbers -----------------------------------------------------------

    def ranker(self, actor: str) -> RankerAnswer:
        """How the ranking fares against people, on takes it had not seen when it scored them."""
        self.follower.look()
        self.stock.all()
        if self.lineup.blind(actor):
            return trust.withheld()
        judged = {i: j for i, j in self.follower.judgements().items() if j.verdict and j.actor != AUTO}
        said = self.follower.all_opinions()
        in_order = sorted(judged, key=lambda i: said[i, str(judged[i].actor)].at)
        return trust.calibrate(self.stock.screen, {i: str(judged[i].verdict) for i in in_order})

    def agreement(self, actor: str) -> AgreementAnswer:
        self.follower.look()
        return concord.withheld() if self.lineup.blind(actor) else concord.concord(self.follower)

    def progress(self, actor: str) -> ProgressAnswer:
        self.follower.look()
        takes = self.stock.all()
        blind = self.lineup.blind(actor)
        judged = {i: j for i, j in self.follower.judgements().items() if i in takes and i not in blind}
        verdicts = Counter(j.verdict or "undecided" for j in judged.values())
        verdicts["undecided"] += len(takes) - len(judged)
        spoken = [t for t, who in self.follower.all_opinions() if who == actor and t in takes]
        mine = {t: o for t in spoken if (o := self._mine(t, actor, blind)) is not None}
        by_pass = Counter(p for o in mine.values() for p in o.by_pass)
        full = self.params.heard_in_full
        missed = {}
        for pass_name in ("eye", "ear"):
            queue = self.lineup.latest(actor, pass_name)
            if queue is not None and queue.by_rank:
                said = {t: o.by_pass[pass_name] for t, o in mine.items() if pass_name in o.by_pass}
                open_takes = [t for t in queue.by_rank if t not in blind]
                missed[pass_name] = vars(audit.missed_keepers(open_takes, queue.audit, said))
        return {
            "n_takes": len(takes),
            "verdicts": dict(verdicts),
            "by_pass": dict(by_pass),
            "heard_in_full": sum(share_heard(o.heard, takes[t].duration_s) >= full for t, o in mine.items()),
            "heard_h": sum(end - start for o in mine.values() for start, end in o.heard) / 3600,
            "missed": missed,  # type: ignore[typeddict-item]
        }


def _mine(opinion: Opinion | None) -> Mine:
    if opinion is None:
        return {"verdict": None, "by_pass": {}, "tags": [], "notes": [], "bpm": None, "taps_s": []}
    return {
        "verdict": opinion.verdict,
        "by_pass": dict(opinion.by_pass),
        "tags": list(opinion.tags),
        "notes": _notes(opinion),
        "bpm": opinion.bpm,
        "taps_s": list(opinion.taps_s),
    }


def _notes(opinion: Opinion) -> list[NoteWords]:
    return [
        {"id": n.note_id, "start_s": n.start_s, "end_s": n.end_s, "text": n.text, "actor": n.actor}
        for n in opinion.notes
    ]
