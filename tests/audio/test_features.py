"""Mel bands, flatness, centroid, chroma, key."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.audio import features, tempogram
from neuralbum.audio.onset import detrend


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_a_full_scale_sine_gives_about_0_db_in_its_band_at_every_rate(rate):
    n_fft = 2 * round(rate * 0.0232)
    matrix = features.mel_matrix(rate, n_fft, 128, 30, 16_000)
    window = np.hanning(n_fft + 1)[:-1]
    for hz in (300.0, 1000.0, 3000.0):
        wave = np.sin(2 * np.pi * hz * np.arange(n_fft) / rate)
        power = np.abs(np.fft.rfft(wave * window * 2 / window.sum())) ** 2
        assert 10 * np.log10((power @ matrix).max()) == pytest.approx(0, abs=2.5)


def test_every_band_below_half_the_rate_hears_something_and_none_above():
    matrix = features.mel_matrix(16_000, 744, 128, 30, 16_000)
    heard = matrix.max(axis=0) > 0
    n = int(heard.sum())
    assert heard[:n].all()
    assert 80 < n < 128


def test_white_noise_is_flat_and_a_tone_is_not():
    rng = np.random.default_rng(0)
    matrix = features.linear_matrix(16_000, 1024, 24, 200, 7000)
    noise = np.abs(np.fft.rfft(rng.normal(0, 1, (50, 1024)), axis=1)) ** 2 @ matrix
    tone = np.abs(np.fft.rfft(np.sin(np.arange(1024)) * np.hanning(1024)))[None] ** 2 @ matrix
    assert features.flatness(noise).mean() > 0.9
    assert features.flatness(tone)[0] < 0.05
    assert features.flatness(np.zeros((1, 24)))[0] == 0


@pytest.mark.parametrize(("hz", "note"), [(440.0, "A"), (261.63, "C"), (369.99, "F#"), (1567.98, "G")])
def test_a_tone_falls_into_its_pitch_class(hz, note):
    rate, n_fft = 16_000, 4096
    power = np.abs(np.fft.rfft(np.sin(2 * np.pi * hz * np.arange(n_fft) / rate) * np.hanning(n_fft)))
    chroma = power @ features.chroma_matrix(rate, n_fft)
    assert features.NOTE_NAMES[int(np.argmax(chroma))] == note


def test_white_noise_has_an_even_chroma():
    chroma = np.ones(2049) @ features.chroma_matrix(16_000, 4096)
    assert chroma.std() / chroma.mean() < 0.1


@pytest.mark.parametrize(("notes", "name"), [((0, 2, 4, 5, 7, 9, 11), "C major"), ((9, 0, 4), "A minor")])
def test_scales_and_triads_name_their_key(notes, name):
    chroma = np.zeros(12)
    chroma[list(notes)] = 1
    chroma[notes[0]] = 1.5
    assert features.key(chroma)[0] == name


def test_an_even_chroma_has_no_key():
    assert features.key(np.ones(12)) == ("", 0.0)


def test_the_centroid_of_one_line_is_its_frequency():
    assert features.centroid(np.eye(5)[3], np.arange(5) * 100.0) == pytest.approx(300)
    assert features.centroid(np.zeros(5), np.arange(5) * 100.0) == 0


# ---- tempogram -----------------------------------------------------------------


def clicks(bpm: float, *, seconds: float = 20.0, rate: float = 100.0) -> np.ndarray:
    curve = np.zeros(round(seconds * rate))
    at = np.arange(0, seconds, 60 / bpm) * rate
    for shift in (0, 1):  # a click between two frames is shared by both
        inside = (at.astype(int) + shift) < curve.size
        np.add.at(curve, at.astype(int)[inside] + shift, (1 - np.abs(at % 1 - shift))[inside])
    return 10 * curve


@pytest.mark.parametrize("bpm", [47.0, 93.3, 140.0, 278.0, 431.0])
def test_both_views_show_the_tempo_of_clicks(bpm):
    views = tempogram.tempograms(clicks(bpm), 100.0, window_s=10, hop_s=5).mean(axis=0)
    product = tempogram.smooth_bins(views[0], 0.7) * views[1]
    near = np.abs(np.log2(tempogram.BPM / bpm)) < 1.5 / 48
    assert product[near].max() > 0.3 * product.max()
    assert views[1][near].max() > 0.4


def test_a_flat_curve_has_no_tempo_at_all():
    assert tempogram.tempograms(np.full(2000, 3.0), 100.0, window_s=10, hop_s=5).max() == pytest.approx(0, abs=1e-9)


def test_a_peak_between_bins_is_found_between_them():
    bins = np.arange(tempogram.N_BINS)
    spectrum = np.exp(-0.5 * ((bins - 100.3) / 1.5) ** 2)
    exact = tempogram.LOW_BPM * 2 ** (100.3 / tempogram.BINS_PER_OCTAVE)
    assert tempogram.peak_bpm(spectrum, 100) == pytest.approx(exact, rel=5e-4)


def test_detrending_takes_slow_changes_away():
    slow = 5 + np.linspace(0, 3, 3000)
    assert np.abs(detrend(slow, 100.0))[200:-200].max() < 1e-3
