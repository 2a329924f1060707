"""Planted defects raise their flag, at their place; sound music raises none; strange files get an answer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile

from neuralbum import screen
from neuralbum.errors import AudioError
from neuralbum.records import canonical
from neuralbum.screen.analysis import CELL_FRAMES, analyse, to_bytes, to_decibels
from neuralbum.screen.features import N_FEATURES
from neuralbum.screen.flags import stretches
from neuralbum.screen.measure import Screening, screen_sound
from neuralbum.screen.params import Params

from .sounds import RATE, band, noise, stuck, tone


def heard(sound: np.ndarray, rate: int = RATE, params: Params | None = None) -> Screening:
    return screen_sound([(np.atleast_2d(sound).astype(np.float32), rate)], params)


def flag(screening: Screening, name: str):
    found = [f for f in screening.flags if f.name == name]
    assert found, f"no {name} among {[f.name for f in screening.flags]}"
    return found[0]


def test_sound_music_raises_no_flag():
    screening = heard(band(24))
    assert screening.flags == ()
    assert screening.values["score"] > 0.6
    assert screening.values["usable_share"] == 1.0


def test_a_hole_of_silence_is_marked_where_it_is():
    sound = band(20)
    sound[8 * RATE : 12 * RATE] = 0
    found = flag(heard(sound), "silence")
    assert found.ranges[0] == pytest.approx((8, 12), abs=0.2)
    assert "0:08 to 0:12" in found.words
    assert found.value == pytest.approx(0.2, abs=0.02)


def test_a_take_that_falls_silent_has_collapsed_there():
    sound = band(30)
    sound[17 * RATE :] *= 0.0005
    screening = heard(sound)
    assert screening.values["collapse_s"] == pytest.approx(17, abs=0.3)
    assert screening.values["caption"].endswith("falls silent at 0:17")


def test_a_fade_and_a_pause_at_the_end_are_no_collapse():
    sound = band(30)
    sound[28 * RATE :] = 0
    assert heard(sound).values["collapse_s"] is None


@pytest.mark.parametrize("period_s", [0.2, 0.37, 0.8, 1.1])
def test_a_stuck_loop_is_found_with_its_period(period_s):
    screening = heard(stuck(band(30), 8.0, period_s, 26.0))
    found = flag(screening, "loop")
    start_s, end_s = found.ranges[0]
    assert start_s == pytest.approx(8, abs=1.5)
    assert end_s == pytest.approx(26, abs=1.5)
    rounds = screening.values["loop_period_s"] / period_s
    assert rounds == pytest.approx(round(rounds), abs=0.1)
    assert screening.values["loop_score"] > 0.9


def test_a_beat_is_no_stuck_loop_while_its_music_changes():
    assert heard(band(30)).values["loop_share"] == 0


def test_a_loop_for_good_is_a_collapse():
    screening = heard(stuck(band(30), 10.0, 0.5, 30.0))
    assert screening.values["collapse_s"] == pytest.approx(10, abs=1.5)
    assert "stuck for good" in screening.values["caption"]


def test_a_constant_is_a_flatline_and_not_silence():
    sound = band(12)
    sound[5 * RATE : 7 * RATE] = 0.3
    screening = heard(sound)
    assert flag(screening, "flatline").ranges[0] == pytest.approx((5, 7), abs=0.2)


def test_a_tone_that_never_changes_hangs():
    sound = band(20)
    sound[6 * RATE : 14 * RATE] = tone(8)
    found = flag(heard(sound), "hang")
    assert found.ranges[0] == pytest.approx((6, 14), abs=1.2)


def test_clipping_counts_samples_at_the_ceiling():
    sound = np.clip(4 * band(10), -1, 1)
    found = flag(heard(sound), "clipping")
    assert found.value == pytest.approx((np.abs(sound) == 1).mean(), rel=0.3)


def test_a_loud_sine_is_not_clipped():
    assert heard(tone(5, hz=60, level=0.99)).values["clip_share"] < 0.002


def test_a_burst_of_noise_is_marked():
    sound = band(12)
    sound[5 * RATE : 6 * RATE] += noise(1, level=0.4)
    found = flag(heard(np.clip(sound, -1, 1)), "noise")
    assert found.ranges[0] == pytest.approx((5, 6), abs=0.25)


def test_a_muffled_take_is_lo_fi_and_its_bandwidth_is_right():
    from neuralbum.audio import resample

    muffled = resample(resample(band(10)[None], RATE, 4000), 4000, RATE)
    assert flag(heard(muffled), "bandwidth").value == pytest.approx(2000, abs=350)


def test_two_equal_channels_are_mono_and_two_different_ones_are_not():
    sound = band(5)
    assert flag(heard(np.stack([sound, sound])), "mono").value < -45
    assert heard(np.stack([sound, band(5, seed=7)])).values["side_db"] > -20


def test_dc_is_measured():
    assert flag(heard(0.5 * band(5) + 0.1), "dc").value == pytest.approx(0.1, abs=0.005)


def test_blocks_of_any_size_give_the_same_finding():
    sound = band(7)[None]
    whole = screen_sound([(sound, RATE)]).values
    edges = [0, 1, 300, 301, 40_000, 90_001, sound.shape[1]]
    parts = screen_sound([(sound[:, a:b], RATE) for a, b in itertools.pairwise(edges)]).values
    assert parts["caption"] == whole["caption"]
    assert parts["features"] == pytest.approx(whole["features"], abs=0.02)


# ---- strange input ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "rate"),
    [
        (np.array([0.5]), 16_000),
        (np.zeros(5 * 16_000), 16_000),
        (band(3, rate=8000), 8000),
        (band(3, rate=96_000), 96_000),
        (np.stack([band(3, seed=i) for i in range(6)]), 16_000),
        (noise(0.05), 16_000),
        (np.full(32_000, np.inf), 16_000),
        (1e9 * noise(2), 16_000),
        (np.sign(tone(3)), 11_025),
    ],
)
def test_strange_sounds_get_a_whole_finding(sound, rate):
    screening = heard(sound, rate)
    canonical(screening.values)  # only plain, finite numbers
    assert 0 <= screening.values["score"] <= 1
    assert len(screening.values["features"]) == N_FEATURES
    assert np.isfinite(screening.values["features"]).all()
    assert screening.values["caption"]
    assert screening.thumbnail()[:4] == b"RIFF"
    assert screening.spectrogram()[1:4] == b"PNG"


def test_broken_samples_are_flagged_where_they_are():
    sound = band(6)
    sound[3 * RATE : 3 * RATE + 50] = np.nan
    found = flag(heard(sound), "broken")
    assert found.ranges[0] == pytest.approx((3.0, 3.1), abs=0.11)


def test_no_samples_are_an_error_that_says_so():
    with pytest.raises(AudioError, match="0 samples"):
        screen_sound([], name="takes/x.flac")


@pytest.mark.parametrize("rate", [1000, 1_000_000])
def test_a_rate_nobody_can_hear_is_an_error(rate):
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        heard(noise(0.1), rate)


@pytest.mark.parametrize("content", [b"", b"hello", b"RIFF\x00\x00\x00\x00WAVE"])
def test_files_that_are_no_sound_are_one_clear_error(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match="x.wav"):
        screen.screen_file(path)


def test_a_wav_without_samples_is_one_clear_error(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(0), RATE)
    with pytest.raises(AudioError, match="0 samples"):
        screen.screen_file(tmp_path / "x.wav")


def test_what_is_kept_of_three_hours_is_small():
    block = noise(60)[None]
    found = analyse((block, RATE) for _ in range(3))
    kept = sum(
        getattr(found, name).nbytes for name in found.__dataclass_fields__ if hasattr(getattr(found, name), "nbytes")
    )
    assert kept / 180 * 3 * 3600 < 100e6  # bytes a second -> three hours


def test_a_cell_is_a_tenth_of_a_second_at_every_rate():
    for rate in (8000, 11_025, 16_000, 44_100, 96_000):
        found = analyse([(noise(2, rate=rate)[None], rate)])
        assert found.cell_s == pytest.approx(0.1, rel=0.01)
        assert len(found.cell_db) == pytest.approx(20, abs=1)
        assert CELL_FRAMES / found.frame_rate == found.cell_s


def test_bytes_and_decibels_are_each_others_inverse():
    level = np.linspace(-80, 0, 256, dtype=np.float32)
    assert to_decibels(to_bytes(level)) == pytest.approx(level, abs=0.16)
    assert (to_bytes(np.array([-500.0, 30.0], dtype=np.float32)) == [0, 255]).all()


def test_stretches_close_small_gaps_and_leave_short_runs_out():
    cells = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 0], dtype=bool)
    assert stretches(cells, 0.1, 1.0, least_s=0.2) == (pytest.approx((0.1, 0.3)),)
    assert stretches(cells, 0.1, 1.0, least_s=0.2, gap_s=0.11) == (pytest.approx((0.1, 0.5)),)
