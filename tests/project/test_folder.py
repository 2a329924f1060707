"""Settings say what is wrong and what was meant; files are whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tomllib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralbum.audio import write_flac
from neuralbum.errors import CatalogueError, SettingsError
from neuralbum.project import Project, atomic
from neuralbum.project.folder import _toml
from neuralbum.settings import parse_words, resolve, setting


@dataclass(frozen=True)
class Params:
    temperature: float = setting(1.0, "how daring", minimum=0.1, maximum=3.0)
    preset: str = setting("small", "which size", choices=["small", "full"])
    count: int = setting(12, "how many", unit="takes", minimum=1)
    tiers: tuple[int, ...] = setting((1, 16), "samples per step", minimum=1)


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(SettingsError, match="unknown setting 'temprature'; did you mean 'temperature'"):
        resolve(Params, {"temprature": 1.0}, where="x")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"temperature": 9.0}, "temperature = 9 must be >= 0.1 and <= 3"),
        ({"count": 0}, "count = 0 must be >= 1 takes"),
        ({"preset": "huge"}, "preset = 'huge' must be one of 'small', 'full'"),
        ({"temperature": "hot"}, "temperature = 'hot'"),
        ({"tiers": [1, 0]}, "tiers = 0 must be >= 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(table, message):
    with pytest.raises(SettingsError) as caught:
        resolve(Params, table, where="neuralbum.toml [x]")
    assert message in str(caught.value)
    assert "neuralbum.toml [x]" in str(caught.value)


def test_lists_become_tuples_and_defaults_stay():
    assert resolve(Params, {"tiers": [1, 16, 64]}, where="x") == Params(tiers=(1, 16, 64))


def test_words_override_the_file_and_the_file_the_default(tmp_path):
    made = Project.create(tmp_path / "p", artist='Quote " and \\ and \n and ü')
    assert made.settings.artist == 'Quote " and \\ and \n and ü'
    (tmp_path / "p" / "neuralbum.toml").write_text("[screen]\ntemperature = 2.0\ncount = 3\n")
    opened = Project.open(tmp_path / "p", ["screen.count=5"])
    assert opened.params("screen", Params) == Params(temperature=2.0, count=5)
    assert opened.params("screen", Params, temperature=0.5, count=None).temperature == 0.5


@pytest.mark.parametrize(("words", "said"), [(["screen.count=-1"], {}), ([], {"count": -1})])
def test_an_error_names_the_command_or_the_file_whichever_said_it(tmp_path, words, said):
    Project.create(tmp_path / "a", tables={"screen": {"count": 2}})
    with pytest.raises(SettingsError, match=r"^given to the command, \[screen\]: count"):
        Project.open(tmp_path / "a", words).params("screen", Params, **said)
    Project.create(tmp_path / "b", tables={"screen": {"count": -1}})
    with pytest.raises(SettingsError, match=r"neuralbum\.toml \[screen\]: count"):
        Project.open(tmp_path / "b").params("screen", Params)


def test_a_project_is_made_with_tables_of_stages_too(tmp_path):
    made = Project.create(tmp_path / "p", tables={"screen": {"tiers": (1, 16), "preset": "full"}})
    assert made.params("screen", Params) == Params(tiers=(1, 16), preset="full")


def test_words_are_toml_and_else_text():
    assert parse_words(["a.x=1", "a.y=[1, 2]", "a.z=My Band", "b.t=true"]) == {
        "a": {"x": 1, "y": [1, 2], "z": "My Band"},
        "b": {"t": True},
    }
    with pytest.raises(SettingsError, match="table.key=value"):
        parse_words(["nonsense"])


def test_an_unknown_table_is_refused_with_the_nearest_one(tmp_path):
    Project.create(tmp_path / "p")
    (tmp_path / "p" / "neuralbum.toml").write_text("[genrate]\n")
    with pytest.raises(SettingsError, match=r"unknown table \[genrate\]; did you mean 'generate'"):
        Project.open(tmp_path / "p")


DEEP = "x = " + "[" * 5000 + "]" * 5000
LARGE = "[project]\n" + "# a comment\n" * 100_000


@pytest.mark.parametrize(
    "text", ["[project", "artist = 'x'", "\udcff", DEEP, LARGE, "[project]\nseed = 1" + "0" * 5000, "x = 9999-99-99"]
)
def test_a_damaged_settings_file_is_one_clear_error(tmp_path, text):
    Project.create(tmp_path / "p")
    (tmp_path / "p" / "neuralbum.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match="neuralbum.toml"):
        Project.open(tmp_path / "p")


@pytest.mark.parametrize(
    "word", ["project.seed=" + "[" * 5000, "project.seed=1" + "0" * 400, "project.x=9" + "9" * 5000]
)
def test_a_foolish_word_is_one_clear_error(tmp_path, word):
    Project.create(tmp_path / "p")
    if word.count("0") == 400:  # a large number is a number
        assert Project.open(tmp_path / "p", [word]).settings.seed == 10**400
        with pytest.raises(SettingsError, match="must be >= 0"):
            Project.open(tmp_path / "p", [word.replace("=", "=-")])
        return
    with pytest.raises(SettingsError) as caught:
        Project.open(tmp_path / "p", [word])
    assert len(str(caught.value)) < 300


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(deadline=None)
def test_whatever_a_band_is_called_stands_in_the_file_as_it_is(name):
    """Beyond the BMP (U+E0001, emoji), control characters and line breaks too."""
    assert tomllib.loads(_toml({"project": {"artist": name}}))["project"]["artist"] == name


def test_a_name_that_is_no_text_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(SettingsError, match="no UTF-8"):
        Project.create(tmp_path / "p", artist="Caf\udce9")
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("mine", "theirs"), [("Why not? one", "Why not"), ("a%41b", "aAb"), ("a%25b", "a%b"), ("#1", "")]
)
def test_the_catalogue_lies_in_its_own_project_whatever_that_is_called(tmp_path, mine, theirs):
    made = Project.create(tmp_path / mine)
    made.catalogue.set_songs([])
    made.catalogue.close()
    assert (tmp_path / mine / "catalogue.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [mine]


def test_a_takes_audio_has_one_digest_which_a_copy_of_the_project_keeps(project, add_take, tmp_path):
    take, bare = add_take(np.zeros(1600)), add_take(np.ones(1600) / 2, number=1)
    assert project.audio_digest(bare) == bare.sha256
    fleshed = project.fleshed_dir / f"{take.id}.flac"
    fleshed.parent.mkdir()
    write_flac(fleshed, np.ones((2, 4410), np.float32) / 3, 44_100)
    right = hashlib.sha256(fleshed.read_bytes()).hexdigest()
    assert project.audio_digest(take) == right != take.sha256
    shutil.copytree(project.root, tmp_path / "copy", copy_function=shutil.copyfile)  # times of change are lost
    copy = Project.open(tmp_path / "copy")
    assert copy.audio_digest(take) == right
    os.utime(fleshed, (1.0, 1.0))
    assert Project.open(project.root).audio_digest(take) == right
    write_flac(fleshed, np.ones((2, 4410), np.float32) / 5, 44_100)
    assert project.audio_digest(take) == hashlib.sha256(fleshed.read_bytes()).hexdigest() != right


def test_a_digest_is_read_once_and_remembered_in_the_project(project, add_take, monkeypatch):
    take = add_take(np.zeros(1600))
    fleshed = project.fleshed_dir / f"{take.id}.flac"
    fleshed.parent.mkdir()
    fleshed.write_bytes(b"sound")
    known = project.audio_digest(take)
    with open(project.artefacts_dir / "digests.jsonl", "a") as file:
        file.write('["cut sho')  # by a process that was killed
    monkeypatch.setattr("neuralbum.project.file_digest", lambda path: pytest.fail("read again"))
    assert Project.open(project.root).audio_digest(take) == known


def test_no_project_here_says_how_to_make_one(tmp_path):
    with pytest.raises(CatalogueError, match="neuralbum new FOLDER"):
        Project.open(tmp_path)


def test_an_existing_project_is_never_made_over(project):
    with pytest.raises(CatalogueError, match="is a neuralbum project already"):
        Project.create(project.root)


def test_a_file_is_whole_or_not_there(tmp_path):
    with pytest.raises(RuntimeError, match="cut"), atomic(tmp_path / "x.txt") as part:
        part.write_text("half")
        raise RuntimeError("cut")
    assert list(tmp_path.iterdir()) == []
    with atomic(tmp_path / "x.txt") as part:
        part.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
