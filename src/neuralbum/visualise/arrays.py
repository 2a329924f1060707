"""Write everything the analysis found into one .npz, however long the song.

Arrays are (bins, frames) as usual; they grow frame by frame on disk and are
written transposed, so that an hour of masks needs no memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..project import atomic
from .analyse import HOP_LENGTH, Span, gather, level_blocks
from .frame_array import FrameArray
from .params import Params
from .song import one_core, spans_of

FRAMES_FIRST = ("H_v", "K_v")
OF_SPANS = ("mask_h", "mask_p", "y_p", "c_db", "m_db")
OF_LEVELS = ("H", "B", "K", "H_v", "K_v")


def write_arrays(path: Path, out: Path, params: Params, *, masks: bool = True) -> dict[str, Any]:
    """Analyse a sound file into ``out``; returns sample rate, frame rates and the arrays' shapes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    grown: dict[str, FrameArray] = {}
    with one_core(), ExitStack() as stack:

        def keep(name: str, values: Any) -> None:
            rows = values.reshape(len(values), -1)
            if name not in grown:
                grown[name] = stack.enter_context(FrameArray(rows.shape[1]))
            grown[name].append(rows)

        def kept(span: Span) -> Span:
            for name in OF_SPANS if masks else OF_SPANS[3:]:
                keep(name, getattr(span, name))
            return span

        found, rate = spans_of(path, params)
        levels = gather(map(kept, found), rate)
        for block in level_blocks(levels, params):
            for name in OF_LEVELS:
                keep(name, getattr(block, name))
        levels.db.close()
        arrays = {name: _as_written(name, rows) for name, rows in grown.items()}
        with atomic(out) as part, open(part, "wb") as file:
            np.savez(file, **arrays)
    return {
        "sample_rate": rate,
        "hop_length": HOP_LENGTH,
        "fps": params.fps,
        "duration_s": levels.duration_s,
        "shapes": {name: values.shape for name, values in arrays.items()},
    }


def _as_written(name: str, grown: FrameArray) -> Any:
    rows = grown.mapped()
    return rows[:, 0] if grown.width == 1 else rows if name in FRAMES_FIRST else rows.T
