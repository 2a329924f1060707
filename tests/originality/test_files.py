"""Loose files: index, search, resume, and the command line over both."""

from __future__ import annotations

import csv
import io
import json
import os

import numpy as np
import pytest
import soundfile

from neuralbum.audio import resample, write_flac
from neuralbum.audio.files import SUFFIXES, scan
from neuralbum.cli.run import run as command
from neuralbum.errors import AudioError, IndexFileError
from neuralbum.originality import index as indexes
from neuralbum.originality import index_files, search_files
from neuralbum.originality.files import sound_files, unique_names

RATE = 16_000
FIELDS = ["query", "q_start_s", "q_end_s", "reference", "r_start_s", "r_end_s"]
FIELDS += ["pitch_semitones", "speed", "lane", "score", "p"]


@pytest.fixture
def shelf(tmp_path, searcher, tracks, hidden, others):
    """An index file, a take with a copy, a take without."""
    indexes.write(searcher.index, tmp_path / "band.nbx")
    write_flac(tmp_path / "copy.flac", hidden(tracks["song 1"][5 * RATE : 8 * RATE])[None], RATE)
    write_flac(tmp_path / "own.flac", others[1][None, : 8 * RATE], RATE)
    return tmp_path


def test_searching_from_the_command_line_prints_the_fields_of_a_segment(shelf, capsys):
    words = ["originality", "search", str(shelf / "band.nbx"), str(shelf / "copy.flac"), str(shelf / "own.flac")]
    assert command([*words, "--json", "--lanes", "exact"]) == 0
    rows = json.loads(capsys.readouterr().out)["segments"]
    assert {row["query"] for row in rows} == {str(shelf / "copy.flac")}
    assert list(rows[0]) == FIELDS
    assert rows[0]["reference"] == "song 1"
    assert command([*words, "--csv", "--lanes", "exact"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(table[0]) == FIELDS
    assert [row["reference"] for row in table] == [row["reference"] for row in rows]


def test_an_unreadable_file_is_named_and_the_rest_goes_on(shelf, capsys):
    (shelf / "broken.flac").write_bytes(b"no sound")
    names = [str(shelf / name) for name in ("broken.flac", "copy.flac")]
    assert command(["originality", "search", str(shelf / "band.nbx"), *names, "--json", "--lanes", "exact"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in said["failed"]] == [names[0]]
    assert said["segments"]


def test_wrong_use_and_a_broken_index_have_their_exit_codes(shelf, capsys):
    copy = str(shelf / "copy.flac")
    assert command(["originality", "search", str(shelf / "band.nbx"), copy, "--lanes", "loud"]) == 2
    (shelf / "half.nbx").write_bytes((shelf / "band.nbx").read_bytes()[:5000])
    assert command(["originality", "search", str(shelf / "half.nbx"), copy]) == 1
    assert "make it again" in capsys.readouterr().err


def test_an_interrupted_scan_goes_on_from_its_journal(shelf, monkeypatch):
    journal = shelf / "scan.jsonl"
    asked = {"lanes": ("exact",), "journal": journal}
    first, _ = search_files(shelf / "band.nbx", [shelf / "copy.flac"], **asked)
    with open(journal, "a", encoding="utf-8") as file:
        file.write('\n{"about": "cut sho')  # killed while writing
    searched = []
    from neuralbum.originality import files as searching

    real = searching._search_one
    monkeypatch.setattr(searching, "_search_one", lambda path: searched.append(path) or real(path))
    again, _ = search_files(shelf / "band.nbx", [shelf / "copy.flac", shelf / "own.flac"], **asked)
    assert searched == [str(shelf / "own.flac")]
    assert again == first
    search_files(shelf / "band.nbx", [shelf / "copy.flac", shelf / "own.flac"], **asked)
    assert searched == [str(shelf / "own.flac")]


def test_two_processes_find_what_one_finds(shelf):
    files = [shelf / "copy.flac", shelf / "own.flac"]
    alone = search_files(shelf / "band.nbx", files, lanes=("exact",))
    assert search_files(shelf / "band.nbx", files, lanes=("exact",), workers=2) == alone


def test_indexing_a_folder_leaves_out_what_is_no_sound_and_says_so(tmp_path, tracks, capsys, monkeypatch):
    from neuralbum.originality import building

    monkeypatch.setattr(building, "DECOYS", ((3.0, 2),))
    music = tmp_path / "music" / "deep"
    music.mkdir(parents=True)
    write_flac(music / "a.flac", tracks["song 0"][None, : 10 * RATE], RATE)
    write_flac(music.parent / "b.flac", tracks["song 1"][None, : 10 * RATE], RATE)
    (music / "c.mp3").write_bytes(b"nothing")
    (music / "notes.txt").write_text("no sound")
    out = tmp_path / "band.nbx"
    assert command(["originality", "index", str(tmp_path / "music"), "-o", str(out), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["tracks"], [f["file"] for f in said["failed"]]) == (2, ["c.mp3"])
    assert indexes.read(out, thorough=True).digest == said["digest"]


def test_places_that_hold_nothing_are_errors(tmp_path):
    with pytest.raises(AudioError, match="no such file"):
        sound_files([tmp_path / "absent"])
    with pytest.raises(AudioError, match="no sound files"):
        index_files([tmp_path], tmp_path / "x.nbx")
    write_flac(tmp_path / "tiny.flac", np.zeros((1, 100), np.float32), RATE)
    with pytest.raises(AudioError, match="none of 1 tracks"):
        index_files([tmp_path], tmp_path / "x.nbx")
    with pytest.raises(IndexFileError):
        search_files(tmp_path / "tiny.flac", [tmp_path / "tiny.flac"])


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    assert unique_names([tmp_path / "a" / "x.ogg", tmp_path / "b" / "x.ogg"]) == ["a/x.ogg", "b/x.ogg"]


def test_a_service_that_cannot_be_asked_is_reported_and_the_exit_code_says_so(shelf, capsys, monkeypatch):
    from neuralbum.originality import services

    class Down:
        name = "audd"

        def identify(self, sound):
            return services.Answer("audd", services.UNKNOWN, reason="cannot be reached")

    monkeypatch.setattr(services, "from_environment", lambda names: [Down()])
    own = str(shelf / "own.flac")
    words = ["originality", "search", str(shelf / "band.nbx"), own, "--lanes", "exact", "--ask", "audd", "--json"]
    assert command(words) == 1
    said = json.loads(capsys.readouterr().out)["services"]
    assert [(one["file"], one["status"]) for one in said] == [(own, "unknown")]


def test_index_takes_and_passes_over_what_add_does(tmp_path):
    for suffix in sorted(SUFFIXES):
        (tmp_path / f"song{suffix}").write_bytes(b"x")
    for name in ("._song.mp3", ".hidden/song.mp3", "cover.jpg", "song.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = sound_files([tmp_path])
    assert found == scan([tmp_path]).files
    assert {path.suffix for path in found} == SUFFIXES
    assert len(found) == len(SUFFIXES)
    assert {".aifc", ".tta", ".mp2", ".m4b", ".ac3", ".mkv", ".w64", ".rf64"} <= SUFFIXES


def test_what_is_odd_about_a_file_is_said_and_the_good_ones_are_indexed(tmp_path, tracks, capsys, monkeypatch):
    from neuralbum.originality import building

    monkeypatch.setattr(building, "DECOYS", ((3.0, 2),))
    music = tmp_path / "music"
    music.mkdir()
    write_flac(music / "a.flac", tracks["song 0"][None, : 10 * RATE], RATE)
    for rate in (44_100, 22_050):
        sound = resample(tracks["song 1"][None, : 5 * RATE], RATE, rate)
        soundfile.write(tmp_path / f"{rate}.mp3", sound[0], rate, format="MP3")
    (music / "b.mp3").write_bytes((tmp_path / "44100.mp3").read_bytes() + (tmp_path / "22050.mp3").read_bytes())
    (music / "loop.flac").symlink_to("loop.flac")
    (music / os.fsdecode(b"caf\xe9.flac")).write_bytes((music / "a.flac").read_bytes())
    out = tmp_path / "band.nbx"
    assert command(["originality", "index", str(music), "-o", str(out)]) == 1
    said = capsys.readouterr().err
    assert "the sample rate changes within the file (44100, then 22050 Hz)" in said
    assert "loop.flac: a link that leads in a circle" in said
    assert [track.name for track in indexes.read(out).tracks] == ["a.flac", "b.mp3", "caf\\xe9.flac"]


def test_a_copy_with_one_side_upside_down_is_found(shelf, tracks):
    snippet = tracks["song 1"][5 * RATE : 13 * RATE]
    write_flac(shelf / "inverted.flac", np.stack([snippet, -snippet]), RATE)
    found, failures = search_files(shelf / "band.nbx", [shelf / "inverted.flac"], lanes=("exact",))
    assert not failures
    assert found[0].reference == "song 1"
    assert found[0].r_start_s == pytest.approx(5.0, abs=0.1)


def test_an_error_names_its_file_once(shelf, capsys):
    (shelf / "broken.flac").write_bytes(b"no sound")
    assert command(["originality", "search", str(shelf / "band.nbx"), str(shelf / "broken.flac")]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.count("broken.flac") == 1
