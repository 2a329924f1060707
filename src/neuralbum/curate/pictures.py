"""The screen's pictures as the page needs them: levels that it colours itself, thumbnails in atlases.

The screen draws mel power between two fixed levels, never normalised per take: a
quiet take looks quiet. The page colours and stretches the levels, so contrast is free.

Pure but for the image bytes it encodes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..screen.pictures import HEIGHT as CELL_HEIGHT
from ..screen.pictures import WIDTH as CELL_WIDTH
from ..screen.pictures import palette, shrink

Levels = npt.NDArray[np.uint8]
RGB = npt.NDArray[np.uint8]

ATLAS_COLUMNS, ATLAS_CELLS = 15, 150
FIRST_ATLAS_CELLS = 75
"""The first atlas of a queue is small, because a person waits for it."""
WEBP_QUALITY = 70


def coloured(levels: Levels) -> RGB:
    """A take's levels as a thumbnail."""
    return palette()[shrink(levels, CELL_WIDTH, CELL_HEIGHT)]


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
