"""The catalogue: what the project knows, as records in and records out.

Thin on purpose: each method is one transaction. The long stories are next
door: ``claims`` (who works on what), ``projection`` (what the events mean).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, not_, or_, select, update
from sqlalchemy.engine import URL, Engine

from ..records import Activity, BlindTest, Event, Finding, Judgement, Model, RunOpinion, Song, Take, Track, canonical
from . import claims, schema
from .database import checkpoint, connect, migrate, reading, sqlite_url, writing
from .projection import fold
from .rows import event_of, finding_of, read, take_of
from .run_projection import KINDS as ABOUT_RUNS
from .run_projection import fold_blind_tests, fold_runs


@dataclass(frozen=True, slots=True)
class Brief:
    """A finding without what it measured: cheap to read by the ten thousand."""

    key: str
    stage: str
    subject: str
    error: str | None
    created_at: float


class Catalogue:
    """An open catalogue. Safe to open from many processes; one object per process.

    ``lease_s``: after so long without a sign of life a worker counts as dead.
    """

    def __init__(self, engine: Engine, lease_s: float = claims.LEASE_S) -> None:
        self.engine, self.lease_s = engine, lease_s
        self._pulse, self._watch = claims.Pulse(engine, lease_s), claims.Watch()

    @classmethod
    def open(cls, url: str | URL, lease_s: float = claims.LEASE_S) -> Catalogue:
        """Open (or make) the catalogue at a database URL and bring its schema up to date."""
        engine = connect(url)
        migrate(engine)
        return cls(engine, lease_s)

    @classmethod
    def at(cls, path: Path, lease_s: float = claims.LEASE_S) -> Catalogue:
        """Open (or make) the catalogue in a SQLite file."""
        return cls.open(sqlite_url(path), lease_s)

    def close(self) -> None:
        self._pulse.close()
        self.engine.dispose()

    # ---- tracks and models -------------------------------------------------

    def add_tracks(self, tracks: Iterable[Track]) -> None:
        """Store tracks; one that is known already (same id) is replaced."""
        with writing(self.engine) as connection:
            for track in tracks:
                _put(connection, schema.track, asdict(track), replace=True)

    def remove_tracks(self, ids: Iterable[str]) -> None:
        with writing(self.engine) as connection:
            connection.execute(delete(schema.track).where(schema.track.c.id.in_(list(ids))))

    def tracks(self, split: str | None = None) -> list[Track]:
        query = select(schema.track).order_by(schema.track.c.id)
        if split is not None:
            query = query.where(schema.track.c.split == split)
        with reading(self.engine) as connection:
            return read(connection, schema.track, query, lambda row: Track(**row))

    def add_model(self, model: Model) -> None:
        with writing(self.engine) as connection:
            _put(connection, schema.model, asdict(model), replace=True)

    def models(self, kind: str | None = None) -> list[Model]:
        """All models, oldest first."""
        query = select(schema.model).order_by(schema.model.c.created_at, schema.model.c.id)
        if kind is not None:
            query = query.where(schema.model.c.kind == kind)
        with reading(self.engine) as connection:
            return read(connection, schema.model, query, lambda row: Model(**row))

    def remove_model(self, model_id: str) -> None:
        """Remove a model's row and its curves."""
        with writing(self.engine) as connection:
            connection.execute(delete(schema.curve).where(schema.curve.c.model_id == model_id))
            connection.execute(delete(schema.model).where(schema.model.c.id == model_id))

    def add_curve(self, model_id: str, points: Iterable[tuple[str, int, float]]) -> None:
        """Append (name, step, value) points of a training curve; a step said again is replaced."""
        with writing(self.engine) as connection:
            for name, step, value in points:
                row = {"model_id": model_id, "name": name, "step": step, "value": value}
                _put(connection, schema.curve, row, replace=True)

    def curve(self, model_id: str, name: str | None = None) -> dict[str, list[tuple[int, float]]]:
        """Training curves of a model: name -> [(step, value)] in order of steps."""
        query = select(schema.curve).where(schema.curve.c.model_id == model_id).order_by(schema.curve.c.step)
        if name is not None:
            query = query.where(schema.curve.c.name == name)
        curves: dict[str, list[tuple[int, float]]] = {}
        with reading(self.engine) as connection:
            for row in connection.execute(query).mappings():
                curves.setdefault(row["name"], []).append((row["step"], row["value"]))
        return curves

    def curve_ends(self, model_id: str) -> dict[str, tuple[int, float]]:
        """The last point of each of a model's curves: name -> (step, value)."""
        curve = schema.curve
        last = (
            select(curve.c.name, func.max(curve.c.step).label("step"))
            .where(curve.c.model_id == model_id)
            .group_by(curve.c.name)
            .subquery()
        )
        query = select(curve.c.name, curve.c.step, curve.c.value).where(curve.c.model_id == model_id)
        query = query.join(last, (curve.c.name == last.c.name) & (curve.c.step == last.c.step))
        with reading(self.engine) as connection:
            return {row.name: (row.step, row.value) for row in connection.execute(query)}

    # ---- takes -------------------------------------------------------------

    def add_take(self, take: Take) -> None:
        """Store a take; the same recipe again changes nothing."""
        row = asdict(take) | {"recipe": canonical(take.recipe), "events": canonical(take.events)}
        with writing(self.engine) as connection:
            _put(connection, schema.take, row, replace=False)

    def takes(self, ids: Iterable[str] | None = None) -> list[Take]:
        """Takes in the order they were made; all, or those of ``ids``."""
        query = select(schema.take)
        with reading(self.engine) as connection:
            if ids is None:
                found = read(connection, schema.take, query, take_of)
            else:
                wanted = list(dict.fromkeys(ids))
                found = [
                    take
                    for some in claims.chunks(wanted)
                    for take in read(connection, schema.take, query.where(schema.take.c.id.in_(some)), take_of)
                ]
        return sorted(found, key=lambda take: (take.created_at, take.id))

    def take_paths(self) -> dict[str, str]:
        """Id -> path of every take, in the order they were made; recipes stay unread."""
        query = select(schema.take.c.id, schema.take.c.path).order_by(schema.take.c.created_at, schema.take.c.id)
        with reading(self.engine) as connection:
            return {row.id: row.path for row in connection.execute(query)}

    def takes_by_model(self) -> dict[tuple[str, int], int]:
        """(Model id, step) -> how many takes it played or made sound."""
        recipe = schema.take.c.recipe
        skeleton = recipe["model_id"].as_string(), recipe["step"].as_integer()
        flesh = recipe["flesh"]["model_id"].as_string(), recipe["flesh"]["step"].as_integer()
        made: dict[tuple[str, int], int] = {}
        with reading(self.engine) as connection:
            for name, step in (skeleton, flesh):
                for row in connection.execute(select(name, step, func.count()).group_by(name, step)):
                    if row[0] is not None:
                        made[row[0], row[1]] = made.get((row[0], row[1]), 0) + row[2]
        return made

    def take_seconds(self) -> float:
        """How long all takes are together."""
        length = schema.take.c.n_samples / (1.0 * schema.take.c.sample_rate)
        with reading(self.engine) as connection:
            return float(connection.execute(select(func.sum(length))).scalar() or 0.0)

    # ---- findings ----------------------------------------------------------

    def record(self, finding: Finding) -> None:
        """Commit a finding and let go of its claim, together; a failure does not take the place of a success."""
        row = {name: canonical(value) for name, value in asdict(finding).items()}
        known = schema.finding.c.error
        with writing(self.engine) as connection:
            _put(connection, schema.finding, row, replace=True, unless=finding.error is not None and known.is_(None))
            connection.execute(delete(schema.claim).where(schema.claim.c.key == finding.key))
        self._pulse.drop([finding.key])

    def record_all(self, findings: Iterable[Finding]) -> None:
        """Commit findings of another catalogue together, in place of what is known under their keys."""
        with writing(self.engine) as connection:
            for finding in findings:
                row = {name: canonical(value) for name, value in asdict(finding).items()}
                _put(connection, schema.finding, row, replace=True)

    def forget(self, key: str) -> None:
        """Remove a finding, so that its item is pending again."""
        with writing(self.engine) as connection:
            connection.execute(delete(schema.finding).where(schema.finding.c.key == key))

    def finding(self, key: str) -> Finding | None:
        with reading(self.engine) as connection:
            query = select(schema.finding).where(schema.finding.c.key == key)
            return next(iter(read(connection, schema.finding, query, finding_of)), None)

    def findings(self, stage: str | None = None, subject: str | None = None) -> list[Finding]:
        """Findings, oldest first; a later one about the same subject supersedes an earlier one."""
        query = select(schema.finding).order_by(schema.finding.c.created_at, schema.finding.c.key)
        if stage is not None:
            query = query.where(schema.finding.c.stage == stage)
        if subject is not None:
            query = query.where(schema.finding.c.subject == subject)
        with reading(self.engine) as connection:
            return read(connection, schema.finding, query, finding_of)

    def briefs(self) -> list[Brief]:
        """All findings, oldest first, without what they measured."""
        columns = [schema.finding.c[name] for name in ("key", "stage", "subject", "error", "created_at")]
        query = select(*columns).order_by(schema.finding.c.created_at, schema.finding.c.key)
        with reading(self.engine) as connection:
            return [Brief(*row) for row in connection.execute(query)]

    def latest(self, stage: str) -> dict[str, Finding]:
        """The newest successful finding of a stage for each subject."""
        return {f.subject: f for f in self.findings(stage) if f.error is None}

    def freshness(self, stage: str) -> tuple[object, ...]:
        """Changes whenever ``takes()`` or ``latest(stage)`` would: cheap to ask, equal while nothing was recorded."""
        takes = select(func.count(), func.max(schema.take.c.created_at))
        found = select(func.count(), func.max(schema.finding.c.created_at)).where(schema.finding.c.stage == stage)
        with reading(self.engine) as connection:
            return (*connection.execute(takes).one(), *connection.execute(found).one())

    def known_keys(self, stage: str, *, failures: bool = True, since: float = float("-inf")) -> set[str]:
        """Keys of the stage's findings; without its failures if asked, and without those older than ``since``."""
        query = select(schema.finding.c.key).where(schema.finding.c.stage == stage)
        if not failures:
            query = query.where(schema.finding.c.error.is_(None))
        if since > float("-inf"):
            query = query.where(schema.finding.c.created_at >= since)
        with reading(self.engine) as connection:
            return set(connection.execute(query).scalars())

    def counts(self) -> dict[str, dict[str, int]]:
        """stage -> {"done": n, "failed": n} over all findings."""
        failed = schema.finding.c.error.is_not(None)
        query = select(schema.finding.c.stage, failed.label("failed"), func.count()).group_by(
            schema.finding.c.stage, failed
        )
        table: dict[str, dict[str, int]] = {}
        with reading(self.engine) as connection:
            for stage, bad, n in connection.execute(query):
                table.setdefault(stage, {"done": 0, "failed": 0})["failed" if bad else "done"] += n
        return table

    # ---- claims ------------------------------------------------------------

    def claim(
        self,
        stage: str,
        keys: Sequence[str],
        *,
        worker: str,
        now: float,
        lease_s: float = claims.LEASE_S,
        since: float = float("-inf"),
        wait: bool = True,
    ) -> list[str]:
        """Take hold of those ``keys`` nobody else has in hand, in their order; they are renewed until they are let go.

        Parameters
        ----------
        lease_s : at most this catalogue's lease, whatever is asked
        since : findings older than this do not count: they are to be made again
        wait : look for a while whether those who hold the others are alive, and take over from the dead
        """
        lease_s = min(lease_s, self.lease_s)
        began, waited = time.monotonic(), 0.0
        seen: dict[str, float] = {}
        got: set[str] = set()
        while True:
            with writing(self.engine) as connection:
                claimed = claims.claim(
                    connection, stage, [key for key in keys if key not in got], worker=worker, now=now + waited,
                    lease_s=lease_s, since=since, silent=seen if waited >= self.lease_s else {},
                )  # fmt: skip
            self._pulse.hold(claimed.got, worker)
            got.update(claimed.got)
            if not wait or not self._are_silent(claimed.held, seen, worker):
                return [key for key in keys if key in got]
            threading.Event().wait(self._pulse.beat_s / 4)
            waited = time.monotonic() - began

    def _are_silent(self, held: Mapping[str, claims.Hold], seen: dict[str, float], worker: str) -> bool:
        """Whether any of these holders may be dead; ``seen`` remembers what their claims said at first."""
        now, ours = time.monotonic(), self._pulse.workers()
        silent = False
        for key, hold in held.items():
            if hold.worker in ours or claims.are_of_one_pool(hold.worker, worker):
                continue
            if seen.setdefault(key, hold.expires_at) != hold.expires_at:
                self._watch.saw(hold.worker, now)
            silent |= not self._watch.is_alive(hold.worker, now, self.lease_s)
        return silent

    def start(self, key: str, *, now: float, lease_s: float = claims.LEASE_S) -> None:
        """Mark a claimed item as being worked on right now, and renew its lease."""
        lease_s = min(lease_s, self.lease_s)
        with writing(self.engine) as connection:
            connection.execute(
                update(schema.claim).where(schema.claim.c.key == key).values(started_at=now, expires_at=now + lease_s)
            )

    def let_go(self, keys: Sequence[str], *, worker: str) -> None:
        """Give claims back undone (an interrupted run)."""
        self._pulse.drop(keys)
        with writing(self.engine) as connection:
            claims.let_go(connection, keys, worker=worker)

    def living(self, *, now: float, stage: str | None = None) -> set[str]:
        """Names of the workers that hold a claim (of one stage) and have renewed it in time."""
        with reading(self.engine) as connection:
            return claims.living(connection, now, stage)

    def held(self, stage: str, *, now: float) -> set[str]:
        """Keys of a stage that somebody has in hand and has renewed in time."""
        query = select(schema.claim.c.key).where(schema.claim.c.stage == stage, schema.claim.c.expires_at > now)
        with reading(self.engine) as connection:
            return set(connection.execute(query).scalars())

    def deaths(self, keys: Sequence[str]) -> dict[str, int]:
        """How many workers have died over each of these claimed items."""
        with reading(self.engine) as connection:
            return claims.deaths(connection, keys)

    def count_death(self, worker: str) -> list[tuple[str, int]]:
        """A worker died: free its claims; (key, deaths) of what it was working on."""
        with writing(self.engine) as connection:
            return claims.count_death(connection, worker)

    # ---- events ------------------------------------------------------------

    def say(self, events: Iterable[Event]) -> int:
        """Append events; one whose client_id is known is passed over. Returns how many were new."""
        new = 0
        with writing(self.engine) as connection:
            for event in events:
                row = asdict(event) | {"payload": canonical(event.payload)}
                del row["id"]
                new += _put(connection, schema.event, row, replace=False, conflict=["client_id"])
        return new

    def join_events(self, events: Sequence[Event]) -> tuple[int, list[str]]:
        """Bring in the log of another catalogue: those that are new here take their place by when they were said.

        What was said later moves behind them, under new ids, so that the last word is the last word
        whichever log came to which. Returns how many were new, and the client_ids under which both
        say different things; these stay as they are.
        """
        table = schema.event
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # nobody speaks in between
                connection.exec_driver_sql("LOCK TABLE event IN EXCLUSIVE MODE")
            log = read(connection, table, select(table).order_by(table.c.id), event_of)
            known = {event.client_id: event for event in log}
            new = [event for event in events if event.client_id not in known]
            differ = [e.client_id for e in events if replace(e, id=0) != replace(known.get(e.client_id, e), id=0)]
            if new:
                first = min(event.at for event in new)
                later = [event for event in log if event.at > first]
                for some in claims.chunks([event.client_id for event in later]):
                    connection.execute(delete(table).where(table.c.client_id.in_(some)))
                rows = [asdict(event) for event in sorted([*later, *new], key=lambda event: event.at)]
                for number, row in enumerate(rows, start=max((event.id for event in log), default=0) + 1):
                    row |= {"payload": canonical(row["payload"]), "id": number}
                    if connection.dialect.name == "postgresql":
                        del row["id"]  # its sequence never gives one twice
                connection.execute(table.insert(), rows)
        return len(new), differ

    def checkpoint(self) -> None:
        """Make what was said so far survive a power cut (a killed program loses nothing anyway)."""
        checkpoint(self.engine)

    def events(self, take_id: str | None = None, *, after: int = 0) -> list[Event]:
        query = select(schema.event).where(schema.event.c.id > after).order_by(schema.event.c.id)
        if take_id is not None:
            query = query.where(schema.event.c.take_id == take_id)
        with reading(self.engine) as connection:
            return read(connection, schema.event, query, event_of)

    def judgements(self) -> dict[str, Judgement]:
        """Where each take stands: the fold of all events."""
        return fold(self.events())

    def verdicts(self) -> dict[str, Judgement]:
        """As ``judgements``, but only who decided what: all else that was said stays unread."""
        query = select(schema.event).where(or_(schema.event.c.kind == "verdict", schema.event.c.kind == "undo"))
        with reading(self.engine) as connection:
            return fold(read(connection, schema.event, query.order_by(schema.event.c.id), event_of))

    def run_opinions(self) -> dict[str, RunOpinion]:
        """What people said of trainings: model id -> name, stars, what was said of its clips."""
        return fold_runs(self._about_runs())

    def blind_tests(self) -> dict[str, BlindTest]:
        """Comparisons of two checkpoints with their answers so far, by their ids."""
        return fold_blind_tests(self._about_runs())

    def _about_runs(self) -> list[Event]:
        kinds = schema.event.c.kind
        query = select(schema.event).where(schema.event.c.take_id == "", kinds.in_([*ABOUT_RUNS, "undo"]))
        with reading(self.engine) as connection:
            return read(connection, schema.event, query.order_by(schema.event.c.id), event_of)

    def kept(self) -> list[str]:
        """Ids of the takes whose verdict is keep, in the order the takes were made."""
        judged = self.verdicts()
        return [i for i in self.take_paths() if i in judged and judged[i].verdict == "keep"]

    # ---- songs -------------------------------------------------------------

    def set_songs(self, songs: Iterable[tuple[Song, str]]) -> None:
        """Replace the album's list of (song, title key) in one transaction; numbers and keys are unique."""
        rows = [asdict(song) | {"title_key": key} for song, key in songs]
        with writing(self.engine) as connection:
            connection.execute(delete(schema.song))
            if rows:
                connection.execute(schema.song.insert(), rows)

    def songs(self) -> list[Song]:
        query = select(schema.song.c.number, schema.song.c.take_id, schema.song.c.title)
        with reading(self.engine) as connection:
            return read(connection, schema.song, query.order_by(schema.song.c.number), lambda row: Song(**row))

    # ---- the ledger --------------------------------------------------------

    def add_activity(self, activity: Activity) -> None:
        row = asdict(activity) | {"detail": canonical(activity.detail)}
        del row["id"]
        with writing(self.engine) as connection:
            connection.execute(schema.activity.insert().values(**row))

    def activities(self) -> list[Activity]:
        with reading(self.engine) as connection:
            query = select(schema.activity).order_by(schema.activity.c.id)
            return read(connection, schema.activity, query, lambda row: Activity(**row))


def _put(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    replace: bool,
    conflict: list[str] | None = None,
    unless: Any = False,
) -> int:
    """Insert, or on the same key replace (``unless`` holds of the old row) or leave alone; 1 if a row was written."""
    keys = conflict or [column.name for column in table.primary_key]
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(table).values(**row)
    if replace:
        rest = {name: value for name, value in row.items() if name not in keys}
        where = None if unless is False else not_(unless)
        statement = statement.on_conflict_do_update(index_elements=keys, set_=rest, where=where)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    # A driver need not count the rows of an INSERT (psycopg's says -1), but it returns them.
    return len(connection.execute(statement.returning(table.c[keys[0]])).all())
