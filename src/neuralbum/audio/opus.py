"""Opus in Ogg, encoded block by block, so that memory does not grow with the length."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import AudioError
from .decoding import plain_path
from .reading import blocks

OPUS_RATE = 48_000


def encode_opus(source: Path, target: Path, *, kbps: int) -> None:
    """Write a sound file as Opus; at most two channels, and mono gets half of ``kbps``.

    Raises
    ------
    AudioError
        ``source`` is not readable, or empty.
    """
    import av

    with av.open(plain_path(target), "w", format="ogg") as container:
        stream: av.AudioStream | None = None
        resampler: av.AudioResampler | None = None
        for block, rate in blocks(source, block_s=5.0):
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
