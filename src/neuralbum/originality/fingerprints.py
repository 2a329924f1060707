"""The fingerprint of a piece of sound: peaks, bands and chroma, one for each lane.

One analysis serves tracks and takes alike, and depends on its surroundings by
less than a second, so that a snippet cut out of a track gives the same marks
as the track does at that place. Three kinds of features of mono sound at 16 kHz:

* *peaks*: local maxima of a spectrogram with 36 bins an octave, 62.5 frames a
  second (after A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003);
* *bands*: 80 semitone bands, 15.6 frames a second, as contrast to their
  neighbourhood in frequency and time: equalisers and levels cancel out, and a
  drone, which contrasts with nothing, fades (of takes at twice the rate);
* *chroma*: 12 pitch classes, 2.6 frames a second.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import audio
from ..audio.stft import hann, stft
from ..errors import AudioError
from ..kernels.landmarks import local_maxima

Float = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000

PEAK_FFT, PEAK_HOP = 1024, 256
PEAK_RATE = SAMPLE_RATE / PEAK_HOP  #: 62.5 frames/s
PEAK_LOW_HZ, PEAK_BINS, PEAK_BINS_PER_OCTAVE = 130.81, 204, 36
PEAK_REACH = (4, 5)  #: frames and bins on each side that a peak must exceed
PEAK_PROMINENCE = 1.0  #: nats above the mean of its neighbourhood

BAND_FFT, BAND_HOP = 2048, 1024
BAND_RATE = SAMPLE_RATE / BAND_HOP  #: 15.625 frames/s
BAND_LOW_HZ, N_BANDS = 55.0, 80
FLOOR = 1e-5  #: power below which a band counts as silent, relative to the sound's mean

CHROMA_FFT, CHROMA_HOP = 4096, 2048
CHROMA_LOW_HZ, CHROMA_OCTAVES, CHROMA_FINE = 82.41, 5, 3
CHROMA_POOL = 3
CHROMA_RATE = SAMPLE_RATE / CHROMA_HOP / CHROMA_POOL  #: 2.6 frames/s

CHUNK_FRAMES = 4096
BAND_CONTEXT = 16  #: frames of the reference grid on each side that local contrast looks at


@dataclass(frozen=True)
class Peaks:
    """Constellation of one sound, in order of time."""

    frame: npt.NDArray[np.int32]  #: at PEAK_RATE
    bin: npt.NDArray[np.int32]  #: 0 … PEAK_BINS − 1
    prominence: Float  #: nats
    n_frames: int


@dataclass(frozen=True)
class Fingerprint:
    """Everything the lanes want to know about one sound."""

    duration_s: float
    peaks: Peaks
    bands: Float  #: (n_frames, N_BANDS), rows of length 1 (or 0 where silent), at BAND_RATE * ``finer``
    finer: int
    chroma: Float  #: (n_frames, 12) at CHROMA_RATE


def analyse(sound: Float, *, finer: int = 1) -> Fingerprint:
    """Analyse mono float32 sound at SAMPLE_RATE; ``finer`` = 2 doubles the frame rate of the bands."""
    sound = np.ascontiguousarray(sound, dtype=np.float32).ravel()
    power = float(np.mean(np.square(sound))) if sound.size else 0.0
    if power > 0:
        sound = sound * np.float32(1.0 / np.sqrt(power))
    return Fingerprint(
        duration_s=sound.size / SAMPLE_RATE,
        peaks=find_peaks(sound),
        bands=band_contrast(sound, finer=finer),
        finer=finer,
        chroma=chroma_of(sound),
    )


# ---- mono ------------------------------------------------------------------------


def read_mono(
    path: Path | str,
    log: audio.DecodeLog | None = None,
    *,
    blocks: Callable[..., Iterator[tuple[Float, int]]] = audio.blocks,
) -> Float:
    """A sound file as mono at SAMPLE_RATE, decoded block by block; ``log`` says what is odd about it.

    ``blocks`` is ``audio.blocks``, or that of ``audio.apart`` for a file that a person brought.

    Raises
    ------
    AudioError
        Unreadable, without a single sample, or holding NaN.
    """
    mono = mono_16k(blocks(path, log=log), name=str(path))
    if mono.size == 0:
        raise AudioError(f"{path}: 0 samples; the file is empty or was cut short")
    return mono


def mono_16k(blocks: Iterator[tuple[Float, int]], *, name: str = "sound") -> Float:
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


# ---- peaks ---------------------------------------------------------------------


def find_peaks(sound: Float) -> Peaks:
    """Local maxima of the log-frequency spectrogram that stand out from their neighbourhood."""
    bank = _filterbank(PEAK_FFT, PEAK_LOW_HZ, PEAK_BINS, PEAK_BINS_PER_OCTAVE)
    time_reach, bin_reach = PEAK_REACH
    frames, bins, prominences = [], [], []
    n_frames = 0
    for first, keep_from, keep_to, power in _chunks(sound, PEAK_FFT, PEAK_HOP, overlap=3 * time_reach):
        spectrogram = np.log(power @ bank + np.float32(FLOOR))
        frame, bin_, prominence = local_maxima(spectrogram, time_reach, bin_reach, PEAK_PROMINENCE)
        kept = (frame >= keep_from) & (frame < keep_to)
        frames.append(frame[kept] + first)
        bins.append(bin_[kept])
        prominences.append(prominence[kept])
        n_frames = first + keep_to
    if not frames:
        return Peaks(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32), 0)
    return Peaks(
        np.concatenate(frames).astype(np.int32),
        np.concatenate(bins).astype(np.int32),
        np.concatenate(prominences).astype(np.float32),
        n_frames,
    )


def strongest(peaks: Peaks, per_second: float) -> Peaks:
    """The most prominent peaks, at most ``per_second`` of them in each second."""
    second = (peaks.frame // round(PEAK_RATE)).astype(np.int64)
    order = np.lexsort((-peaks.prominence, second))
    starts = np.searchsorted(second[order], second[order], side="left")
    rank = np.arange(order.size) - starts
    allowed = per_second * round(PEAK_RATE) / PEAK_RATE
    kept = np.sort(order[rank < allowed])
    return Peaks(peaks.frame[kept], peaks.bin[kept], peaks.prominence[kept], peaks.n_frames)


# ---- bands -----------------------------------------------------------------------


def band_contrast(sound: Float, *, finer: int = 1) -> Float:
    """Semitone bands as local contrast, each frame scaled to length 1; silent frames are 0."""
    bank = _filterbank(BAND_FFT, BAND_LOW_HZ, N_BANDS, 12)
    rows = [
        np.log(power[keep_from:keep_to] @ bank + np.float32(FLOOR))
        for _, keep_from, keep_to, power in _chunks(sound, BAND_FFT, BAND_HOP // finer, overlap=0)
    ]
    if not rows:
        return np.zeros((0, N_BANDS), np.float32)
    return contrast(np.concatenate(rows), frames=BAND_CONTEXT * finer)


def contrast(level: Float, *, frames: int, bands: int = 8, fade: float = 1.0) -> Float:
    """What a band says beyond its neighbours in frequency and in time.

    Parameters
    ----------
    level : (n_frames, n_bands), nats
    frames, bands : how far the neighbourhood reaches on each side
    fade : how much of the local mean over time is taken away; 1 removes every sustained tone
    """
    flat = level - _running_mean(level, bands, axis=1)
    flat -= np.float32(fade) * _running_mean(flat, frames, axis=0)
    length = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    # Below this a frame holds numerical dust only: the floor makes silence exactly flat.
    audible = length > 0.5
    return (flat * np.where(audible, 1.0 / np.maximum(length, 1e-6), 0.0)[:, None]).astype(np.float32)


def _running_mean(values: Float, reach: int, *, axis: int) -> Float:
    """Mean over ±reach along an axis; the window shrinks at the ends."""
    n = values.shape[axis]
    total = np.cumsum(values, axis=axis, dtype=np.float64)
    total = np.concatenate([np.zeros_like(np.take(total, [0], axis=axis)), total], axis=axis)
    low = np.maximum(np.arange(n) - reach, 0)
    high = np.minimum(np.arange(n) + reach + 1, n)
    shape = [1, 1]
    shape[axis] = n
    spread = np.take(total, high, axis=axis) - np.take(total, low, axis=axis)
    return (spread / (high - low).reshape(shape)).astype(np.float32)


# ---- chroma ----------------------------------------------------------------------


def chroma_of(sound: Float) -> Float:
    """Pitch classes of the tonal part: energy near semitones, folded over octaves, pooled."""
    n_bins = 12 * CHROMA_OCTAVES * CHROMA_FINE
    bank = _filterbank(CHROMA_FFT, CHROMA_LOW_HZ, n_bins, 12 * CHROMA_FINE)
    rows = []
    for _, keep_from, keep_to, power in _chunks(sound, CHROMA_FFT, CHROMA_HOP, overlap=0):
        level = np.sqrt(power[keep_from:keep_to] @ bank)
        level = np.maximum(level - _running_mean(level, 2 * CHROMA_FINE, axis=1), 0)
        rows.append(level)
    if not rows:
        return np.zeros((0, 12), np.float32)
    fine = np.concatenate(rows)
    fine = fine / np.maximum(np.sqrt((fine**2).sum(axis=1, keepdims=True)), 1e-3)
    tuning = int(np.argmax(fine.sum(axis=0).reshape(-1, CHROMA_FINE).sum(axis=0)))
    fine = np.roll(fine, CHROMA_FINE // 2 - tuning, axis=1)
    semitones = fine.reshape(len(fine), -1, CHROMA_FINE).sum(axis=2)
    chroma = np.sqrt(semitones).reshape(len(fine), CHROMA_OCTAVES, 12).sum(axis=1)
    n = len(chroma) // CHROMA_POOL
    if n == 0:
        return np.zeros((0, 12), np.float32)
    pooled = chroma[: n * CHROMA_POOL].reshape(n, CHROMA_POOL, 12).mean(axis=1)
    return pooled.astype(np.float32)


# ---- fingerprint ----------------------------------------------------------------------


def _chunks(sound: Float, n_fft: int, hop: int, *, overlap: int) -> Iterator[tuple[int, int, int, Float]]:
    """Power spectra chunk by chunk: (frame number of row 0, first row to keep, row to stop at, power).

    Frame k is centred on sample k * hop. ``overlap`` rows of context stand on each side where there are any.
    """
    n_frames = sound.size // hop + 1 if sound.size >= hop else 0
    scale = np.float32(1 / np.sum(hann(n_fft).astype(np.float64) ** 2))
    lead = -(-n_fft // (2 * hop))  # frames before a chunk that its first frame reaches into
    for start in range(0, n_frames, CHUNK_FRAMES):
        stop = min(start + CHUNK_FRAMES, n_frames)
        first, last = max(start - overlap, 0), min(stop + overlap, n_frames)
        before = min(lead, first)
        piece = sound[(first - before) * hop : (last - 1) * hop + n_fft // 2]
        spectrum = stft(piece, n_fft, hop)[before : before + last - first]
        yield first, start - first, stop - first, (spectrum.real**2 + spectrum.imag**2) * scale


@cache
def _filterbank(n_fft: int, low_hz: float, n_bins: int, per_octave: int) -> Float:
    """Triangles on a log-frequency axis, at least one FFT bin wide: (n_fft // 2 + 1, n_bins)."""
    hz = np.arange(n_fft // 2 + 1) * (SAMPLE_RATE / n_fft)
    centre = low_hz * 2.0 ** (np.arange(n_bins) / per_octave)
    width = np.maximum(centre * (2.0 ** (1 / per_octave) - 1), SAMPLE_RATE / n_fft)
    bank = np.maximum(0.0, 1.0 - np.abs(hz[:, None] - centre[None, :]) / width[None, :])
    return (bank / bank.sum(axis=0, keepdims=True)).astype(np.float32)
