"""Write the mark into sound: raise and lower the tiles of the grid by about a decibel, less where that could be heard.

Short-time Fourier transform, a gain per tile, overlap-add. Only the *difference* is synthesised and added: silence
stays silence to the bit, and what lies outside of the grid's bands is not touched at all. All channels get the same
gains, so that the place of a sound between them, and a mix down to one, stay as they are.

How much: ``Strength.most_db`` where the sound fluctuates by itself (noise, drums, dense music), down to
``least_db`` where a band holds a steady tone, on which 2 dB up and down ten times a second would be heard as
roughness. The measure is the host's own double difference in time; the ear hears a modulation less the more
the sound is modulated already (Houtgast, 1989; Dau, Kollmeier and Kohlrausch, 1997). The detector scales by
the same fluctuation: weak marks on steady tones count as much as strong ones on noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from . import layout
from .payload import N_CODED, Payload, encode

Audio = npt.NDArray[np.float32]

LOWEST_RATE = 16_000  #: Hz; below, a good part of the grid does not exist
FRAMES_AT_ONCE = 64
AROUND = 4  #: frames (one step) before and after to which a frame is compared
SMOOTH = 4  #: frames on each side over which the fluctuation is averaged


@dataclass(frozen=True)
class Strength:
    """How far levels are moved."""

    most_db: float = 1.0
    least_db: float = 0.25
    free_db: float = 3.0  #: fluctuation of the host from which on the mark has its full strength


def pattern(payload: Payload, key: bytes = layout.KEY) -> npt.NDArray[np.float32]:
    """The tiles' directions, float32 (N_STEPS, N_BANDS) of ±1."""
    role = layout.roles(N_CODED, key)
    chips = layout.signs(key) * np.append(encode(payload), 1.0)[role]
    return np.kron(chips, np.array([[1, -1], [-1, 1]])).astype(np.float32)


class Marker:
    """Marks one song as it comes, block by block; the blocks' sizes do not change the result.

    >>> marker = Marker(44_100, channels=2, payload=Payload(album=0x7f3a91c0, song=4))
    >>> marked = [marker(block) for block in blocks] + [marker.finish()]
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        payload: Payload,
        *,
        key: bytes = layout.KEY,
        strength: Strength = Strength(),
    ) -> None:
        if sample_rate < LOWEST_RATE:
            raise ParameterError(f"sample_rate={sample_rate}: a mark needs at least {LOWEST_RATE} Hz")
        # About 46 ms, a quarter of that to go on: 2048 and 512 at 44.1 and 48 kHz.
        self._n_fft = 1 << round(np.log2(sample_rate * layout.STEP_S))
        self._hop = self._n_fft // 4
        self._rate, self._strength = sample_rate, strength
        bins_hz = np.arange(self._n_fft // 2 + 1) * sample_rate / self._n_fft
        band = np.searchsorted(layout.band_edges_hz(), bins_hz, side="right") - 1
        inside = np.flatnonzero((band >= 0) & (band < layout.N_BANDS))
        self._bins = slice(int(inside[0]), int(inside[-1]) + 1)
        self._band = band[self._bins]
        self._first_bins = np.searchsorted(self._band, np.arange(layout.N_BANDS))
        self._pattern = pattern(payload, key)
        n = np.arange(self._n_fft)
        self._window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * n / self._n_fft)).astype(np.float32)
        # Silence before the song: what its first frames are compared with, and a window that covers its first sample.
        self._lead = (AROUND + SMOOTH) * self._hop + self._n_fft
        self._sound = np.zeros((channels, self._lead), np.float32)
        self._added = np.zeros((channels, 3 * self._hop), np.float32)
        self._frame = 0  # the first one in _sound
        self._given = -self._n_fft  # samples handed out; the window before the song is not
        self._taken = 0
        self._finished = False

    def __call__(self, block: Audio) -> Audio:
        """Take float32 (channels, n), give back what is ready: same shape, fewer or more samples."""
        if block.ndim != 2 or len(block) != len(self._sound):
            raise ParameterError(f"block has shape {block.shape}, expected ({len(self._sound)}, n_samples)")
        if self._finished:
            raise ParameterError("this song is finished; a new one needs a new Marker")
        self._taken += block.shape[1]
        self._sound = np.concatenate([self._sound, block], axis=1)
        return self._ready()

    def finish(self) -> Audio:
        """The last samples; all blocks together are as long as what was taken."""
        self._finished = True
        pad = 2 * (FRAMES_AT_ONCE * self._hop + self._lead)
        left = self._taken - max(0, self._given)
        self._sound = np.concatenate([self._sound, np.zeros((len(self._sound), pad), np.float32)], axis=1)
        return self._ready()[:, :left]

    def _ready(self) -> Audio:
        out = []
        reach = AROUND + SMOOTH
        need = (FRAMES_AT_ONCE + 2 * reach - 1) * self._hop + self._n_fft
        while self._sound.shape[1] >= need:
            out.append(self._mark_some())
        return np.concatenate(out, axis=1) if out else np.zeros((len(self._sound), 0), np.float32)

    def _mark_some(self) -> Audio:
        """Work off FRAMES_AT_ONCE frames; the buffer begins ``reach`` frames before the first of them."""
        from scipy.fft import irfft, rfft

        hop, n_fft, reach = self._hop, self._n_fft, AROUND + SMOOTH
        count = FRAMES_AT_ONCE + 2 * reach
        frames = np.lib.stride_tricks.sliding_window_view(self._sound, n_fft, axis=1)[:, ::hop][:, :count]
        spectra = rfft(frames * self._window, axis=2)[..., self._bins]
        power = (spectra.real**2 + spectra.imag**2).sum(axis=0)
        depth = self._depth(np.add.reduceat(power, self._first_bins, axis=1))
        first = self._frame + reach
        time_s = ((first + np.arange(FRAMES_AT_ONCE)) * hop - self._lead + n_fft // 2) / self._rate
        step = np.floor(time_s / layout.STEP_S).astype(np.int64) % layout.N_STEPS
        gain = 10 ** (self._pattern[step] * depth / 20) - 1  # (frames, bands)
        change = np.zeros((len(self._sound), FRAMES_AT_ONCE, n_fft // 2 + 1), np.complex64)
        change[..., self._bins] = spectra[:, reach:-reach] * gain[:, self._band].astype(np.float32)
        waves = irfft(change, n=n_fft, axis=2) * (self._window / 2)  # squared windows add up to 2
        added = np.zeros((len(self._sound), FRAMES_AT_ONCE + 3, hop), np.float32)
        added[:, :3] = self._added.reshape(len(added), 3, hop)
        for part in range(4):
            added[:, part : part + FRAMES_AT_ONCE] += waves[..., part * hop : (part + 1) * hop]
        flat = added.reshape(len(added), -1)
        length = FRAMES_AT_ONCE * hop
        at = reach * hop
        done = self._sound[:, at : at + length] + flat[:, :length]
        self._added = flat[:, length:].copy()
        self._sound = self._sound[:, length:]
        self._frame += FRAMES_AT_ONCE
        early = max(0, -self._given)
        self._given += length
        return done[:, early:]

    def _depth(self, power: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """How far each tile may be moved, in dB: (frames + 2 reach, bands) -> (frames, bands)."""
        level = 10 * np.log10(power + 1e-12)
        away = np.abs(level[AROUND:-AROUND] - (level[: -2 * AROUND] + level[2 * AROUND :]) / 2)
        total = np.cumsum(np.concatenate([np.zeros((1, away.shape[1]), np.float32), away]), axis=0)
        width = 2 * SMOOTH + 1
        fluctuation = (total[width:] - total[:-width]) / width
        s = self._strength
        return np.clip(s.most_db * fluctuation / s.free_db, s.least_db, s.most_db).astype(np.float32)


def mark_blocks(blocks: Iterable[tuple[Audio, int]], payload: Payload) -> Iterator[tuple[Audio, int]]:
    """Mark a song as it is decoded: (float32 (channels, n), sample_rate) in and out.

    What is sampled at less than LOWEST_RATE cannot carry a mark and passes as it is.
    """
    marker, rate = None, 0
    for block, rate in blocks:
        if rate < LOWEST_RATE:
            yield block, rate
            continue
        marker = marker or Marker(rate, len(block), payload)
        yield marker(block), rate
    if marker is not None:
        yield marker.finish(), rate


def mark(
    audio: Audio, sample_rate: int, payload: Payload, *, key: bytes = layout.KEY, strength: Strength = Strength()
) -> Audio:
    """Mark a whole song, float32 (channels, n_samples).

    Peaks rise by 0.1 to 0.2 dB: mark before the last look at true peaks.

    Raises
    ------
    ParameterError
        The sample rate is below LOWEST_RATE.
    """
    marker = Marker(sample_rate, len(audio), payload, key=key, strength=strength)
    return np.concatenate([marker(audio), marker.finish()], axis=1)
