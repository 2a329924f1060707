"""Sound goes in and comes out; what is broken says so."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import soundfile

from neuralbum.audio import DecodeLog, FlacWriter, MonoMix, blocks, probe, read, resample, write_flac
from neuralbum.audio.headers import mpeg_frame_bytes
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


# ---- files as people have them ---------------------------------------------------

PURE_HZ = 2.0  #: how far the loudest frequency of a second of sound may be from the sine that was encoded
PRIMING_S = 0.15
"""What lossy codecs add before and behind the music, and joining loses at the seams."""


def loudest_hz(sound, sample_rate):
    """The loudest frequency in each second of a mono sound but the last."""
    seconds = sound[: sound.size // sample_rate * sample_rate].reshape(-1, sample_rate)
    return np.abs(np.fft.rfft(seconds * np.hanning(sample_rate), axis=1)).argmax(axis=1)


def decoded(path):
    """(audio, rate, log) of a whole file."""
    log = DecodeLog()
    parts = list(blocks(path, log=log))
    return np.concatenate([block for block, _ in parts], axis=1), parts[0][1], log


@pytest.mark.parametrize("channels", [8, 9, 24, 64])
@pytest.mark.parametrize("kind", ["WAV", "W64", "CAF", "AIFF"])
def test_every_channel_of_many_comes_out_as_it_went_in(tmp_path, channels, kind):
    sound = np.linspace(0.1, 0.9, channels)[:, None] * sine(440, 0.1, 16_000)
    soundfile.write(tmp_path / "poly", sound.T, 16_000, format=kind, subtype="PCM_16")
    back, rate = read(tmp_path / "poly")
    assert rate == 16_000
    assert np.abs(back - sound).max() <= QUANTUM_16


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("flac", "x.flac"),
        ("libopus", "x.mka"),
        ("aac", "x.m4a"),
        ("aac", "x.aac"),
        ("libopus", "x.opus"),
        ("pcm_s16le", "x.caf"),
        ("pcm_s16be", "x.aiff"),
        ("pcm_s16le", "x.w64"),
        ("wavpack", "x.wv"),
    ],
)
def test_seven_point_one_is_read_in_any_container(tmp_path, encode, codec, name):
    """CAF and AIFF state their own order of channels, which PyAV frees twice; so they are read many times."""
    container = "adts" if name.endswith(".aac") else None
    encode(tmp_path / name, sine(440, 1.5, 48_000, 8), 48_000, codec, layout="7.1", container=container)
    for _ in range(10):
        back, rate, _ = decoded(tmp_path / name)
    assert (len(back), rate) == (8, 48_000)
    assert back.shape[1] / rate == pytest.approx(1.5, abs=PRIMING_S)
    assert loudest_hz(back[0], rate) == pytest.approx(440, abs=PURE_HZ)


def test_seven_point_one_vorbis_is_read(tmp_path):
    soundfile.write(tmp_path / "x.ogg", sine(440, 1.5, 48_000, 8).T, 48_000, format="OGG", subtype="VORBIS")
    back, rate = read(tmp_path / "x.ogg")
    assert back.shape == (8, 72_000)
    assert loudest_hz(back[0], rate) == pytest.approx(440, abs=PURE_HZ)


def test_more_channels_than_can_be_used_are_one_clear_error(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((1000, 65)), 16_000)
    with pytest.raises(AudioError, match="65 channels; at most 64"):
        read(tmp_path / "x.wav")


def joined(path, parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def part_of(folder, encode, kind, sample_rate, channels=2):
    """Four seconds of 440 Hz as one of the formats whose files people join by their bytes."""
    sound = sine(440, 4.0, sample_rate, channels)
    path = folder / f"{sample_rate}_{channels}.{kind}"
    layout = "mono" if channels == 1 else "stereo"
    if kind == "ogg":
        soundfile.write(path, sound.T, sample_rate, format="OGG", subtype="VORBIS")
    elif kind == "mp3":
        encode(path, sound, sample_rate, "libmp3lame", layout=layout, write_xing="0", id3v2_version="0")
    else:
        encode(path, sound, sample_rate, "aac", layout=layout, container="adts")
    return path


@pytest.mark.parametrize("kind", ["mp3", "aac", "ogg"])
@pytest.mark.parametrize("rates", [(44_100, 48_000), (48_000, 44_100), (44_100, 22_050), (22_050, 44_100)])
def test_a_rate_that_changes_within_a_file_changes_no_pitch(tmp_path, encode, kind, rates):
    path = joined(tmp_path / f"x.{kind}", [part_of(tmp_path, encode, kind, rate) for rate in rates])
    back, rate, log = decoded(path)
    assert rate == rates[0]
    assert back.shape[1] / rate == pytest.approx(8.0, abs=2 * PRIMING_S)
    assert loudest_hz(back[0], rate) == pytest.approx(440, abs=PURE_HZ)
    assert any(f"{rates[0]}, then {rates[1]} Hz" in remark for remark in log.remarks())


@pytest.mark.parametrize("kind", ["mp3", "aac", "ogg"])
@pytest.mark.parametrize("channels", [(2, 1), (1, 2)])
def test_channels_that_change_within_a_file_are_brought_to_the_first_number(tmp_path, encode, kind, channels):
    path = joined(tmp_path / f"x.{kind}", [part_of(tmp_path, encode, kind, 44_100, n) for n in channels])
    back, rate, log = decoded(path)
    assert len(back) == channels[0]
    assert back.shape[1] / rate == pytest.approx(8.0, abs=2 * PRIMING_S)
    assert loudest_hz(back[-1], rate) == pytest.approx(440, abs=PURE_HZ)
    assert any(f"{channels[0]}, then {channels[1]}" in remark for remark in log.remarks())


@pytest.fixture(scope="module")
def mp3(tmp_path_factory):
    """Six seconds of a constant bit rate, as its bytes."""
    path = tmp_path_factory.mktemp("mp3") / "x.mp3"
    soundfile.write(path, sine(440, 6.0, 44_100, 2).T, 44_100, format="MP3")
    return path.read_bytes()


LYRICS = (
    b"LYRICSBEGIN" + b"IND0000200LYR00042[00:10]la la la la la la la la la" + b"000062LYRICS200" + b"TAG" + bytes(125)
)


@pytest.mark.parametrize("tail", [LYRICS, bytes(5000), bytes(65_536), b"<html><p>404</p></html>\n" * 90])
def test_bytes_behind_the_sound_cost_nothing_of_it(tmp_path, mp3, tail):
    (tmp_path / "x.mp3").write_bytes(mp3 + tail)
    back, rate, log = decoded(tmp_path / "x.mp3")
    assert back.shape[1] / rate == pytest.approx(6.0, abs=0.03)
    assert log.lost_s < 0.05


def test_joined_files_with_a_tag_between_them_are_read_to_the_end(tmp_path, mp3):
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x20" + bytes(32)
    (tmp_path / "x.mp3").write_bytes(mp3 + tag + mp3)
    back, rate, _ = decoded(tmp_path / "x.mp3")
    assert back.shape[1] / rate == pytest.approx(12.0, abs=PRIMING_S)


def test_one_bad_frame_header_costs_its_neighbourhood_and_is_said(tmp_path, mp3):
    bad = bytearray(mp3)
    at = 0
    while at < len(mp3) // 2:
        at += mpeg_frame_bytes(mp3[at : at + 4])
    bad[at + 1] = 0
    (tmp_path / "x.mp3").write_bytes(bad)
    back, rate, log = decoded(tmp_path / "x.mp3")
    assert 5.6 < back.shape[1] / rate < 6.0
    assert back.shape[1] / rate + log.lost_s == pytest.approx(6.0, abs=PRIMING_S)


def test_a_hole_costs_what_it_takes_and_is_said(tmp_path, mp3):
    half = len(mp3) // 2
    (tmp_path / "x.mp3").write_bytes(mp3[:half] + bytes(4000) + mp3[half + 4000 :])
    back, rate, log = decoded(tmp_path / "x.mp3")
    hole_s = 4000 / len(mp3) * 6.0
    assert back.shape[1] / rate == pytest.approx(6.0 - hole_s, abs=PRIMING_S)
    assert log.lost_s == pytest.approx(hole_s, abs=PRIMING_S)
    assert "s are missing" in log.remarks()[0]


@pytest.mark.parametrize(("codec", "name"), [("aac", "x.m4a"), ("libopus", "x.mka"), ("libopus", "x.opus")])
def test_a_hole_in_a_container_is_told_by_the_time_stamps(tmp_path, encode, codec, name):
    noise = (0.1 * np.random.default_rng(0).standard_normal((2, 6 * 48_000))).astype(np.float32)
    options = {"movflags": "faststart"} if name.endswith(".m4a") else {}
    data = encode(tmp_path / name, noise, 48_000, codec, **options).read_bytes()
    half = len(data) // 2
    (tmp_path / name).write_bytes(data[:half] + bytes(6000) + data[half + 6000 :])
    back, rate, log = decoded(tmp_path / name)
    assert log.lost_s > 0.1
    assert back.shape[1] / rate + log.lost_s == pytest.approx(6.0, abs=PRIMING_S)


def test_damage_in_the_middle_of_a_lossless_file_is_an_error(tmp_path, encode):
    noise = (0.1 * np.random.default_rng(0).standard_normal((2, 6 * 44_100))).astype(np.float32)
    data = encode(tmp_path / "x.wv", noise, 44_100, "wavpack").read_bytes()
    half = len(data) // 2
    (tmp_path / "x.wv").write_bytes(data[:half] + bytes(6000) + data[half + 6000 :])
    with pytest.raises(AudioError, match=r"damaged after [23]\.\d s"):
        decoded(tmp_path / "x.wv")


def test_a_play_list_does_not_open_its_neighbours(tmp_path):
    write_flac(tmp_path / "secret.flac", sine(440, 1.0, 16_000), 16_000)
    (tmp_path / "list.flac").write_text("ffconcat version 1.0\nfile secret.flac\n")
    (tmp_path / "list.mp3").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.flac\n#EXT-X-ENDLIST\n")
    for name in ("list.flac", "list.mp3"):
        with pytest.raises(AudioError, match="cannot be read as sound"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["re:stacks.wav", "http:song.wav", "a b%d.wav", os.fsdecode(b"caf\xe9.wav")])
def test_any_name_is_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with open(name, "wb") as file:
        soundfile.write(file, sine(440, 0.5, 16_000)[0], 16_000, format="WAV")
    assert read(name)[0].shape == (1, 8000)


@pytest.mark.parametrize("rate", [1, 1999, 768_001, 10**9])
def test_a_rate_no_recording_has_is_refused_before_anything_is_decoded(tmp_path, rate):
    pcm = bytes(400_000)
    about = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate % 2**32, 2, 16)
    riff = b"WAVEfmt " + about + b"data" + struct.pack("<I", len(pcm)) + pcm
    (tmp_path / "x.wav").write_bytes(b"RIFF" + struct.pack("<I", len(riff)) + riff)
    with pytest.raises(AudioError, match="sample rate"):
        read(tmp_path / "x.wav", sample_rate=16_000)


def test_what_is_damaged_is_said_in_words_and_not_in_those_of_a_library(tmp_path, mp3):
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "folder.wav").mkdir()
    for name in ("noise.mp3", "folder.wav", "absent.ogg"):
        with pytest.raises(AudioError) as said:
            read(tmp_path / name)
        assert not any(word in str(said.value) for word in ("Invalid data", "Errno", "returned", "Error number"))


def test_a_side_that_is_upside_down_is_turned_over_and_others_are_not(tmp_path):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 16_000)).astype(np.float32) * 0.1
    assert np.allclose(MonoMix()(np.stack([left, -left])), left, atol=1e-7)
    assert np.allclose(MonoMix()(np.stack([left, right])), (left + right) / 2, atol=1e-7)
    assert np.allclose(MonoMix()(np.stack([left, left])), left, atol=1e-7)
    write_flac(tmp_path / "x.flac", np.stack([left, -left]), 16_000)
    assert np.abs(read(tmp_path / "x.flac", mono=True)[0][0] - left).max() < 2 * QUANTUM_16


def test_what_was_turned_over_stays_so_while_the_sides_do_not_agree():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 16_000)).astype(np.float32) * 0.1
    mix = MonoMix()
    mix(np.stack([left, -left]))
    mix(np.stack([left, right]))  # unlike
    mix(np.zeros((2, 100), np.float32))
    assert mix.turned
    mix(np.stack([left, left]))
    assert not mix.turned


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("adpcm_ms", "x.wav"),
        ("wmav2", "x.wma"),
        ("aac", "x.ts"),
        ("alac", "x.m4a"),
        ("libopus", "x.webm"),
        ("libmp3lame", "x.mkv"),
        ("ac3", "x.ac3"),
        ("mp2", "x.mp2"),
        ("tta", "x.tta"),
        ("pcm_f32le", "x.mov"),
    ],
)
def test_a_whole_file_is_no_cause_for_remarks(tmp_path, encode, codec, name):
    encode(tmp_path / name, sine(440, 6.0, 48_000, 2), 48_000, codec)
    back, rate, log = decoded(tmp_path / name)
    assert log.remarks() == []
    assert back.shape[1] / rate == pytest.approx(6.0, abs=PRIMING_S)


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder"])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, kind):
    """A pipe would be waited for, and a device never ends."""
    place = tmp_path / "song.wav"
    match kind:
        case "a pipe":
            os.mkfifo(place)
        case "a device":
            place.symlink_to("/dev/zero")
        case _:
            place.mkdir()
    for look in (probe, read):
        with pytest.raises(AudioError, match=r"song\.wav: is not a file"):
            look(place)
