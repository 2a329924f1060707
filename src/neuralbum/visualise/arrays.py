"""Write everything the analysis found into one .npz, however long the song.

Arrays are (bins, frames) as usual; in the file they lie frame by frame
(Fortran order), so that they can be written as they come. Each waits in a
temporary file of its own until its length is known.
"""

from __future__ import annotations

import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..project import atomic
from .analyse import Levels, Span, gather, stretches
from .params import Params
from .song import one_core, spans_of

Float = npt.NDArray[np.float32]

COPY_BYTES = 2**20


class _Column:
    """An array that grows by frames, in a temporary file."""

    def __init__(self, stack: ExitStack, folder: Path, *, frames_last: bool) -> None:
        self.file = stack.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  # the stack closes it
        self.frames_last = frames_last
        self.shape: tuple[int, ...] = (0,)

    def add(self, rows: Float) -> None:
        self.file.write(np.ascontiguousarray(rows, dtype=np.float32).data)
        self.shape = (self.shape[0] + rows.shape[0], *rows.shape[1:])

    def pack(self, archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
        shape = self.shape[::-1] if self.frames_last else self.shape
        header = {"descr": "<f4", "fortran_order": self.frames_last, "shape": shape}
        self.file.seek(0)
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            while block := self.file.read(COPY_BYTES):
                member.write(block)
        return shape


def write_arrays(path: Path, out: Path, params: Params, *, masks: bool = True) -> dict[str, Any]:
    """Analyse a sound file into ``out``; returns sample rate, frame rates and the arrays' shapes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    names = (["mask_h", "mask_p", "y_p"] if masks else []) + ["c_db", "m_db", "H", "B", "K", "H_v", "K_v"]
    with one_core(), ExitStack() as stack:
        columns = {name: _Column(stack, out.parent, frames_last=name not in ("y_p", "H_v", "K_v")) for name in names}
        found, rate = spans_of(path, params)

        def kept(span: Span) -> Span:
            for name in ("mask_h", "mask_p", "y_p", "c_db", "m_db"):
                if name in columns:
                    columns[name].add(getattr(span, name))
            return span

        levels: Levels = gather(map(kept, found), rate)
        for stretch in stretches(levels, params):
            for name in ("H", "B", "K", "H_v", "K_v"):
                columns[name].add(getattr(stretch, name))
        levels.db.close()
        with atomic(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            shapes = {name: column.pack(archive, name) for name, column in columns.items()}
    return {
        "sample_rate": rate,
        "hop_length": 512,
        "fps": params.fps,
        "duration_s": levels.duration_s,
        "shapes": shapes,
    }
