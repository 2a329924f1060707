"""Loops as samplers read them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from neuralbum.audio.loop_files import LoopInfo, write_loop
from neuralbum.errors import ParameterError

RATE = 44_100


def read_chunks(path: Path) -> dict[str, bytes]:
    """The chunks of a WAV file but its sound, by name."""
    data = path.read_bytes()
    at, found = 12, {}
    while at + 8 <= len(data):
        name, (size,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        if name != b"data":
            found[name.decode("latin-1").strip()] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


@pytest.fixture
def sound():
    return (np.random.default_rng(1).integers(-(2**22), 2**22, (2, 44_101)) / 2**23).astype(np.float32)


def test_the_sound_is_kept_at_24_bits_beside_all_chunks(tmp_path, sound):
    path = tmp_path / "a.wav"
    write_loop(path, sound, RATE, LoopInfo(120.0, 8, 4, 57, "train horn", "© 2026 me"))
    back, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    np.testing.assert_array_equal(back.T, sound)
    assert struct.unpack("<I", path.read_bytes()[4:8])[0] == path.stat().st_size - 8


def test_tempo_root_and_loop_points_stand_where_they_belong(tmp_path, sound):
    path = tmp_path / "a.wav"
    write_loop(path, sound, RATE, LoopInfo(120.0, 8, 3, 57, "train horn", "© 2026 me"))
    chunks = read_chunks(path)
    smpl = struct.unpack("<15I", chunks["smpl"])
    assert (smpl[3], smpl[7]) == (57, 1)
    assert (smpl[11], smpl[12]) == (0, sound.shape[1] - 1)
    flags, root, _, _, beats, beat_unit, per_bar, bpm = struct.unpack("<IHHfIHHf", chunks["acid"])
    assert (flags, root, beats, beat_unit, per_bar, bpm) == (0x06, 57, 8, 4, 3, 120.0)
    assert b"ICMT\x0b\x00\x00\x00train horn\x00" in chunks["LIST"]
    assert "© 2026 me".encode() in chunks["LIST"]


def test_without_a_pulse_it_is_a_one_shot_without_loop(tmp_path, sound):
    path = tmp_path / "a.wav"
    write_loop(path, sound, RATE, LoopInfo())
    chunks = read_chunks(path)
    assert struct.unpack("<I", chunks["acid"][:4])[0] == 0x01
    assert struct.unpack("<9I", chunks["smpl"])[7] == 0


def test_nothing_is_no_loop(tmp_path):
    with pytest.raises(ParameterError, match="0 samples"):
        write_loop(tmp_path / "a.wav", np.zeros((1, 0), np.float32), RATE, LoopInfo())
