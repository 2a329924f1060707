"""Sound goes in and comes out; what is broken says so."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.audio import FlacWriter, blocks, probe, read, resample, write_flac
from neuralbum.errors import AudioError, ParameterError

QUANTUM_16 = 1 / 32768  # the step of 16-bit FLAC


def sine(hz, seconds, sample_rate, channels=1):
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.tile((0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32), (channels, 1))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 96_000])
def test_flac_comes_back_within_a_quantum(tmp_path, channels, sample_rate):
    sound = sine(440, 0.3, sample_rate, channels)
    write_flac(tmp_path / "x.flac", sound, sample_rate)
    back, rate = read(tmp_path / "x.flac")
    assert (rate, back.shape) == (sample_rate, sound.shape)
    assert np.abs(back - sound).max() <= QUANTUM_16


def test_block_by_block_is_the_same_as_all_at_once(tmp_path):
    sound = sine(440, 3.0, 22_050, 2)
    with FlacWriter(tmp_path / "x.flac", sample_rate=22_050, channels=2) as flac:
        for start in range(0, sound.shape[1], 1000):
            flac.write(sound[:, start : start + 1000])
    parts = [b for b, _ in blocks(tmp_path / "x.flac", block_s=0.5)]
    assert len(parts) >= 5
    assert np.array_equal(np.concatenate(parts, axis=1), read(tmp_path / "x.flac")[0])


def test_resampling_keeps_a_sine_and_scales_the_length():
    slow = resample(sine(440, 1.0, 44_100), 44_100, 16_000)
    assert slow.shape == (1, 16_000)
    middle = slice(2000, 14_000)  # away from the filter's edges
    assert np.abs(slow[0, middle] - sine(440, 1.0, 16_000)[0, middle]).max() < 1e-3


def test_mono_is_the_mean_of_the_channels(tmp_path):
    sound = np.stack([np.full(1000, 0.5), np.full(1000, -0.25)]).astype(np.float32)
    write_flac(tmp_path / "x.flac", sound, 16_000)
    assert np.allclose(read(tmp_path / "x.flac", mono=True)[0], 0.125, atol=QUANTUM_16)


@pytest.mark.parametrize("name", ["empty", "noise", "text", "missing"])
def test_what_is_no_sound_is_one_clear_error(tmp_path, name):
    path = tmp_path / f"{name}.mp3"
    content = {
        "empty": b"",
        "noise": bytes(np.random.default_rng(0).integers(0, 256, 5000, np.uint8)),
        "text": b"la la",
    }
    if name in content:
        path.write_bytes(content[name])
    with pytest.raises(AudioError, match=f"{name}.mp3"):
        read(path)


def test_a_file_cut_short_gives_what_there_is_and_less_than_its_header_says(tmp_path):
    write_flac(tmp_path / "x.flac", np.random.default_rng(0).normal(0, 0.1, (1, 200_000)).astype(np.float32), 16_000)
    data = (tmp_path / "x.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    n_samples = sum(block.shape[1] for block, _ in blocks(tmp_path / "cut.flac", block_s=1.0))
    assert 0 < n_samples / 16_000 < 0.6 * probe(tmp_path / "cut.flac").duration_s


def test_a_header_tells_rate_channels_and_length(tmp_path):
    write_flac(tmp_path / "x.flac", sine(440, 2.0, 32_000, 2), 32_000)
    info = probe(tmp_path / "x.flac")
    assert (info.sample_rate, info.channels, info.codec) == (32_000, 2, "flac")
    assert info.duration_s == pytest.approx(2.0)


def test_the_wrong_shape_is_refused(tmp_path):
    with FlacWriter(tmp_path / "x.flac", sample_rate=16_000, channels=1) as flac, pytest.raises(ParameterError):
        flac.write(np.zeros((2, 10), np.float32))


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(AudioError, match="cannot be written"):
        FlacWriter(tmp_path / "nowhere" / "x.flac", sample_rate=16_000, channels=1)
