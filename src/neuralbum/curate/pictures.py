"""Spectrograms for judging: one fixed transform, so that two pictures can be compared.

Mel power in decibels between two fixed levels, never normalised per take: a
quiet take looks quiet. What the screen drew is used where it is there; a take
that was not screened is drawn here in the same range. The page colours and
stretches the levels, so contrast is free.

Pure but for the image bytes it encodes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.mel import mel_filters, mel_power
from ..audio.stft import hann, stft
from ..screen.pictures import palette

Levels = npt.NDArray[np.uint8]
RGB = npt.NDArray[np.uint8]

FRAME_RATE = 40.0  # Hz
N_MELS = 128
LOW_HZ, HIGH_HZ = 30.0, 16_000.0
FLOOR_DB, CEILING_DB = -80.0, 0.0
"""What is drawn black and what white, dB re a full-scale sine in one band."""
CELL_WIDTH, CELL_HEIGHT = 240, 96
ATLAS_COLUMNS, ATLAS_CELLS = 15, 150
FIRST_ATLAS_CELLS = 75
"""The first atlas of a queue is small, because a person waits for it."""
WEBP_QUALITY = 70


def mel_levels(mono: npt.NDArray[np.float32], sample_rate: int) -> Levels:
    """Draw a sound as levels.

    Parameters
    ----------
    mono : float32 (n_samples,)

    Returns
    -------
    uint8 (N_MELS, n_frames)
        Row 0 is the lowest band; 0 is FLOOR_DB or less, 255 CEILING_DB or more;
        FRAME_RATE frames per second.
    """
    n_fft = 2048 if sample_rate > 24_000 else 1024
    hop_length = max(1, round(sample_rate / FRAME_RATE))
    power = np.abs(stft(np.ascontiguousarray(mono, dtype=np.float32), n_fft, hop_length)) ** 2
    filters = mel_filters(sample_rate, n_fft, N_MELS, LOW_HZ, HIGH_HZ)
    peaks = np.maximum(filters.max(axis=1, keepdims=True), 1e-12)
    bands = mel_power(power, filters / peaks)  # every triangle peaks at 1, so a sine reads its own level
    full_scale = float(hann(n_fft).sum() / 2) ** 2
    level_db = 10 * np.log10(np.maximum(bands / full_scale, 1e-12))
    scaled = (level_db - FLOOR_DB) * (255 / (CEILING_DB - FLOOR_DB))
    return np.ascontiguousarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8).T)


def shrink(levels: Levels, width: int = CELL_WIDTH, height: int = CELL_HEIGHT) -> Levels:
    """Average levels (rows from low to high) into a small picture with the low notes at the bottom."""
    from PIL import Image

    if levels.size == 0:
        return np.zeros((height, width), dtype=np.uint8)
    small = Image.fromarray(levels[::-1]).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def colour(levels: Levels) -> RGB:
    """Levels (height, width) -> uint8 (height, width, 3)."""
    return palette()[levels]


def read_grey(data: bytes) -> Levels:
    """The screen's 8-bit spectrogram (high bands on top) -> levels with the lowest band first."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.ascontiguousarray(np.asarray(image.convert("L"), dtype=np.uint8)[::-1])


def read_thumbnail(data: bytes) -> RGB:
    """Any small image -> uint8 (CELL_HEIGHT, CELL_WIDTH, 3)."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        plain: Any = image.convert("RGB")
        if plain.size != (CELL_WIDTH, CELL_HEIGHT):
            plain = plain.resize((CELL_WIDTH, CELL_HEIGHT), Image.Resampling.BOX)
        return np.asarray(plain, dtype=np.uint8)


def blank_thumbnail() -> RGB:
    """What stands for a take whose sound cannot be read: dark, with a diagonal."""
    picture = np.full((CELL_HEIGHT, CELL_WIDTH, 3), 18, dtype=np.uint8)
    rows = np.arange(CELL_HEIGHT)
    picture[rows, (rows * CELL_WIDTH) // CELL_HEIGHT] = 70
    return picture


def compose_atlas(cells: Sequence[RGB]) -> bytes:
    """Many thumbnails in one WebP, row by row, ATLAS_COLUMNS a row."""
    from PIL import Image

    n_rows = -(-len(cells) // ATLAS_COLUMNS)
    sheet = np.zeros((n_rows * CELL_HEIGHT, ATLAS_COLUMNS * CELL_WIDTH, 3), dtype=np.uint8)
    for i, cell in enumerate(cells):
        top, left = i // ATLAS_COLUMNS * CELL_HEIGHT, i % ATLAS_COLUMNS * CELL_WIDTH
        sheet[top : top + CELL_HEIGHT, left : left + CELL_WIDTH] = cell
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "WEBP", quality=WEBP_QUALITY, method=2)
    return out.getvalue()


def atlas_spans(n_cells: int) -> list[tuple[int, int]]:
    """(start, end) of each atlas of a queue: a small one first, then ATLAS_CELLS each.

    >>> atlas_spans(700)
    [(0, 75), (75, 225), (225, 375), (375, 525), (525, 675), (675, 700)]
    """
    spans = [(0, min(FIRST_ATLAS_CELLS, n_cells))] if n_cells else []
    start = FIRST_ATLAS_CELLS
    while start < n_cells:
        spans.append((start, min(start + ATLAS_CELLS, n_cells)))
        start += ATLAS_CELLS
    return spans
