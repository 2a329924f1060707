"""Pairs to learn from: what a skeleton would give, and what it should have been.

The input goes through the skeleton's own front end (``dsp.front_end``). A
skeleton's samples are worse than quantised music, so inputs are made worse on
purpose, in this order of importance: noise before quantising, at a level the
net is told; lower cut-offs; and, where the user has them, samples the skeleton
drew while being shown the real past ("teacher-forced": still aligned with the
original). Free-running skeleton audio has no original; only the critic and
the low band judge it.

Pure: arrays and dice in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dsp import front_end
from ..errors import ParameterError, TrainingError
from .params import FleshParams, NetShape

Audio = npt.NDArray[np.float32]

QUIETEST_NOISE_DB, LOUDEST_NOISE_DB = 50.0, 5.0  #: signal-to-noise ratios that levels 0 and 1 stand for
CUTOFFS_HZ = (6500.0, 8000.0)  #: at 16 kHz; scaled with the rate
FILTER_TAPS = 63
ENVELOPE_S = 0.005  #: noise that follows the music follows its level over so long
GAINS_DB = (-9.0, 1.0)
SILENT_RMS = 1e-4


@dataclass(frozen=True)
class Song:
    """One song as int16 arrays, at both rates."""

    name: str
    mono: npt.NDArray[np.int16]  #: (n,) at the input rate
    stereo: npt.NDArray[np.int16]  #: (2, m) at 44.1 kHz
    forced: npt.NDArray[Any] | None = None  #: the skeleton's teacher-forced samples, (n,), int16 or float


@dataclass(frozen=True)
class Material:
    """All there is to learn from."""

    train: Sequence[Song]
    valid: Sequence[Song]
    free: Sequence[npt.NDArray[Any]] = field(default=())  #: free-running skeleton audio, (n,) each


@dataclass(frozen=True)
class Crops:
    """A batch. ``wanted`` is None for free-running audio."""

    heard: Audio  #: (B, n_in) what the net is given, quantised, with edge hops
    clean: Audio  #: (B, n_in) the same before it was made worse
    level: Audio  #: (B,)
    noise: Audio  #: (B, T, noise) the net's own dice
    wanted: Audio | None  #: (B, 2, n_out) mid and side, without edge hops


def level_of_snr(snr_db: float) -> float:
    """The noise level the net is told, 0 (50 dB and better) to 1 (5 dB and worse)."""
    level = (QUIETEST_NOISE_DB - snr_db) / (QUIETEST_NOISE_DB - LOUDEST_NOISE_DB)
    return float(np.clip(level, 0.0, 1.0))


def snr_db(clean: Audio, worse: Audio) -> float:
    """Signal-to-noise ratio of aligned sounds, dB."""
    signal, noise = float(np.mean(clean**2)), float(np.mean((worse - clean) ** 2))
    return float(10 * np.log10((signal + 1e-10) / (noise + 1e-12)))


def to_float(audio: npt.NDArray[Any]) -> Audio:
    """int16 or float -> float32 in [−1, 1]."""
    if audio.dtype == np.int16:
        return np.asarray(audio, dtype=np.float32) / np.float32(front_end.FULL_SCALE)
    return np.asarray(audio, dtype=np.float32)


def quantised(audio: Audio, n_levels: int) -> Audio:
    """Through the skeleton's front end and back."""
    return front_end.amplitudes_of(front_end.levels_of(audio, n_levels), n_levels)


def lowered(audio: Audio, cutoff_hz: float, sample_rate: int) -> Audio:
    """Low-passed by a short windowed sinc without delay."""
    n = np.arange(FILTER_TAPS) - FILTER_TAPS // 2
    taps = np.sinc(2 * cutoff_hz / sample_rate * n) * np.hanning(FILTER_TAPS)
    return np.convolve(audio, taps / taps.sum(), mode="same").astype(np.float32)


def noisy(audio: Audio, snr: float, follows: bool, sample_rate: int, rng: np.random.Generator) -> Audio:
    """White noise added, steady or following the music's level as a net's own noise does."""
    noise = rng.standard_normal(len(audio)).astype(np.float32)
    if follows:
        width = max(1, round(ENVELOPE_S * sample_rate))
        noise *= np.sqrt(np.convolve(audio**2, np.ones(width) / width, mode="same") + 1e-10).astype(np.float32)
    signal_rms, noise_rms = np.sqrt(np.mean(audio**2)), np.sqrt(np.mean(noise**2))
    return audio + noise * np.float32(signal_rms / max(noise_rms, 1e-9) * 10 ** (-snr / 20))


def worsened(clean: Audio, params: FleshParams, sample_rate: int, rng: np.random.Generator) -> tuple[Audio, float]:
    """What a skeleton might have given for ``clean``, and the noise level to tell."""
    worse, level = clean, 0.0
    if rng.random() < params.cutoff_share:
        cutoff = rng.uniform(*CUTOFFS_HZ) * sample_rate / 16_000
        worse = lowered(worse, cutoff, sample_rate)
    if rng.random() < params.noise_share:
        snr = rng.uniform(LOUDEST_NOISE_DB, QUIETEST_NOISE_DB)
        worse, level = noisy(worse, snr, bool(rng.random() < 0.5), sample_rate, rng), level_of_snr(snr)
    return quantised(worse, params.n_levels), level


def draw(
    songs: Sequence[Song], shape: NetShape, params: FleshParams, *, batch: int, frames: int, rng: np.random.Generator
) -> Crops:
    """A batch of crops, songs weighted by length."""
    hop_in, hop_out = shape.hops
    edge = shape.window_hops - 1
    n_in, n_out = (frames + edge) * hop_in, (frames - edge) * hop_out
    usable = np.array([max(0, _whole_hops(song, shape) - frames - edge) for song in songs], dtype=np.float64)
    if not usable.sum() > 0:
        raise TrainingError(
            f"no song is longer than a crop of {frames * hop_in / shape.input_rate:.2f} s; add longer songs, "
            f"or set a shorter crop with --set flesh.crop_s=0.4"
        )
    heard, clean, levels, wanted = [], [], [], []
    for index in rng.choice(len(songs), size=batch, p=usable / usable.sum()):
        song = songs[index]
        start = int(rng.integers(0, usable[index]))
        gain = np.float32(10 ** (rng.uniform(*GAINS_DB) / 20))
        original = to_float(song.mono[start * hop_in : start * hop_in + n_in]) * gain
        if song.forced is not None and rng.random() < params.forced_share:
            worse = to_float(song.forced[start * hop_in : start * hop_in + n_in]) * gain
            level = level_of_snr(snr_db(original, worse))
            worse = quantised(worse, params.n_levels)
        else:
            worse, level = worsened(original, params, shape.input_rate, rng)
        first = (start + edge) * hop_out
        stereo = to_float(song.stereo[:, first : first + n_out]) * gain
        heard.append(worse)
        clean.append(original)
        levels.append(level)
        wanted.append(np.stack([stereo[0] + stereo[1], stereo[0] - stereo[1]]) / 2)
    noise = rng.standard_normal((batch, frames, shape.noise), dtype=np.float32)
    return Crops(np.stack(heard), np.stack(clean), np.asarray(levels, np.float32), noise, np.stack(wanted))


def draw_free(
    free: Sequence[npt.NDArray[Any]],
    shape: NetShape,
    *,
    level: float,
    batch: int,
    frames: int,
    rng: np.random.Generator,
) -> Crops:
    """Crops of free-running skeleton audio: nothing to compare with."""
    n_in = (frames + shape.window_hops - 1) * shape.hops[0]
    long_enough = [sound for sound in free if len(sound) > n_in]
    if not long_enough:
        raise TrainingError(f"no free-running sound is longer than {n_in / shape.input_rate:.2f} s; sample longer ones")
    heard = []
    for index in rng.integers(0, len(long_enough), size=batch):
        sound = long_enough[index]
        start = int(rng.integers(0, len(sound) - n_in))
        heard.append(to_float(sound[start : start + n_in]))
    both = np.stack(heard)
    noise = rng.standard_normal((batch, frames, shape.noise), dtype=np.float32)
    return Crops(both, both, np.full(batch, level, np.float32), noise, None)


def excerpts(songs: Sequence[Song], shape: NetShape, seconds: float) -> list[tuple[Audio, Audio]]:
    """(mono, stereo) excerpts of in all about ``seconds``, evenly from all songs, from their middles."""
    each_s = seconds / max(1, len(songs))
    found = []
    for song in songs:
        hop_in, hop_out = shape.hops
        n = min(_whole_hops(song, shape), round(each_s * shape.input_rate / hop_in))
        start = (_whole_hops(song, shape) - n) // 2
        mono = to_float(song.mono[start * hop_in : (start + n) * hop_in])
        stereo = to_float(song.stereo[:, start * hop_out : (start + n) * hop_out])
        if n and float(np.sqrt(np.mean(stereo**2))) > SILENT_RMS:
            found.append((mono, stereo))
    return found


def check_forced(song: Song) -> None:
    """Teacher-forced samples must be as long as the song they belong to."""
    if song.forced is not None and song.forced.shape != song.mono.shape:
        raise ParameterError(
            f"{song.name}: the teacher-forced samples have shape {song.forced.shape}, the song {song.mono.shape}; "
            f"draw one sample for each of the song's"
        )


def suggested_level(songs: Sequence[Song], default: float) -> float:
    """The noise level of the skeleton's own samples: the median over songs, or ``default`` without any."""
    levels = [
        level_of_snr(snr_db(to_float(song.mono[::7]), to_float(song.forced[::7])))
        for song in songs
        if song.forced is not None
    ]
    return float(np.median(levels)) if levels else default


def _whole_hops(song: Song, shape: NetShape) -> int:
    hop_in, hop_out = shape.hops
    return min(len(song.mono) // hop_in, song.stereo.shape[1] // hop_out)
