"""Write FLAC through libsndfile, block by block where a take is long."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, ParameterError

Audio = npt.NDArray[np.float32]


class FlacWriter:
    """Write FLAC as the sound is made: 16 bit by default, samples clipped to [−1, 1].

    >>> with FlacWriter(path, sample_rate=16000, channels=1) as flac:
    ...     flac.write(block)          # float32 (channels, n_samples)
    """

    def __init__(self, path: Path | str, *, sample_rate: int, channels: int, bits: int = 16) -> None:
        import soundfile

        if bits not in (16, 24):
            raise ParameterError(f"bits={bits} must be 16 or 24")
        self.n_samples = 0
        self.channels = channels
        self._path = path
        try:
            self._file = soundfile.SoundFile(
                str(path), "w", samplerate=sample_rate, channels=channels, format="FLAC", subtype=f"PCM_{bits}"
            )
        except (soundfile.SoundFileError, OSError) as cause:
            raise AudioError(f"{path}: cannot be written: {cause}") from cause

    def write(self, audio: Audio) -> None:
        """Append float32 (channels, n_samples)."""
        if audio.ndim != 2 or audio.shape[0] != self.channels:
            raise ParameterError(f"audio has shape {audio.shape}, expected ({self.channels}, n_samples)")
        try:
            self._file.write(np.clip(audio, -1.0, 1.0).T)
        except (RuntimeError, OSError) as cause:
            raise AudioError(f"{self._path}: cannot be written: {cause}; is the disk full?") from cause
        self.n_samples += audio.shape[1]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> FlacWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_flac(path: Path | str, audio: Audio, sample_rate: int, *, bits: int = 16) -> None:
    """Write float32 (channels, n_samples) as one FLAC file."""
    with FlacWriter(path, sample_rate=sample_rate, channels=audio.shape[0], bits=bits) as flac:
        flac.write(audio)
