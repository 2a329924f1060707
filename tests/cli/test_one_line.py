"""Every command ends in one line that says what to do, with one rule for its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from neuralbum.cli import COMMANDS
from neuralbum.cli.run import run, with_examples
from neuralbum.project.overview import next_step
from neuralbum.records import Event, Finding, Model, Song, Track

TRACK = Track("t1", "/music/a.ogg", "A", "Band", "f" * 64, 180.0, 44_100, 2, "train", -14.2, -0.3)


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize("command", [["screen"], ["visualise"], ["title"], ["status"], ["footprint"]])
def test_nothing_to_do_is_fine_and_says_what_to_run_next(project, capsys, command):
    assert run([*command, "--project", str(project.root)]) == 0
    out, _ = said(capsys)
    assert out.splitlines()[-1] == f"next: neuralbum add ~/Music/TheBand --project {project.root}"


@pytest.mark.parametrize(
    "command", [["originality"], ["resemblance"], ["label"], ["curate", "--auto"], ["release", "verify"]]
)
def test_a_command_that_cannot_go_on_yet_fails_and_names_what_to_run_first(project, capsys, command):
    assert run([*command, "--project", str(project.root)]) == 1
    out, err = said(capsys)
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "`neuralbum " in err


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_a_place_where_no_project_can_be_made_is_one_line(tmp_path, capsys, json_too):
    (tmp_path / "file").write_text("here")
    for place, words in (
        (tmp_path / "file", "a file is there already"),
        (tmp_path / "file" / "inside", "a part of this path is a file"),
        (tmp_path / ("n" * 300), "the name is longer than this disk allows"),
    ):
        assert run(["new", str(place), *json_too]) == 1
        out, err = said(capsys)
        assert out == ""
        assert words in err
        assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_error_of_ours_is_one_line_too_and_trace_shows_the_rest(tmp_path, capsys, monkeypatch):
    def strange(*words):
        raise ValueError("quite\nstrange")

    monkeypatch.setattr("neuralbum.cli.status.open_project", strange)
    assert run(["status"]) == 1
    assert said(capsys)[1] == "error: quite strange (ValueError; --trace shows where)\n"
    with pytest.raises(ValueError, match="quite"):
        run(["--trace", "status"])


def child(*words, **options):
    command = [sys.executable, "-m", "neuralbum", *words]
    return subprocess.run(command, capture_output="stdout" not in options, text=True, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
def test_a_full_disk_behind_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        done = child("--version", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "error: the disk is full; free some space, then run the same command again\n"


LIMITED = """
import resource, signal, sys
from neuralbum.cli.run import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
sys.exit(run(sys.argv[1:]))
"""


def test_a_disk_too_full_for_a_project_leaves_nothing_behind(tmp_path):
    """A limit on files stands for the full disk: the write fails half-way in the same place."""
    words = ["new", str(tmp_path / "p"), "--artist", "Silver Stones"]
    done = subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert "would grow larger than this disk" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_examples_stand_on_lines_of_their_own(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")

    def command():
        """Do it.

        Example: neuralbum originality

        Example: neuralbum originality search band.nbx song.flac --csv --and-a-long-line
        """

    assert with_examples(command).splitlines()[-3:] == [
        "Examples:",
        "  neuralbum originality",
        "  neuralbum originality search band.nbx song.flac --csv --and-a-long-line",
    ]
    assert run(["originality", "--help"]) == 0
    lines = said(capsys)[0].splitlines()
    assert "    neuralbum originality search band.nbx song.flac --csv" in lines
    assert "    neuralbum originality index ~/Music/TheBand -o band.nbx" in lines


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_of_itself(name, capsys):
    group = ["skeleton"] if name == "train" else []
    assert run([name, *group, "--help"]) == 0
    assert f"    neuralbum {name}" in said(capsys)[0]


@pytest.mark.parametrize(("line", "offered"), [("neuralbum sta", "status"), ("neuralbum originality --w", "--workers")])
def test_the_shell_completes_commands_and_their_options(line, offered):
    asking = {"_NEURALBUM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = child(env={**os.environ, **asking})
    assert offered in done.stdout.split()


def test_the_next_step_follows_the_album_from_its_first_song_to_the_page(project, add_take, monkeypatch):
    monkeypatch.chdir(project.root)
    catalogue, steps = project.catalogue, [next_step(project)]

    def then(do, *words):
        do(*words)
        steps.append(next_step(project))

    then(catalogue.add_tracks, [TRACK])
    then(catalogue.add_model, Model("m", "skeleton", "tiny", 16_000, "d"))
    take = add_take(np.zeros(160))
    steps.append(next_step(project))
    then(catalogue.record, Finding("k1", "screen", 1, take.id, {}, {}, {}))
    then(catalogue.record, Finding("k2", "originality", 1, take.id, {}, {}, {}))
    then(catalogue.say, [Event("client-1", 1.0, "ann", "verdict", take.id, {"value": "keep"})])
    then(catalogue.set_songs, [(Song(1, take.id, "Mock Melancholy"), "mock")])
    then(catalogue.record, Finding("k3", "visualise", 1, take.id, {}, {}, {}))
    project.album_dir.mkdir()
    then((project.album_dir / "index.html").write_text, "")
    wanted = ["add ~/Music/TheBand", "train", "generate", "screen", "originality", "curate", "title"]
    wanted += ["visualise", "release"]
    assert steps == [*(f"neuralbum {step}" for step in wanted), f"open {project.album_dir / 'index.html'}"]


def test_status_reads_neither_recipes_nor_what_was_measured(project, add_take, capsys, monkeypatch):
    """Ten thousand takes are counted in a moment because their recipes and findings stay on the disk."""
    take = add_take(np.zeros(16_000))
    project.catalogue.record(Finding("k", "screen", 1, take.id, {}, {}, {"x": 1}))
    for name in ("take_of", "finding_of"):
        monkeypatch.setattr(f"neuralbum.catalogue.store.{name}", lambda row: pytest.fail("decoded"))
    assert run(["status", "--json", "--project", str(project.root)]) == 0
    seen = json.loads(said(capsys)[0])
    assert (seen["n_takes"], seen["stages"][0]["done"]) == (1, 1)
    assert seen["take_hours"] == pytest.approx(1 / 3600)


def test_takes_by_id_are_the_only_ones_decoded(project, add_take, monkeypatch):
    from neuralbum.catalogue import store

    takes, decoded, plain = [add_take(np.zeros(160), number=n) for n in range(30)], [], store.take_of
    monkeypatch.setattr(store, "take_of", lambda row: decoded.append(row["id"]) or plain(row))
    assert project.catalogue.takes([takes[7].id, takes[3].id, takes[7].id, "nobody"]) == [takes[3], takes[7]]
    assert sorted(decoded) == sorted([takes[3].id, takes[7].id])
