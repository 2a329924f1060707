"""Write a prepared array while its length is not known yet, and scale one that lies on disk."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from .prepared import FULL_SCALE, Int16, to_int16

HEADER = 128  #: bytes; a .npy header padded to two cache lines
SCALE_BLOCK = 1 << 20


class ArrayWriter:
    """An int16 .npy file that grows: (n_samples,) for one channel, else (channels, n_samples).

    Several channels lie interleaved (Fortran order), so that a file of hours is
    written, and later read in slices, from front to back.
    """

    def __init__(self, path: Path, channels: int) -> None:
        self.channels, self.n_samples = channels, 0
        self._file = open(path, "wb")  # noqa: SIM115  # closed by close()
        self._file.write(b"\0" * HEADER)

    def write(self, pcm: Int16) -> None:
        """Append int16 (channels, n_samples)."""
        self._file.write(np.ascontiguousarray(pcm.T).astype("<i2", copy=False).tobytes())
        self.n_samples += pcm.shape[1]

    def close(self) -> None:
        shape = f"({self.n_samples},)" if self.channels == 1 else f"({self.channels}, {self.n_samples})"
        about = f"{{'descr': '<i2', 'fortran_order': {self.channels > 1}, 'shape': {shape}, }}"
        text = about.ljust(HEADER - 11) + "\n"  # 6 magic + 2 version + 2 length = 10 bytes before it
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.encode("ascii"))
        self._file.close()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def quantise(audio: npt.NDArray[np.floating], gain: float) -> tuple[Int16, int]:
    """float (channels, n_samples) times ``gain`` -> int16, and how many samples had to be clipped."""
    loud = audio * np.float32(gain)
    n_clipped = int((np.abs(loud) > 1.0).sum())
    return to_int16(loud), n_clipped


def scale(source: Path, target: Path, factor: float) -> None:
    """Write ``source`` times ``factor``; for when a track's own file is gone and the gain has changed."""
    stored = np.load(source, mmap_mode="r", allow_pickle=False)
    channels = stored.reshape(1, -1) if stored.ndim == 1 else stored
    with ArrayWriter(target, channels.shape[0]) as array:
        for start in range(0, channels.shape[1], SCALE_BLOCK):
            block = channels[:, start : start + SCALE_BLOCK].astype(np.float32) * np.float32(factor)
            array.write(np.rint(np.clip(block, -FULL_SCALE, FULL_SCALE)).astype(np.int16))
