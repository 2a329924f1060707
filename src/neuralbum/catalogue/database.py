"""Open the catalogue's database, safely for several processes at once.

SQLite runs in WAL mode with ``synchronous=NORMAL`` (a killed program loses
nothing; a power cut may lose the last commits), and every write transaction
starts with BEGIN IMMEDIATE, so two writers wait for each other instead of
failing half-way (SQLite's documentation, "Transactions" and "WAL").
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import CatalogueError, MissingExtra
from .schema import HEAD

BUSY_TIMEOUT_S = 30.0
READ = "neuralbum_read"


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file, whatever characters its path holds (``?`` and ``%41`` mean themselves)."""
    return URL.create("sqlite", database=os.path.abspath(path))


def connect(url: str | URL) -> Engine:
    """Open the database at ``url`` (``sqlite:///…`` or ``postgresql://…``); create no tables."""
    shown = re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", str(url))
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (SQLAlchemyError, ValueError) as cause:
        raise CatalogueError(f"database = {shown!r}: not a database URL; write postgresql://user@host/name") from cause
    if kind == "sqlite":
        return _sqlite(parsed, shown)
    if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise CatalogueError(f"database = {shown!r}: must begin with postgresql://, or be empty for a file")
    try:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError as cause:
        raise MissingExtra("a PostgreSQL catalogue", "postgres") from cause


def _sqlite(url: URL, shown: str) -> Engine:
    if url.drivername not in ("sqlite", "sqlite+pysqlite") or url.query or url.host or not url.database:
        raise CatalogueError(f"database = {shown!r}: must be empty for a file in the project, or postgresql://…")
    path = Path(url.database)
    if _only_readable(path):
        engine = create_engine(url, creator=lambda: _open_to_read(path))
    else:
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "connect", _say_begin_ourselves)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def keep_to_rules(engine: Engine) -> None:
    """Let the engine of another library that has tables in a catalogue wait and lock as the catalogue's own does."""
    if engine.dialect.name != "sqlite":
        return
    engine.dispose()  # connections from before
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _only_readable(path: Path) -> bool:
    """Whether a catalogue is there that this process may not write, or not beside (its log lies there)."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A file that cannot be written has no log beside it that could be locked: nothing changes while it is read."""
    log = Path(f"{path}-wal")
    fixed = "" if log.is_file() and log.stat().st_size else "&immutable=1"
    name = f"file:{quote(str(path))}?mode=ro{fixed}"
    return sqlite3.connect(name, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


def _say_begin_ourselves(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READ)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: sees one consistent state, blocks nobody."""
    with _explained(engine), engine.connect().execution_options(**{READ: True}) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all of it happens, or nothing."""
    with _explained(engine), engine.begin() as connection:
        yield connection


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as cause:
        where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
        raise CatalogueError(f"catalogue {where}: {_remedy(engine, cause)}") from cause


def _remedy(engine: Engine, error: DBAPIError) -> str:
    """What a database's error means, and what to do."""
    said = " ".join(str(error.orig).split())
    if engine.dialect.name != "sqlite":
        return f"{said}; does the server run, and is `database` in [project] right?"
    path = Path(engine.url.database or "")
    code = str(getattr(error.orig, "sqlite_errorname", ""))
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return (
            f"locked for more than {BUSY_TIMEOUT_S:g} s by {_who_holds(path)}; wait until it is done, "
            f"or stop it; nothing was changed"
        )
    if code.startswith("SQLITE_READONLY") or (code.startswith("SQLITE_CANTOPEN") and _closed_to_writing(path.parent)):
        return f"can only be read ({said}); make {path.parent} writable, or work on a copy of the project"
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return f"{said}; is the disk full? Free some space, then run the same command again"
    if code.startswith("SQLITE_CONSTRAINT"):
        return said
    if code.startswith("SQLITE_CANTOPEN"):
        return f"{said}; is the folder there, and may you enter it?"
    return f"{said}; the file is damaged, restore it from a copy (older ones: {path.name}.before-…)"


def _closed_to_writing(folder: Path) -> bool:
    return folder.is_dir() and not os.access(folder, os.W_OK)


def _who_holds(path: Path) -> str:
    """The processes that hold a write lock on a SQLite file or its log, as Linux lists them."""
    try:
        inodes = {str(Path(f"{path}{end}").stat().st_ino) for end in ("", "-shm") if Path(f"{path}{end}").exists()}
        lines = Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return "another process"
    pids = set()
    for words in map(str.split, lines):
        if "WRITE" in words and len(words) > words.index("WRITE") + 2:
            at = words.index("WRITE")
            if words[at + 2].rpartition(":")[2] in inodes:
                pids.add(words[at + 1])
    return ", ".join(map(_process, sorted(pids - {str(os.getpid())}))) or "another process"


def _process(pid: str) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        command = ""
    return f"process {pid}" + (f" ({''.join(c for c in command if c.isprintable())[:80]})" if command else "")


def checkpoint(engine: Engine) -> None:
    """Make every committed transaction survive a power cut: SQLite syncs its log before copying it."""
    if engine.dialect.name != "sqlite":
        return  # PostgreSQL syncs with each commit
    with _explained(engine), engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)")


def migrate(engine: Engine) -> None:
    """Bring the schema to this version, in one transaction; refuse a newer one.

    An existing SQLite file is copied to ``catalogue.db.before-<revision>`` first.
    """
    with reading(engine) as connection:
        current = _revision(connection)
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    try:
        scripts.get_revision(current or "base")
    except CommandError as cause:
        raise CatalogueError(
            f"catalogue {engine.url.database}: its version {current!r} is newer than this neuralbum knows "
            f"({HEAD!r}); update neuralbum"
        ) from cause
    if current is not None:
        _back_up(engine, current)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # two processes may arrive here together
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7701)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _back_up(engine: Engine, revision: str) -> None:
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        return
    copy = f"{engine.url.database}.before-{revision}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("VACUUM INTO ?", (copy,))
