"""What the server knows: takes, what was said, queues, and the files a curator looks at and hears.

Reads the catalogue and the project for ``server``; says events into the log.
Blindness is decided here and nowhere else: while a take waits in a person's
second pass, everything anybody said about it is withheld from that person in
every answer, whatever is asked.
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
from ..records import AUTO, Event, Finding, Take, digest
from . import agreement, audit, listening, pictures, points, queues, ranking, speech, trust
from .answers import (
    AgreementAnswer,
    Atlas,
    DeskAnswer,
    EventsAnswer,
    Mine,
    NewsAnswer,
    NoteWords,
    Pair,
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
from .naming import Naming
from .opinions import Opinion, opinions, share_heard
from .params import Params
from .shelf import Shelf

UNDOABLE = ("verdict", "tag", "untag", "note", "unnote", "tap", "style")
UNDO_DEPTH = 100
CHECKPOINT_EVERY_S = 10.0
TAKES_EVERY_S = 5.0
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
        self._lock = threading.RLock()
        self._takes: dict[str, Take] = {}
        self._numbers: dict[str, int] = {}
        self._screen: dict[str, Finding] = {}
        self._takes_read_at = -TAKES_EVERY_S
        self._freshness: tuple[object, ...] = ()
        self._rows: dict[str, Row] = {}  #: as the page shows them to who is not blind
        self._sheets: dict[str, list[Atlas]] = {}  #: queue id -> its atlases
        self._durable_id = 0
        self._checkpointed_at = 0.0
        self._queue_cache: dict[str, queues.Queue] = {}
        self._fitted: tuple[int, dict[str, float]] = (-1, {})

    def close(self) -> None:
        self.shelf.close()

    # ---- takes -------------------------------------------------------------

    def takes(self) -> dict[str, Take]:
        """Takes by id in the order they were made; looked up again every few seconds."""
        with self._lock:
            if time.monotonic() - self._takes_read_at >= TAKES_EVERY_S:
                # Reading three thousand takes costs a third of a second: only when there are others than before.
                fresh = self.project.catalogue.freshness("screen")
                if fresh != self._freshness:
                    self._takes = {take.id: take for take in self.project.catalogue.takes()}
                    self._numbers = {take_id: n for n, take_id in enumerate(self._takes, start=1)}
                    self._screen = self.project.catalogue.latest("screen")
                    self._freshness = fresh
                    self._rows.clear()
                    self._sheets.clear()
                self._takes_read_at = time.monotonic()
            return self._takes

    def take(self, take_id: str) -> Take:
        found = self.takes().get(take_id)
        if found is None:
            raise ParameterError("no such take")
        return found

    def picture(self, take_id: str) -> Path:
        """The levels of a take's picture, as a gzipped file."""
        return self.shelf.mel(self.take(take_id), self._screen.get(take_id))

    def screened(self, take_id: str) -> Mapping[str, Any]:
        finding = self._screen.get(take_id)
        return finding.values if finding else {}

    def scores(self) -> dict[str, float]:
        """Score of each take: the screen's, refitted to what people decided where the ranker is there."""
        plain = {
            i: float(f.values["score"])
            for i, f in self._screen.items()
            if isinstance(f.values.get("score"), int | float)
        }
        judged = self.follower.judgements()
        people = {i: j.verdict for i, j in judged.items() if j.verdict and j.actor != AUTO}
        every = self.params.refit_every
        age = len(people) // every
        if age and age != self._fitted[0]:
            self._fitted = (age, listening.refit(self._screen, people))
            self._rows.clear()
        return {**plain, **self._fitted[1]} if age else plain

    # ---- queues ------------------------------------------------------------

    def queue(self, actor: str, pass_name: str) -> queues.Queue:
        """The frozen queue of a person and a pass; made at first sight, but for the second pass."""
        self.follower.look()
        found = self._latest_queue(actor, pass_name)
        if found is None and pass_name == "second":  # blinds a person to its takes, so it is made only when asked for
            return queues.Queue("", pass_name, actor, "shuffled", 0, ())
        return found or self.new_queue(actor, pass_name)

    def _latest_queue(self, actor: str, pass_name: str) -> queues.Queue | None:
        for event in reversed(self.follower.queues):
            if event.actor == actor and event.pass_name == pass_name:
                return self._thaw(event)
        return None

    def _thaw(self, event: Event) -> queues.Queue:
        if event.client_id not in self._queue_cache:
            words = event.payload
            self._queue_cache[event.client_id] = queues.Queue(
                queue_id=event.client_id,
                pass_name=event.pass_name,
                actor=event.actor,
                order=str(words["order"]),
                seed=int(words["seed"]),
                takes=tuple(words["takes"]),
                audit=tuple(words.get("audit", ())),
                by_rank=tuple(words.get("by_rank", ())),
            )
        return self._queue_cache[event.client_id]

    def new_queue(self, actor: str, pass_name: str, order: str | None = None) -> queues.Queue:
        """Freeze a new queue; the one before stays in the log."""
        self._takes_read_at = -TAKES_EVERY_S
        self.follower.look()
        ids = list(self.takes())
        number = sum(e.actor == actor and e.pass_name == pass_name for e in self.follower.queues)
        seed = int(digest(self.project.settings.seed, "queue", actor, pass_name, number), 16) % 2**32
        chosen = queues.members(pass_name, ids, self.follower.all_opinions(), actor)
        if pass_name == "second":
            chosen, order = queues.second_sample(chosen, seed), "shuffled"
        scores = self.scores()
        order = order or ("ranked" if self.params.ranked and scores else "shuffled")
        served, drawn, by_rank = queues.arrange(
            chosen, order=order, seed=seed, score=scores, audit_share=self.params.audit_share
        )
        name = digest("queue", actor, pass_name, number, served)
        payload = {"order": order, "seed": seed, "takes": served, "audit": drawn, "by_rank": by_rank}
        event = Event(f"queue-{name}", time.time(), actor, "queue", "", payload, pass_name=pass_name)
        self.project.catalogue.say([event])
        self.follower.look()
        return self._latest_queue(actor, pass_name) or self._thaw(event)

    def blind(self, actor: str) -> frozenset[str]:
        """The takes of a person's unfinished second pass: nothing said about them may reach that person.

        They stay blind until the whole queue is judged, so that an undo is blind too.
        """
        queue = self._latest_queue(actor, "second")
        if queue is None:
            return frozenset()
        about = self.follower.opinions_about
        waiting = [t for t in queue.takes if "second" not in getattr(about(t).get((t, actor)), "by_pass", {})]
        return frozenset(queue.takes) if waiting else frozenset()

    def _said_blindly(self, take_id: str, actor: str) -> Opinion | None:
        """What a person said about a take in the second pass alone."""
        words = [e for e in self.follower.said_about(take_id) if e.actor == actor]
        chosen = [e for e in words if e.pass_name == "second" or e.kind == "undo"]
        return opinions(chosen).get((take_id, actor))

    # ---- answers -----------------------------------------------------------

    def session(self, actor: str, may_choose: bool) -> SessionAnswer:
        self.follower.look()
        used = Counter(tag for j in self.follower.judgements().values() for tag in j.tags)
        tags = [tag for tag, _ in used.most_common(200)]
        people = sorted({who for _, who in self.follower.all_opinions()} - {AUTO})
        return {
            "project": self.project.name,
            "project_id": digest("project", str(self.project.root.resolve()), self.project.settings.database),
            "artist": self.project.settings.artist,
            "actor": actor,
            "may_choose_actor": may_choose,
            "people": people,
            "n_takes": len(self.takes()),
            "passes": list(speech.PASSES),
            "tags": tags + [t for t in self.params.tags if t not in used],
            "excerpt_s": self.params.excerpt_s,
            "heard_in_full": self.params.heard_in_full,
        }

    def desk(self, actor: str, pass_name: str) -> DeskAnswer:
        queue = self.queue(actor, pass_name)
        takes = self.takes()
        blind = self.blind(actor)
        scores = self.scores()
        ids = [t for t in queue.takes if t in takes]
        known = set(queue.takes)
        members = queues.members(pass_name, list(takes), self.follower.all_opinions(), actor)
        news = 0 if pass_name == "second" else sum(t not in known for t in members)
        spoken_about = self.follower.judgements()
        with self._lock:  # what is kept at hand belongs to the takes as they were read last
            rows = [self._row(takes[t], scores, t in blind) for t in ids]
            atlases = self._atlases(queue, [takes[t] for t in ids])
        return {
            "pass_name": pass_name,
            "queue": {"id": queue.queue_id, "order": queue.order, "n_new": news},
            "rows": rows,
            "state": {t: self.state(t, actor, blind) for t in ids if t in spoken_about or t in blind},
            "atlases": atlases,
            "columns": pictures.ATLAS_COLUMNS,
            "undo": self._undo(actor),
            "now": self.follower.now,
        }

    def _atlases(self, queue: queues.Queue, takes: Sequence[Take]) -> list[Atlas]:
        """Named once for each queue and state of the screen; the page asks at every visit."""
        if queue.queue_id not in self._sheets:
            self._sheets[queue.queue_id] = self.shelf.atlases(takes, self._screen)
        return self._sheets[queue.queue_id]

    def _row(self, take: Take, scores: Mapping[str, float], blind: bool) -> Row:
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
            "number": self._numbers[take.id],
            "duration_s": round(take.duration_s, 2),
            "temperature": round(take.recipe.mean_temperature, 4),
            "model": take.recipe.model_id,
            "caption": str(values.get("caption") or ""),
            "flags": [] if blind else [str(f.get("name", "?")) for f in values.get("flags") or ()],
            "score": None if blind or score is None else round(score, 4),
        }

    def state(self, take_id: str, actor: str, blind: frozenset[str]) -> State:
        about = self.follower.opinions_about(take_id)
        hidden = take_id in blind
        mine = self._said_blindly(take_id, actor) if hidden else about.get((take_id, actor))
        heard = share_heard(mine.heard, self._takes[take_id].duration_s) if mine else 0.0
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
        others = [o for o in about.values() if o.actor != actor]
        return {
            "mine": _mine(mine),
            "heard": round(heard, 3),
            "blind": False,
            "album": judged.verdict,
            "who": judged.actor,
            "others": [
                {"actor": o.actor, "verdict": o.verdict, "bpm": o.bpm, "tags": list(o.tags)}
                for o in sorted(others, key=lambda o: o.actor)
            ],
            "other_notes": [note for o in others for note in _notes(o)],
        }

    def news(self, actor: str, since: int) -> NewsAnswer:
        self.follower.look()
        blind = self.blind(actor)
        self.takes()
        since = since if since <= self.follower.now else 0  # counted by a server before this one
        ids = [t for t in self.follower.news(since) if t in self._takes]
        return {"state": {t: self.state(t, actor, blind) for t in ids}, "now": self.follower.now}

    def _undo(self, actor: str) -> list[Undoable]:
        """The person's last words that can be taken back, oldest first, each with what stood before it."""
        undone: list[Undoable] = []
        blind = self.blind(actor)
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
        take = self.take(take_id)
        self.follower.look()
        blind = self.blind(actor)
        hidden = take_id in blind
        values = self.screened(take_id)
        flags = [] if hidden else [f for f in values.get("flags") or () if isinstance(f, Mapping)]
        try:
            levels = self.shelf.levels(take, self._screen.get(take_id))
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
            "reasons": [] if hidden else list(ranking.reasons_of(values))[:3],
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
        takes = self.takes()
        self.follower.look()
        now = time.time()
        good: dict[str, Event] = {}
        refused = []
        for words in raw:
            try:
                event = speech.understand(words, actor=actor, now=now, is_take=takes.__contains__)
                if event.kind == "undo":
                    self._may_undo(event, good)
                known = self.follower.event(event.client_id)
                if known is not None and (known.actor, known.take_id, known.kind) != (actor, event.take_id, event.kind):
                    raise ParameterError("this client_id is taken by another event")
                good[event.client_id] = event
            except ParameterError as why:
                name = words.get("client_id") if isinstance(words, Mapping) else None
                refused.append({"client_id": str(name)[:80], "reason": str(why)})
        new = self.project.catalogue.say(good.values()) if good else 0
        self.follower.look()
        self._checkpoint()
        return {
            "new": new,
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
        queue = self._thaw(event)
        if take_id in queue.takes:
            at = queue.takes.index(take_id) + 1
            self.shelf.opus_ahead([self._takes[t] for t in queue.takes[at : at + AHEAD] if t in self._takes])

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
                    "number": self._numbers[take_id],
                    "duration_s": round(self._takes[take_id].duration_s, 2),
                    "caption": str(self.screened(take_id).get("caption") or ""),
                    "title": given.get(take_id),
                }
                for take_id in kept
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
                self.naming.take_back(str(words.get("mark", "")))
                mark = ""
            case _:
                raise ParameterError("verb must be one of keep, reject, undo")
        return self.titles(actor, mark)

    def _kept_for(self, actor: str) -> list[str]:
        self.follower.look()
        takes, blind = self.takes(), self.blind(actor)
        judged = self.follower.judgements()
        return [t for t in takes if t not in blind and t in judged and judged[t].verdict == "keep"]

    # ---- numbers -----------------------------------------------------------

    def ranker(self, actor: str) -> RankerAnswer:
        """How the ranking fares against people, on takes it had not seen when it scored them."""
        self.follower.look()
        self.takes()
        if self.blind(actor):
            return trust.withheld()
        judged = {i: j for i, j in self.follower.judgements().items() if j.verdict and j.actor != AUTO}
        said = self.follower.all_opinions()
        in_order = sorted(judged, key=lambda i: said[i, str(judged[i].actor)].at)
        return trust.calibrate(self._screen, {i: str(judged[i].verdict) for i in in_order})

    def agreement(self) -> AgreementAnswer:
        """How far people agree; verdicts of the second pass stand beside the first ones of the same person."""
        self.follower.look()
        said = {key: o for key, o in self.follower.all_opinions().items() if key[1] != AUTO}
        voices: dict[str, dict[str, Opinion]] = {}
        for take_id, actor in said:
            words = [e for e in self.follower.said_about(take_id) if e.actor == actor]
            blindly = opinions(e for e in words if e.kind == "undo" or e.pass_name == "second")
            openly = opinions(e for e in words if e.kind == "undo" or e.pass_name not in ("second", "disputes"))
            for name, heard in ((actor, openly), (f"{actor}, second", blindly)):
                if (opinion := heard.get((take_id, actor))) and opinion.verdict:
                    voices.setdefault(name, {})[take_id] = opinion
        names = sorted(voices)
        pairs = [_pair(a, b, voices[a], voices[b]) for i, a in enumerate(names) for b in names[i + 1 :]]
        pairs = [pair for pair in pairs if pair["n"]]
        units: dict[str, dict[str, Any]] = {}
        for name, judged in voices.items():
            for take_id, opinion in judged.items():
                units.setdefault(take_id, {})[name] = opinion.verdict
        by_take: dict[str, list[Opinion]] = {}
        for (take_id, _), opinion in said.items():
            by_take.setdefault(take_id, []).append(opinion)
        return {
            "pairs": pairs,
            "alpha": agreement.krippendorff_alpha(units.values()),
            "n_takes": sum(len(unit) > 1 for unit in units.values()),
            "n_disputed": sum(queues.disputed(people) for people in by_take.values()),
        }

    def progress(self, actor: str) -> ProgressAnswer:
        self.follower.look()
        takes = self.takes()
        blind = self.blind(actor)
        judged = {i: j for i, j in self.follower.judgements().items() if i in takes and i not in blind}
        verdicts = Counter(j.verdict or "undecided" for j in judged.values())
        verdicts["undecided"] += len(takes) - len(judged)
        mine = {t: o for (t, who), o in self.follower.all_opinions().items() if who == actor and t in takes}
        by_pass = Counter(p for o in mine.values() for p in o.by_pass)
        full = self.params.heard_in_full
        missed = {}
        for pass_name in ("eye", "ear"):
            queue = self._latest_queue(actor, pass_name)
            if queue is not None and queue.by_rank:
                said = {t: o.by_pass[pass_name] for t, o in mine.items() if pass_name in o.by_pass}
                missed[pass_name] = vars(audit.missed_keepers(queue.by_rank, queue.audit, said))
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


Voice = Mapping[str, Opinion]


def _pair(first: str, second: str, one: Voice, two: Voice) -> Pair:
    shared = sorted(one.keys() & two.keys())
    tempos = [(a, b) for t in shared if (a := one[t].bpm) is not None and (b := two[t].bpm) is not None]
    overlaps = [agreement.region_overlap(_regions(one[t]), _regions(two[t])) for t in shared]
    measured = [o for o in overlaps if o is not None]
    return {
        "first": first,
        "second": second,
        "n": len(shared),
        "kappa": agreement.cohen_kappa([one[t].verdict for t in shared], [two[t].verdict for t in shared]),
        "tempo_n": len(tempos),
        "tempo_same": _share([agreement.same_tempo(a, b) for a, b in tempos]),
        "tempo_same_pulse": _share([agreement.same_pulse(a, b) for a, b in tempos]),
        "region_overlap": sum(measured) / len(measured) if measured else None,
    }


def _regions(opinion: Opinion) -> list[tuple[float, float]]:
    return [(n.start_s, n.end_s) for n in opinion.notes]


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
