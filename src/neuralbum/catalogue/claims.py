"""Who has which item in hand, so that several processes can share a stage.

A worker claims a batch of keys and renews its claims every few seconds, for as
long as it lives (``Pulse``). A claim that was not renewed for a lease is free:
its worker is dead, on whichever machine or in whichever container it ran.
Nothing else says whether a worker lives, neither a process number nor the name
of a machine: both mean something else in the next container.

A claim ends with the finding, or when its worker gives it back. So a killed run
leaves nothing locked for longer than a lease, and a long item is not done twice.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.engine import Engine

from ..errors import NeuralbumError
from .database import writing
from .schema import claim as table
from .schema import finding

LEASE_S = 30.0
BEATS_PER_LEASE = 10
TURN = 7702
"""PostgreSQL's advisory lock of whoever changes several claims (7701 is the migrations'). SQLite has one writer at a
time anyhow; PostgreSQL would let two workers insert the same claim, or wait for each other's rows in a circle."""
IN_ONE_QUERY = 500
"""Keys asked for at once; SQLite takes some thousand variables."""

_names: dict[int, str] = {}


def worker_name() -> str:
    """This process, told from every other one anywhere: 16 random hexadecimal digits."""
    return _names.setdefault(os.getpid(), uuid.uuid4().hex[:16])  # by pid only so that a fork gets a name of its own


def set_worker_name(name: str) -> None:
    """Go by this name from now on: a pool names its workers, to know whose claims to free."""
    _names[os.getpid()] = name


def are_of_one_pool(one: str, other: str) -> bool:
    """Whether two workers belong to one pool, which looks after their lives: ``<pool>-<number>``."""
    return "-" in one and one.partition("-")[0] == other.partition("-")[0]


@dataclass(frozen=True)
class Hold:
    """Another worker's claim."""

    worker: str
    expires_at: float


@dataclass
class Claimed:
    """What claiming gave."""

    got: list[str] = field(default_factory=list)
    held: dict[str, Hold] = field(default_factory=dict)  #: key -> whose it is


def claim(
    connection: Connection,
    stage: str,
    keys: Sequence[str],
    *,
    worker: str,
    now: float,
    lease_s: float,
    since: float = float("-inf"),
    silent: Mapping[str, float] = {},
) -> Claimed:
    """Claim those of ``keys`` that are free and have no finding yet.

    Parameters
    ----------
    since : findings older than this do not count: they are to be made again
    silent : key -> the ``expires_at`` it had a whole lease ago; unchanged, it is free whatever the clocks say
    """
    _take_turns(connection)
    held = {row.key: row for row in _rows(connection, table, table.c.key, keys)}
    made = {row.key for row in _rows(connection, finding, finding.c.key, keys) if row.created_at >= since}
    result = Claimed()
    for key in keys:
        if key in made:
            continue
        row = held.get(key)
        values = {"worker": worker, "expires_at": now + lease_s, "started_at": None}
        if row is None:
            connection.execute(table.insert().values(key=key, stage=stage, deaths=0, **values))
        elif row.expires_at <= now or silent.get(key) == row.expires_at:
            connection.execute(update(table).where(table.c.key == key).values(**values))
        else:
            if row.worker != worker:
                result.held[key] = Hold(row.worker, row.expires_at)
            continue
        result.got.append(key)
    return result


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")


def _rows(connection: Connection, of: Any, column: Any, keys: Sequence[str]) -> Iterable[Any]:
    wanted = [of.c.key, of.c.worker, of.c.expires_at] if of is table else [of.c.key, of.c.created_at]
    for some in chunks(keys):
        yield from connection.execute(select(*wanted).where(column.in_(some)))


def chunks(keys: Sequence[str]) -> Iterable[list[str]]:
    """``keys`` in pieces that one query takes."""
    return (list(keys[i : i + IN_ONE_QUERY]) for i in range(0, len(keys), IN_ONE_QUERY))


def let_go(connection: Connection, keys: Sequence[str], *, worker: str) -> None:
    _take_turns(connection)
    for some in chunks(keys):
        connection.execute(delete(table).where(table.c.key.in_(some), table.c.worker == worker))


def deaths(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """How many workers have died over each of these items."""
    query = select(table.c.key, table.c.deaths)
    return {
        row.key: row.deaths for some in chunks(keys) for row in connection.execute(query.where(table.c.key.in_(some)))
    }


def count_death(connection: Connection, worker: str) -> list[tuple[str, int]]:
    """Free a dead worker's claims; count the death against the item it was working on."""
    _take_turns(connection)
    rows = list(connection.execute(select(table).where(table.c.worker == worker)))
    blamed = []
    for row in rows:
        if row.started_at is None:
            connection.execute(delete(table).where(table.c.key == row.key))
            continue
        connection.execute(
            update(table).where(table.c.key == row.key).values(expires_at=0.0, started_at=None, deaths=row.deaths + 1)
        )
        blamed.append((row.key, row.deaths + 1))
    return blamed


def living(connection: Connection, now: float, stage: str | None = None) -> set[str]:
    """The workers with a claim that was renewed in time; of one stage if asked."""
    query = select(table.c.worker).where(table.c.expires_at > now).distinct()
    if stage is not None:
        query = query.where(table.c.stage == stage)
    return set(connection.execute(query).scalars())


class Pulse:
    """Renews the claims of this process while it has any, on a thread of its own.

    A renewal that fails (the catalogue is locked, the network is gone) is tried
    again with the next beat; the work goes on meanwhile.
    """

    def __init__(self, engine: Engine, lease_s: float) -> None:
        self.engine, self.lease_s = engine, lease_s
        self._held: dict[str, str] = {}  #: key -> worker
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def beat_s(self) -> float:
        return self.lease_s / BEATS_PER_LEASE

    def workers(self) -> set[str]:
        with self._lock:
            return set(self._held.values())

    def hold(self, keys: Iterable[str], worker: str) -> None:
        with self._lock:
            self._held.update(dict.fromkeys(keys, worker))
            if self._held and self._thread is None:
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name="claims", daemon=True)
                self._thread.start()

    def drop(self, keys: Collection[str]) -> None:
        with self._lock:
            for key in keys:
                self._held.pop(key, None)

    def close(self) -> None:
        with self._lock:
            self._held.clear()
            thread = self._thread
        self._stop.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.beat_s):
            with self._lock:
                held = dict(self._held)
                if not held:
                    self._thread = None
                    return
            self.beat(held, time.time())
        with self._lock:
            self._thread = None

    def beat(self, held: Mapping[str, str], now: float) -> None:
        """Renew what ``held`` names; a claim that somebody else has taken over stays theirs."""
        try:
            with writing(self.engine) as connection:
                _take_turns(connection)
                for worker in set(held.values()):
                    for some in chunks([key for key, owner in held.items() if owner == worker]):
                        mine = (table.c.key.in_(some)) & (table.c.worker == worker)
                        connection.execute(update(table).where(mine).values(expires_at=now + self.lease_s))
        except NeuralbumError:
            pass


class Watch:
    """Tells living holders of claims from dead ones, by whether their claims are renewed while one looks."""

    def __init__(self) -> None:
        self._alive: dict[str, float] = {}  #: worker -> when it was last seen renewing, monotonic

    def is_alive(self, worker: str, now: float, lease_s: float) -> bool:
        return now - self._alive.get(worker, float("-inf")) < lease_s

    def saw(self, worker: str, now: float) -> None:
        self._alive[worker] = now
