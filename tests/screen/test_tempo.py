"""Tempo spectra of made music, and tapped tempo."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.screen import tempo
from neuralbum.screen.analysis import analyse

from .sounds import RATE, band, noise, tone


def spectrum_of(sound: np.ndarray, rate: int = RATE) -> tempo.TempoSpectrum:
    heard = analyse([(np.atleast_2d(sound), rate)])
    return tempo.measure(heard.onset, heard.frame_rate).song


@pytest.mark.parametrize("bpm", [64.0, 97.0, 120.0, 155.5, 203.0, 276.0])
def test_the_family_of_a_drum_beat_is_right(bpm):
    found = spectrum_of(band(20, bpm=bpm))
    assert tempo.same_family(found.base_bpm, bpm, tolerance=0.02)
    assert found.clarity > 0.3
    assert len(found.peaks) <= 4


def eighths(bpm: float, bar: list[str], *, hat: float = 1.0, seconds: float = 20.0) -> np.ndarray:
    """Drums in eighth notes: each step of ``bar`` names what sounds, of k(ick), s(nare), h(at); float32 (n,)."""
    rng = np.random.default_rng(1)
    time = np.arange(round(0.15 * RATE)) / RATE
    drums = {
        "k": np.sin(2 * np.pi * (50 + 70 * np.exp(-time * 40)) * time) * np.exp(-time * 22),
        "s": 0.6 * rng.normal(0, 1, time.size) * np.exp(-time * 30),
        "h": 0.25 * hat * np.diff(rng.normal(0, 1, time.size + 1)) * np.exp(-time * 90),
    }
    out = np.zeros(round((seconds + 1) * RATE))
    for i in range(int(seconds * bpm / 30)):
        at = round(i * 30 / bpm * RATE)
        for name in bar[i % len(bar)]:
            out[at : at + time.size] += drums[name]
    out = out[: round(seconds * RATE)]
    return (0.7 * out / np.abs(out).max()).astype(np.float32)


ROCK, HOUSE = ["kh", "h", "sh", "h"], ["k", "h", "ks", "h"]


@pytest.mark.parametrize("bpm", [60.0, 80.0, 90.0, 100.0, 110.0, 120.0, 123.3, 135.0, 174.0, 200.0])
def test_hats_on_every_eighth_do_not_double_the_beat_of_rock(bpm):
    assert tempo.same_tempo(spectrum_of(eighths(bpm, ROCK)).base_bpm, bpm)


@pytest.mark.parametrize("bpm", [100.0, 110.0, 120.0, 128.0])
def test_hats_between_the_kicks_do_not_double_the_beat_of_house(bpm):
    assert tempo.same_tempo(spectrum_of(eighths(bpm, HOUSE)).base_bpm, bpm)


@pytest.mark.parametrize("bar", [ROCK, HOUSE])
@pytest.mark.parametrize("hat", [0.02, 0.1, 0.25, 0.5, 1.0])
def test_the_beat_does_not_depend_on_how_loud_the_hats_are(bar, hat):
    found = spectrum_of(eighths(120, bar, hat=hat))
    assert tempo.same_tempo(found.base_bpm, 120)
    listed = {r.relation: r.strength for r in found.family}
    assert listed["x1"] > 0.2  # heard, and so shown, wherever the family is


def test_an_arpeggio_in_eighths_without_drums_is_felt_in_beats():
    rng, step = np.random.default_rng(3), 30 / 120
    time = np.arange(round(0.22 * RATE)) / RATE
    sound = np.zeros(21 * RATE)
    for i in range(80):
        at, hz = round(i * step * RATE), 220 * 2 ** (rng.integers(0, 12) / 12)
        sound[at : at + time.size] += (1 if i % 2 == 0 else 0.7) * np.sin(2 * np.pi * hz * time) * np.exp(-time * 12)
    found = spectrum_of((0.5 * sound[: 20 * RATE]).astype(np.float32))
    assert tempo.same_tempo(found.base_bpm, 120)


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_the_sample_rate_does_not_matter(rate):
    assert tempo.same_family(spectrum_of(band(15, bpm=131, rate=rate), rate).base_bpm, 131, tolerance=0.02)


@pytest.mark.parametrize("sound", [noise(20), tone(20), tone(20) + 0.2 * tone(20, hz=331.3), np.zeros(20 * RATE)])
def test_noise_drones_and_silence_have_no_tempo(sound):
    found = spectrum_of(sound.astype(np.float32) / 2)
    assert (found.base_bpm, found.peaks, found.family) == (0.0, (), ())
    assert found.clarity < 0.2
    assert not found.spectrum.any()


def test_half_double_and_the_lesser_relatives_are_listed_with_their_strength():
    found = spectrum_of(band(20, bpm=120))
    listed = {r.relation: r for r in found.family}
    assert {"x1/2", "x1", "x2", "2:3", "3:4"} <= set(listed)
    assert listed["x2"].bpm == pytest.approx(2 * found.base_bpm)
    assert all(30 <= r.bpm <= 480 and 0 <= r.strength <= 1 for r in found.family)


def test_a_change_of_tempo_shows_in_the_parts():
    sound = np.concatenate([band(20, bpm=100), band(20, bpm=141)])
    heard = analyse([(sound[None], RATE)])
    parts = tempo.measure(heard.onset, heard.frame_rate).parts
    assert [start for start, _, _ in parts] == [0, 10, 20, 30]
    assert tempo.same_family(parts[0][2].base_bpm, 100, tolerance=0.02)
    assert tempo.same_family(parts[-1][2].base_bpm, 141, tolerance=0.02)


def test_a_sound_too_short_has_no_tempo():
    assert spectrum_of(band(1.5)).base_bpm == 0


@pytest.mark.parametrize(("a", "b", "same"), [(120, 240, True), (60, 241, True), (120, 180, False), (0, 120, False)])
def test_families_are_octaves(a, b, same):
    assert tempo.same_family(a, b) is same
