"""The catalogue: what the project knows, as records in and records out.

Thin on purpose: each method is one transaction. The long stories are next
door: ``claims`` (who works on what), ``projection`` (what the events mean).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine, RowMapping

from ..records import Activity, Event, Finding, Judgement, Model, Recipe, Song, Take, Track, canonical
from . import claims, schema
from .database import checkpoint, connect, migrate, reading, writing
from .projection import fold


class Catalogue:
    """An open catalogue. Safe to open from many processes; one object per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Catalogue:
        """Open (or make) the catalogue at a database URL and bring its schema up to date."""
        engine = connect(url)
        migrate(engine)
        return cls(engine)

    def close(self) -> None:
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
            return [Track(**row) for row in connection.execute(query).mappings()]

    def add_model(self, model: Model) -> None:
        with writing(self.engine) as connection:
            _put(connection, schema.model, asdict(model), replace=True)

    def models(self, kind: str | None = None) -> list[Model]:
        """All models, oldest first."""
        query = select(schema.model).order_by(schema.model.c.created_at, schema.model.c.id)
        if kind is not None:
            query = query.where(schema.model.c.kind == kind)
        with reading(self.engine) as connection:
            return [Model(**row) for row in connection.execute(query).mappings()]

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

    # ---- takes -------------------------------------------------------------

    def add_take(self, take: Take) -> None:
        """Store a take; the same recipe again changes nothing."""
        row = asdict(take) | {"recipe": canonical(take.recipe), "events": canonical(take.events)}
        with writing(self.engine) as connection:
            _put(connection, schema.take, row, replace=False)

    def takes(self, ids: Iterable[str] | None = None) -> list[Take]:
        """Takes in the order they were made; all, or those of ``ids``."""
        query = select(schema.take).order_by(schema.take.c.created_at, schema.take.c.id)
        with reading(self.engine) as connection:
            found = [_take(row) for row in connection.execute(query).mappings()]
        if ids is None:
            return found
        wanted = set(ids)
        return [take for take in found if take.id in wanted]

    # ---- findings ----------------------------------------------------------

    def record(self, finding: Finding) -> None:
        """Commit a finding and let go of its claim, together."""
        row = {name: canonical(value) for name, value in asdict(finding).items()}
        with writing(self.engine) as connection:
            _put(connection, schema.finding, row, replace=True)
            connection.execute(delete(schema.claim).where(schema.claim.c.key == finding.key))

    def forget(self, key: str) -> None:
        """Remove a finding, so that its item is pending again."""
        with writing(self.engine) as connection:
            connection.execute(delete(schema.finding).where(schema.finding.c.key == key))

    def finding(self, key: str) -> Finding | None:
        with reading(self.engine) as connection:
            row = connection.execute(select(schema.finding).where(schema.finding.c.key == key)).mappings().first()
        return None if row is None else Finding(**row)

    def findings(self, stage: str | None = None, subject: str | None = None) -> list[Finding]:
        """Findings, oldest first; a later one about the same subject supersedes an earlier one."""
        query = select(schema.finding).order_by(schema.finding.c.created_at, schema.finding.c.key)
        if stage is not None:
            query = query.where(schema.finding.c.stage == stage)
        if subject is not None:
            query = query.where(schema.finding.c.subject == subject)
        with reading(self.engine) as connection:
            return [Finding(**row) for row in connection.execute(query).mappings()]

    def latest(self, stage: str) -> dict[str, Finding]:
        """The newest successful finding of a stage for each subject."""
        return {f.subject: f for f in self.findings(stage) if f.error is None}

    def freshness(self, stage: str) -> tuple[object, ...]:
        """Changes whenever ``takes()`` or ``latest(stage)`` would: cheap to ask, equal while nothing was recorded."""
        takes = select(func.count(), func.max(schema.take.c.created_at))
        found = select(func.count(), func.max(schema.finding.c.created_at)).where(schema.finding.c.stage == stage)
        with reading(self.engine) as connection:
            return (*connection.execute(takes).one(), *connection.execute(found).one())

    def known_keys(self, stage: str, *, failures: bool = True) -> set[str]:
        """Keys of the stage's findings; without its failures if asked."""
        query = select(schema.finding.c.key).where(schema.finding.c.stage == stage)
        if not failures:
            query = query.where(schema.finding.c.error.is_(None))
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

    def claim(self, stage: str, keys: Sequence[str], *, worker: str, now: float, lease_s: float = 600.0) -> list[str]:
        """Take hold of those ``keys`` nobody else has in hand; see ``claims``."""
        with writing(self.engine) as connection:
            return claims.claim(connection, stage, keys, worker=worker, now=now, lease_s=lease_s)

    def start(self, key: str, *, now: float, lease_s: float = 600.0) -> None:
        """Mark a claimed item as being worked on right now, and renew its lease."""
        with writing(self.engine) as connection:
            connection.execute(
                update(schema.claim).where(schema.claim.c.key == key).values(started_at=now, expires_at=now + lease_s)
            )

    def let_go(self, keys: Sequence[str], *, worker: str) -> None:
        """Give claims back undone (an interrupted run)."""
        with writing(self.engine) as connection:
            claims.let_go(connection, keys, worker=worker)

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

    def checkpoint(self) -> None:
        """Make what was said so far survive a power cut (a killed program loses nothing anyway)."""
        checkpoint(self.engine)

    def events(self, take_id: str | None = None, *, after: int = 0) -> list[Event]:
        query = select(schema.event).where(schema.event.c.id > after).order_by(schema.event.c.id)
        if take_id is not None:
            query = query.where(schema.event.c.take_id == take_id)
        with reading(self.engine) as connection:
            return [Event(**row) for row in connection.execute(query).mappings()]

    def judgements(self) -> dict[str, Judgement]:
        """Where each take stands: the fold of all events."""
        return fold(self.events())

    def kept(self) -> list[str]:
        """Ids of the takes whose verdict is keep, in the order the takes were made."""
        judged = self.judgements()
        return [take.id for take in self.takes() if take.id in judged and judged[take.id].verdict == "keep"]

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
            return [Song(**row) for row in connection.execute(query.order_by(schema.song.c.number)).mappings()]

    # ---- the ledger --------------------------------------------------------

    def add_activity(self, activity: Activity) -> None:
        row = asdict(activity) | {"detail": canonical(activity.detail)}
        del row["id"]
        with writing(self.engine) as connection:
            connection.execute(schema.activity.insert().values(**row))

    def activities(self) -> list[Activity]:
        with reading(self.engine) as connection:
            rows = connection.execute(select(schema.activity).order_by(schema.activity.c.id)).mappings()
            return [Activity(**row) for row in rows]


def _put(
    connection: Connection, table: Table, row: Mapping[str, Any], *, replace: bool, conflict: list[str] | None = None
) -> int:
    """Insert, or on the same key replace or leave alone; 1 if a row was written."""
    keys = conflict or [column.name for column in table.primary_key]
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert
    statement = insert(table).values(**row)
    if replace:
        rest = {name: value for name, value in row.items() if name not in keys}
        return connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest)).rowcount
    return connection.execute(statement.on_conflict_do_nothing(index_elements=keys)).rowcount


def _take(row: RowMapping) -> Take:
    recipe = dict(row["recipe"])
    recipe["temperature"] = tuple((float(s), float(t)) for s, t in recipe["temperature"])
    return Take(**{**row, "recipe": Recipe(**recipe), "events": tuple(row["events"])})
