"""``neuralbum verify`` on files, folders, addresses, and on what is no sound."""

from __future__ import annotations

import functools
import http.server
import json
import threading

import pytest

from neuralbum.audio import write_flac
from neuralbum.cli.run import run
from neuralbum.errors import CatalogueError
from neuralbum.marking import albums, detection
from neuralbum.project import Project

from .sounds import PAYLOAD, RATE, marked, music


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("album")
    (root / "audio").mkdir()
    write_flac(root / "audio" / "ours.flac", marked(), RATE)
    write_flac(root / "audio" / "theirs.flac", music(), RATE)
    known = albums.Known(PAYLOAD.album, "Band", "Fake", {PAYLOAD.song: "Mock Melancholy"})
    (root / albums.FILE).write_text(albums.text(known), encoding="utf-8")
    return root


def said(capsys, *words):
    code = run(["verify", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)["files"]


def test_a_folder_is_told_apart_and_the_album_named(folder, capsys):
    code, (ours, theirs) = said(capsys, folder)
    assert code == 0
    assert (ours["verdict"], theirs["verdict"]) == ("marked", "no mark found")
    assert ours["p"] < 1e-6
    assert theirs["p"] > 1e-3
    (mark,) = ours["marks"]
    assert (mark["album"], mark["song"]) == ("7f3a91c0", 4)
    assert (mark["album_title"], mark["song_title"]) == ("Band: Fake", "Mock Melancholy")


def test_people_are_told_that_no_mark_proves_nothing(folder, capsys):
    assert run(["verify", str(folder / "audio")]) == 0
    out = capsys.readouterr().out
    assert "no mark found does not mean that a person made it" in out
    assert "album 7f3a91c0, song 4 (Band: Fake – Mock Melancholy)" in out


def test_what_is_no_sound_is_an_error_in_one_line(folder, tmp_path, capsys):
    (tmp_path / "text.flac").write_text("no sound")
    code, rows = said(capsys, tmp_path / "text.flac", tmp_path / "nothing.mp3", folder / "audio" / "theirs.flac")
    assert code == 1
    assert [("error" in row) for row in rows] == [True, True, False]


def test_an_address_is_fetched_and_heard(folder, capsys):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder / "audio"))
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        code, (ours, missing) = said(capsys, f"{base}/ours.flac", f"{base}/nothing.flac")
        server.shutdown()
    assert code == 1
    assert ours["verdict"] == "marked"
    assert "cannot be fetched" in missing["error"]


def test_an_album_keeps_its_number_when_the_band_is_renamed(tmp_path):
    project = Project.create(tmp_path / "p", artist="Old Name")
    number = albums.number_of(project)
    renamed = Project.open(tmp_path / "p", ["project.artist=New Name"])
    assert albums.number_of(renamed) == number


@pytest.mark.parametrize("text", ["", "[]", '{"album": "xyz"}', '{"album": "123456789"}', '{"album": 5}'])
def test_a_damaged_album_number_is_not_replaced_by_a_new_one(tmp_path, text):
    project = Project.create(tmp_path / "p")
    (tmp_path / "p" / albums.FILE).write_text(text)
    with pytest.raises(CatalogueError, match="marking"):
        albums.number_of(project)


def test_a_long_file_is_heard_window_by_window():
    """The power spectra of more than one and a half windows are never held at once."""
    part = detection.powers([(music()[:, : 2 * RATE], RATE)])
    sizes = [len(window) for window in detection._windows([part] * 200, 1000)]
    assert max(sizes) <= 1500
    assert sum(sizes) == 200 * len(part)
