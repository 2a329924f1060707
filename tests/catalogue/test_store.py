"""What goes in comes out, twice is once, and old files open."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralbum.catalogue import Catalogue
from neuralbum.catalogue.database import connect
from neuralbum.catalogue.schema import metadata
from neuralbum.errors import CatalogueError
from neuralbum.records import Activity, Event, Finding, Model, Song, Track

TRACK = Track("t1", "/music/a.ogg", "A", "Band", "f" * 64, 180.0, 44_100, 2, "train", -14.2, -0.3)


@pytest.fixture
def catalogue(database):
    opened = Catalogue.open(database)
    yield opened
    opened.close()


def a_finding(key="k1", **changes):
    plain = Finding(key, "screen", 1, "take1", {"a": 1}, {"audio": "x"}, {"loop_score": 0.25}, created_at=1.0)
    return replace(plain, **changes)


def test_records_come_back_as_they_went_in(catalogue, add_take, project):
    catalogue.add_tracks([TRACK])
    model = Model("m1", "samplernn", "debug", 16_000, "d" * 20, {"dim": 8}, 5.0)
    catalogue.add_model(model)
    catalogue.record(a_finding())
    activity = Activity("screen", 10.0, 2.0, 1.5, n_done=3, detail={"note": "x"})
    catalogue.add_activity(activity)
    take = add_take([[0.1, 0.2, 0.3]])
    assert catalogue.tracks() == [TRACK]
    assert catalogue.tracks("heldout") == []
    assert catalogue.models("samplernn") == [model]
    assert catalogue.finding("k1") == a_finding()
    assert catalogue.activities() == [replace(activity, id=1)]
    assert project.catalogue.takes() == [take]


@given(
    payload=st.dictionaries(
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8),
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
        max_size=4,
    )
)
@settings(
    max_examples=25,
    suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture],
)
def test_any_payload_survives_the_round_trip(catalogue, payload):
    event = Event(uuid.uuid4().hex, 1.0, "ann", "verdict", "take1", payload)
    catalogue.say([event])
    assert catalogue.events()[-1].payload == payload


def test_an_event_said_twice_counts_once(catalogue):
    event = Event("c1", 1.0, "ann", "verdict", "take1", {"value": "keep"})
    assert catalogue.say([event]) == 1
    assert catalogue.say([event, replace(event, client_id="c2")]) == 1
    assert [e.client_id for e in catalogue.events()] == ["c1", "c2"]


def test_the_newest_success_is_the_latest(catalogue):
    catalogue.record(a_finding("k1", created_at=1.0))
    catalogue.record(a_finding("k2", created_at=2.0, values={"loop_score": 0.5}))
    catalogue.record(a_finding("k3", created_at=3.0, error="broken"))
    assert catalogue.latest("screen")["take1"].key == "k2"
    assert catalogue.counts() == {"screen": {"done": 2, "failed": 1}}


def test_two_songs_cannot_share_a_title(catalogue):
    with pytest.raises(CatalogueError):
        catalogue.set_songs([(Song(1, "a", "Mock Melancholy"), "mock"), (Song(2, "b", "mock melancholy"), "mock")])
    assert catalogue.songs() == []


def test_the_migrations_build_the_schema_that_the_code_declares(catalogue):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with catalogue.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_sqlite_runs_in_wal_mode(tmp_path):
    catalogue = Catalogue.at(tmp_path / "catalogue.db")
    with catalogue.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL
    catalogue.close()


def test_a_catalogue_from_the_future_is_refused(tmp_path):
    path = tmp_path / "catalogue.db"
    Catalogue.open(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(CatalogueError, match="update neuralbum"):
        Catalogue.open(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"this is not a database, however long one looks at it" * 100)
    with pytest.raises(CatalogueError, match="not a database"):
        Catalogue.open(f"sqlite:///{path}")


def test_a_foolish_url_is_refused():
    with pytest.raises(CatalogueError, match="not a database URL"):
        connect("what is this")


def test_freshness_changes_when_a_take_or_a_finding_of_the_stage_comes_or_goes_and_else_never(catalogue):
    seen = [catalogue.freshness("screen")]
    catalogue.record(a_finding())
    seen.append(catalogue.freshness("screen"))
    catalogue.record(a_finding(created_at=2.0))  # measured again
    seen.append(catalogue.freshness("screen"))
    catalogue.forget("k1")
    seen.append(catalogue.freshness("screen"))
    assert seen[0] == seen[3]
    assert len(set(seen)) == 3
    catalogue.record(a_finding("k2", stage="originality"))
    assert catalogue.freshness("screen") == seen[3]
