"""Sound for the page: Opus copies, stretches to loop, levels to draw, and the ranking refitted.

The take's FLAC stays the master; a browser gets an Opus copy a fifth its size,
whose seeking costs a tenth of FLAC's (docs/curate.md).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import audio
from ..errors import AudioError, ParameterError
from ..records import Finding
from .pictures import Levels, mel_levels

OPUS_RATE = 48_000
MAX_STRETCH_S = 60.0
MAX_PICTURE_S = 1800.0
"""Longer takes are drawn in part: the picture is for judging, not for measuring."""


def encode_opus(source: Path, target: Path, *, kbps: int) -> None:
    """Write a listening copy; memory does not grow with the take's length."""
    import av

    with av.open(audio.plain_path(target), "w", format="ogg") as container:
        stream: av.AudioStream | None = None
        resampler: av.AudioResampler | None = None
        for block, rate in audio.blocks(source, block_s=5.0):
            layout = "mono" if block.shape[0] == 1 else "stereo"
            if stream is None:
                stream = container.add_stream("libopus", rate=OPUS_RATE, layout=layout)
                stream.bit_rate = kbps * 1000 // (2 if layout == "mono" else 1)
                resampler = av.AudioResampler(format="flt", layout=layout, rate=OPUS_RATE)
            assert resampler is not None
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[:2]), format="fltp", layout=layout)
            frame.sample_rate = rate
            for ready in resampler.resample(frame):
                ready.pts = None
                container.mux(stream.encode(ready))
        if stream is None or resampler is None:
            raise AudioError(f"{source}: 0 samples; there is nothing to hear")
        for ready in resampler.resample(None):
            ready.pts = None
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))


def read_levels(source: Path) -> Levels:
    """Decode a take and draw it."""
    parts, n, rate = [], 0, 1
    mix = audio.MonoMix()
    for block, rate in audio.blocks(source):
        parts.append(mix(block))
        n += parts[-1].size
        if n > MAX_PICTURE_S * rate:
            break
    if not parts:
        raise AudioError(f"{source}: 0 samples; there is nothing to draw")
    return mel_levels(np.concatenate(parts), rate)


def cut_wav(source: Path, start_s: float, end_s: float) -> bytes:
    """A stretch of a take as 16-bit WAV.

    Raises
    ------
    ParameterError
        The stretch is empty, backwards or longer than MAX_STRETCH_S.
    """
    import soundfile

    if not 0 <= start_s < end_s <= start_s + MAX_STRETCH_S:
        raise ParameterError(f"a loop must last more than 0 and at most {MAX_STRETCH_S:g} s")
    at, kept, rate = 0, [], 1
    for block, rate in audio.blocks(source):
        first, last = round(start_s * rate) - at, round(end_s * rate) - at
        at += block.shape[1]
        if last > 0 and first < block.shape[1]:
            kept.append(block[:, max(0, first) : last])
        if last <= block.shape[1]:
            break
    if not kept:
        raise ParameterError("the loop lies behind the end of the take")
    out = io.BytesIO()
    soundfile.write(out, np.concatenate(kept, axis=1).T, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def refit(screen: Mapping[str, Finding], people: Mapping[str, str]) -> dict[str, float]:
    """Scores learned from what people decided; empty while there is too little to learn from."""
    from ..screen import ranker

    return ranker.refit(screen, people)
