"""Bring any sound to what the lanes hear: mono, 16 kHz, float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import audio
from ..corpus.prepared import STEREO_RATE, PreparedCorpus, PreparedTrack, to_float
from ..errors import AudioError
from .spectra import SAMPLE_RATE, Float


def hear_file(path: Path | str, log: audio.DecodeLog | None = None) -> Float:
    """A sound file as mono at SAMPLE_RATE, decoded block by block; ``log`` says what is odd about it.

    Raises
    ------
    AudioError
        Unreadable, without a single sample, or holding NaN.
    """
    heard = hear_blocks(audio.blocks(path, log=log), name=str(path))
    if heard.size == 0:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    return heard


def hear_blocks(blocks: Iterator[tuple[Float, int]], *, name: str = "sound") -> Float:
    """Blocks of (channels, n_samples) at one rate, as mono at SAMPLE_RATE."""
    import soxr

    stream: soxr.ResampleStream | None = None
    parts: list[Float] = []
    mix = audio.MonoMix()
    for block, rate in blocks:
        mono = mix(block)
        if not np.isfinite(mono).all():
            raise AudioError(f"{name}: holds NaN or infinite samples; convert it again from its source")
        if rate == SAMPLE_RATE:
            parts.append(mono)
            continue
        if stream is None:
            stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")
        parts.append(stream.resample_chunk(mono))
    if stream is not None:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)


def hear_prepared(corpus: PreparedCorpus, song: PreparedTrack) -> Float:
    """A prepared song as mono at SAMPLE_RATE."""
    if corpus.sample_rate == SAMPLE_RATE:
        return to_float(song.mono)

    def slices() -> Iterator[tuple[Float, int]]:
        step = 10 * STEREO_RATE
        for start in range(0, song.stereo.shape[1], step):
            yield to_float(song.stereo[:, start : start + step]), STEREO_RATE

    return hear_blocks(slices(), name=song.track.title)
