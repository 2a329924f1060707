"""One encoder for each format: the same sound in every file, the same bytes for the same sound."""

from __future__ import annotations

import numpy as np
import pytest

from neuralbum.audio import probe, read, write_flac
from neuralbum.audio.encode import CODECS, Target, encode, rate_for
from neuralbum.errors import AudioError, ParameterError, ToolError

KINDS = ("flac", *CODECS)


def source(folder, sample_rate=44_100, channels=2, seconds=2.0):
    """A sine that swells, one octave apart in each channel."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sound = np.stack([0.4 * time / seconds * np.sin(2 * np.pi * 220 * 2**c * time) for c in range(channels)])
    path = folder / "source.flac"
    write_flac(path, sound.astype(np.float32), sample_rate)
    return path


@pytest.mark.parametrize(("sample_rate", "channels"), [(44_100, 2), (16_000, 1), (96_000, 2)])
def test_every_format_holds_the_same_sound_in_time(tmp_path, sample_rate, channels):
    path = source(tmp_path, sample_rate, channels)
    encode(path, [Target(tmp_path / f"a.{kind}", kind, 192) for kind in KINDS])
    original, rate = read(path, sample_rate=16_000)
    for kind in KINDS:
        made, _ = read(tmp_path / f"a.{kind}", sample_rate=16_000)
        assert made.shape[0] == channels
        assert made.shape[1] / rate == pytest.approx(2.0, abs=0.05)  # AAC pads its last frame
        n = min(made.shape[1], original.shape[1])
        error = np.square(made[:, :n] - original[:, :n]).mean() / np.square(original[:, :n]).mean()
        assert error < 0.01, kind  # -20 dB; half a millisecond late would give 0.4


def test_flac_of_flac_is_a_copy_and_of_anything_else_is_made(tmp_path):
    path = source(tmp_path)
    encode(path, [Target(tmp_path / "a.flac", "flac"), Target(tmp_path / "a.mp3", "mp3", 128)])
    assert (tmp_path / "a.flac").read_bytes() == path.read_bytes()
    encode(tmp_path / "a.mp3", [Target(tmp_path / "b.flac", "flac")])
    assert probe(tmp_path / "b.flac").codec == "flac"


@pytest.mark.parametrize("kind", sorted(CODECS))
def test_the_same_sound_gives_the_same_bytes_alone_or_with_others(tmp_path, kind):
    path = source(tmp_path, seconds=0.5)
    encode(path, [Target(tmp_path / f"a.{kind}", kind, 128)])
    encode(path, [Target(tmp_path / f"b{k}.{k}", k, 128) for k in CODECS])
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b{kind}.{kind}").read_bytes()


def test_encoders_are_never_given_a_lower_rate_than_the_sound_has_if_they_have_a_higher_one():
    assert rate_for(CODECS["opus"], 44_100) == 48_000
    assert rate_for(CODECS["opus"], 16_000) == 16_000
    assert rate_for(CODECS["mp3"], 11_025) == 16_000
    assert rate_for(CODECS["mp3"], 96_000) == 48_000


def test_of_more_than_two_channels_the_front_pair_is_taken(tmp_path):
    encode(source(tmp_path, channels=6), [Target(tmp_path / "a.opus", "opus", 128)])
    assert read(tmp_path / "a.opus")[0].shape[0] == 2


def test_what_cannot_be_done_is_said(tmp_path):
    path = source(tmp_path)
    with pytest.raises(ParameterError, match="no way to encode 'ogg'"):
        encode(path, [Target(tmp_path / "a.ogg", "ogg")])
    with pytest.raises(ToolError, match=r"a\.mp3: libmp3lame: cannot be encoded .*No such file"):
        encode(path, [Target(tmp_path / "no" / "a.mp3", "mp3", 128)])
    (tmp_path / "x.wav").write_bytes(b"not sound")
    with pytest.raises(AudioError, match=r"x\.wav"):
        encode(tmp_path / "x.wav", [Target(tmp_path / "a.mp3", "mp3", 128)])
