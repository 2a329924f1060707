"""Who has which item in hand, so that several processes can share a stage.

A worker claims a batch of keys; a claim is freed when the finding is recorded,
when its worker gives it back, when its lease runs out, or when its worker was
a process of this machine that is gone. So a killed run leaves nothing locked.
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
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def is_gone(worker: str) -> bool:
    """Whether ``worker`` was a process of this machine that no longer runs."""
    host, _, rest = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return False
    return _started(int(rest)) != worker.rpartition(":")[2]


def _started(pid: int) -> str:
    """When a process started, as the kernel counts it; "" if there is none (a pid may be reused)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[19]
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
        elif row.expires_at <= now or is_gone(row.worker):
            connection.execute(
                update(table).where(table.c.key == key).values(worker=worker, expires_at=now + lease_s, started_at=None)
            )
        else:
            continue
        got.append(key)
    return got


def let_go(connection: Connection, keys: Sequence[str], *, worker: str) -> None:
    connection.execute(delete(table).where(table.c.key.in_(list(keys)), table.c.worker == worker))


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
