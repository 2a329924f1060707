"""Bring any sound to what the lanes hear: mono, 16 kHz, float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .. import audio
from ..corpus.prepared import STEREO_RATE, PreparedCorpus, PreparedTrack, to_float
from ..errors import AudioError
from .spectra import SAMPLE_RATE, Float, mono_16k


def hear_file(path: Path | str, log: audio.DecodeLog | None = None) -> Float:
    """A sound file as mono at SAMPLE_RATE, decoded block by block; ``log`` says what is odd about it.

    Raises
    ------
    AudioError
        Unreadable, without a single sample, or holding NaN.
    """
    heard = mono_16k(audio.blocks(path, log=log), name=str(path))
    if heard.size == 0:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    return heard


def hear_prepared(corpus: PreparedCorpus, song: PreparedTrack) -> Float:
    """A prepared song as mono at SAMPLE_RATE."""
    if corpus.sample_rate == SAMPLE_RATE:
        return to_float(song.mono)

    def slices() -> Iterator[tuple[Float, int]]:
        step = 10 * STEREO_RATE
        for start in range(0, song.stereo.shape[1], step):
            yield to_float(song.stereo[:, start : start + step]), STEREO_RATE

    return mono_16k(slices(), name=song.track.title)
