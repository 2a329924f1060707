"""``neuralbum screen`` and ``neuralbum tempo`` on files and on a project."""

from __future__ import annotations

import json

import pytest

from neuralbum.audio import write_flac
from neuralbum.cli.run import run

from .sounds import RATE, band


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.flac"
    write_flac(path, band(12, bpm=120)[None], RATE)
    return path


def test_screen_tells_of_loose_files_in_json_and_goes_on_after_a_bad_one(tmp_path, song, capsys):
    bad = tmp_path / "bad.flac"
    bad.write_bytes(b"no")
    assert run(["screen", str(bad), str(song), "--json"]) == 1
    out, err = capsys.readouterr()
    files = json.loads(out)["files"]
    assert "error" in files[0]
    assert "bad.flac" in err
    assert "BPM" in files[1]["caption"]


def test_screen_writes_pictures_of_loose_files(tmp_path, song, capsys):
    assert run(["screen", str(song), "--pictures", str(tmp_path / "p")]) == 0
    assert {p.name for p in (tmp_path / "p").iterdir()} == {"song.flac.thumbnail.webp", "song.flac.spectrogram.png"}


def test_screen_takes_a_setting_and_refuses_an_unknown_one(song, capsys):
    assert run(["screen", str(song), "--set", "screen.quiet_lufs=-1", "--json"]) == 0
    assert "quiet" in [f["name"] for f in json.loads(capsys.readouterr().out)["files"][0]["flags"]]
    assert run(["screen", str(song), "--set", "screen.quite_lufs=-1"]) == 2
    assert "did you mean 'quiet_lufs'" in capsys.readouterr().err


def test_screen_of_a_project_lists_the_likeliest_first(project, add_take, capsys):
    good, quiet = add_take(band(6)), add_take(0.001 * band(6), number=1)
    assert run(["screen", "--project", str(project.root)]) == 0
    out = capsys.readouterr().out
    assert "2 done" in out
    assert out.index(good.id[:8]) < out.index(quiet.id[:8])


def test_tempo_prints_a_family_and_never_one_bare_number(song, capsys):
    assert run(["tempo", str(song), "--parts", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (found,) = answer["files"]
    assert len(answer["bpm"]) == len(found["spectrum"]) == 193
    assert {r["relation"] for r in found["family"]} >= {"x1/2", "x1", "x2"}
    assert found["base_bpm"] in [r["bpm"] for r in found["family"]]
    assert found["parts"][0]["start_s"] == 0
    assert run(["tempo", str(song)]) == 0
    assert "x1/2" in capsys.readouterr().out
