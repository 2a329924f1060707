"""The catalogue's tables. One schema for SQLite (default) and PostgreSQL (a team).

``event`` and ``activity`` are append-only. ``finding`` is keyed by the digest of
what it depends on. ``claim`` says which worker has which item in hand. Nothing
here says "status": where a take stands is a query over what it has.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, MetaData, String, Table, Text

HEAD = "0001"
"""The newest migration; a catalogue that is there already is opened without loading Alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

track = Table(
    "track",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("path", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("artist", Text, nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("duration_s", Float, nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("split", String(10), nullable=False),
    Column("level_db", Float, nullable=False),
    Column("peak_db", Float, nullable=False),
)

model = Table(
    "model",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("preset", String(40), nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("corpus_digest", String(40), nullable=False),
    Column("config", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

curve = Table(
    "curve",
    metadata,
    Column("model_id", String(80), primary_key=True),
    Column("name", String(80), primary_key=True),  # e.g. "heldout_bits"
    Column("step", Integer, primary_key=True),
    Column("value", Float, nullable=False),
)

take = Table(
    "take",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("recipe", JSON, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("n_samples", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("events", JSON, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("stage", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", String(80), nullable=False),
    Column("params", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("values", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("error", Text),
    Column("cpu_s", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("ix_finding_stage_subject", "stage", "subject"),
)

claim = Table(
    "claim",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("stage", String(40), nullable=False),
    Column("worker", String(200), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("started_at", Float),
    Column("deaths", Integer, nullable=False, default=0),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("client_id", String(80), nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("session", String(80), nullable=False),
    Column("pass_name", String(20), nullable=False),
    Column("take_id", String(40), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("undoes", String(80)),
)

song = Table(
    "song",
    metadata,
    Column("take_id", String(40), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("title_key", Text, nullable=False, unique=True),  # casefolded and lemmatised
)

activity = Table(
    "activity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("stage", String(40), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("wall_s", Float, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("device", String(80), nullable=False),
    Column("device_s", Float, nullable=False),
    Column("n_done", Integer, nullable=False),
    Column("n_failed", Integer, nullable=False),
    Column("detail", JSON, nullable=False),
)
