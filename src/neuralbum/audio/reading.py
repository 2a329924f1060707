"""Read and resample sound: float32, shape (channels, n_samples), in [−1, 1].

Decoding goes through PyAV (FFmpeg), which reads nearly everything; resampling is
soxr at its high quality. Headers are never trusted: lengths are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, ParameterError
from .decoding import LOSSLESS, DecodeLog, OneForm, frames_of, n_channels, opened, outline_of

Audio = npt.NDArray[np.float32]

DECODE_BLOCK_S = 10.0
MOST_LOST = 0.5
"""A file of which more than this share is damaged is no recording any more."""
UPSIDE_DOWN = -0.5
"""Correlation of two sides below which one of them is taken for inverted: their sum would be 6 dB or more too quiet."""
SILENT_POWER = 1e-10  #: −100 dB re full scale


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself; ``duration_s`` is None where the header does not tell."""

    sample_rate: int
    channels: int
    duration_s: float | None
    codec: str
    title: str
    artist: str
    exact: bool = False  #: the header counts the length, so that a missing end shows

    @property
    def lossless(self) -> bool:
        return self.codec.startswith(LOSSLESS)


def probe(path: Path | str) -> AudioInfo:
    """Look at a file's header and tags.

    Raises
    ------
    AudioError
        Not a readable sound file, or it holds no audio stream.
    """
    import av

    about = outline_of(path)
    with opened(path) as container:
        stream = container.streams.audio[0]
        tags = {k.lower(): v for k, v in {**container.metadata, **stream.metadata}.items()}
        context = stream.codec_context
        name, kind = context.name, container.format.name
        duration, exact = about.stated_s, about.stated_s is not None
        if duration is None and not about.links:
            if stream.duration is not None and stream.time_base is not None:
                duration = float(stream.duration * stream.time_base)
                exact = kind != "avi" and (name.startswith(LOSSLESS) or kind.startswith("mov"))
            elif container.duration is not None:
                duration = container.duration / av.time_base
                exact = len(container.streams) == 1 and (name.startswith(LOSSLESS) or kind.startswith("matroska"))
        return AudioInfo(
            sample_rate=int(context.sample_rate or 0),
            channels=n_channels(context),
            duration_s=duration,
            codec=name,
            title=tags.get("title", ""),
            artist=tags.get("artist", ""),
            exact=exact,
        )


def blocks(
    path: Path | str, *, block_s: float = DECODE_BLOCK_S, log: DecodeLog | None = None
) -> Iterator[tuple[Audio, int]]:
    """Decode a file block by block, so that memory does not grow with its length.

    Parameters
    ----------
    log : filled with what is odd about the file; complete when the blocks are through

    Yields
    ------
    (audio, sample_rate) : audio is float32 (channels, n_samples)
        Blocks of about ``block_s`` seconds at the rate, and with the channels, the file begins with.

    Raises
    ------
    AudioError
        Not readable, no audio stream, a rate or channels beyond bounds, or broken off
        or (lossless) damaged on the way, after yielding what there was. A file that was
        merely cut short often decodes without a word: compare the count of samples with
        ``probe(path).duration_s``.
    """
    log = log if log is not None else DecodeLog()
    straight = OneForm(path, log)
    held: list[Audio] = []
    n_held = 0
    broken: AudioError | None = None
    try:
        for frame in frames_of(path, log):
            parts = straight.take(frame)
            held += parts
            n_held += sum(map(len, parts))
            if n_held >= block_s * straight.sample_rate:
                yield _joined(held), straight.sample_rate
                held, n_held = [], 0
    except AudioError as cause:
        broken = cause
    held += straight.rest()
    if held:
        yield _joined(held), straight.sample_rate
    if broken is not None:
        raise broken
    if log.lost_s > MOST_LOST * (log.heard_s + log.lost_s):
        raise AudioError(
            f"{path}: damaged: of {log.heard_s + log.lost_s:.1f} s only {log.heard_s:.1f} s can be decoded"
        )


def _joined(parts: list[Audio]) -> Audio:
    """Interleaved parts as one (channels, n_samples)."""
    return np.ascontiguousarray(np.concatenate(parts).T)


class MonoMix:
    """Mix blocks of one sound down to one channel: the mean, unless the sides cancel each other.

    A stereo recording with one side upside down would come out as silence; there
    one side is turned over first. What was decided holds for the following blocks
    until the sides clearly agree again, so that quiet stretches do not flip it.
    """

    def __init__(self) -> None:
        self.turned = False

    def __call__(self, block: Audio) -> Audio:
        """float32 (channels, n_samples) -> (n_samples,)."""
        if len(block) == 1:
            return block[0].copy()
        if len(block) == 2:
            correlation = _correlation(block[0], block[1])
            self.turned = correlation < (-UPSIDE_DOWN if self.turned else UPSIDE_DOWN)
        mono = block[0].copy()
        for channel in block[1:]:  # adding rows is four times faster than a mean over them
            mono += -channel if self.turned else channel
        mono *= np.float32(1 / len(block))
        return mono


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Pearson's; 0 where a side is silent, stands still, or holds NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        a, b = a - a.mean(), b - b.mean()
        alone = float(np.dot(a, a)) * float(np.dot(b, b))
        together = float(np.dot(a, b))
    audible = alone > (SILENT_POWER * len(a)) ** 2
    return together / alone**0.5 if audible and np.isfinite(together) else 0.0


def read(path: Path | str, *, sample_rate: int | None = None, mono: bool = False) -> tuple[Audio, int]:
    """Read a whole file.

    Parameters
    ----------
    sample_rate : int, Hz, optional
        Resample to this rate; None keeps the file's own.
    mono : bool
        Mix down to one channel (the mean; see ``MonoMix``).

    Returns
    -------
    (audio, sample_rate) : float32 (channels, n_samples); shape (1, n) when ``mono``

    Raises
    ------
    AudioError
        Unreadable, or without a single sample.
    """
    return join(path, blocks(path), sample_rate=sample_rate, mono=mono)


def join(
    path: Path | str, blocks: Iterator[tuple[Audio, int]], *, sample_rate: int | None = None, mono: bool = False
) -> tuple[Audio, int]:
    """Blocks of one file as a whole; as ``read``."""
    parts: list[Audio] = []
    rate = 0
    mix = MonoMix()
    for block, rate in blocks:  # noqa: B007  # the last rate is returned
        if not np.isfinite(block).all():
            raise AudioError(f"{path}: holds NaN or infinite samples; convert it again from its source")
        parts.append(mix(block)[None] if mono else block)
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
