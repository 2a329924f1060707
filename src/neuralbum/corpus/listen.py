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
from ..audio import apart
from ..errors import AudioError
from .arrays import ArrayWriter, quantise
from .duplicates import RATE as SIGNATURE_RATE
from .duplicates import SignatureMeter
from .levels import Audio, LevelMeter, to_stereo
from .prepared import STEREO_RATE

SHORT_BY = 0.01
"""A file that holds this share less than its header states breaks off."""
LOSSY_SLACK_S = 0.2
"""So much of a lossy file may be missing besides: what its codec adds before and behind the music."""


def measure_file(path: Path) -> dict[str, Any]:
    """Decode a file and say what is in it; ``error`` is set where it cannot be used whole.

    Returns plain values: title and artist tags, channels, sample_rate, n_samples,
    level_db, peak_db, stereo_db, bad_samples, turned, signature, stated_s, remarks, error.
    """
    import soxr

    values: dict[str, Any] = {"error": None, "signature": "", "n_samples": 0}
    try:
        info = apart.probe(path)
    except apart.DecoderCrashed:
        raise
    except AudioError as cause:
        return {**values, "error": without_path(cause, path)}
    values |= {"title": info.title[:500], "artist": info.artist[:500], "channels": info.channels, "codec": info.codec}
    values["stated_s"] = info.duration_s
    meter: LevelMeter | None = None
    low: Any = None
    signature = SignatureMeter()
    log, mix, turned = audio.DecodeLog(), audio.MonoMix(), False
    try:
        for stereo, sample_rate in _stereo_blocks(path, log):
            mono = mix(_finite(stereo))
            if meter is None:
                meter = LevelMeter(sample_rate)
                low = soxr.ResampleStream(sample_rate, SIGNATURE_RATE, 1, dtype="float32", quality="LQ")
            meter.add(stereo, mono)
            signature.add(low.resample_chunk(mono))
            turned |= mix.turned
    except apart.DecoderCrashed:
        raise
    except (AudioError, ValueError) as cause:
        values["error"] = without_path(cause, path)
    if meter is None:
        return {**values, "error": values["error"] or "holds no sound: 0 samples"}
    values |= asdict(meter.levels()) | {"signature": signature.signature(), "turned": turned}
    heard = meter.n_samples / meter.sample_rate
    values["error"] = values["error"] or _shortfall(info, log, heard)
    return {**values, "remarks": _remarks(info, log, heard)}


def _missing_s(info: audio.AudioInfo, heard: float) -> float:
    """Seconds that the header states and the file does not hold; 0 where no header counts them."""
    if not info.exact or info.duration_s is None:
        return 0.0
    missing = info.duration_s - heard
    slack = SHORT_BY * info.duration_s + (0.0 if info.lossless else LOSSY_SLACK_S)
    return missing if missing > slack else 0.0


def _shortfall(info: audio.AudioInfo, log: audio.DecodeLog, heard: float) -> str | None:
    """Why a file that could be decoded to its end is not whole; None if it is, or has but a hole."""
    missing = _missing_s(info, heard)
    if missing and (info.lossless or not log.n_damaged):
        hole = " or has a hole" if log.n_damaged else ""
        return f"breaks off{hole} after {heard:.1f} s of {info.duration_s:.1f} s"
    return f"breaks off after {heard:.1f} s" if log.breaks_off else None


def _remarks(info: audio.AudioInfo, log: audio.DecodeLog, heard: float) -> list[str]:
    if log.n_damaged and not info.lossless:
        log.lost_s = _missing_s(info, heard) or log.lost_s  # counted instead of estimated
    return log.remarks()


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
    mix = audio.MonoMix()
    with ArrayWriter(mono, 1) as mono_array, ArrayWriter(stereo, 2) as stereo_array:

        def put(low_block: Audio, high_block: Audio) -> None:
            nonlocal n_clipped
            for array, block in ((mono_array, low_block), (stereo_array, high_block)):
                pcm, clipped = quantise(block, gain)
                array.write(pcm)
                n_clipped += clipped

        try:
            for stereo_block, source_rate in _stereo_blocks(path):
                block = _finite(stereo_block)
                if low is None:
                    low, high = _stream(source_rate, sample_rate, 1), _stream(source_rate, STEREO_RATE, 2)
                put(low(mix(block)[None], False), high(block, False))
        except (AudioError, ValueError):
            if not partial or low is None:
                raise
        if low is not None:
            put(low(np.zeros((1, 0), np.float32), True), high(np.zeros((2, 0), np.float32), True))
        return Prepared(mono_array.n_samples, stereo_array.n_samples, n_clipped)


def _stereo_blocks(path: Path, log: audio.DecodeLog | None = None) -> Iterator[tuple[Audio, int]]:
    for block, sample_rate in apart.blocks(path, log=log):
        yield to_stereo(block), sample_rate


def _finite(block: Audio) -> Audio:
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)


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


def without_path(cause: Exception, path: Path) -> str:
    """An error's text without the path in front, which whoever prints it adds."""
    text = str(cause)
    for name in (str(path.absolute()), str(path)):
        text = text.removeprefix(f"{name}: ")
    return text
