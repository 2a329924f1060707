"""Write WAV files that samplers and desks know as loops: 24 bits, with tempo, root note, loop points and a licence.

Chunks are appended after the sound: ``smpl`` and ``LIST INFO`` as in the Multimedia Data Standards Update 3.0 (IBM
and Microsoft, 1994), ``acid`` as Sony's ACID writes it (its form is known from what desks read and write, not from a
published standard).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, ParameterError

MIDDLE_C = 60
ONE_SHOT, ROOT_IS_SET, STRETCHES = 0x01, 0x02, 0x04


@dataclass(frozen=True)
class LoopInfo:
    """What a DAW is told."""

    bpm: float | None = None  #: None: no pulse; then the file is a one-shot
    n_beats: int = 0
    beats_per_bar: int = 4
    root: int | None = None  #: MIDI note; None: unknown
    comment: str = ""
    copyright: str = ""
    software: str = "neuralbum"


def write_loop(path: Path, audio: npt.NDArray[np.float32], sample_rate: int, info: LoopInfo) -> None:
    """Write float32 (channels, n_samples); the whole file is the loop where there is a tempo.

    Raises
    ------
    AudioError
        The file cannot be written.
    ParameterError
        There is no sample.
    """
    import soundfile

    if not audio.shape[1]:
        raise ParameterError(f"{path.name}: 0 samples; a loop has at least one")
    try:
        soundfile.write(path, np.clip(audio, -1, 1).T, sample_rate, format="WAV", subtype="PCM_24")
        with open(path, "r+b") as file:
            file.seek(0, 2)
            if file.tell() % 2:
                file.write(b"\0")
            for name, body in _chunks(audio.shape[1], sample_rate, info):
                file.write(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
            size = file.tell()
            file.seek(4)
            file.write(struct.pack("<I", size - 8))
    except (OSError, RuntimeError) as cause:
        raise AudioError(f"{path}: cannot be written: {cause}") from cause


def _chunks(n_samples: int, sample_rate: int, info: LoopInfo) -> list[tuple[bytes, bytes]]:
    root = MIDDLE_C if info.root is None else info.root
    loops = info.bpm is not None
    smpl = struct.pack("<9I", 0, 0, round(1e9 / sample_rate), root, 0, 0, 0, int(loops), 0)
    if loops:
        smpl += struct.pack("<6I", 0, 0, 0, n_samples - 1, 0, 0)  # forward, the last sample is played, for ever
    flags = (STRETCHES if loops else ONE_SHOT) | (0 if info.root is None else ROOT_IS_SET)
    acid = struct.pack("<IHHfIHHf", flags, root, 0x8000, 0.0, info.n_beats, 4, info.beats_per_bar, info.bpm or 0.0)
    words = ((b"ICMT", info.comment), (b"ICOP", info.copyright), (b"ISFT", info.software))
    listed = b"INFO"
    for name, text in words:
        if text:
            data = text.encode("utf-8") + b"\0"
            listed += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return [(b"smpl", smpl), (b"acid", acid), (b"LIST", listed)]
