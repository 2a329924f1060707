"""Who has which item in hand, so that several processes can share a stage.

A worker claims a batch of keys; a claim is freed when the finding is recorded
or when its worker gives it back. A worker of this machine loses its claims when
its process is gone, one of another machine when its lease runs out. So a killed
run leaves nothing locked, and a slow item of a living process is left alone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update

from .schema import claim as table
from .schema import finding


def worker_name() -> str:
    """This process, recognisable from other processes of the same machine: ``host:pid:start``."""
    return name_of(os.getpid())


def name_of(pid: int) -> str:
    """The worker name of a process of this machine."""
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def is_lost(worker: str, *, expired: bool) -> bool:
    """Whether ``worker`` will not come back: gone from this machine, or silent on another one."""
    host, pid, started = worker.rsplit(":", 2)
    if host != socket.gethostname():
        return expired
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process started, as the kernel counts it; "" if it is dead (a pid may be reused)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()  # state is field 3 of proc(5), starttime field 22
            return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OSError):
        return ""
    return "alive"  # no /proc on this system: pid alone must do


def claim(
    connection: Connection, stage: str, keys: Sequence[str], *, worker: str, now: float, lease_s: float
) -> list[str]:
    """Claim those of ``keys`` that are free and have no finding yet; returns them in order."""
    held = {row.key: row for row in connection.execute(select(table).where(table.c.stage == stage))}
    done = set(connection.execute(select(finding.c.key).where(finding.c.key.in_(list(keys)))).scalars())
    got = []
    for key in keys:
        if key in done:
            continue
        row = held.get(key)
        if row is None:
            values = {"key": key, "stage": stage, "worker": worker, "expires_at": now + lease_s, "deaths": 0}
            connection.execute(table.insert().values(**values))
        elif is_lost(row.worker, expired=row.expires_at <= now):
            connection.execute(
                update(table).where(table.c.key == key).values(worker=worker, expires_at=now + lease_s, started_at=None)
            )
        else:
            continue
        got.append(key)
    return got


def let_go(connection: Connection, keys: Sequence[str], *, worker: str) -> None:
    connection.execute(delete(table).where(table.c.key.in_(list(keys)), table.c.worker == worker))


def deaths(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """How many workers have died over each of these items."""
    query = select(table.c.key, table.c.deaths).where(table.c.key.in_(list(keys)))
    return {row.key: row.deaths for row in connection.execute(query)}


def count_death(connection: Connection, worker: str) -> list[tuple[str, int]]:
    """Free a dead worker's claims; count the death against the item it was working on."""
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
