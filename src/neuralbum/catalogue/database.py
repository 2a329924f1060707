"""Open the catalogue's database, safely for several processes at once.

SQLite runs in WAL mode with ``synchronous=NORMAL`` (a killed program loses
nothing; a power cut may lose the last commits), and every write transaction
starts with BEGIN IMMEDIATE, so two writers wait for each other instead of
failing half-way (SQLite's documentation, "Transactions" and "WAL").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import CatalogueError, MissingExtra

BUSY_TIMEOUT_S = 30.0
READ = "neuralbum_read"


def connect(url: str) -> Engine:
    """Open the database at ``url`` (``sqlite:///…`` or ``postgresql://…``); create no tables."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as cause:
        raise CatalogueError(f"database = {url!r}: not a database URL; write postgresql://user@host/name") from cause
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        return create_engine(parsed, pool_pre_ping=True)
    except ModuleNotFoundError as cause:
        raise MissingExtra("a PostgreSQL catalogue", "postgres") from cause


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
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
        where = engine.url.render_as_string(hide_password=True)
        raise CatalogueError(f"catalogue {where}: {cause.orig}; is the disk full, or the file damaged?") from cause


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
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    with reading(engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    try:
        scripts.get_revision(current or "base")
    except CommandError as cause:
        raise CatalogueError(
            f"catalogue {engine.url.database}: its version {current!r} is newer than this neuralbum knows "
            f"({head!r}); update neuralbum"
        ) from cause
    if current is not None:
        _back_up(engine, current)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # two processes may arrive here together
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7701)")
        config.attributes["connection"] = connection
        from alembic import command

        command.upgrade(config, "head")


def _back_up(engine: Engine, revision: str) -> None:
    if engine.dialect.name != "sqlite" or not engine.url.database or engine.url.database == ":memory:":
        return
    copy = f"{engine.url.database}.before-{revision}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("VACUUM INTO ?", (copy,))
