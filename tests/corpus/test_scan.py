from __future__ import annotations

import os

import numpy as np
import pytest

from neuralbum.audio.files import find_shown
from neuralbum.corpus.arrays import ArrayWriter, scale
from neuralbum.corpus.scan import clean_text, natural, scan, show_path, title_of


def touch(path, data: bytes = b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_files_come_in_the_order_people_count(tmp_path):
    for name in ("10 b.flac", "2 a.flac", "1 c.MP3"):
        touch(tmp_path / name)
    assert [p.name for p in scan([tmp_path]).files] == ["1 c.MP3", "2 a.flac", "10 b.flac"]


def test_the_project_and_hidden_files_are_not_entered(tmp_path):
    project = tmp_path / "music" / "project"
    touch(project / "takes" / "take.flac")
    touch(tmp_path / "music" / ".hidden.flac")
    touch(tmp_path / "music" / "._song.mp3")
    touch(tmp_path / "music" / "cover.jpg")
    song = touch(tmp_path / "music" / "song.mp3")
    found = scan([tmp_path / "music"], leave_out=project)
    assert found.files == [song]
    assert found.passed_over == 1


def test_a_folder_inside_of_the_project_may_be_named(tmp_path):
    song = touch(tmp_path / "p" / "music" / "song.mp3")
    assert scan([tmp_path / "p" / "music"], leave_out=tmp_path / "p").files == [song]
    assert scan([tmp_path / "p"], leave_out=tmp_path / "p").files == [song]


def test_a_file_named_twice_counts_once_and_a_missing_one_is_said(tmp_path):
    song = touch(tmp_path / "a" / "song.xyz")
    found = scan([song, str(song), tmp_path / "nowhere"])
    assert found.files == [song]
    assert [path.name for path, _ in found.missing] == ["nowhere"]


def test_a_loop_of_links_ends(tmp_path):
    song = touch(tmp_path / "a" / "song.mp3")
    os.symlink(tmp_path / "a", tmp_path / "a" / "again")
    assert scan([tmp_path]).files == [song]


def test_what_a_file_calls_itself_cannot_drive_the_terminal():
    hostile = "\x1b[31mred\u202egnp.exe\r\nnew\x00line\ud800"
    cleaned = clean_text(hostile)
    assert all(c.isprintable() for c in cleaned)
    assert "\x1b" not in cleaned
    assert len(clean_text("x" * 5000)) == 200
    assert clean_text("  <b>Ünïcode 🎸</b>  ") == "<b>Ünïcode 🎸</b>"


def test_an_undecodable_name_can_be_shown_and_stored():
    name = os.fsdecode(b"caf\xe9\x1b.wav")
    shown = show_path(name)
    assert shown == "caf\\xe9\\x1b.wav"
    shown.encode("utf-8")


def test_the_title_is_the_tag_else_the_name_without_its_number(tmp_path):
    assert title_of(tmp_path / "03 - Ashes.flac", "") == "Ashes"
    assert title_of(tmp_path / "03 - Ashes.flac", " Salt ") == "Salt"
    assert title_of(tmp_path / "07.flac", "") == "07"


def test_natural_order_compares_numbers_with_words():
    assert sorted(["b2", "b10", "2", "a"], key=natural) == ["2", "a", "b2", "b10"]


def test_a_growing_array_can_be_mapped(tmp_path):
    rng = np.random.default_rng(0)
    blocks = [rng.integers(-9, 9, (2, n)).astype(np.int16) for n in (5, 0, 7)]
    with ArrayWriter(tmp_path / "a.npy", 2) as array:
        for block in blocks:
            array.write(block)
    stored = np.load(tmp_path / "a.npy", mmap_mode="r", allow_pickle=False)
    assert np.array_equal(stored, np.concatenate(blocks, axis=1))
    with ArrayWriter(tmp_path / "m.npy", 1) as array:
        array.write(np.arange(6, dtype=np.int16)[None])
    assert np.load(tmp_path / "m.npy", mmap_mode="r").tolist() == [0, 1, 2, 3, 4, 5]
    scale(tmp_path / "m.npy", tmp_path / "half.npy", 0.5)
    assert np.load(tmp_path / "half.npy").tolist() == [0, 0, 1, 2, 2, 2]


def test_links_in_a_circle_and_what_is_no_file_are_named_and_the_rest_goes_on(tmp_path):
    song = touch(tmp_path / "a" / "song.mp3")
    os.symlink("loop.flac", tmp_path / "a" / "loop.flac")
    os.symlink("nowhere.flac", tmp_path / "a" / "dangling.flac")
    os.symlink(tmp_path / "a" / "folder.loop", tmp_path / "a" / "folder.loop")
    os.mkfifo(tmp_path / "a" / "pipe.wav")
    found = scan([tmp_path, tmp_path / "a" / "folder.loop"])
    assert found.files == [song]
    assert {path.name: why for path, why in found.missing} == {
        "dangling.flac": "a link to a file that is not there",
        "folder.loop": "a link that leads in a circle",
        "loop.flac": "a link that leads in a circle",
        "pipe.wav": "not a file",
    }


STRANGE_NAMES = [
    "Rock\u00a0Ballad.wav",
    "Na\u3000me.wav",
    "so\u00adft.wav",
    "\ufeffbom.wav",
    "\U0001f468\u200d\U0001f3a4.wav",
    "line\nbreak.wav",
    os.fsdecode(b"caf\xe9.wav"),
    "back\\slash\u00a0.wav",
    "plain.wav",
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_what_is_shown_of_a_name_finds_the_file_again(tmp_path, name):
    song = touch(tmp_path / name.removesuffix(".wav") / name)
    assert find_shown(show_path(song)) == [song]
    song.unlink()
    assert find_shown(show_path(song)) == []


def test_names_that_look_the_same_are_all_found(tmp_path):
    two = {touch(tmp_path / "a\u00a0b.wav"), touch(tmp_path / "a\\xa0b.wav")}
    assert set(find_shown(show_path(tmp_path / "a\u00a0b.wav"))) == two
