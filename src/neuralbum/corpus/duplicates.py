"""Recognise another copy of the same recording by how its spectrum moves. Pure.

Each quarter of a second gives 15 bits: whether the energy difference of two
neighbouring bands rises or falls (Haitsma and Kalker, "A highly robust audio
fingerprinting system", ISMIR 2002, at a coarser pace). Gain, equalisation and
lossy coding flip few bits; two different performances agree by chance only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint16]

RATE = 8_000  #: Hz, of the audio the signature is taken from
WINDOW = 8192  #: samples: 1.02 s, long against the shift of a quarter frame
HOP = 2048  #: samples: 0.256 s
N_BANDS = 16
LOWEST_HZ, HIGHEST_HZ = 120.0, 3400.0
LONGEST_S = 1200.0
"""Only the first twenty minutes are kept."""

SAME = 0.30
"""Share of differing bits below which two tracks are one recording; 0.5 is chance."""
SHIFT_S = 20.0
"""How far one copy may start later than the other."""
COMMON = 0.7
"""Share of the shorter one that must lie inside of the longer."""


class SignatureMeter:
    """Takes mono blocks at RATE, gives the signature."""

    def __init__(self) -> None:
        edges_hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, N_BANDS + 1)
        self._edges = np.rint(edges_hz / RATE * WINDOW).astype(int)
        self._window = np.hanning(WINDOW).astype(np.float32)
        self._held = np.zeros(0, dtype=np.float32)
        self._energies: list[npt.NDArray[np.float32]] = []
        self._n_frames = 0

    def add(self, mono: npt.NDArray[np.float32]) -> None:
        if self._n_frames * HOP >= LONGEST_S * RATE:
            return
        self._held = np.concatenate([self._held, mono])
        n_frames = max(0, (self._held.size - WINDOW) // HOP + 1)
        if n_frames == 0:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self._held, WINDOW)[::HOP][:n_frames]
        power = np.square(np.abs(np.fft.rfft(frames * self._window, axis=1)))
        bands = np.add.reduceat(power, self._edges[:-1], axis=1)
        bands[:, -1] = power[:, self._edges[-2] : self._edges[-1]].sum(axis=1)
        self._energies.append(np.log(bands + 1e-9).astype(np.float32))
        self._n_frames += n_frames
        self._held = self._held[n_frames * HOP :]

    def signature(self) -> str:
        """Four hexadecimal digits a frame; empty if there was too little sound."""
        if self._n_frames < 2:
            return ""
        energy = np.concatenate(self._energies)
        tilt = np.diff(energy, axis=1)  # (n_frames, 15)
        rises = np.diff(tilt, axis=0) > 0
        words: Bits = (rises * (1 << np.arange(N_BANDS - 1, dtype=np.uint16))).sum(axis=1).astype(np.uint16)
        return words.astype(">u2").tobytes().hex()


def read_signature(text: str) -> Bits:
    return np.frombuffer(bytes.fromhex(text), dtype=">u2").astype(np.uint16)


def difference(a: Bits, b: Bits) -> float:
    """The smallest share of differing bits over all allowed shifts of ``a`` against ``b``; 1.0 if none fits."""
    if min(a.size, b.size) < 8:
        return 1.0
    reach = int(SHIFT_S * RATE / HOP)
    needed = COMMON * min(a.size, b.size)
    best = 1.0
    for shift in range(-reach, reach + 1):  # a starts ``shift`` frames into b
        start_a, start_b = max(0, -shift), max(0, shift)
        n = min(a.size - start_a, b.size - start_b)
        if n < needed or n < 8:
            continue
        wrong = np.bitwise_count(a[start_a : start_a + n] ^ b[start_b : start_b + n]).sum()
        best = min(best, float(wrong) / (n * (N_BANDS - 1)))
    return best


@dataclass(frozen=True)
class Copy:
    """``copy`` is the same recording as ``original`` (positions in the list that was given)."""

    copy: int
    original: int
    difference: float


def find_copies(signatures: Sequence[str]) -> list[Copy]:
    """Which tracks repeat an earlier one; a track that is a copy itself is nobody's original."""
    bits = [read_signature(text) for text in signatures]
    copies: list[Copy] = []
    originals: list[int] = []
    for i, mine in enumerate(bits):
        close = [(difference(mine, bits[j]), j) for j in originals if _similar_length(mine.size, bits[j].size)]
        nearest, j = min(close, default=(1.0, -1))
        if nearest < SAME:
            copies.append(Copy(i, j, nearest))
        else:
            originals.append(i)
    return copies


def _similar_length(a: int, b: int) -> bool:
    return min(a, b) >= 0.6 * max(a, b)
