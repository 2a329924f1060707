"""A catalogue that cannot be written is read; one that is locked, damaged or misnamed says what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from neuralbum.catalogue import Catalogue, database
from neuralbum.catalogue.database import connect
from neuralbum.catalogue.schema import HEAD
from neuralbum.errors import CatalogueError
from neuralbum.records import Activity, Event, Finding, Song, Track

TRACK = Track("t1", "/music/a.ogg", "A", "Band", "f" * 64, 180.0, 44_100, 2, "train", -14.2, -0.3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "project" / "catalogue.db"


@pytest.fixture
def filled(path):
    path.parent.mkdir()
    made = Catalogue.at(path)
    made.add_tracks([TRACK])
    made.close()
    return path


@pytest.fixture
def unwritable(monkeypatch):
    """As on a disk that is mounted for reading; the tests may run as root, whom modes do not stop."""
    real = os.access
    monkeypatch.setattr(database.os, "access", lambda p, mode: mode != os.W_OK and real(p, mode))


@pytest.mark.usefixtures("unwritable")
def test_a_catalogue_that_cannot_be_written_is_read_and_nothing_is_put_beside_it(filled):
    opened = Catalogue.at(filled)
    assert opened.tracks() == [TRACK]
    with pytest.raises(CatalogueError, match="can only be read"):
        opened.add_tracks([TRACK])
    opened.close()
    assert [p.name for p in filled.parent.iterdir()] == ["catalogue.db"]


@pytest.mark.usefixtures("unwritable")
def test_what_a_killed_process_left_in_the_log_is_read_too(filled, tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from neuralbum.catalogue import Catalogue; "
        "from neuralbum.records import Song; c = Catalogue.at(Path(sys.argv[1])); "
        "c.set_songs([(Song(1, 'take', 'Mock Melancholy'), 'mock')]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(filled)])
    assert (filled.parent / "catalogue.db-wal").stat().st_size > 0
    opened = Catalogue.at(filled)
    assert opened.songs() == [Song(1, "take", "Mock Melancholy")]
    opened.close()


def test_a_locked_catalogue_is_read_and_who_writes_is_told_who_holds_it(filled, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(filled)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "locked\n"
    opened = Catalogue.at(filled)
    assert opened.tracks() == [TRACK]
    with pytest.raises(CatalogueError, match="locked for more than 0.1 s by .*; wait until it is done") as caught:
        opened.add_tracks([TRACK])
    if os.path.exists("/proc/locks"):
        assert "process" in str(caught.value)
    opened.close()
    holder.communicate("")
    again = Catalogue.at(filled)
    again.add_tracks([TRACK])
    again.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://user@host/name", "must begin with postgresql://"),
        ("postgresql+asyncpg://host/name", "must begin with postgresql://"),
        ("postgresql://host:notaport/name", "not a database URL"),
        ("foo://", "must begin with postgresql://"),
        ("sqlite://", "must be empty for a file"),
        ("sqlite:///a.db?mode=ro", "must be empty for a file"),
        ("what is this", "not a database URL"),
    ],
)
def test_an_odd_database_url_is_one_clear_error(url, words):
    with pytest.raises(CatalogueError, match=words):
        connect(url)


def test_a_password_is_not_repeated():
    with pytest.raises(CatalogueError) as caught:
        connect("mysql://user:secret@host/name")
    assert "secret" not in str(caught.value)


def test_the_newest_migration_is_the_one_that_is_opened_without_asking_alembic():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(database.Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def damage(path, statement):
    raw = sqlite3.connect(path)
    raw.execute(statement)
    raw.commit()
    raw.close()


@pytest.mark.parametrize(
    ("statement", "asked", "named"),
    [
        ("UPDATE track SET duration_s = 'long'", "tracks", "track id = 't1'"),
        ("UPDATE track SET title = x'ff00'", "tracks", "track id = 't1'"),
        ("UPDATE finding SET \"values\" = '{not json'", "findings", "finding key = 'k'"),
        ("UPDATE finding SET files = '[1, 2]'", "findings", "finding key = 'k'"),
        (f"UPDATE finding SET params = '{'[' * 5000}'", "findings", "finding key = 'k'"),
        ("UPDATE take SET recipe = '{}'", "takes", "take id"),
        ("UPDATE take SET n_samples = 'many'", "takes", "take id"),
        ("UPDATE song SET number = 'one'", "songs", "song take_id = 'take'"),
        ("UPDATE event SET payload = '{}'", "judgements", "event 1 "),
        ("UPDATE event SET payload = '{\"value\": }'", "verdicts", "event id = 1"),
        ("UPDATE activity SET wall_s = 'ages'", "activities", "activity id = 1"),
    ],
)
def test_a_row_changed_by_hand_is_named_with_its_remedy(project, add_take, statement, asked, named):
    catalogue = project.catalogue
    catalogue.add_tracks([TRACK])
    add_take([[0.0]])
    catalogue.record(Finding("k", "screen", 1, "take", {}, {}, {}))
    catalogue.set_songs([(Song(1, "take", "Mock Melancholy"), "mock")])
    catalogue.say([Event("client-1", 1.0, "ann", "verdict", "take", {"value": "keep"})])
    catalogue.add_activity(Activity("screen", 1.0, 2.0, 3.0))
    damage(project.root / "catalogue.db", statement)
    with pytest.raises(CatalogueError) as caught:
        getattr(catalogue, asked)()
    text = str(caught.value)
    assert named in text
    assert "DELETE FROM" in text
    assert len(text) < 500


def test_a_full_disk_is_said_as_such(filled):
    opened = Catalogue.at(filled)
    with opened.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.commit()
        with pytest.raises(CatalogueError, match="is the disk full"):  # on this one connection: the pool hands it out
            connection.close()
            opened.record(Finding("k", "screen", 1, "take", {}, {}, {"x": "y" * 100_000}))
    opened.close()


def test_a_copy_of_a_catalogue_in_a_folder_with_question_marks_is_that_copy(filled, tmp_path):
    (tmp_path / "w?a=%41").mkdir()
    shutil.copy(filled, tmp_path / "w?a=%41" / "catalogue.db")
    copy = Catalogue.at(tmp_path / "w?a=%41" / "catalogue.db")
    copy.remove_tracks(["t1"])
    copy.close()
    original = Catalogue.at(filled)
    assert original.tracks() == [TRACK]
    original.close()
