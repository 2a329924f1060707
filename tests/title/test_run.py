from __future__ import annotations

import json

import numpy as np
import pytest

from neuralbum.cli.run import run as command_line
from neuralbum.errors import ParameterError
from neuralbum.project import registry
from neuralbum.records import Event
from neuralbum.title import Params, candidates, give, run, title_key
from neuralbum.title.run import given_titles


@pytest.fixture
def takes(project, add_take):
    made = [add_take(np.zeros(160), number=n) for n in range(5)]
    say(project, "keep", *(take.id for take in made[:3]))
    return [take.id for take in made]


def say(project, value, *takes):
    known = len(project.catalogue.events())
    project.catalogue.say(
        Event(f"{value}{known}{i}", 1.0, "ann", "verdict", take, {"value": value}) for i, take in enumerate(takes)
    )


def test_kept_takes_are_numbered_and_titled_once(project, takes):
    outcome = run(project)
    assert (outcome.done, outcome.skipped, outcome.ok) == (3, 0, True)
    songs = project.catalogue.songs()
    assert [(song.number, song.take_id) for song in songs] == [(i, takes[i - 1]) for i in (1, 2, 3)]
    assert len({title_key(song.title) for song in songs}) == 3
    again = run(project)
    assert (again.done, again.skipped) == (0, 3)
    assert project.catalogue.songs() == songs


def test_a_title_stays_with_its_take_through_changes_of_mind(project, takes):
    run(project)
    before = {song.take_id: song.title for song in project.catalogue.songs()}
    say(project, "drop", takes[0])
    say(project, "keep", takes[4])
    run(project)
    songs = project.catalogue.songs()
    assert [song.take_id for song in songs] == [takes[1], takes[2], takes[4]]
    assert [song.number for song in songs] == [1, 2, 3]
    say(project, "keep", takes[0])
    run(project)
    now = {song.take_id: song.title for song in project.catalogue.songs()}
    assert {take: now[take] for take in before} == before


def test_how_a_title_came_about_is_stored(project, takes):
    run(project)
    values = project.catalogue.latest("title")[takes[0]].values
    assert {"title", "rule", "seeds", "rank", "nearness", "far", "key"} <= set(values)


def test_force_gives_new_titles_and_old_ones_do_not_come_back(project, takes):
    run(project)
    before = {song.title for song in project.catalogue.songs()}
    run(project, force=True)
    run(project, force=True)
    after = {song.title for song in project.catalogue.songs()}
    assert not before & after
    assert not before & {p.title for p in candidates(project, 200)}


def test_only_the_named_takes_are_titled(project, takes):
    run(project, takes=[takes[1]])
    assert [song.take_id for song in project.catalogue.songs()] == [takes[1]]


def test_a_person_may_give_a_title_but_not_twice(project, takes):
    give(project, takes[0], "  Salt   Ladder ")
    assert given_titles(project)[takes[0]] == "Salt Ladder"
    with pytest.raises(ParameterError, match="has it already"):
        give(project, takes[1], "salt ladders")
    for bad in ("", "x" * 300, "new\x00line\x1b[2J"):
        with pytest.raises(ParameterError, match="printable"):
            give(project, takes[1], bad)
    give(project, takes[1], "<b>&amp; Ünïcode 🎸")
    run(project)
    assert len(project.catalogue.songs()) == 3


def test_the_room_is_found_by_name(project, takes):
    assert registry.stage("title")(project).done == 3


def test_letters_are_written_as_set(project, takes):
    run(project, Params(letters="UPPER"))
    assert all(song.title.isupper() for song in project.catalogue.songs())


def test_the_command_titles_a_project(project, takes, capsys):
    words = ["title", "--project", str(project.root)]
    assert command_line(words) == 0
    assert "3 done" in capsys.readouterr().out
    assert command_line([*words, "--give", f"{takes[0]}=Salt Ladder"]) == 0
    assert "Salt Ladder" in capsys.readouterr().out
    assert command_line([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["songs"][0]["title"] == "Salt Ladder"
    assert command_line([*words, "--give", "nonsense"]) == 2


def test_candidates_need_no_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command_line(["title", "--phrase", "burning bridges", "--count", "7", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 7
    assert command_line(["title", "--seeds-left", "wet,cold", "--seeds-right", "dog", "--count", "3"]) == 0
    assert "dog" in capsys.readouterr().out
    assert command_line(["title", "--set", "title.nonsense=1", "--count", "3"]) == 2
    assert command_line(["title"]) == 1
    assert "neuralbum new" in capsys.readouterr().err
