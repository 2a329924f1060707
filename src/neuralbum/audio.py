"""Read, write and resample sound: float32, shape (channels, n_samples), in [−1, 1].

Decoding goes through PyAV (FFmpeg), which reads nearly everything; FLAC is
written through libsndfile, block by block where a take is long; resampling is
soxr at its high quality. Headers are never trusted: lengths are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from .errors import AudioError, ParameterError

Audio = npt.NDArray[np.float32]

MAX_CHANNELS = 64
DECODE_BLOCK_S = 10.0


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself; ``duration_s`` is None where the header does not tell."""

    sample_rate: int
    channels: int
    duration_s: float | None
    codec: str
    title: str
    artist: str


def probe(path: Path | str) -> AudioInfo:
    """Look at a file's header and tags.

    Raises
    ------
    AudioError
        Not a readable sound file, or it holds no audio stream.
    """
    import av

    with _opened(path) as container:
        stream = container.streams.audio[0]
        tags = {k.lower(): v for k, v in {**container.metadata, **stream.metadata}.items()}
        duration = None
        if stream.duration is not None and stream.time_base is not None:
            duration = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration = container.duration / av.time_base
        context = stream.codec_context
        return AudioInfo(
            sample_rate=int(context.sample_rate or 0),
            channels=int(context.channels or 0),
            duration_s=duration,
            codec=context.name,
            title=tags.get("title", ""),
            artist=tags.get("artist", ""),
        )


def blocks(path: Path | str, *, block_s: float = DECODE_BLOCK_S) -> Iterator[tuple[Audio, int]]:
    """Decode a file block by block, so that memory does not grow with its length.

    Yields
    ------
    (audio, sample_rate) : audio is float32 (channels, n_samples)
        Blocks of about ``block_s`` seconds at the file's own rate.

    Raises
    ------
    AudioError
        Not readable, no audio stream, or damaged on the way (after yielding what
        there was). A file that was merely cut short often decodes without a word:
        compare the count of samples with ``probe(path).duration_s``.
    """
    import av

    with _opened(path) as container:
        stream = container.streams.audio[0]
        stream.thread_type = "AUTO"
        sample_rate = int(stream.codec_context.sample_rate or 0)
        resampler: av.AudioResampler | None = None
        held: list[Audio] = []
        n_held = 0
        try:
            for frame in container.decode(stream):
                if resampler is None:
                    sample_rate = frame.sample_rate
                    if not 1 <= len(frame.layout.channels) <= MAX_CHANNELS:
                        raise AudioError(f"{path}: {len(frame.layout.channels)} channels; at most {MAX_CHANNELS}")
                    resampler = av.AudioResampler(format="fltp", layout=frame.layout.name, rate=sample_rate)
                for plain in resampler.resample(frame):
                    held.append(np.ascontiguousarray(plain.to_ndarray(), dtype=np.float32))
                    n_held += held[-1].shape[1]
                if n_held >= block_s * sample_rate:
                    yield np.concatenate(held, axis=1), sample_rate
                    held, n_held = [], 0
        except av.FFmpegError as cause:
            if held:
                yield np.concatenate(held, axis=1), sample_rate
            raise AudioError(f"{path}: the sound breaks off or is damaged ({cause.strerror})") from cause
        if held:
            yield np.concatenate(held, axis=1), sample_rate


def read(path: Path | str, *, sample_rate: int | None = None, mono: bool = False) -> tuple[Audio, int]:
    """Read a whole file.

    Parameters
    ----------
    sample_rate : int, Hz, optional
        Resample to this rate; None keeps the file's own.
    mono : bool
        Mix down to one channel (the mean).

    Returns
    -------
    (audio, sample_rate) : float32 (channels, n_samples); shape (1, n) when ``mono``

    Raises
    ------
    AudioError
        Unreadable, or without a single sample.
    """
    parts: list[Audio] = []
    rate = 0
    for block, rate in blocks(path):  # noqa: B007  # the last rate is returned
        if not np.isfinite(block).all():
            raise AudioError(f"{path}: holds NaN or infinite samples; convert it again from its source")
        parts.append(block.mean(axis=0, keepdims=True, dtype=np.float32) if mono else block)
    if not parts or rate == 0:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    audio = np.concatenate(parts, axis=1)
    if sample_rate is not None and sample_rate != rate:
        audio, rate = resample(audio, rate, sample_rate), sample_rate
    return audio, rate


def resample(audio: Audio, sample_rate: int, target_rate: int) -> Audio:
    """Resample (channels, n_samples) with soxr's high quality; n_samples scales with the rates, rounded."""
    import soxr

    if sample_rate <= 0 or target_rate <= 0:
        raise ParameterError(f"sample rates must be positive, not {sample_rate} and {target_rate}")
    if sample_rate == target_rate:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, sample_rate, target_rate, quality="HQ").T, dtype=np.float32)


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


def _opened(path: Path | str):  # type: ignore[no-untyped-def]  # av's container type is private
    import av

    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or str(cause)
        raise AudioError(f"{path}: cannot be read as sound ({reason})") from cause
    if not container.streams.audio:
        container.close()
        raise AudioError(f"{path}: holds no sound")
    return container
