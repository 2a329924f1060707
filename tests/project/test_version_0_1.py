"""A project that version 0.1 left behind opens: its tables as they were then, its settings, its takes and words."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from neuralbum.catalogue import schema
from neuralbum.cli.run import run as command_line

STORED = Path(__file__).parent / "version_0_1"
"""``neuralbum.toml`` and the catalogue as SQL, written down by hand from the first migration."""
TAKE = "0123456789abcdef0123"


@pytest.fixture
def old_project(tmp_path):
    root = tmp_path / "album"
    root.mkdir()
    (root / "neuralbum.toml").write_text((STORED / "neuralbum.toml").read_text())
    with sqlite3.connect(root / "catalogue.db") as database:
        database.executescript((STORED / "catalogue.sql").read_text())
    database.close()
    return root


def test_status_counts_what_version_0_1_left(old_project, capsys):
    assert command_line(["status", "--project", str(old_project), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["n_takes"], seen["n_songs"], seen["verdicts"]["keep"]) == (1, 1, 1)
    assert seen["tracks"] == {"train": 1, "valid": 0, "heldout": 1}
    assert seen["models"][0]["heldout_bits"] == pytest.approx(3.25)
    with sqlite3.connect(old_project / "catalogue.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (schema.HEAD,)
    database.close()


@pytest.mark.parametrize("word", ["1", TAKE[:7], "Mock Melancholy"])
def test_why_tells_a_take_of_version_0_1(old_project, capsys, word):
    assert command_line(["why", word, "--project", str(old_project), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["take"]["id"] == TAKE
    assert told["findings"]["screen"]["values"]["loudness_lufs"] == -14.0
    assert told["judgement"]["verdict"] == "keep"
    assert told["song"]["title"] == "Mock Melancholy"
    assert command_line(["why", word, "--project", str(old_project)]) == 0
