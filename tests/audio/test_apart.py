"""What strangers made is decoded in a process of its own: the same samples, and a crash is one file's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile

from neuralbum.audio import DecodeLog, apart, reading
from neuralbum.cli.run import run
from neuralbum.errors import AudioError
from neuralbum.originality import building

from ..train.makers import RATE, tune

RNG = np.random.default_rng(5)


@pytest.fixture
def song(tmp_path):
    soundfile.write(tmp_path / "song.flac", RNG.uniform(-0.5, 0.5, (2 * RATE, 2)), RATE)
    return tmp_path / "song.flac"


def test_the_samples_and_the_header_are_those_decoded_in_place(song):
    here, there = reading.read(song), apart.read(song)
    assert here[1] == there[1]
    assert np.array_equal(here[0], there[0])
    assert apart.probe(song) == reading.probe(song)
    assert np.array_equal(
        apart.read(song, sample_rate=16_000, mono=True)[0], reading.read(song, sample_rate=16_000, mono=True)[0]
    )


def test_what_is_odd_about_a_file_is_told_too(tmp_path, song):
    soundfile.write(tmp_path / "hole.mp3", reading.read(song)[0].T, RATE, format="MP3")
    data = (tmp_path / "hole.mp3").read_bytes()
    (tmp_path / "hole.mp3").write_bytes(data[: len(data) // 2] + bytes(3000) + data[len(data) // 2 + 3000 :])
    here, there = DecodeLog(), DecodeLog()
    for _ in reading.blocks(tmp_path / "hole.mp3", log=here):
        pass
    for _ in apart.blocks(tmp_path / "hole.mp3", log=there):
        pass
    assert here.n_damaged
    assert there == here


def test_files_may_be_read_side_by_side_and_left_in_the_middle(song):
    whole, _ = reading.read(song)
    one, other = apart.blocks(song, block_s=0.1), apart.blocks(song, block_s=0.3)
    pieces = [block for pair in itertools.zip_longest(one, other) for block, _ in pair[:1] if block is not None]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    third = apart.blocks(song, block_s=0.1)
    next(third)
    third.close()
    assert np.array_equal(apart.read(song)[0], whole)


def test_an_error_is_the_one_in_place_by_the_name_the_file_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError) as here:
        reading.read("text.wav")
    with pytest.raises(AudioError) as there:
        apart.read("text.wav")
    assert str(there.value) == str(here.value)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two songs and a file over which the decoder crashes."""
    monkeypatch.setattr(building, "DECOYS", ((3.0, 8),))  # chance needs no precise odds here
    monkeypatch.setattr(building, "COVER_DECOYS", ((15.0, 4),))
    music = tmp_path / "music"
    music.mkdir()
    for seed in (1, 2):
        soundfile.write(music / f"tune {seed}.flac", tune(11.0, seed).T, RATE)
    (music / "tune 1 crash.flac").write_bytes((music / "tune 1.flac").read_bytes() + b"x")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "crash.flac").write_bytes((music / "tune 2.flac").read_bytes())
    return music


@pytest.mark.parametrize(
    "line",
    [
        "import {folder} --project {project}", "originality index {folder} -o {out}.nbx",
        "originality search {index} {folder}", "originality search {index} {folder} --workers 2",
        "tempo {crash} {song}", "verify {folder}", "screen {crash} {song}", "resemblance {broken} {folder}",
        "visualise analyse {crash} -o {out}.npz", "visualise render {crash} -o {out}.mp4",
    ],
)  # fmt: skip
def test_every_command_outlives_a_decoder_that_crashes(folder, project, crashing_decoder, tmp_path, capfd, line):
    crash, song, index = folder / "tune 1 crash.flac", folder / "tune 1.flac", tmp_path / "band.nbx"
    if "{index}" in line:
        assert run(["originality", "index", str(song), str(folder / "tune 2.flac"), "-o", str(index)]) == 0
    words = {
        "folder": folder,
        "broken": tmp_path / "broken",
        "project": project.root,
        "crash": crash,
        "song": song,
        "index": index,
        "out": tmp_path / "x",
    }
    code = run([word.format(**words) for word in line.split()])
    out, err = capfd.readouterr()
    assert code == 1
    assert "the decoder crashed over it (Segmentation fault)" in out + err
    if line.startswith("originality index"):
        assert "x.nbx: 2 tracks" in out
    assert not list(tmp_path.rglob("*.part*"))
    if line.startswith("import"):
        assert len(project.catalogue.take_paths()) == 2
