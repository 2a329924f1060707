"""What the maker spools: takes that are what their recipes say, checked, or refused."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest

from neuralbum import audio
from neuralbum.generate import making
from neuralbum.project import file_digest
from neuralbum.radio import maker
from neuralbum.radio.maker import Ticket, _Maker, seed_of
from tests.generate.makers import write_small_model

ORDER = {"first": 5, "count": 1, "length_s": 20.0, "temperature": 1.1, "wish": 2}


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(project, told, tmp_path, monkeypatch):
    """A maker in this process; ``found`` is what its search says."""
    write_small_model(project)

    def made(found=None):
        monkeypatch.setattr("neuralbum.originality.checker", lambda _: lambda sound, rate: found)
        return _Maker(project, tmp_path / "spool", found is not None, lambda **words: told.append(words))

    return made


def test_a_spooled_take_is_what_its_recipe_says_bit_for_bit(make, told, project, tmp_path):
    make({"segments": [], "p": 0.4}).batch(ORDER)
    (name,) = [words["take"] for words in told if "take" in words]
    assert told[-1] == {"done": 1}
    ticket = Ticket.read(tmp_path / "spool" / f"{name}.json")
    recipe = ticket.take.recipe
    assert (recipe.take_id, recipe.number, recipe.seed) == (name, 5, seed_of(project))
    assert recipe.seed != project.settings.seed
    assert (ticket.wish, ticket.p, recipe.mean_temperature) == (2, 0.4, 1.1)
    path = tmp_path / "spool" / f"{name}.flac"
    assert file_digest(path) == ticket.take.sha256
    sound, rate = audio.read(path)
    again = making.render(make()._band, recipe)
    assert rate == recipe.sample_rate
    assert np.abs(sound - again).max() <= 1 / 32768


def test_what_is_like_the_bands_music_is_not_spooled_and_said(make, told, tmp_path):
    match = {"duration_s": 1.2, "reference": "Song 3"}
    make({"segments": [match], "p": 1e-5}).batch(ORDER)
    (refused,) = [words for words in told if "refused" in words]
    assert refused["why"] == "1.2 s like Song 3 (p = 1e-05)"
    assert not list((tmp_path / "spool").glob("*"))


def test_silence_is_not_spooled(make, told, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "sound", lambda *_: iter([np.zeros((2, 16_000), np.float32)]))
    made = make()
    made.batch(ORDER)
    assert [words["why"] for words in told if "refused" in words] == ["silence"]


def test_a_maker_that_cannot_open_its_model_says_so_and_ends(project, tmp_path, monkeypatch):
    monkeypatch.setattr(maker.os, "nice", lambda _: 0)
    monkeypatch.setattr(maker.signal, "signal", lambda *_: None)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        maker.make(theirs, str(project.root), project.tables, str(tmp_path), False)
        assert "neuralbum train" in json.loads(ours.recv(4096))["error"]
