"""Rows of numbers that grow as a song is read: in memory while few, on disk beyond.

What lets an hour-long song be drawn in the memory of a short one.
"""

from __future__ import annotations

import tempfile
from types import TracebackType

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

MEMORY_BYTES = 4 * 2**20
"""About a minute of levels; longer arrays lie in an unnamed temporary file."""


class FrameArray:
    """float32 rows of one width, one a frame; append at the end, read anywhere."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  # closed by close()
        self._length = 0

    def append(self, rows: Float) -> None:
        """Add float32 (n, width) at the end."""
        assert rows.shape[1:] == (self.width,)
        self._file.seek(self._length * self.width * 4)
        self._file.write(np.ascontiguousarray(rows, dtype=np.float32).data)
        self._length += len(rows)

    def read(self, start: int, stop: int) -> Float:
        """Rows ``start`` to ``stop``, a copy; parts beyond either end are left out."""
        start, stop = max(0, start), min(stop, self._length)
        if stop <= start:
            return np.empty((0, self.width), dtype=np.float32)
        self._file.seek(start * self.width * 4)
        raw = self._file.read((stop - start) * self.width * 4)
        return np.frombuffer(raw, dtype=np.float32).reshape(-1, self.width).copy()

    def mapped(self) -> Float:
        """All rows as one array (length, width) that is read from disk where it is used."""
        self._file.rollover()
        self._file.flush()
        return np.memmap(self._file._file, np.float32, "r", shape=(self._length, self.width))

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Give the memory or the disk back now; else it is when the array is forgotten."""
        self._file.close()

    __del__ = close

    def __enter__(self) -> FrameArray:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
