"""Make the files people play out of one take: FLAC, Opus, MP3, M4A.

A take is stored as FLAC, so the FLAC of an album without a watermark is its bytes, untouched; the
others are encoded through PyAV (libopus, libmp3lame, FFmpeg's AAC). Muxers run
in bit-exact mode: the same take gives the same bytes, and so the same content id.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import Audio, plain_path, read, resample, write_flac
from ..errors import ParameterError, ToolError


@dataclass(frozen=True)
class Codec:
    """How one format is made."""

    encoder: str
    container: str
    rates: tuple[int, ...]  #: Hz it takes; others are resampled to the next higher one
    max_kbps_mono: int


CODECS = {
    "opus": Codec("libopus", "ogg", (8000, 12000, 16000, 24000, 48000), 256),
    "mp3": Codec("libmp3lame", "mp3", (16000, 22050, 24000, 32000, 44100, 48000), 160),
    "m4a": Codec("aac", "ipod", (16000, 22050, 24000, 32000, 44100, 48000), 192),
}
BLOCK = 1 << 16
"""Samples handed to the encoder at a time."""


def encode(
    source: Path,
    target: Path,
    kind: str,
    *,
    kbps: int,
    audio: tuple[Audio, int] | None = None,
    changed: bool = False,
) -> None:
    """Write ``source`` as ``kind`` to ``target``.

    Parameters
    ----------
    kbps : int
        Bit rate of stereo; mono gets half. Ignored by FLAC.
    audio : (float32 (channels, n_samples), sample_rate), optional
        ``source`` decoded already, to spare decoding it once per format.
    changed : bool
        ``audio`` is not what is in ``source`` any more (it was marked): FLAC is made of it, too.

    Raises
    ------
    AudioError
        ``source`` is not readable.
    ToolError
        The encoder refused.
    """
    if kind == "flac":
        if source.suffix == ".flac" and not changed:
            shutil.copyfile(source, target)
        else:
            write_flac(target, *(audio or read(source)))
        return
    if kind not in CODECS:
        raise ParameterError(f"no way to encode {kind!r}; known: flac, {', '.join(CODECS)}")
    _encode(*(audio or read(source)), target, CODECS[kind], kbps)


def rate_for(codec: Codec, sample_rate: int) -> int:
    """The encoder's own rate nearest above: resampling must not cost treble."""
    return next((rate for rate in codec.rates if rate >= sample_rate), codec.rates[-1])


def _encode(audio: Audio, sample_rate: int, target: Path, codec: Codec, kbps: int) -> None:
    import av

    if audio.shape[0] > 2:
        audio = audio[:2]
    rate = rate_for(codec, sample_rate)
    audio = np.clip(resample(audio, sample_rate, rate), -1.0, 1.0)
    mono = audio.shape[0] == 1
    layout = "mono" if mono else "stereo"
    try:
        with av.open(plain_path(target), "w", format=codec.container, options={"fflags": "+bitexact"}) as container:
            stream: Any = container.add_stream(codec.encoder, rate=rate, layout=layout)
            stream.codec_context.bit_rate = 1000 * (min(kbps // 2, codec.max_kbps_mono) if mono else kbps)
            for start in range(0, audio.shape[1], BLOCK):
                block = np.ascontiguousarray(audio[:, start : start + BLOCK])
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError) as cause:
        raise ToolError(f"{target.name}: {codec.encoder} cannot encode it ({cause})") from cause
