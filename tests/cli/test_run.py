"""The command line: exit codes, one-line errors, JSON on stdout and nothing else there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from neuralbum import __version__
from neuralbum.cli.console import amount_of, hours
from neuralbum.cli.options import find_takes, parse_shard
from neuralbum.cli.run import run
from neuralbum.cli.train import _words
from neuralbum.errors import NeuralbumError, ParameterError
from neuralbum.project import Project
from neuralbum.records import Event, Finding, Song
from neuralbum.train import settings_of


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_version_is_printed(capsys):
    assert run(["--version"]) == 0
    assert __version__ in said(capsys)[0]


def test_an_unknown_command_is_wrong_use(capsys):
    assert run(["frobnicate"]) == 2
    assert "No such command" in said(capsys)[1]


def test_an_error_is_one_line_and_exit_code_1(tmp_path, capsys):
    assert run(["status", "--project", str(tmp_path)]) == 1
    out, err = said(capsys)
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_trace_shows_the_rest(tmp_path):
    with pytest.raises(NeuralbumError):
        run(["--trace", "status", "--project", str(tmp_path)])


def test_a_wrong_setting_is_wrong_use(tmp_path, capsys):
    assert run(["new", str(tmp_path / "p"), "--seed", "-1"]) == 2
    assert "seed = -1 must be >= 0" in said(capsys)[1]
    assert not (tmp_path / "p").exists()


def test_a_project_is_found_from_inside(tmp_path, capsys, monkeypatch):
    assert run(["new", str(tmp_path / "p"), "--artist", "Band"]) == 0
    said(capsys)
    inside = tmp_path / "p" / "deep" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert run(["status", "--json"]) == 0
    assert json.loads(said(capsys)[0])["artist"] == "Band"


def test_status_counts_what_is_done_pending_and_failed(project, add_take, capsys):
    takes = [add_take(np.zeros(1600), number=n) for n in range(3)]
    catalogue = project.catalogue
    catalogue.record(Finding("k0", "screen", 1, takes[0].id, {}, {}, {"score": 0.5}, created_at=1.0))
    catalogue.record(Finding("k1", "screen", 1, takes[1].id, {}, {}, {}, error="it broke", created_at=2.0))
    catalogue.say([Event("c1", 1.0, "auto", "verdict", takes[0].id, {"value": "keep"})])
    catalogue.set_songs([(Song(1, takes[0].id, "Mock Melancholy"), "mock melancholy")])
    assert run(["status", "--json", "--project", str(project.root)]) == 0
    seen = json.loads(said(capsys)[0])
    stages = {s["stage"]: s for s in seen["stages"]}
    assert (stages["screen"]["done"], stages["screen"]["pending"], stages["screen"]["failed"]) == (1, 1, 1)
    assert stages["visualise"]["pending"] == 1
    assert stages["title"]["done"] == 1
    assert seen["verdicts"] == {"keep": 1, "maybe": 0, "drop": 0, "undecided": 2}
    assert seen["failures"] == [["screen", takes[1].id, "it broke"]]
    assert run(["status", "--project", str(project.root)]) == 0
    assert "it broke" in said(capsys)[0]


@pytest.mark.parametrize("word", ["mock MELANCHOLY", "1", "001", None])
def test_why_finds_a_take_by_title_number_or_beginning_of_its_id(project, add_take, capsys, word):
    take = add_take(np.zeros(1600))
    project.catalogue.set_songs([(Song(1, take.id, "Mock Melancholy"), "mock melancholy")])
    assert run(["why", word or take.id[:8], "--json", "--project", str(project.root)]) == 0
    story = json.loads(said(capsys)[0])
    assert story["take"]["id"] == take.id
    assert story["song"]["title"] == "Mock Melancholy"
    assert run(["why", take.id, "--project", str(project.root)]) == 0
    assert "temperature 1 at 0 s" in said(capsys)[0]


def test_why_of_an_unknown_take_is_wrong_use(project, add_take, capsys):
    add_take(np.zeros(160))
    assert run(["why", "nothing", "--project", str(project.root)]) == 2
    assert "no take of that id" in said(capsys)[1]


def test_doctor_finds_a_damaged_project(project, capsys):
    (project.root / "neuralbum.toml").write_text("[screeen]\n")
    assert run(["doctor", "--json", "--project", str(project.root)]) == 1
    checks = {c["name"]: c for c in json.loads(said(capsys)[0])}
    assert checks["project"]["ok"] is False
    assert "did you mean 'screen'" in checks["project"]["found"]
    assert checks["Python"]["ok"] is True


def test_a_number_means_the_song_and_never_the_beginning_of_an_id(project, add_take, capsys):
    takes = [add_take(np.zeros(160), number=n) for n in range(40)]
    digit = next(take.id[0] for take in takes if take.id[0] in "123456789")
    others = [take for take in takes if not take.id.startswith(digit)]
    project.catalogue.set_songs([(Song(int(digit), others[0].id, "Mock Melancholy"), "mock melancholy")])
    assert run(["why", digit, "--json", "--project", str(project.root)]) == 0
    assert json.loads(said(capsys)[0])["take"]["id"] == others[0].id
    assert run(["why", "87", "--project", str(project.root)]) == 2
    assert f"no song of that number; numbers go from {digit} to {digit}" in said(capsys)[1]
    assert run(["status", "--takes", "--json", "--project", str(project.root)]) == 0
    numbers = {row["id"]: row["number"] for row in json.loads(said(capsys)[0])}
    assert {i for i, number in numbers.items() if number == int(digit)} == {others[0].id}
    assert sum(number is None for number in numbers.values()) == 39


def test_a_take_is_named_by_its_songs_number_in_every_command(project, add_take):
    takes = [add_take(np.zeros(160), number=n) for n in range(2)]
    project.catalogue.set_songs([(Song(12, takes[1].id, "Mock Melancholy"), "mock melancholy")])
    assert find_takes(project, ["12", takes[0].id[:8]]) == [takes[1].id, takes[0].id]
    assert find_takes(project, None) is None


def test_six_digits_may_begin_an_id(project, add_take):
    take = add_take(np.zeros(160))
    digits = replace(take, id="1234567890abcdef1234")
    project.catalogue.add_take(digits)
    assert find_takes(project, ["123456"]) == [digits.id]
    with pytest.raises(ParameterError, match="no song of that number"):
        find_takes(project, ["12345"])


@pytest.mark.parametrize("word", ["0/3", "4/3", "x/3", "3", "²/²", "1/²", "1/" + "9" * 30])
def test_a_foolish_shard_is_refused(word):
    with pytest.raises(ParameterError, match="I/N"):
        parse_shard(word)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.6, "1m00s"), (200, "3m20s"), (7500, "2h05m")])
def test_times_are_said_as_people_say_them(seconds, text):
    assert hours(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(7, "7"), (2.51, "2.51"), (20.6184, "20.6"), (1149.4, "1149"), (4e6, "4000000")]
)
def test_amounts_are_said_without_needless_digits(count, text):
    assert amount_of(count) == text


def test_steps_asked_for_win_over_a_time_in_the_file(tmp_path, capsys):
    folder = tmp_path / "p"
    assert run(["new", str(folder)]) == 0
    with (folder / "neuralbum.toml").open("a") as file:
        file.write('\n[skeleton]\npreset = "debug"\ntime_s = 86400.0\n')

    def settled(duration, steps):
        (params,) = settings_of(Project.open(folder, _words("skeleton", duration, None, steps)), "skeleton")
        return params.steps, params.time_s

    assert settled(None, None) == (0, 86400.0)
    assert settled(None, 10) == (10, 0.0)
    assert settled("2m", None) == (0, 120.0)
    capsys.readouterr()
    assert run(["train", "skeleton", "--project", str(folder), "--steps", "10", "--for", "2m"]) == 2
    assert "choose one" in said(capsys)[1]
