"""Listen once: everything the screen needs, from one pass over a file.

Blocks of sound come in, a few numbers per tenth of a second stay: levels,
peaks, plateaus of clipping, flatness, an onset curve, and a mel picture. An
hour costs a few megabytes, whatever its sample rate, so memory stays flat.

Time is counted in *frames* of about 10 ms (a hop of sample_rate / 100,
rounded) and *cells* of ten frames. The window is 46 ms (Hann).

Pure: no files, no catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio import MonoMix, features
from ..audio.loudness import Loudness, LoudnessMeter
from ..errors import AudioError

Audio = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]

FRAME_RATE = 100.0  #: Hz aimed at; the true one is sample_rate / hop
WINDOW_S = 0.0464  #: 2048 samples at 44.1 kHz
CELL_FRAMES = 10
PICTURE_FRAMES = 4  #: frames averaged (in power) into one column of the picture
N_BANDS = 128
LOW_HZ, HIGH_HZ = 30.0, 16_000.0
FLOOR_DB, CEILING_DB = -80.0, 0.0  #: the picture's fixed range, re a full-scale sine
LOOP_BANDS, LOOP_FRAMES = 32, 2  #: what loops are sought in: 32 bands, 50 columns a second
FLAT_BANDS, FLAT_LOW_HZ, FLAT_HIGH_HZ = 24, 200.0, 7500.0
ONSET_LAG = 3  #: frames; a 46 ms window needs this long to see an attack
TONAL_WINDOWS = 4  #: pitches are told apart in a window this many times longer, once a cell
ONSET_RANGE_DB = 55.0  #: bands further below the loudest do not count
DRUM_BANDS = 10  #: the lowest bands, up to 310 Hz, whose onsets are kept apart: the kick drum tells the metre
MIN_RATE_HZ, MAX_RATE_HZ = 4000, 768_000
PLATEAU = 3  #: equal samples in a row at the top that count as clipping
PLATEAU_TOLERANCE = 0.6 / 32768  #: equal up to 16-bit rounding
PLATEAU_LEVEL = 0.985  #: of the cell's peak
STILL = 1.5 / 32768  #: a cell that moves less than this stands still


@dataclass(frozen=True)
class Analysis:
    """What one pass over a sound leaves behind."""

    sample_rate: int
    n_channels: int
    n_samples: int
    frame_rate: float  #: Hz
    loudness: Loudness
    onset: Floats  #: (n_frames, 2) rise in dB, averaged over all bands and over the lowest DRUM_BANDS
    picture: npt.NDArray[np.uint8]  #: (N_BANDS, n_columns), low band first, FLOOR_DB..CEILING_DB -> 0..255
    loop_bands: npt.NDArray[np.float16]  #: (n_loop_columns, LOOP_BANDS) dB
    cell_db: Floats  #: (n_cells,) RMS without DC, all channels together, dBFS
    cell_mean: Floats  #: (n_cells,) mean amplitude of the channel with the largest
    cell_span: Floats  #: (n_cells,) highest minus lowest sample, widest channel
    cell_peak: Floats  #: (n_cells,) highest |sample|
    cell_plateau: Floats  #: (n_cells,) share of samples standing at the cell's peak
    cell_flatness: Floats  #: (n_cells,)
    cell_broken: Floats  #: (n_cells,) share of samples that are NaN or infinite
    spectrum: npt.NDArray[np.float64]  #: (n_bins,) mean power
    chroma: npt.NDArray[np.float64]  #: (12,) mean share of each pitch class
    dc: float  #: mean amplitude of the channel with the largest
    side_db: float | None  #: level of the sides re the middle; None for mono

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate

    @property
    def cell_s(self) -> float:
        return CELL_FRAMES / self.frame_rate

    @property
    def column_rate(self) -> float:
        """Columns of the picture per second."""
        return self.frame_rate / PICTURE_FRAMES

    @property
    def frequencies_hz(self) -> npt.NDArray[np.float64]:
        return np.linspace(0.0, self.sample_rate / 2, self.spectrum.size)


@dataclass(frozen=True)
class _Plan:
    """Windows and matrices for one sample rate."""

    hop: int
    n_fft: int
    window: Floats
    mel: Floats
    flat: Floats
    tonal_window: Floats  #: TONAL_WINDOWS times as long, so that neighbouring notes part
    chroma: Floats


@lru_cache(maxsize=4)
def _plan(sample_rate: int) -> _Plan:
    hop = round(sample_rate / FRAME_RATE)
    n_fft = _fast_even(max(2 * hop, round(WINDOW_S * sample_rate)))
    n_tonal = _fast_even(TONAL_WINDOWS * n_fft)
    high = min(FLAT_HIGH_HZ, 0.45 * sample_rate)
    return _Plan(
        hop,
        n_fft,
        _hann(n_fft),
        features.mel_matrix(sample_rate, n_fft, N_BANDS, LOW_HZ, HIGH_HZ),
        features.linear_matrix(sample_rate, n_fft, FLAT_BANDS, FLAT_LOW_HZ, high),
        _hann(n_tonal),
        features.chroma_matrix(sample_rate, n_tonal),
    )


def _hann(n_fft: int) -> Floats:
    """Periodic Hann, scaled so that a full-scale sine has magnitude 1."""
    window = np.hanning(n_fft + 1)[:-1]
    return np.asarray(window * (2.0 / window.sum()), dtype=np.float32)


def _fast_even(n: int) -> int:
    """The next length of only factors 2, 3, 5 that is even (quick for the FFT)."""
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len((n + 1) // 2, real=True))


def analyse(blocks: Iterable[tuple[Audio, int]], *, name: str = "sound") -> Analysis:
    """Listen to blocks of (float32 (channels, n_samples), sample_rate).

    Raises
    ------
    AudioError
        No samples at all, a change of rate or channels on the way, or a rate outside
        MIN_RATE_HZ..MAX_RATE_HZ.
    """
    analyser: Analyser | None = None
    for audio, sample_rate in blocks:
        if analyser is None:
            analyser = Analyser(sample_rate, audio.shape[0], name=name)
        elif (sample_rate, audio.shape[0]) != (analyser.sample_rate, analyser.n_channels):
            raise AudioError(f"{name}: changes its sample rate or channels on the way; convert it first")
        analyser.feed(audio)
    if analyser is None or analyser.n_samples == 0:
        raise AudioError(f"{name}: 0 samples; the file is empty or was cut short")
    return analyser.result()


class Analyser:
    """Takes in blocks, keeps a few numbers per cell."""

    def __init__(self, sample_rate: int, n_channels: int, *, name: str = "sound") -> None:
        if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
            raise AudioError(f"{name}: {sample_rate} Hz; the screen listens to {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
        self.sample_rate, self.n_channels, self.n_samples = sample_rate, n_channels, 0
        self._plan = _plan(sample_rate)
        self._meter = LoudnessMeter(sample_rate, n_channels)
        self._mix = MonoMix()
        self._mono = np.zeros(self._plan.n_fft // 2, dtype=np.float32)  # so that frame k is centred on k * hop
        self._tonal = np.zeros(0, dtype=np.float32)
        self._cell = np.zeros((n_channels, 0), dtype=np.float32)
        self._broken_cell = np.zeros(0, dtype=bool)
        self._last_mel = np.full((ONSET_LAG, N_BANDS), FLOOR_DB, dtype=np.float32)
        self._fresh = True
        self._mel_left = np.zeros((0, N_BANDS), dtype=np.float32)
        self._flat_left = np.zeros(0, dtype=np.float32)
        self._onset = _Growing(2, np.float32)
        self._picture = _Growing(N_BANDS, np.uint8)
        self._loop = _Growing(LOOP_BANDS, np.float16)
        self._cells: list[Floats] = []
        self._flat: list[Floats] = []
        self._spectrum = np.zeros(self._plan.n_fft // 2 + 1)
        self._chroma = np.zeros(12)
        self._n_frames = 0
        self._sum = np.zeros(n_channels)
        self._mid = self._side = 0.0

    def feed(self, audio: Audio) -> None:
        broken = np.asarray(~np.isfinite(audio))
        if broken.any():
            audio = np.where(broken, np.float32(0), audio)
        audio = np.clip(audio, -8.0, 8.0)  # a wild float file must not drown the numbers
        self.n_samples += audio.shape[1]
        self._meter.feed(audio)
        self._sum += audio.sum(axis=1, dtype=np.float64)
        mono = self._mix(audio)
        if len(audio) == 2:
            middle, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2
            self._mid += float(np.dot(middle, middle))
            self._side += float(np.dot(side, side))
        self._feed_cells(audio, np.asarray(broken.any(axis=0)))
        self._feed_frames(mono)
        self._feed_chroma(mono)

    def _feed_chroma(self, mono: Floats) -> None:
        from scipy.fft import rfft

        window, step = self._plan.tonal_window, self._plan.hop * CELL_FRAMES
        self._tonal = np.concatenate([self._tonal, mono])
        n = (self._tonal.size - window.size) // step + 1
        if n <= 0:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self._tonal, window.size)[: n * step : step]
        chroma = np.sqrt(np.abs(rfft(frames * window, axis=1)) @ self._plan.chroma)  # roots, so loud notes do not rule
        self._tonal = self._tonal[n * step :].copy()
        self._chroma += (chroma / np.maximum(chroma.sum(axis=1, keepdims=True), 1e-3)).sum(axis=0)

    def _feed_cells(self, audio: Audio, broken: npt.NDArray[np.bool_]) -> None:
        width = self._plan.hop * CELL_FRAMES
        self._cell = np.concatenate([self._cell, audio], axis=1)
        self._broken_cell = np.concatenate([self._broken_cell, broken])
        n = self._cell.shape[1] // width
        if n:
            self._cells.append(_measure_cells(self._cell[:, : n * width], self._broken_cell[: n * width], width))
            self._cell = self._cell[:, n * width :].copy()
            self._broken_cell = self._broken_cell[n * width :].copy()

    def _feed_frames(self, mono: Floats) -> None:
        from scipy.fft import rfft

        plan = self._plan
        self._mono = np.concatenate([self._mono, mono])
        n = (self._mono.size - plan.n_fft) // plan.hop + 1
        if n <= 0:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self._mono, plan.n_fft)[: n * plan.hop : plan.hop]
        bins = rfft(frames * plan.window, axis=1)
        power = bins.real**2 + bins.imag**2  # (n, n_bins)
        self._mono = self._mono[n * plan.hop :].copy()
        self._n_frames += n
        self._spectrum += power.sum(axis=0, dtype=np.float64)
        self._flat_left = np.concatenate([self._flat_left, features.flatness(power @ plan.flat).astype(np.float32)])
        mel = power @ plan.mel
        self._feed_onset(decibels(mel))
        self._feed_columns(np.concatenate([self._mel_left, mel]))

    def _feed_onset(self, mel_db: Floats) -> None:
        if self._fresh:  # the first frame is no onset
            self._last_mel[:] = mel_db[0]
            self._fresh = False
        joined = np.concatenate([self._last_mel, mel_db])
        now, before = joined[ONSET_LAG:], joined[:-ONSET_LAG]
        # far below the loudest band only leakage flickers, in step with the hop: it must not pass for rhythm
        floor = np.maximum(now, before).max(axis=1, keepdims=True) - ONSET_RANGE_DB
        rise = np.maximum(np.maximum(now, floor) - np.maximum(before, floor), 0.0)
        self._onset.append(np.stack([rise.mean(axis=1), rise[:, :DRUM_BANDS].mean(axis=1)], axis=1))
        self._last_mel = joined[-ONSET_LAG:].copy()

    def _feed_columns(self, mel: Floats) -> None:
        n = len(mel) // PICTURE_FRAMES  # a picture column is two loop columns
        whole = mel[: n * PICTURE_FRAMES]
        self._mel_left = mel[n * PICTURE_FRAMES :].copy()
        if not n:
            return
        self._picture.append(to_bytes(decibels(whole.reshape(n, PICTURE_FRAMES, N_BANDS).mean(axis=1))))
        coarse = whole.reshape(-1, LOOP_FRAMES, LOOP_BANDS, N_BANDS // LOOP_BANDS).mean(axis=(1, 3))
        self._loop.append(decibels(coarse).astype(np.float16))

    def result(self) -> Analysis:
        """Close the books; call once."""
        plan = self._plan
        self._feed_frames(np.zeros(plan.n_fft - plan.n_fft // 2, dtype=np.float32))  # the last frames' right half
        if len(self._mel_left):  # complete the last column with what there is
            short = PICTURE_FRAMES - len(self._mel_left)
            self._feed_columns(np.concatenate([self._mel_left, np.repeat(self._mel_left[-1:], short, axis=0)]))
        if self._cell.shape[1]:
            self._cells.append(_measure_cells(self._cell, self._broken_cell, self._cell.shape[1]))
        cells = np.concatenate(self._cells)
        n_cells = len(cells)
        dc = self._sum / self.n_samples
        return Analysis(
            sample_rate=self.sample_rate,
            n_channels=self.n_channels,
            n_samples=self.n_samples,
            frame_rate=self.sample_rate / plan.hop,
            loudness=self._meter.result(),
            onset=self._onset.whole(),
            picture=self._picture.whole().T,
            loop_bands=self._loop.whole(),
            cell_db=cells[:, 0],
            cell_mean=cells[:, 1],
            cell_span=cells[:, 2],
            cell_peak=cells[:, 3],
            cell_plateau=cells[:, 4],
            cell_broken=cells[:, 5],
            cell_flatness=_cell_means(self._flat_left, n_cells),
            spectrum=self._spectrum / max(1, self._n_frames),
            chroma=self._chroma / max(1e-9, float(self._chroma.sum())),
            dc=float(dc[np.argmax(np.abs(dc))]),
            side_db=None if self.n_channels != 2 else _ratio_db(self._side, self._mid),
        )


class _Growing:
    """Rows that come in bit by bit, in one array that grows in place."""

    def __init__(self, n_columns: int, kind: type[np.generic]) -> None:
        self._rows: npt.NDArray[Any] = np.zeros((0, n_columns), dtype=kind)
        self._n = 0

    def append(self, rows: npt.NDArray[Any]) -> None:
        end = self._n + len(rows)
        if end > len(self._rows):
            self._rows.resize((end + end // 5 + 1000, rows.shape[1]), refcheck=False)
        self._rows[self._n : end] = rows
        self._n = end

    def whole(self) -> npt.NDArray[Any]:
        """All rows; call once."""
        self._rows.resize((self._n, self._rows.shape[1]), refcheck=False)
        return self._rows


def decibels(power: npt.NDArray[np.floating]) -> Floats:
    """Power re a full-scale sine -> dB, held within FLOOR_DB and above."""
    return np.asarray(10.0 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), dtype=np.float32)


def to_bytes(level_db: Floats) -> npt.NDArray[np.uint8]:
    """FLOOR_DB..CEILING_DB -> 0..255; the one scale of all pictures."""
    scaled = (level_db - FLOOR_DB) * (255.0 / (CEILING_DB - FLOOR_DB))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)


def to_decibels(picture: npt.NDArray[np.uint8]) -> Floats:
    """The inverse of ``to_bytes`` up to rounding (0.16 dB)."""
    return picture.astype(np.float32) * np.float32((CEILING_DB - FLOOR_DB) / 255.0) + np.float32(FLOOR_DB)


def _measure_cells(audio: Audio, broken: npt.NDArray[np.bool_], width: int) -> Floats:
    """(n_cells, 6): level, mean, span, peak, plateau share, broken share."""
    n_channels, n = audio.shape[0], audio.shape[1] // width
    cells = audio.reshape(n_channels, n, width)
    mean = cells.mean(axis=2)
    power = np.einsum("cnw,cnw->cn", cells, cells) / width
    moving = np.maximum(power - mean**2, 0.0).mean(axis=0)
    highest, lowest = cells.max(axis=2), cells.min(axis=2)
    peak = np.maximum(highest, -lowest)
    largest = np.argmax(np.abs(mean), axis=0)
    return np.stack(
        [
            10.0 * np.log10(np.maximum(moving, 1e-12)),
            mean[largest, np.arange(n)],
            (highest - lowest).max(axis=0),
            peak.max(axis=0),
            _plateaus(cells, peak),
            broken[: n * width].reshape(n, width).mean(axis=1),
        ],
        axis=1,
    ).astype(np.float32)


def _plateaus(cells: npt.NDArray[np.float32], peak: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Share of samples in runs of PLATEAU or more that stand equal at the cell's peak."""
    at_top = np.abs(cells) >= np.maximum(PLATEAU_LEVEL * peak, 0.05)[:, :, None]
    busy = at_top.sum(axis=2) >= PLATEAU  # most cells have no such run: look only where one may be
    share = np.zeros(peak.shape)
    if busy.any():
        some, top = cells[busy], at_top[busy]
        equal = (np.abs(np.diff(some, axis=1)) <= PLATEAU_TOLERANCE) & top[:, 1:] & top[:, :-1]
        runs = equal[:, 1:] & equal[:, :-1]  # three equal samples
        inside = np.zeros(some.shape, dtype=bool)
        inside[:, :-2] |= runs
        inside[:, 1:-1] |= runs
        inside[:, 2:] |= runs
        share[busy] = inside.mean(axis=1)
    return np.asarray(share.max(axis=0))


def _cell_means(frames: Floats, n_cells: int) -> Floats:
    """Average per-frame numbers over the cells they start in."""
    wanted = n_cells * CELL_FRAMES
    padded = np.pad(frames[:wanted], (0, max(0, wanted - frames.size)), mode="edge" if frames.size else "constant")
    return np.asarray(padded.reshape(n_cells, CELL_FRAMES).mean(axis=1), dtype=np.float32)


def _ratio_db(part: float, whole: float) -> float:
    if whole <= 0 and part <= 0:
        return 0.0
    return float(np.clip(10 * np.log10((part + 1e-20) / (whole + 1e-20)), -120.0, 120.0))
