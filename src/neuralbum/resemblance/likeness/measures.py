"""What is measured of one sound: beat, tone, level and width of excerpts, form and steadiness of longer cuts.

One pass of the screen's analysis gives onsets, levels and bands; a transform with a long window
gives pitches, one with a short window gives brightness and the harmonic share.

Pure: a sound in, a SongMeasures out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ...audio import features
from ...audio.hpss import hpss_masks
from ...audio.onset import detrend, onset_rate
from ...audio.stft import stft
from ...errors import AudioError
from ...screen import tempo
from ...screen.analysis import LOOP_FRAMES, Analysis, analyse
from . import form

Floats = npt.NDArray[np.float64]
Audio = npt.NDArray[np.float32]

EXCERPT_S, CUT_S = 10.0, 60.0
LEAST_CUT_SHARE = 0.5  #: a rest shorter than this share of a cut is left out
SILENT_RMS_DB = -55.0
MONO_DB = -60.0  #: sides below this count as none
QUIETEST_DB = -70.0

LONG_WINDOW_S, LONG_HOP_S = 0.186, 0.125  #: 8192 samples at 44.1 kHz; told apart: neighbouring notes from 130 Hz
SHORT_WINDOW_S = 0.0464
TONAL_LOW_HZ, TONAL_HIGH_HZ = 100.0, 4000.0
TONAL_BAND_HZ = 165.0  #: peaks are held against the median of so wide a band
FRAMES_AT_ONCE = 480  #: a minute
CHROMA_S = 1.0  #: pitch classes are counted over this long
CHORD_NOTES = 3
HARMONIC_HIGH_HZ = 5500.0
HARMONIC_MARGIN = 2.0  #: noise belongs to neither harmony nor percussion
AIR_HZ = 8000.0
RHYTHM_LAGS_S = (0.25, 2.5)

LEVEL_LOW_DB, LEVEL_STEP_DB, N_LEVELS = -80.0, 0.5, 200  #: histogram of band levels: −80 to 20 dB
COLOURS = ("sub-bass", "bass", "low middle", "middle", "upper middle", "presence", "treble", "air")


@dataclass(frozen=True)
class Measure:
    """One number of an excerpt or a cut."""

    name: str
    group: str  #: beat, tone, form, level, width, steadiness
    unit: str
    words: str


EXCERPT_MEASURES: tuple[Measure, ...] = (
    Measure("clarity", "beat", "", "tempo clarity"),
    Measure("onset_rate", "beat", "/s", "onsets a second"),
    Measure("onset_contrast", "beat", "", "onset contrast"),
    Measure("onset_repetition", "beat", "", "onset autocorrelation"),
    Measure("tonality", "tone", "dB", "tonality"),
    Measure("chroma", "tone", "", "chroma concentration"),
    Measure("flatness", "tone", "", "spectral flatness"),
    Measure("harmonic", "tone", "", "harmonic share"),
    Measure("centroid", "tone", "Hz", "brightness"),
    Measure("level", "level", "dBFS", "level"),
    Measure("side", "width", "dB", "sides re middle"),
    Measure("air", "width", "dB", "energy above 8 kHz"),
)
CUT_MEASURES: tuple[Measure, ...] = (
    Measure("cut_clarity", "beat", "", "tempo clarity, whole cut"),
    Measure("repetition", "form", "", "repetition at bars"),
    Measure("novelty", "form", "", "novelty"),
    Measure("sections", "form", "/min", "sections a minute"),
    Measure("crest", "steadiness", "dB", "crest factor"),
    Measure("rise", "steadiness", "dB", "rise"),
)
MEASURES = (*EXCERPT_MEASURES, *CUT_MEASURES)


@dataclass(frozen=True)
class SongMeasures:
    """What is known of one song or take."""

    name: str
    duration_s: float
    excerpts: Floats  #: (n_excerpts, len(EXCERPT_MEASURES))
    colours: Floats  #: (n_excerpts, 2 * len(COLOURS)) levels re their mean and movement, dB
    cuts: Floats  #: (n_cuts, len(CUT_MEASURES))
    levels: npt.NDArray[np.int64]  #: (32, N_LEVELS) how often each band had each level

    def column(self, measure: Measure) -> Floats:
        """The values of one measure, (n_excerpts,) or (n_cuts,)."""
        if measure in EXCERPT_MEASURES:
            return self.excerpts[:, EXCERPT_MEASURES.index(measure)]
        return self.cuts[:, CUT_MEASURES.index(measure)]


def measure(audio: Audio, sample_rate: int, *, name: str = "sound", cut_s: float = CUT_S) -> SongMeasures:
    """Measure float32 (channels, n_samples).

    Parameters
    ----------
    cut_s : float, s
        Form and steadiness are measured on cuts this long: band and takes alike.

    Raises
    ------
    AudioError
        Shorter than one excerpt, or silent throughout.
    """
    length = round(EXCERPT_S * sample_rate)
    if audio.shape[1] < length:
        raise AudioError(f"{name}: {audio.shape[1] / sample_rate:.1f} s; an excerpt takes {EXCERPT_S:g} s")
    blocks = range(0, audio.shape[1], length)  # a block at a time keeps the memory flat
    analysis = analyse(((audio[:, s : s + length], sample_rate) for s in blocks), name=name)
    pitches = _pitches(audio.mean(axis=0), sample_rate)
    starts = [
        s for s in range(0, audio.shape[1] - length + 1, length) if _level_db(audio[:, s : s + length]) > SILENT_RMS_DB
    ]
    if not starts:
        raise AudioError(f"{name}: silent; there is nothing to compare")
    return SongMeasures(
        name=name,
        duration_s=analysis.duration_s,
        excerpts=np.array([_excerpt(audio[:, s : s + length], sample_rate, s, analysis, pitches) for s in starts]),
        colours=np.array(
            [_colours(_part(analysis.loop_bands, _bands_rate(analysis), s / sample_rate, EXCERPT_S)) for s in starts]
        ),
        cuts=np.array(
            [_cut(audio, sample_rate, a, b, analysis, pitches) for a, b in cut_times(analysis.duration_s, cut_s)]
        ),
        levels=_level_counts(analysis.loop_bands),
    )


def cut_times(duration_s: float, cut_s: float) -> list[tuple[float, float]]:
    """Start and end of consecutive cuts; a short rest is left out, a song shorter than one cut is one."""
    if duration_s < cut_s:
        return [(0.0, duration_s)]
    n = int(duration_s / cut_s)
    times = [(i * cut_s, (i + 1) * cut_s) for i in range(n)]
    if duration_s - n * cut_s >= LEAST_CUT_SHARE * cut_s:
        times.append((n * cut_s, duration_s))
    return times


@dataclass(frozen=True)
class _Pitches:
    """Every eighth of a second: what the long window shows."""

    tonality_db: Floats  #: (n_frames,) NaN where silent
    chroma: Floats  #: (n_frames, 12) magnitudes
    frame_rate: float


def _pitches(mono: Audio, sample_rate: int) -> _Pitches:
    n_fft, hop = 2 * round(LONG_WINDOW_S * sample_rate / 2), round(LONG_HOP_S * sample_rate)
    matrix = _chroma_matrix(sample_rate, n_fft)
    tonality, chroma = [], []
    for start in range(0, mono.size, FRAMES_AT_ONCE * hop):  # the long window is costly in memory
        before = min(start, hop)  # a hop is longer than half a window
        piece = mono[start - before : start + (FRAMES_AT_ONCE + 1) * hop]
        n = min(FRAMES_AT_ONCE, -(-(mono.size - start) // hop))
        frames = np.abs(stft(piece, n_fft, hop))[before // hop :][:n] * np.float32(4.0 / n_fft)
        tonality.append(tonality_db(frames, sample_rate))
        chroma.append(frames @ matrix)
    return _Pitches(np.concatenate(tonality), np.concatenate(chroma).astype(np.float64), sample_rate / hop)


@lru_cache(maxsize=4)
def _chroma_matrix(sample_rate: int, n_fft: int) -> npt.NDArray[np.float32]:
    return features.chroma_matrix(sample_rate, n_fft)


def tonality_db(magnitude: npt.NDArray[np.float32], sample_rate: int) -> Floats:
    """How far peaks stand out of their surroundings, per frame, dB: about 8 for noise, 20 and more for chords.

    The spectrum from 100 to 4000 Hz is cut into bands of 165 Hz; in each the highest
    bin is held against the median bin, and the bands' differences are averaged. NaN where silent.
    """
    n_bins = magnitude.shape[1]
    bin_hz = sample_rate / 2 / (n_bins - 1)
    width = max(4, round(TONAL_BAND_HZ / bin_hz))
    first = round(TONAL_LOW_HZ / bin_hz)
    n_bands = int((min(TONAL_HIGH_HZ, 0.45 * sample_rate) / bin_hz - first) / width)
    bands = magnitude[:, first : first + n_bands * width].reshape(len(magnitude), n_bands, width)
    loud = np.sqrt((bands**2).sum(axis=(1, 2))) > 10 ** (SILENT_RMS_DB / 20)
    middle = np.maximum(np.median(bands, axis=2), 1e-6)
    standing = (20 * np.log10(np.maximum(bands.max(axis=2), 1e-6) / middle)).mean(axis=1)
    return np.where(loud, standing, np.nan)


def chord_share(chroma: Floats) -> float:
    """The share of the three strongest pitch classes, mean over (n_frames, 12): 0.25 where all are alike, up to 1."""
    total = chroma.sum(axis=1)
    strongest = np.sort(chroma, axis=1)[:, -CHORD_NOTES:].sum(axis=1)
    sounding = total > 1e-6
    return float((strongest[sounding] / total[sounding]).mean()) if sounding.any() else CHORD_NOTES / 12


def onset_contrast(onset: Floats) -> float:
    """How far hits stand out: the 98th percentile of an onset curve over its mean; about 2 for noise."""
    mean = float(onset.mean())
    return float(np.percentile(onset, 98)) / mean if mean > 1e-6 else 1.0


def onset_repetition(onset: Floats, frame_rate: float) -> float:
    """The highest autocorrelation of an onset curve between RHYTHM_LAGS_S, 0 to 1."""
    from scipy.signal import fftconvolve

    curve = detrend(onset, frame_rate)
    curve = curve - curve.mean()
    energy = float(curve @ curve)
    low, high = (round(s * frame_rate) for s in RHYTHM_LAGS_S)
    if energy < 1e-6 or curve.size <= high:
        return 0.0
    return max(0.0, float(fftconvolve(curve, curve[::-1])[curve.size - 1 :][low:high].max()) / energy)


def _excerpt(audio: Audio, sample_rate: int, start: int, analysis: Analysis, pitches: _Pitches) -> list[float]:
    start_s = start / sample_rate
    onset = _part(analysis.onset, analysis.frame_rate, start_s, EXCERPT_S)
    cells = _part(analysis.cell_flatness, 1 / analysis.cell_s, start_s, EXCERPT_S)
    level = _part(analysis.cell_db, 1 / analysis.cell_s, start_s, EXCERPT_S)
    tonality = _part(pitches.tonality_db, pitches.frame_rate, start_s, EXCERPT_S)
    chroma = _part(pitches.chroma, pitches.frame_rate, start_s, EXCERPT_S)
    seconds = max(1, round(CHROMA_S * pitches.frame_rate))
    chroma = chroma[: len(chroma) // seconds * seconds].reshape(-1, seconds, 12).sum(axis=1)
    harmonic, centroid_hz, air_db = _colour(audio.mean(axis=0), sample_rate)
    sounding = level > SILENT_RMS_DB
    tones_db = tonality[np.isfinite(tonality)]
    return [
        tempo.measure(onset, analysis.frame_rate).song.clarity,
        onset_rate(onset[:, 0], analysis.frame_rate),
        onset_contrast(onset[:, 0].astype(np.float64)),
        onset_repetition(onset[:, 0], analysis.frame_rate),
        float(tones_db.mean()) if tones_db.size else 0.0,
        chord_share(chroma),
        float(cells[sounding].mean()) if sounding.any() else 0.0,
        harmonic,
        centroid_hz,
        _level_db(audio),
        side_db(audio),
        air_db,
    ]


def _colour(mono: Audio, sample_rate: int) -> tuple[float, float, float]:
    """Harmonic share (0 to 1), centroid (Hz), and the level above AIR_HZ re all (dB)."""
    n_fft = 4 * round(SHORT_WINDOW_S * sample_rate / 4)
    magnitude = np.abs(stft(mono, n_fft, n_fft // 4))
    bins_hz = np.arange(magnitude.shape[1]) * sample_rate / n_fft
    spectrum = (magnitude**2).mean(axis=0)
    low = np.ascontiguousarray(magnitude[:, bins_hz < HARMONIC_HIGH_HZ])
    harmony, _ = hpss_masks(low, HARMONIC_MARGIN)
    power = low**2
    total = float(spectrum.sum()) + 1e-12
    above = float(spectrum[bins_hz >= AIR_HZ].sum())
    share = float((harmony * power).sum() / max(float(power.sum()), 1e-12))
    return share, features.centroid(spectrum, bins_hz), max(-100.0, 10 * np.log10(above / total + 1e-12))


def side_db(audio: Audio) -> float:
    """Power of the sides re the middle, dB; MONO_DB and below is mono."""
    if len(audio) != 2:
        return MONO_DB
    middle, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2
    return float(np.clip(10 * np.log10((_power(side) + 1e-12) / (_power(middle) + 1e-12)), MONO_DB, -MONO_DB))


def _cut(
    audio: Audio, sample_rate: int, start_s: float, end_s: float, analysis: Analysis, pitches: _Pitches
) -> list[float]:
    length_s = end_s - start_s
    onset = _part(analysis.onset, analysis.frame_rate, start_s, length_s)
    rhythm = tempo.measure(onset, analysis.frame_rate).song
    bands = _part(analysis.loop_bands, _bands_rate(analysis), start_s, length_s).astype(np.float64)
    chroma = np.sqrt(_part(pitches.chroma, pitches.frame_rate, start_s, length_s))  # so loud notes do not rule
    chroma = chroma / np.maximum(chroma.sum(axis=1, keepdims=True), 1e-6)
    curve = form.novelty(form.section_blocks(bands, _bands_rate(analysis), chroma, pitches.frame_rate))
    sound = audio[:, round(start_s * sample_rate) : round(end_s * sample_rate)]
    quarter = max(1, sound.shape[1] // 4)
    return [
        rhythm.clarity,
        form.bar_repetition(bands, _bands_rate(analysis), rhythm.base_bpm),
        float(np.percentile(curve, 95)) if curve.size else 0.0,
        form.sections(curve) * 60.0 / length_s,
        max(0.0, 20 * float(np.log10(np.abs(sound).max() + 1e-9)) - _level_db(sound)),
        _level_db(sound[:, -quarter:]) - _level_db(sound[:, :quarter]),
    ]


def _colours(bands_db: npt.NDArray[np.float16]) -> Floats:
    bands = bands_db.astype(np.float64)
    groups = np.stack([group.mean(axis=1) for group in np.split(bands, len(COLOURS), axis=1)], axis=1)
    level = groups.mean(axis=0)
    return np.concatenate([level - level.mean(), np.abs(np.diff(groups, axis=0)).mean(axis=0)])


def _level_counts(bands_db: npt.NDArray[np.float16]) -> npt.NDArray[np.int64]:
    steps = np.clip((bands_db.astype(np.float32) - LEVEL_LOW_DB) / LEVEL_STEP_DB, 0, N_LEVELS - 1).astype(np.int64)
    return np.stack([np.bincount(band, minlength=N_LEVELS) for band in steps.T])


def _bands_rate(analysis: Analysis) -> float:
    return analysis.frame_rate / LOOP_FRAMES


def _part(frames: npt.NDArray[Any], frame_rate: float, start_s: float, length_s: float) -> npt.NDArray[Any]:
    start = round(start_s * frame_rate)
    return frames[start : start + round(length_s * frame_rate)]


def _power(audio: Audio) -> float:
    return float(np.vdot(audio, audio)) / max(audio.size, 1)


def _level_db(audio: Audio) -> float:
    return max(QUIETEST_DB, 10 * float(np.log10(_power(audio) + 1e-12)))
