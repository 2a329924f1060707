"""The picture without a video: 8-bit levels that a browser draws in time with the sound.

File format ``neuralbum live 1``, little-endian:

    bytes 0…3    "NBLV"
    bytes 4…7    uint32 n: length of the header in bytes
    next n       the header, JSON in UTF-8, padded with spaces to a multiple of 4
    the rest     n_frames rows of 84 + 128 bytes: levels of the pitches, C1 first, then of the
                 bands, lowest first; 255 is the song's maximum, 0 is ``range_db`` under it

A row is what sounds in [k / fps, (k + 1) / fps). At 30 pictures per second that
is 6.4 kB per second of song, before compression. The flash limiter has been
over these levels as over the video's. ``live.js`` beside this file plays it.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .analyse import N_BANDS, N_PITCHES
from .draw import BEFORE, BLOOM, BLOOM_CELLS, KEYBOARD_SHARE, Look
from .frame_array import FrameArray
from .palette import (
    INHIBITION,
    LIGHT_BEND,
    LIGHT_FLOOR,
    PITCH_BEND,
    PITCH_FLOOR,
    hex_colours,
    light_colours,
)

MAGIC = b"NBLV"
SUFFIX = ".nblv"


def write_live(path: Path, frames: FrameArray, look: Look) -> None:
    """Write a song's levels, frame by frame."""
    from ..kernels import yuv_compositing

    header: dict[str, Any] = {
        "format": "neuralbum live 1",
        "fps": round(look.fps),
        "n_frames": len(frames),
        "n_pitches": N_PITCHES,
        "n_bands": N_BANDS,
        "layout": look.layout,
        "palette": list(hex_colours(look.palette)),
        "light": list(light_colours(look.palette)),
        "pitch": {"floor": PITCH_FLOOR, "bend": PITCH_BEND},
        "band": {"floor": LIGHT_FLOOR, "bend": LIGHT_BEND},
        "compositing": {
            "glare": round(float(yuv_compositing.GLARE), 4),
            "dim": round(float(yuv_compositing.DIM), 4),
            "boost": round(float(yuv_compositing.BOOST), 4),
        },
        "inhibition": INHIBITION,
        "bloom": {"share": BLOOM, "cells": BLOOM_CELLS},
        "before": BEFORE,
        "strip": KEYBOARD_SHARE if look.layout == "waterfall" else 0,
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<I", len(text)) + text)
        for start in range(0, len(frames), 900):
            rows = frames.read(start, start + 900)
            file.write(np.asarray(np.clip(rows, 0, 1) * 255 + 0.5, dtype=np.uint8).tobytes())
