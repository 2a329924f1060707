"""The sample pack: whole bars, zero crossings, tempo and key."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from neuralbum import importing, marking
from neuralbum.audio import write_flac
from neuralbum.release import pack

from .conftest import say, title

RATE = 44_100


def beats(bpm=120.0, seconds=24.0):
    """Two bars of noise drums and an A minor chord, over and over; float32 (2, n)."""
    rng = np.random.default_rng(4)
    beat = round(60 / bpm * RATE)
    t = np.arange(beat) / RATE
    bar = []
    for k in range(8):
        hit = rng.normal(0, 1, beat) * np.exp(-(20 + 10 * (k % 4)) * t) * (1.0 if k % 4 == 0 else 0.4)
        bar.append(hit + sum(0.15 * np.sin(2 * np.pi * f * t) for f in (220.0, 261.6, 329.6, 440.0)))
    loop = np.concatenate(bar)
    sound = np.resize(loop, round(seconds * RATE)) + 0.001 * rng.normal(size=round(seconds * RATE))
    return np.stack([0.3 * sound] * 2).astype(np.float32)


def test_a_stretch_is_widened_to_whole_bars():
    lines = np.arange(0, 20) * 2.0 * RATE
    sound = beats()
    piece = pack.cut(sound, RATE, lines, 4.7, 7.2)
    assert piece.n_bars == 2
    assert piece.start / RATE == pytest.approx(4.0, abs=pack.FIND_ZERO_S)
    assert piece.end / RATE == pytest.approx(8.0, abs=pack.FIND_ZERO_S)


def test_a_stretch_that_lies_on_bars_stays():
    lines = np.arange(0, 20) * 2.0 * RATE
    assert pack.cut(beats(), RATE, lines, 4.02, 7.95).n_bars == 2


def test_without_bars_a_stretch_begins_and_ends_where_the_wave_crosses_zero():
    tone = np.sin(2 * np.pi * 220 * np.arange(5 * RATE) / RATE)[None].astype(np.float32)
    piece = pack.cut(tone, RATE, np.zeros(0), 1.0011, 2.0017)
    assert piece.n_bars == 0
    for at in (piece.start, piece.end):
        assert tone[0, at - 1] <= 0 < tone[0, at]


@pytest.mark.parametrize(
    ("seconds", "n_bars", "bpm", "expected"), [(8.0, 4, 121.0, (120.0, 16)), (6.0, 4, 120.0, (120.0, 12))]
)
def test_the_tempo_is_the_stretch_s_own(seconds, n_bars, bpm, expected):
    assert pack.tempo_of(seconds, n_bars, bpm) == pytest.approx(expected)


def test_the_key_of_a_chord_is_its_own_and_noise_has_none():
    assert pack.key_of(beats(), RATE) == ("A minor", 69)
    assert pack.key_of(np.random.default_rng(2).normal(0, 0.1, (1, 5 * RATE)).astype(np.float32), RATE) == ("", None)


def test_marked_regions_come_out_as_loops_in_folders_of_their_tags(empty_project, tmp_path):
    project = empty_project
    write_flac(tmp_path / "clip.flac", beats(), RATE)
    importing.run(project, [tmp_path / "clip.flac"])
    (take,) = project.catalogue.takes()
    say(project, take, "verdict", value="keep")
    say(project, take, "note", note_id="n9", start_s=6.3, end_s=9.7, text="breakdown in 6/8")
    title(project, {take.id: "Mock Melancholy"})
    folder = pack.run(project)
    rows = {row["heard"]: row for row in json.loads((folder / pack.LISTING).read_text(encoding="utf-8"))}
    assert rows["breakdown in 6/8"]["file"].startswith("breakdown-in-6-8/mock-melancholy_")
    assert rows["breakdown in 6/8"]["bars"] >= 2
    assert rows["kept"]["bars"] == pack.KEPT_BARS
    assert rows["kept"]["bpm"] == pytest.approx(120, abs=1)
    info = soundfile.info(folder / rows["kept"]["file"])
    assert (info.subtype, info.samplerate) == ("PCM_24", RATE)
    assert (folder / "LICENSE.txt").read_text(encoding="utf-8")
    sound, rate = soundfile.read(folder / rows["kept"]["file"], dtype="float32")
    assert marking.detect([(np.ascontiguousarray(sound.T), rate)], speeds=(1.0,)).found
    assert not list(project.root.glob("pack-*.part"))
