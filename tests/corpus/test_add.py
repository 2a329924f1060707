from __future__ import annotations

import json
import os
import shutil
import wave

import numpy as np
import pytest
import soundfile

from neuralbum.audio import apart, resample
from neuralbum.audio import tags as tagging
from neuralbum.cli.run import run as command_line
from neuralbum.corpus import CorpusParams, add
from neuralbum.corpus import run as corpus_run
from neuralbum.corpus.listen import measure_file
from neuralbum.corpus.prepared import mono_path, open_corpus, stereo_path, to_float
from neuralbum.demo.band import make_band, write_song
from neuralbum.errors import AudioError, ParameterError
from neuralbum.project import Project

SHORT = CorpusParams(min_minutes=0.05)
RESAMPLING_DB = -70.0
"""How far below full scale the prepared copy of a 44.1 kHz track may differ: rounding to 16 bit."""


@pytest.fixture(scope="module")
def songs():
    """Five songs of the demo band, four seconds each."""
    return make_band(seed=11, n_songs=5, duration_s=4.0)


@pytest.fixture
def music(tmp_path, songs):
    folder = tmp_path / "music"
    for i, song in enumerate(songs, 1):
        write_song(song, folder / f"{i:02d} {song.title}.flac", i)
    return folder


def statuses(result):
    return [file.status for file in result.files]


def test_a_folder_becomes_a_corpus_split_by_song(project, music, songs):
    result = add(project, [music], SHORT)
    assert statuses(result) == ["added"] * 5
    assert [file.title for file in result.files] == [song.title for song in songs]
    corpus = open_corpus(project)
    assert corpus.digest == result.digest
    assert {song.track.split for song in corpus.songs} == {"train", "valid", "heldout"}
    for song in corpus.songs:
        assert song.mono.dtype == song.stereo.dtype == np.int16
        assert song.mono.shape == (4 * 16_000,)
        assert song.stereo.shape == (2, 4 * 44_100)
        assert song.track.artist == "Stairwell Weather"


def test_prepared_stereo_is_the_recording_times_the_one_gain(project, music, songs):
    result = add(project, [music], CorpusParams(min_minutes=0.05, peak_db=-7.0))
    gain = 10 ** (result.gain_db / 20)
    assert result.gain_db == pytest.approx(-6.0)
    by_title = {song.track.title: song for song in open_corpus(project).songs}
    for song in songs:
        difference = to_float(by_title[song.title].stereo) - np.float32(gain) * song.audio
        assert 20 * np.log10(np.abs(difference).max()) < RESAMPLING_DB


def test_adding_again_changes_nothing(project, music):
    first = add(project, [music], SHORT)
    times = {p: p.stat().st_mtime_ns for p in project.corpus_dir.glob("*.npy")}
    again = add(project, [music], SHORT)
    assert statuses(again) == ["known"] * 5
    assert (again.digest, again.n_written) == (first.digest, 0)
    assert {p: p.stat().st_mtime_ns for p in project.corpus_dir.glob("*.npy")} == times
    assert add(project, params=SHORT).digest == first.digest  # no path: what was added before


def test_a_killed_run_goes_on_where_it_was(project, music, monkeypatch):
    real, calls = corpus_run.prepare_file, []

    def dies_at_the_third(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(corpus_run, "prepare_file", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        add(project, [music], SHORT)
    assert not list(project.corpus_dir.glob("*.part*"))
    assert project.catalogue.tracks() == []
    monkeypatch.setattr(corpus_run, "prepare_file", real)
    assert add(project, [music], SHORT).n_written == 3


def test_more_music_never_moves_an_old_song(project, music, tmp_path):
    files = sorted(music.iterdir())
    add(project, files[:3], SHORT)
    before = {track.id: track.split for track in project.catalogue.tracks()}
    add(project, files[3:], SHORT)
    after = {track.id: track.split for track in project.catalogue.tracks()}
    assert len(after) == 5
    assert after.items() >= before.items()


def test_a_louder_track_turns_the_whole_corpus_down(project, tmp_path, songs):
    folder = tmp_path / "quiet"
    folder.mkdir()
    for i, song in enumerate(songs[:3]):
        soundfile.write(folder / f"{chr(97 + i)}.flac", 0.25 * song.audio.T, 44_100)
    quiet = add(project, [folder], SHORT)
    first = quiet.tracks[0]
    before = to_float(np.load(mono_path(project.corpus_dir, first.id)))
    soundfile.write(folder / "d.flac", songs[3].audio.T, 44_100)
    os.remove(folder / "a.flac")  # its prepared copy must do
    loud = add(project, [folder], SHORT)
    assert quiet.gain_db - loud.gain_db == pytest.approx(12.0)
    assert loud.n_written == 4
    ratio = 10 ** ((loud.gain_db - quiet.gain_db) / 20)
    after = to_float(np.load(mono_path(project.corpus_dir, first.id)))
    assert np.abs(after - ratio * before).max() < 2 / 32767
    open_corpus(project)


def test_another_rate_is_prepared_anew(project, music):
    add(project, [music], SHORT)
    add(project, [music], CorpusParams(min_minutes=0.05, sample_rate=8_000))
    corpus = open_corpus(project)
    assert corpus.sample_rate == 8_000
    assert {song.mono.size for song in corpus.songs} == {4 * 8_000}


def test_strange_files_get_a_line_each_and_the_rest_goes_on(project, music, songs):
    (music / "empty.wav").touch()
    (music / "letter.mp3").write_text("Dear band,")
    soundfile.write(music / "silent.flac", np.zeros((44_100 * 3, 2)), 44_100)
    soundfile.write(music / "blip.flac", np.full((400, 2), 0.5), 44_100)
    whole = (music / f"01 {songs[0].title}.flac").read_bytes()
    (music / "cut.flac").write_bytes(whole[: len(whole) // 2])
    result = add(project, [music, music / "nowhere.flac"], SHORT)
    why = {os.path.basename(file.path): file.note for file in result.failed}
    assert sorted(why) == ["blip.flac", "cut.flac", "empty.wav", "letter.mp3", "nowhere.flac", "silent.flac"]
    assert "0 bytes" in why["empty.wav"]
    assert "silent" in why["silent.flac"]
    assert "0.01 s" in why["blip.flac"]
    assert "breaks off" in why["cut.flac"]
    assert "no such file" in why["nowhere.flac"]
    assert all("\n" not in note for note in why.values())
    assert len(result.tracks) == 5
    assert not result.ok


def test_a_cut_file_can_be_used_when_asked_for(project, music, songs):
    whole = (music / f"01 {songs[0].title}.flac").read_bytes()
    (music / "cut.flac").write_bytes(whole[: len(whole) * 3 // 4])
    (music / f"01 {songs[0].title}.flac").unlink()
    result = add(project, [music], CorpusParams(min_minutes=0.05, truncated="use"))
    cut = next(file for file in result.files if file.path.endswith("cut.flac"))
    assert cut.status == "added"
    assert 2.0 < cut.duration_s < 4.0


def test_copies_are_left_out_by_bytes_and_by_sound(project, music, songs, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    first = music / f"01 {songs[0].title}.flac"
    (other / "bytes.flac").write_bytes(first.read_bytes())
    soundfile.write(other / "second.mp3", np.tanh(1.5 * songs[1].audio.T), 44_100, format="MP3")
    result = add(project, [music, other], SHORT)
    notes = {os.path.basename(f.path): f.note for f in result.files if f.status == "duplicate"}
    assert sorted(notes) == ["bytes.flac", "second.mp3"]
    assert songs[1].title in notes["second.mp3"]
    assert len(result.tracks) == 5
    kept = add(project, [other], CorpusParams(min_minutes=0.05, near_duplicates=False))
    sides = {track.title: track.split for track in kept.tracks}
    assert sides["second"] == sides[songs[1].title]


@pytest.mark.parametrize(("channels", "rate"), [(1, 22_050), (6, 48_000), (2, 8_000)])
def test_any_channels_and_rates_are_read(project, tmp_path, channels, rate):
    noise = 0.2 * np.random.default_rng(0).standard_normal((rate * 4, channels))
    soundfile.write(tmp_path / "noise.wav", noise, rate, subtype="FLOAT")
    result = add(project, [tmp_path / "noise.wav"], SHORT)
    song = open_corpus(project).songs[0]
    assert abs(song.mono.size - 4 * 16_000) <= 1
    assert abs(song.stereo.shape[1] - 4 * 44_100) <= 1
    assert result.tracks[0].channels == channels


def test_too_little_music_says_how_much_is_needed(project, music):
    with pytest.raises(AudioError, match=r"0\.33 minutes of music in 5 songs; at least 1 are needed .*min_minutes"):
        add(project, [music])
    assert project.catalogue.tracks() == []


def test_nothing_named_or_nothing_to_train_on_is_refused(project, music):
    with pytest.raises(ParameterError, match="name sound files"):
        add(project)
    with pytest.raises(ParameterError, match="music to train on"):
        add(project, [music], CorpusParams(valid_share=0.5, heldout_share=0.5))


def test_hostile_names_and_tags_are_stored_tame(project, tmp_path, songs):
    path = tmp_path / "x\x1b[2J\u202e.flac"
    soundfile.write(path, songs[0].audio.T, 44_100)
    hostile = {"TITLE": "<script>\x1b]0;owned\x07" + "A" * 5000, "ARTIST": "../../etc/passwd\nband"}
    tagging.write(path, "flac", hostile)
    undecodable = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.flac")
    with open(undecodable, "wb") as file:
        soundfile.write(file, songs[1].audio.T, 44_100, format="FLAC")
    result = add(project, [tmp_path], SHORT)
    assert result.ok
    assert len(result.tracks) == 2
    for track in result.tracks:
        assert track.title.isprintable()
        assert track.path.isprintable()
        assert len(track.title) <= 200
    assert {track.artist for track in result.tracks} == {"../../etc/passwd band", ""}


def test_memory_does_not_grow_with_the_length_of_a_file(project, tmp_path, monkeypatch):
    """A six-minute tape: held whole as float32 stereo at 44.1 kHz it would take 127 MB, an hour ten times that."""
    import tracemalloc

    rate = 16_000
    block = (3000 * np.random.default_rng(0).standard_normal((60 * rate, 2))).astype("<i2").tobytes()
    with wave.open(str(tmp_path / "tape.wav"), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        for _ in range(6):
            file.writeframes(block)
    monkeypatch.setattr(corpus_run, "LONG_S", 300.0)
    tracemalloc.start()
    result = add(project, [tmp_path / "tape.wav"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert "counts as one song" in result.files[0].note
    assert open_corpus(project).songs[0].mono.size == 6 * 60 * 16_000


def test_damaged_arrays_are_written_again(project, music):
    result = add(project, [music], SHORT)
    stereo_path(project.corpus_dir, result.tracks[0].id).write_bytes(b"")
    assert add(project, [music], SHORT).n_written == 1
    open_corpus(project)


def test_the_command_prints_a_table_or_json(project, music, capsys):
    words = ["add", str(music), "--project", str(project.root), "--set", "corpus.min_minutes=0.1"]
    assert command_line(words) == 0
    text = capsys.readouterr().out
    assert "heldout" in text
    assert "one gain for all" in text
    (music / "bad.mp3").write_text("no")
    assert command_line([*words, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["failed"] == 1
    assert told["splits"]["train"]["songs"] == 3
    assert command_line(["add", "--project", str(project.root), str(music), "--set", "corpus.valid_share=9"]) == 2


def test_two_projects_split_the_same_music_alike(music, tmp_path):
    sides = []
    for name in ("one", "two"):
        project = Project.create(tmp_path / name)
        result = add(project, sorted(music.iterdir(), reverse=name == "two"), SHORT)
        sides.append({track.title: track.split for track in result.tracks})
        project.catalogue.close()
    assert sides[0] == sides[1]


INVISIBLE = ["Rock\u00a0Ballad", "Na\u3000me", "so\u00adft", "\ufeffbom", "\U0001f468\u200d\U0001f3a4"]


def test_names_that_cannot_be_printed_are_found_again_and_keep_their_sides(project, tmp_path, songs):
    folder = tmp_path / "mu\u00a0sic"
    folder.mkdir()
    for name, song in zip([*INVISIBLE[:3], "line\nbreak", os.fsdecode(b"caf\xe9")], songs, strict=True):
        with open(folder / f"{name}.flac", "wb") as file:
            soundfile.write(file, song.audio.T, song.sample_rate, format="FLAC")
    first = add(project, [folder], SHORT)
    sides = {track.id: track.split for track in first.tracks}
    again = add(project, params=CorpusParams(min_minutes=0.05, sample_rate=8_000))  # every array is written anew
    assert statuses(again) == ["known"] * 5
    assert {track.id: track.split for track in again.tracks} == sides
    assert open_corpus(project).sample_rate == 8_000


@pytest.mark.parametrize("name", INVISIBLE)
def test_a_title_of_an_odd_name_says_what_can_be_read_of_it(project, tmp_path, songs, name):
    soundfile.write(tmp_path / f"{name}.flac", songs[0].audio.T, 44_100)
    (track,) = add(project, [tmp_path], SHORT).tracks
    assert track.title.isprintable()
    assert track.title


def test_a_decoder_that_crashes_takes_only_its_own_file_with_it(project, music, crashing_decoder):
    """On every run."""
    (music / "03 crash.flac").write_bytes((music / os.listdir(music)[0]).read_bytes() + b"x")
    for status in ("added", "known"):
        result = add(project, [music], SHORT)
        (lost,) = result.failed
        assert lost.path.endswith("crash.flac")
        assert "the decoder crashed over it (Segmentation fault)" in lost.note
        assert [file.status for file in result.files if file.status != "failed"] == [status] * 5
        assert len(open_corpus(project).songs) == 5


def test_a_child_that_cannot_be_started_is_said_and_what_is_known_stays(project, music, songs, monkeypatch):
    add(project, [music], SHORT)
    (music / "06 new.flac").write_bytes((music / f"01 {songs[0].title}.flac").read_bytes() + b"x")
    apart.close()
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    result = add(project, [music], SHORT)
    assert statuses(result) == ["known"] * 5 + ["failed"]
    assert "a second Python process could not be started (exit 1)" in result.failed[0].note


def test_the_childs_processor_time_is_in_the_ledger(project, music):
    add(project, [music], SHORT)
    (child,) = [a for a in project.catalogue.activities() if a.detail.get("process") == "decoding"]
    assert child.stage == "corpus"
    assert child.cpu_s > 0


def test_what_is_missing_in_a_playable_file_is_said_and_the_rest_used(project, music, songs, tmp_path):
    soundfile.write(tmp_path / "x.mp3", songs[0].audio.T, 44_100, format="MP3")
    data = (tmp_path / "x.mp3").read_bytes()
    (music / f"01 {songs[0].title}.flac").unlink()
    half = len(data) // 2
    (music / "01 hole.mp3").write_bytes(data[:half] + bytes(3000) + data[half + 3000 :])
    result = add(project, [music], SHORT)
    (hole,) = [file for file in result.files if file.path.endswith("hole.mp3")]
    assert hole.status == "added"
    assert hole.note.startswith("damaged: about 0.")
    assert 3.4 < hole.duration_s < 4.0


@pytest.mark.parametrize(
    ("codec", "name", "options"),
    [
        ("libmp3lame", "x.mp3", {}),
        ("aac", "x.m4a", {"movflags": "faststart"}),
        ("aac", "x.mka", {}),
        ("aac", "x.aac", {"container": "adts"}),
        ("libopus", "x.opus", {}),
        ("flac", "x.flac", {}),
        ("wavpack", "x.wv", {}),
        ("tta", "x.tta", {}),
        ("pcm_s16le", "x.wav", {}),
        ("pcm_s16le", "x.w64", {}),
        ("pcm_s16be", "x.aiff", {}),
        ("pcm_s16be", "x.caf", {}),
    ],
)
def test_a_file_that_breaks_off_is_found_out(tmp_path, encode, codec, name, options):
    noise = (0.1 * np.random.default_rng(0).standard_normal((2, 6 * 48_000))).astype(np.float32)
    whole = encode(tmp_path / name, noise, 48_000, codec, **options)
    assert measure_file(whole)["error"] is None
    cut = tmp_path / f"cut.{name}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2 + 37])
    values = measure_file(cut)
    assert "breaks off" in values["error"]
    assert 1.5 < values["n_samples"] / values["sample_rate"] < 4.5  # what there is, for those who want it


def test_a_file_that_breaks_off_is_found_out_behind_an_appended_error_page(tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal((6 * 44_100, 2))
    soundfile.write(tmp_path / "x.mp3", noise, 44_100, format="MP3")
    data = (tmp_path / "x.mp3").read_bytes()
    (tmp_path / "x.mp3").write_bytes(data[: len(data) // 2] + b"<html>504 Gateway Timeout</html>" * 50)
    assert "breaks off" in measure_file(tmp_path / "x.mp3")["error"]


def test_a_song_with_one_side_upside_down_is_prepared_as_if_it_were_not(project, tmp_path, songs):
    mono = songs[0].audio.mean(axis=0)
    soundfile.write(tmp_path / "inverted.wav", np.stack([mono, -mono]).T, 44_100, subtype="FLOAT")
    result = add(project, [tmp_path / "inverted.wav"], SHORT)
    assert "upside down" in result.files[0].note
    song = open_corpus(project).songs[0]
    gain = 10 ** (result.gain_db / 20)
    expected = resample(mono[None] * np.float32(gain), 44_100, 16_000)[0]
    difference = to_float(song.mono) - expected
    assert 20 * np.log10(np.abs(difference).max()) < RESAMPLING_DB
    assert result.tracks[0].level_db == pytest.approx(20 * np.log10(np.sqrt(np.mean(np.square(mono)))), abs=0.01)
    assert np.array_equal(song.stereo[0], -song.stereo[1])
