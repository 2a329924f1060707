"""Takes of other generators: kept as they are, named by their sound, with what is known of them and no more."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from neuralbum import audio, importing
from neuralbum.catalogue.rows import recipe_of
from neuralbum.cli.run import run as command
from neuralbum.project import Project
from neuralbum.project.overview import next_step, provenance
from neuralbum.project.stage import file_digest
from neuralbum.records import canonical


def clip(seed=0, rate=44_100, channels=2, seconds=3.0):
    """A whole number of 16-bit steps, so that WAV and FLAC can hold it exactly."""
    noise = np.random.default_rng(seed).integers(-9000, 9000, (round(seconds * rate), channels))
    return (noise / 2**15).astype(np.float32), rate


def write(path, *sound, subtype="PCM_16"):
    soundfile.write(path, *sound, subtype=subtype)
    return path


@pytest.fixture
def project(tmp_path):
    return Project.create(tmp_path / "album")


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 2), (48_000, 1), (22_050, 2)])
def test_sound_is_kept_to_the_bit(project, tmp_path, rate, channels):
    sound, _ = clip(rate=rate, channels=channels)
    (one,) = importing.run(project, [write(tmp_path / "a.wav", sound, rate)])
    (take,) = project.catalogue.takes()
    assert (one.status, one.take) == ("added", take.id)
    back, back_rate = soundfile.read(project.audio_of(take), dtype="float32", always_2d=True)
    assert back_rate == take.sample_rate == rate
    np.testing.assert_array_equal(back, sound)
    assert take.sha256 == file_digest(project.audio_of(take))


def test_twenty_four_bits_stay(project, tmp_path):
    sound = (np.random.default_rng(1).integers(-(2**20), 2**20, (90_000, 2)) / 2**23).astype(np.float32)
    importing.run(project, [write(tmp_path / "a.wav", sound, 44_100, subtype="PCM_24")])
    (take,) = project.catalogue.takes()
    back, _ = soundfile.read(project.audio_of(take), dtype="float32")
    np.testing.assert_array_equal(back, sound)


def test_the_same_sound_comes_in_once(project, tmp_path):
    write(tmp_path / "a.wav", *clip())
    write(tmp_path / "b.flac", *clip())
    write(tmp_path / "c.wav", *clip(seed=2))
    first = importing.run(project, [tmp_path / "a.wav", tmp_path / "b.flac", tmp_path / "c.wav"])
    assert [one.status for one in first] == ["added", "known", "added"]
    again = importing.run(project, [tmp_path], by="something else")
    assert {one.status for one in again} == {"known"}
    assert len(project.catalogue.takes()) == 2


def test_a_sidecar_is_kept_as_told_and_its_generator_wins(project, tmp_path):
    told = {"generator": "RAVE", "prompt": "train horn", "cfg": {"steps": 8, "scale": 1.5}}
    write(tmp_path / "a.wav", *clip())
    (tmp_path / "a.json").write_text(json.dumps(told))
    write(tmp_path / "b.wav", *clip(seed=2))
    a, b = importing.run(project, [tmp_path / "a.wav", tmp_path / "b.wav"], by="Stable Audio 3 LoRA")
    assert (a.generator, b.generator) == ("RAVE", "Stable Audio 3 LoRA")
    origin = {t.id: t.recipe.origin for t in project.catalogue.takes()}
    assert origin[a.take]["recipe"] == told
    assert origin[b.take]["recipe"] == {}


def test_what_is_not_known_is_called_unknown(project, tmp_path):
    (one,) = importing.run(project, [write(tmp_path / "a.wav", *clip())])
    assert one.generator == "unknown"
    (take,) = project.catalogue.takes()
    assert take.recipe.mean_temperature is None
    assert recipe_of(canonical(take.recipe)) == take.recipe
    story = provenance(project, take)
    assert (story["model"], story["trained_on"]) == (None, [])


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"x": NaN}', '"words"', "[" * 9000])
def test_a_strange_sidecar_leaves_the_file_out_and_says_so(project, tmp_path, text):
    write(tmp_path / "a.wav", *clip())
    (tmp_path / "a.json").write_text(text)
    write(tmp_path / "b.wav", *clip(seed=2))
    bad, good = importing.run(project, [tmp_path / "a.wav", tmp_path / "b.wav"])
    assert (bad.status, good.status) == ("failed", "added")
    assert "no usable sidecar" in bad.note


def test_what_is_no_take_is_left_out_with_the_reason(project, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    write(tmp_path / "short.wav", *clip(seconds=0.2))
    write(tmp_path / "six.wav", *clip(channels=6))
    done = importing.run(project, [tmp_path / n for n in ("text.wav", "short.wav", "six.wav", "none.wav")])
    assert {one.status for one in done} == {"failed"}
    notes = " ".join(one.note for one in done)
    assert "0.20 s long" in notes
    assert "6 channels" in notes
    assert project.catalogue.takes() == []
    assert not list(project.takes_dir.glob("*.part*")) if project.takes_dir.exists() else True


def test_a_project_of_imported_takes_alone_goes_on_to_the_screen(project, tmp_path):
    assert next_step(project).startswith("neuralbum add")
    importing.run(project, [write(tmp_path / "a.wav", *clip())])
    assert next_step(project).startswith("neuralbum screen")


def test_the_command_says_what_came_in_and_what_did_not(project, tmp_path, capsys):
    write(tmp_path / "a.wav", *clip())
    (tmp_path / "b.wav").write_text("no sound")
    words = [
        "import",
        str(tmp_path / "a.wav"),
        str(tmp_path / "b.wav"),
        "--as",
        "takes",
        "--project",
        str(project.root),
    ]
    assert command([*words, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["added"], said["known"], said["failed"]) == (1, 0, 1)
    assert command(["import", str(tmp_path), "--as", "songs", "--project", str(project.root)]) == 2


def test_high_rates_come_down_to_48_khz(project, tmp_path):
    importing.run(project, [write(tmp_path / "a.wav", *clip(rate=96_000))])
    (take,) = project.catalogue.takes()
    assert take.sample_rate == 48_000
    assert audio.probe(project.audio_of(take)).sample_rate == 48_000
