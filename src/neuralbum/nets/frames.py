"""Frames: sixty spectra a second that a skeleton can predict and a flesh can make sound again.

One frame holds, in this order,

    n_bands levels   dB, power of both channels in bands: linear steps below 250 Hz,
                     semitones up to 1.4 kHz (so that chords are visible), then mel
    n_widths widths  dB, power of the side (L - R) against the mid (L + R) in wide bands

Low bands are measured with a long window (what tells notes apart), high bands with
a short one (what tells hits apart). Transposed copies for augmentation cost no
resampling: the same spectrum is read with shifted bands; other tempi take another hop.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch import Tensor

FRAME_RATE = 60.0
"""About so many frames a second; the hop is an even number of samples, so that a renderer may halve it."""
FLOOR = 1e-7
"""Power added before the logarithm: -70 dB, below the noise of any recording here."""
WIDTH_BOUND_DB = 24.0
"""Widths are clipped to this: -24 dB is mono to the ear."""
WINDOWS_S = ((0.128, 0.0, 700.0), (0.064, 700.0, 3000.0), (0.032, 3000.0, math.inf))
"""(length in s, from Hz, below Hz): which window measures the bands whose centre lies there."""
LOW_STEP_HZ, LOWEST_HZ, SEMITONES_FROM_HZ, N_SEMITONES = 12.5, 30.0, 250.0, 31
MEL_STEP = 50.0
HIGHEST_HZ = 16_500.0
N_WIDTHS = 8
CHUNK = 2048
"""Frames transformed at once."""


def _mel(hz: float) -> float:
    return 1127.0 * math.log1p(hz / 700.0)


@dataclass(frozen=True)
class FrameSpec:
    """What a frame is at a sample rate."""

    sample_rate: int = 44_100

    @property
    def hop_length(self) -> int:
        """Samples between two frames; even."""
        return 2 * round(self.sample_rate / FRAME_RATE / 2.0)

    @property
    def frame_rate(self) -> float:
        return self.sample_rate / self.hop_length

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """Edges of the triangular bands, Hz: band i rises from edge i, peaks at i + 1, falls to i + 2."""
        top = min(HIGHEST_HZ, 0.46 * self.sample_rate)
        low = np.arange(LOWEST_HZ, SEMITONES_FROM_HZ, LOW_STEP_HZ)
        mid = SEMITONES_FROM_HZ * 2.0 ** (np.arange(N_SEMITONES) / 12.0)
        n_high = round((_mel(top) - _mel(mid[-1])) / MEL_STEP)
        mels = np.linspace(_mel(mid[-1]), _mel(top), n_high + 1)[1:]
        return np.concatenate([low, mid, 700.0 * np.expm1(mels / 1127.0)])

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """Centres of the bands, Hz."""
        return self.edges[1:-1]

    @property
    def n_bands(self) -> int:
        return len(self.edges) - 2

    @property
    def width_groups(self) -> list[npt.NDArray[np.intp]]:
        """Which bands share a width."""
        return np.array_split(np.arange(self.n_bands), N_WIDTHS)

    @property
    def size(self) -> int:
        """Numbers in a frame."""
        return self.n_bands + N_WIDTHS


@lru_cache(maxsize=64)
def _filters(spec: FrameSpec, window: int, pitch: float) -> tuple[Tensor, tuple[int, ...], slice]:
    """What a window measures, read ``pitch`` semitones lower: (bins, bands) weights that sum to 1; bands; bins."""
    length_s, low, high = WINDOWS_S[window]
    n_fft = window_length(spec, length_s)
    bins = np.fft.rfftfreq(next_fast_len(n_fft, real=True), 1.0 / spec.sample_rate)
    edges, rows, chosen = spec.edges * 2.0 ** (-pitch / 12.0), [], []
    for band, centre in enumerate(spec.centres):
        if not low <= centre < high:
            continue
        a, b, c = edges[band : band + 3]
        shape = np.maximum(0.0, np.minimum((bins - a) / (b - a), (c - bins) / (c - b)))
        if shape.sum() == 0.0:  # narrower than a bin
            shape[np.argmin(abs(bins - b))] = 1.0
        rows.append(shape / shape.sum())
        chosen.append(band)
    weights = np.asarray(rows, dtype=np.float32).T
    heard = np.flatnonzero(weights.any(1))
    inside = slice(int(heard[0]), int(heard[-1]) + 1)
    return torch.from_numpy(weights[inside].copy()), tuple(chosen), inside


def window_length(spec: FrameSpec, length_s: float) -> int:
    """Samples of an analysis window; even."""
    return 2 * round(length_s * spec.sample_rate / 2.0)


def analyse(
    audio: npt.NDArray[np.float32], spec: FrameSpec, *, pitches: Sequence[float] = (0.0,), tempo: float = 1.0
) -> npt.NDArray[np.float32]:
    """Frames of a recording, one row of frames for each transposition.

    Parameters
    ----------
    audio : float32 (1 or 2, n_samples)
    pitches : semitones by which the copies are transposed
    tempo : the copies play about so many times as fast (the hop is rounded to whole samples)

    Returns
    -------
    float32 (len(pitches), n_frames, spec.size), dB; frame t is centred on sample t * round(hop * tempo)
    """
    sound = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))
    if sound.shape[0] == 1:
        sound = sound.expand(2, -1)
    hop = round(spec.hop_length * tempo)
    n_frames = 1 + sound.shape[1] // hop
    out = np.empty((len(pitches), n_frames, spec.size), dtype=np.float32)
    margin = window_length(spec, WINDOWS_S[0][0]) // 2
    padded = torch.nn.functional.pad(sound, (margin, margin + hop))
    for start in range(0, n_frames, CHUNK):
        count = min(CHUNK, n_frames - start)
        piece = padded[:, start * hop : (start + count - 1) * hop + 2 * margin]
        _fill(out[:, start : start + count], piece, hop, spec, pitches)
    return out


def _fill(out: npt.NDArray[np.float32], piece: Tensor, hop: int, spec: FrameSpec, pitches: Sequence[float]) -> None:
    """Measure the frames of ``piece``, which begins half a longest window before the first one's centre."""
    n_pitches, count = out.shape[:2]
    power = np.empty((2, n_pitches, count, spec.n_bands), dtype=np.float32)  # mid, side
    margin = window_length(spec, WINDOWS_S[0][0]) // 2
    both = torch.stack([piece[0] + piece[1], piece[0] - piece[1]]) * 0.5
    for window, (length_s, _, _) in enumerate(WINDOWS_S):
        n = window_length(spec, length_s)
        shape = torch.hann_window(n)
        windowed = both[:, margin - n // 2 :].unfold(1, n, hop)[:, :count] * shape  # (2, count, n)
        spectrum = torch.fft.rfft(windowed, n=next_fast_len(n, real=True))
        read = [_filters(spec, window, pitch) for pitch in pitches]
        low, high = min(bins.start for _, _, bins in read), max(bins.stop for _, _, bins in read)
        heard = spectrum[..., low:high]
        square = (heard.real.square() + heard.imag.square()) / float(shape.square().sum())
        for row, (filters, bands, bins) in enumerate(read):
            measured = square[..., bins.start - low : bins.stop - low] @ filters
            power[:, row][..., bands[0] : bands[-1] + 1] = measured.numpy()  # bands of a window lie side by side
    mid, side = power
    out[..., : spec.n_bands] = 10.0 * np.log10(mid + side + FLOOR)
    for i, group in enumerate(spec.width_groups):
        ratio = (side[..., group].sum(-1) + FLOOR) / (mid[..., group].sum(-1) + FLOOR)
        out[..., spec.n_bands + i] = np.clip(10.0 * np.log10(ratio), -WIDTH_BOUND_DB, WIDTH_BOUND_DB)
