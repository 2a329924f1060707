"""From sound to levels: known answers, and the plain librosa chain."""

import numpy as np
import pytest

from neuralbum.audio import cqt, stft
from neuralbum.errors import AudioError
from neuralbum.visualise.analyse import (
    HOP_LENGTH,
    analyse,
    gather,
    level,
    level_blocks,
    n_video_frames,
    spans,
    video_levels,
)
from neuralbum.visualise.params import Params

from .sounds import RATE, band, hits, plain_chain, tone

C4 = 36


def look_at(audio, rate=RATE, **settings):
    """All levels of a song, joined: H, B, K, H_v, K_v."""
    params = Params(**settings)
    levels = gather(spans([audio], rate, params.margin), rate)
    found = list(level_blocks(levels, params))
    return {name: np.concatenate([getattr(s, name) for s in found]) for name in ("H", "B", "K", "H_v", "K_v")}


@pytest.fixture(scope="module")
def both():
    audio = band()
    whole = analyse(audio, 44100, 3.0)
    mine = {name: getattr(whole, name) for name in ("mask_h", "mask_p", "y_p", "c_db", "m_db")}
    return {**mine, **look_at(audio, 44100)}, plain_chain(audio, 44100)


@pytest.mark.parametrize(
    ("name", "quantile", "tolerance"),
    [
        ("mask_h", 1.0, 1e-3),
        ("mask_p", 1.0, 1e-3),
        ("y_p", 1.0, 1e-3),
        ("m_db", 0.99, 0.1),
        ("c_db", 0.95, 0.5),
        ("B", 0.999, 2e-3),
        ("K", 0.999, 2e-3),
        ("K_v", 0.999, 2e-3),
    ],
)
def test_arrays_are_those_of_the_plain_chain(both, name, quantile, tolerance):
    mine, plain = both[0][name], both[1][name]
    assert mine.shape == plain.shape
    assert np.quantile(np.abs(mine - plain), quantile) < tolerance


def test_masks_above_a_lossy_codecs_cut_are_the_plain_chains_too():
    audio = band(2.0).astype(np.float64)
    spectrum = np.fft.rfft(audio)
    spectrum[int(12_000 / 22_050 * len(spectrum)) :] *= 1e-9  # what is left up there is far under any rounding
    cut = np.fft.irfft(spectrum, len(audio)).astype(np.float32)
    found, plain = analyse(cut, 44100, 3.0), plain_chain(cut, 44100)
    for name in ("mask_h", "mask_p"):
        assert np.abs(getattr(found, name) - plain[name]).max() < 1e-3


@pytest.mark.parametrize("name", ["H", "H_v"])
def test_pitch_levels_are_those_of_the_plain_chain_on_average(both, name):
    assert np.abs(both[0][name] - both[1][name]).mean() < 5e-3


def test_cutting_a_song_into_spans_changes_nothing(both):
    audio = band()
    whole = analyse(audio, 44100, 3.0)
    cuts = [audio[:100], audio[100:30000], audio[30000:]]  # blocks of any size
    parts = list(spans(cuts, 44100, 3.0, span_frames=150))
    assert len(parts) > 2
    assert [p.start for p in parts] == list(range(0, 150 * len(parts), 150))
    for name in ("mask_h", "mask_p"):
        assert np.array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))
    for name, rounding in (("y_p", 1e-6), ("m_db", 0.05), ("c_db", 0.05)):
        assert np.abs(np.concatenate([getattr(p, name) for p in parts]) - getattr(whole, name)).max() < rounding


def test_a_held_c4_is_harmonic_and_lies_in_bin_36():
    audio = tone(cqt.C1_HZ * 8)
    found = analyse(audio, RATE, 3.0)
    power = np.abs(stft.stft(audio)) ** 2
    assert (power * found.mask_h**2).sum() / power.sum() > 0.99
    assert (found.c_db[10:-10].argmax(axis=1) == C4).all()


def test_a_chromatic_scale_climbs_bin_by_bin():
    scale = np.concatenate([tone(cqt.C1_HZ * 2 ** ((C4 + i) / 12), 0.5) for i in range(12)])
    pitches = look_at(scale)["H_v"]
    heard = [int(pitches[int((i + 0.5) * 15)].argmax()) for i in range(12)]
    assert heard == list(range(C4, C4 + 12))


def test_a_click_lights_nearly_all_bands_within_a_frame():
    audio = np.zeros(2 * RATE, np.float32)
    audio[RATE] = 1.0
    bands = look_at(audio)["B"]
    frame = round(RATE / HOP_LENGTH)
    assert (bands[frame - 1 : frame + 2].max(axis=0) > 0.3).sum() >= 120
    assert not bands[: frame - 3].any()


def test_noise_is_neither_harmony_nor_percussion():
    audio = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
    found = analyse(audio, RATE, 3.0)
    power = np.abs(stft.stft(audio)) ** 2
    rest = np.abs(stft.stft(audio) * (1 - found.mask_h - found.mask_p)) ** 2
    assert rest.sum() / power.sum() > 0.5


def test_silence_is_black():
    found = look_at(np.zeros(RATE, np.float32))
    assert not found["H_v"].any()
    assert not found["K_v"].any()


def test_what_nobody_could_hear_is_black():
    found = look_at(1e-8 * hits(3, 2.0))
    assert not found["K_v"].any()


def test_half_the_volume_is_the_same_picture():
    audio = band(2.0)
    loud, soft = look_at(audio, 44100), look_at(audio / 2, 44100)
    for name in ("H_v", "K_v"):
        assert np.abs(loud[name] - soft[name]).max() < 1e-3


@pytest.mark.parametrize("half_life_s", [0.25, 1.0])
def test_light_falls_by_half_in_a_half_life(half_life_s):
    audio = np.zeros(3 * RATE, np.float32)
    audio[RATE // 2] = 1.0
    light = look_at(audio, half_life_s=half_life_s)["K"].max(axis=1)
    top = int(light.argmax())
    fallen = top + int(np.argmax(light[top:] <= light[top] / 2))
    assert abs((fallen - top) * HOP_LENGTH / RATE - half_life_s) <= HOP_LENGTH / RATE


def test_levels_span_the_range_under_the_maximum():
    assert np.allclose(level(np.array([[0.0, -30.0, -60.0, -90.0]], np.float32), 0.0, 60.0), [[1, 0.5, 0, 0]])


@pytest.mark.parametrize(("rate", "fps"), [(16000, 30), (44100, 60), (22050, 120)])
def test_there_are_enough_pictures_even_where_frames_are_fewer(rate, fps):
    audio = hits(3, 1.37, rate)
    found = look_at(audio, rate, fps=fps)
    assert len(found["H_v"]) == n_video_frames(len(audio), rate, fps) == int(np.ceil(len(audio) / rate * fps))


def test_the_painters_rows_hold_pitches_that_linger():
    levels = gather(spans([tone(440, 1.0)], RATE, 3.0), RATE)
    short, long = (video_levels(levels, Params(linger_s=s)).read(0, 99)[:, :84] for s in (0.0, 0.5))
    assert (long >= short - 1e-6).all()
    assert long.sum() > short.sum()


@pytest.mark.parametrize(
    ("blocks", "words"),
    [([], "0 samples"), ([np.zeros(0, np.float32)], "0 samples"), ([np.array([np.nan], np.float32)], "NaN")],
)
def test_nothing_and_nonsense_are_refused(blocks, words):
    with pytest.raises(AudioError, match=words):
        list(spans(blocks, RATE, 3.0))


@pytest.mark.parametrize("n", [1, 100, 2047])
def test_a_blink_of_sound_still_has_a_picture(n):
    assert len(look_at(np.full(n, 0.5, np.float32))["H_v"]) == n_video_frames(n, RATE, 30)
