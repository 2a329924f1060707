"""``neuralbum screen`` and ``neuralbum tempo`` on files and on a project."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.audio import write_flac
from neuralbum.cli.run import run
from neuralbum.screen import screen_file

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
    assert out.splitlines()[-1].startswith("next: neuralbum ")
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


def test_a_song_with_one_side_upside_down_is_heard_as_it_would_be_otherwise(tmp_path):
    one = band(12, bpm=120)
    write_flac(tmp_path / "same.flac", np.stack([one, one]), RATE)
    write_flac(tmp_path / "inverted.flac", np.stack([one, -one]), RATE)
    same, inverted = (screen_file(tmp_path / name) for name in ("same.flac", "inverted.flac"))
    assert inverted.tempo.song.base_bpm == same.tempo.song.base_bpm > 0
    assert inverted.values["caption"] == same.values["caption"].removesuffix("; two equal channels")
    assert np.array_equal(inverted.analysis.picture, same.analysis.picture)
    assert inverted.values["side_db"] > 60  # that nothing of the middle is left stays visible


@pytest.mark.parametrize("command", ["screen", "tempo"])
def test_one_sample_and_silence_are_a_line_each(tmp_path, capsys, command):
    write_flac(tmp_path / "one.flac", np.full((1, 1), 0.5, np.float32), RATE)
    write_flac(tmp_path / "silence.flac", np.zeros((2, 3 * RATE), np.float32), RATE)
    assert run([command, str(tmp_path / "one.flac"), str(tmp_path / "silence.flac")]) == 0
    out = capsys.readouterr().out
    assert len([line for line in out.splitlines() if line.startswith(("one.flac", "silence.flac"))]) == 2
