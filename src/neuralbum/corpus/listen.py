"""Go through one recording from front to back: once to measure it, once to prepare it.

Two passes cost decoding twice, but the gain depends on all recordings, and this
way neither memory nor a scratch file grows with a three-hour tape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio
from ..errors import AudioError
from ..prepared import STEREO_RATE
from .arrays import ArrayWriter, quantise
from .duplicates import RATE as SIGNATURE_RATE
from .duplicates import SignatureMeter
from .levels import Audio, LevelMeter, to_stereo

LOWEST_RATE, HIGHEST_RATE = 2_000, 768_000

EXACT_LENGTH = ("flac", "alac", "wavpack", "tta", "ape", "pcm_")
"""Codecs whose header states the length exactly, so that a missing end shows."""
SHORT_BY = 0.01
"""A file that holds this share less than its header states breaks off."""


def measure_file(path: Path) -> dict[str, Any]:
    """Decode a file and say what is in it; ``error`` is set where it cannot be used whole.

    Returns plain values: title and artist tags, channels, sample_rate, n_samples,
    level_db, peak_db, stereo_db, bad_samples, signature, stated_s, error.
    """
    import soxr

    values: dict[str, Any] = {"error": None, "signature": "", "n_samples": 0}
    try:
        info = audio.probe(path)
    except AudioError as cause:
        return {**values, "error": _without_path(cause, path)}
    values |= {"title": info.title[:500], "artist": info.artist[:500], "channels": info.channels, "codec": info.codec}
    values["stated_s"] = info.duration_s
    meter: LevelMeter | None = None
    low: Any = None
    signature = SignatureMeter()
    try:
        for stereo, sample_rate in _stereo_blocks(path):
            if meter is None:
                meter = LevelMeter(sample_rate)
                low = soxr.ResampleStream(sample_rate, SIGNATURE_RATE, 1, dtype="float32", quality="LQ")
            meter.add(stereo)
            mono = np.nan_to_num(stereo.mean(axis=0), posinf=0.0, neginf=0.0)
            signature.add(low.resample_chunk(mono))
    except (AudioError, ValueError) as cause:
        values["error"] = _without_path(cause, path)
    if meter is None:
        return {**values, "error": values["error"] or "holds no sound: 0 samples"}
    values |= asdict(meter.levels()) | {"signature": signature.signature()}
    stated, heard = info.duration_s, meter.n_samples / meter.sample_rate
    exact = info.codec.startswith(EXACT_LENGTH)
    if values["error"] is None and exact and stated is not None and heard < stated * (1 - SHORT_BY):
        values["error"] = f"breaks off after {heard:.1f} s of {stated:.1f} s"
    return values


@dataclass(frozen=True)
class Prepared:
    """What preparing a file gave."""

    n_mono: int
    n_stereo: int
    n_clipped: int  #: samples that resampling pushed over full scale


def prepare_file(path: Path, mono: Path, stereo: Path, *, sample_rate: int, gain: float, partial: bool) -> Prepared:
    """Write a file's two arrays with the corpus gain applied.

    Parameters
    ----------
    partial : take what there is where the file breaks off, instead of raising
    """
    low: Any = None
    high: Any = None
    n_clipped = 0
    with ArrayWriter(mono, 1) as mono_array, ArrayWriter(stereo, 2) as stereo_array:

        def put(low_block: Audio, high_block: Audio) -> None:
            nonlocal n_clipped
            for array, block in ((mono_array, low_block), (stereo_array, high_block)):
                pcm, clipped = quantise(block, gain)
                array.write(pcm)
                n_clipped += clipped

        try:
            for block, source_rate in _stereo_blocks(path):
                block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
                if low is None:
                    low, high = _stream(source_rate, sample_rate, 1), _stream(source_rate, STEREO_RATE, 2)
                put(low(block.mean(axis=0, keepdims=True), False), high(block, False))
        except (AudioError, ValueError):
            if not partial or low is None:
                raise
        if low is not None:
            put(low(np.zeros((1, 0), np.float32), True), high(np.zeros((2, 0), np.float32), True))
        return Prepared(mono_array.n_samples, stereo_array.n_samples, n_clipped)


def _stereo_blocks(path: Path) -> Iterator[tuple[Audio, int]]:
    # An absolute path cannot be taken for one of FFmpeg's protocols ("concat:…").
    for block, sample_rate in audio.blocks(path.absolute()):
        if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
            raise AudioError(f"{path}: a sample rate of {sample_rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} can be used")
        yield to_stereo(block), sample_rate


def _stream(source_rate: int, target_rate: int, channels: int) -> Any:
    """A function (block, last) -> resampled block; (channels, n_samples) on both sides."""
    if source_rate == target_rate:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(source_rate, target_rate, channels, dtype="float32", quality="HQ")

    def resampled(block: Audio, last: bool) -> Audio:
        plain = block[0] if channels == 1 else block.T
        out = stream.resample_chunk(np.ascontiguousarray(plain, dtype=np.float32), last=last)
        return out.reshape(1, -1) if channels == 1 else out.T

    return resampled


def _without_path(cause: Exception, path: Path) -> str:
    """An error's text without the path in front, which whoever prints it adds."""
    text = str(cause)
    for name in (str(path.absolute()), str(path)):
        text = text.removeprefix(f"{name}: ")
    return text
