"""Encode sound as Opus, MP3, AAC or FLAC: the one encoder of each format.

``encode`` makes files out of a file, several at once in one pass; ``AudioStream``
is the same encoder as a stream of a container that somebody else writes (a video).
Through PyAV (libopus, libmp3lame, FFmpeg's AAC) and libsndfile (FLAC). Sound is
handed on block by block, so memory does not grow with its length, and muxers run in
bit-exact mode: the same sound gives the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AudioError, ParameterError, ToolError
from .decoding import plain_path
from .flac import Audio, FlacWriter
from .reading import blocks


@dataclass(frozen=True)
class Codec:
    """How one format is made."""

    encoder: str
    container: str
    rates: tuple[int, ...]  #: Hz it takes; others are resampled to the next higher one
    max_kbps_mono: int
    options: tuple[tuple[str, str], ...] = ()


CODECS = {
    "opus": Codec("libopus", "ogg", (8000, 12000, 16000, 24000, 48000), 256),
    "mp3": Codec("libmp3lame", "mp3", (16000, 22050, 24000, 32000, 44100, 48000), 160),
    # the fast search takes half the time of the default one; no difference was heard or measured at 160 kbit/s
    "m4a": Codec("aac", "ipod", (16000, 22050, 24000, 32000, 44100, 48000), 192, (("aac_coder", "fast"),)),
}
"""By the ending of a file's name. In a video ``m4a`` is the AAC of an MP4 and ``opus`` that of a WebM."""


@dataclass(frozen=True)
class Target:
    """One file to make."""

    path: Path
    kind: str  #: flac, opus, mp3 or m4a
    kbps: int = 0  #: bit rate of stereo; mono gets half; ignored by FLAC


def rate_for(codec: Codec, sample_rate: int) -> int:
    """The encoder's own rate nearest above: resampling must not cost treble."""
    return next((rate for rate in codec.rates if rate >= sample_rate), codec.rates[-1])


Blocks = Iterator[tuple[Audio, int]]
"""Sound as it is decoded: float32 (channels, n_samples) and its sample rate, block by block."""


def encode(source: Path, targets: Sequence[Target], *, change: Callable[[Blocks], Blocks] | None = None) -> None:
    """Write a sound file in other formats, decoding it once; FLAC of unchanged FLAC is a copy of its bytes.

    ``change`` is given the decoded blocks and gives those to encode.

    Raises
    ------
    AudioError
        ``source`` is not readable or empty.
    ParameterError
        A format that is not known.
    ToolError
        An encoder or the disk refused.
    """
    for target in targets:
        if target.kind != "flac" and target.kind not in CODECS:
            raise ParameterError(f"no way to encode {target.kind!r}; known: flac, {', '.join(CODECS)}")
    copied = [t for t in targets if t.kind == "flac" and source.suffix == ".flac" and change is None]
    for target in copied:
        shutil.copyfile(source, target.path)
    encoded = [t for t in targets if t not in copied]
    if not encoded:
        return
    with ExitStack() as stack:
        writers: list[Callable[[Audio], None]] = []
        for block, rate in blocks(source) if change is None else change(blocks(source)):
            if not writers:
                writers = [stack.enter_context(_opened(t, rate, block.shape[0])) for t in encoded]
            for write in writers:
                write(block)
        if not writers:
            raise AudioError(f"{source}: 0 samples; the file is empty or was cut short")


@contextmanager
def _opened(target: Target, sample_rate: int, channels: int) -> Iterator[Callable[[Audio], None]]:
    if target.kind == "flac":
        with FlacWriter(target.path, sample_rate=sample_rate, channels=channels) as flac:
            yield flac.write
        return
    import av

    with _refusals(target.path.name):
        container = av.open(
            plain_path(target.path), "w", format=CODECS[target.kind].container, options={"fflags": "+bitexact"}
        )
    stream = AudioStream(container, target.kind, sample_rate=sample_rate, channels=channels, kbps=target.kbps)
    try:
        yield stream.write
        stream.close()
    finally:
        with _refusals(target.path.name):
            container.close()


class AudioStream:
    """The sound of an open PyAV container: takes float32 (channels, n_samples) block by block.

    Of more than two channels the front pair is taken; samples beyond [−1, 1] are clipped.
    """

    def __init__(self, container: Any, kind: str, *, sample_rate: int, channels: int, kbps: int) -> None:
        codec = CODECS[kind]
        self.name = f"{Path(container.name).name}: {codec.encoder}"
        self.rate = rate_for(codec, sample_rate)
        self._container = container
        self._layout = "mono" if channels == 1 else "stereo"
        self._n_written = 0
        with _refusals(self.name):
            self._stream: Any = container.add_stream(
                codec.encoder, rate=self.rate, layout=self._layout, options=dict(codec.options)
            )
        self._stream.bit_rate = 1000 * (min(kbps // 2, codec.max_kbps_mono) if channels == 1 else kbps)
        self._resampler: Any = None
        if self.rate != sample_rate:
            import soxr

            self._resampler = soxr.ResampleStream(sample_rate, self.rate, min(2, channels), "float32", quality="HQ")

    def write(self, audio: Audio) -> None:
        """Append sound at the rate and with the channels announced."""
        self._write(audio[:2], last=False)

    def close(self) -> None:
        """Let the encoder finish; the container stays open."""
        if self._resampler is not None:
            self._write(np.zeros((1 if self._layout == "mono" else 2, 0), np.float32), last=True)
        with _refusals(self.name):
            self._container.mux(self._stream.encode(None))

    def _write(self, audio: Audio, *, last: bool) -> None:
        import av

        if self._resampler is not None:
            audio = self._resampler.resample_chunk(np.ascontiguousarray(audio.T), last=last).T
        if not audio.shape[1]:
            return
        block = np.ascontiguousarray(np.clip(audio, -1.0, 1.0))
        with _refusals(self.name):
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self.rate, self._n_written, Fraction(1, self.rate)
            self._n_written += block.shape[1]
            self._container.mux(self._stream.encode(frame))


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Name the file and the encoder in whatever FFmpeg refuses."""
    import av

    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as cause:
        raise ToolError(f"{name}: cannot be encoded ({cause})") from cause
