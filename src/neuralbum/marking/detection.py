"""Find the mark in sound, wherever it was cut and at whatever speed it runs, and say how sure that is.

1. Power of the grid's bands, frame by frame; the double difference of the levels of four tiles, at every hop
   (a quarter of a step); divided by its own local size and bounded, so that no drum counts for more than a hum.
2. For each speed, stretches of one period are folded onto each other and correlated with the key's signs at all
   768 places: z = Σ s·y / √Σ y² over the chips that are known beforehand.
3. At the best place, what the other chips say goes to the decoder.

**The statistic.** Folded first and then divided: for signs drawn without knowledge of the sound, z has mean 0 and
variance 1 exactly, whatever the sound is, and its tail is bounded by exp(−z²/2) (Hoeffding) and in practice
normal. p is the normal tail times the number of places, speeds and windows tried (Bonferroni); that the tries are
alike makes it too large, never too small. A payload whose checksum fits counts on its own: 2⁻²⁴ times the payloads
tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from ..audio import MonoMix
from ..errors import ParameterError
from . import layout
from .payload import CHECK_BITS, N_CODED, Payload, decode

Float = npt.NDArray[np.float32]

RATE = 22_050  #: Hz at which is listened
N_FFT, HOP = 1024, 256  #: 46.4 and 11.6 ms
PER_STEP = round(layout.STEP_S * RATE / HOP)  #: hops in one step: 4
PERIOD = layout.N_STEPS * PER_STEP  #: hops in one period: 768
PLACES = PERIOD

SPEEDS = tuple(1 + k / 800 for k in range(-16, 17))
"""±2 % in steps of 1/8 %."""
WINDOW_S = 30.0
LEAST_S = 1.0
MAX_P = 1e-6
"""The mark counts as found from here on."""
DECODED_FROM_P = 0.1
"""Where the best place of a window is less likely than that by chance, its payload is tried."""
CHECKSUM_P = 2.0**-CHECK_BITS
FLOOR_DB = -75.0
"""Levels this far under the mean of all bands and frames count as nothing."""
BOUND = 1.5
"""Double differences are bounded softly at this multiple of their local mean size."""


@dataclass(frozen=True)
class Mark:
    """What a stretch of sound says."""

    start_s: float
    end_s: float
    z: float
    p: float  #: chance of this z or a larger one among all that was tried in the file
    speed: float  #: 1.01: runs 1 % too fast
    place_s: float  #: from the beginning of the stretch to the first beginning of the pattern
    payload: Payload | None = None


@dataclass(frozen=True)
class Answer:
    """What a whole file says."""

    duration_s: float
    enough: bool  #: False: too short or too silent to tell
    p: float  #: of the surest stretch, for all that was tried
    trials: int
    marks: tuple[Mark, ...] = ()  #: one for each song found, in order of time

    @property
    def found(self) -> bool:
        return self.p < MAX_P


def normal_tail(z: float) -> float:
    """P(Z > z) of a standard normal variable."""
    return 0.5 * math.erfc(z / math.sqrt(2))


# ---- from sound to levels -------------------------------------------------------------


def powers(blocks: Iterable[tuple[Float, int]]) -> Float:
    """Power spectra of the grid's bands, cumulated over frequency: float32 (n_frames, n_bins + 1).

    ``blocks`` are (float32 (channels, n), sample_rate) as ``neuralbum.audio.blocks`` gives them.
    """
    parts = list(_spectra(_listened(blocks)))
    return np.concatenate(parts) if parts else np.zeros((0, _top_bin() + 1), np.float32)


def _top_bin() -> int:
    return math.ceil(layout.band_edges_hz()[-1] * max(SPEEDS) * N_FFT / RATE) + 2


def _bottom_bin() -> int:
    return math.floor(layout.LOWEST_HZ * min(SPEEDS) * N_FFT / RATE) - 1


def _listened(blocks: Iterable[tuple[Float, int]]) -> Iterator[Float]:
    """One channel at RATE."""
    import soxr

    mix, stream = MonoMix(), None
    for block, rate in blocks:
        if not block.shape[1]:
            continue
        if stream is None:
            stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="MQ")
        yield stream.resample_chunk(np.nan_to_num(mix(block), posinf=0.0, neginf=0.0))
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _spectra(pieces: Iterable[Float]) -> Iterator[Float]:
    from scipy.fft import rfft

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    top = _top_bin()
    kept = np.zeros(N_FFT // 2, np.float32)  # frame 0 is centred on sample 0
    for piece in chain(pieces, [np.zeros(N_FFT // 2, np.float32)]):
        kept = np.concatenate([kept, piece])
        count = (len(kept) - N_FFT) // HOP + 1
        if count < 1:
            continue
        for first in range(0, count, 256):
            n = min(256, count - first)
            frames = np.lib.stride_tricks.sliding_window_view(kept[first * HOP :], N_FFT)[::HOP][:n]
            spectrum = rfft(frames * window, axis=1)[:, :top]
            spectrum[:, : _bottom_bin()] = 0  # the bass would drown the treble's sums in rounding
            out = np.zeros((n, top + 1), np.float32)
            np.cumsum(spectrum.real**2 + spectrum.imag**2, axis=1, out=out[:, 1:])
            yield out
        kept = kept[count * HOP :]


def differences(cumulated: Float, speed: float) -> Float:
    """Double differences of levels as if the sound ran at its own speed, float32 (n_hops, N_COLUMNS), about ±1."""
    from scipy.ndimage import uniform_filter1d

    edges = layout.band_edges_hz() * speed * N_FFT / RATE + 0.5
    low = edges.astype(np.int64)
    part = (edges - low).astype(np.float32)
    below = cumulated[:, low]
    power = np.diff(below + (cumulated[:, low + 1] - below) * part, axis=1)
    if speed != 1:
        at = np.arange(int((len(power) - 1) * speed) + 1) / speed
        whole = np.minimum(at.astype(np.int64), len(power) - 2)
        share = (at - whole).astype(np.float32)[:, None]
        power = power[whole] * (1 - share) + power[whole + 1] * share
    n = len(power) - PER_STEP + 1
    steps = power[:n].copy()
    for k in range(1, PER_STEP):
        steps += power[k : k + n]
    level = np.log(np.maximum(steps, 0) + 10 ** (FLOOR_DB / 10) * float(steps.mean()) + np.float32(1e-12))
    across = level[:, 0::2] - level[:, 1::2]
    both = across[:-PER_STEP] - across[PER_STEP:]
    size = uniform_filter1d(np.abs(both), 5 * PER_STEP, axis=0, mode="nearest")
    size = uniform_filter1d(size, 3, axis=1, mode="nearest")
    return np.tanh(both / (BOUND * size + np.float32(0.02)))


# ---- from levels to the statistic ---------------------------------------------------


def folded(y: Float) -> Float:
    """All periods laid onto one another: float32 (PERIOD, N_COLUMNS)."""
    n = -(-len(y) // PERIOD)
    whole = np.zeros((n * PERIOD, y.shape[1]), np.float32)
    whole[: len(y)] = y
    return whole.reshape(n, PERIOD, -1).sum(axis=0)


def scores(fold: Float, key: bytes = layout.KEY) -> Float:
    """z at every place the pattern may begin, float32 (PLACES,): of the chips whose signs are known beforehand."""
    from scipy.fft import irfft, rfft

    known = np.where(layout.roles(N_CODED, key) < 0, layout.signs(key), 0).astype(np.float32)
    rows = fold.reshape(layout.N_ROWS, -1, layout.N_COLUMNS)  # (row, hop inside of a chip, column)
    n = layout.N_ROWS
    wanted = np.conj(rfft(known, axis=0))
    mask = np.conj(rfft(np.abs(known), axis=0))
    # Place o: the chip of row r lies at hop o + 8 r. One product over columns and rows at once.
    hits = irfft(np.einsum("fhc,fc->fh", rfft(rows, axis=0), wanted), n=n, axis=0)
    sizes = irfft(np.einsum("fhc,fc->fh", rfft(rows**2, axis=0), mask), n=n, axis=0)
    return (hits / np.sqrt(np.maximum(sizes, 1e-3))).ravel().astype(np.float32)


def soft_bits(fold: Float, place: int, key: bytes = layout.KEY) -> npt.NDArray[np.float64]:
    """What the chips at a place say of each coded bit, float64 (N_CODED,), of variance 1 without a mark."""
    chips = np.roll(fold, -place, axis=0)[:: PERIOD // layout.N_ROWS]
    role = layout.roles(N_CODED, key)
    carry = role >= 0
    value = np.bincount(role[carry], (chips * layout.signs(key))[carry], N_CODED)
    return value / np.sqrt(np.mean(chips[carry] ** 2) * layout.CHIPS_PER_BIT + 1e-9)


def detect(
    blocks: Iterable[tuple[Float, int]],
    *,
    key: bytes = layout.KEY,
    speeds: tuple[float, ...] = SPEEDS,
    window_s: float = WINDOW_S,
) -> Answer:
    """Look for the mark.

    Parameters
    ----------
    blocks : (float32 (channels, n), sample_rate), block by block
    speeds : which speeds to try, relative to the original
    window_s : stretches looked at on their own, each at all speeds and places

    Returns
    -------
    Answer
        Neighbouring windows that name the same song are one mark, with the surest window's z, p and speed.
    """
    if not speeds:
        raise ParameterError("speeds is empty: name at least 1.0")
    n_frames, found = 0, []
    for cumulated in _windows(_spectra(_listened(blocks)), round(window_s * RATE / HOP)):
        if float(cumulated[:, -1].max()) > 0 and len(cumulated) * HOP >= LEAST_S * RATE:
            found.append(_search(cumulated, n_frames, speeds, key))
        n_frames += len(cumulated)
    duration_s = n_frames * HOP / RATE
    if not found:
        return Answer(duration_s, False, 1.0, 0)
    trials = len(found) * len(speeds) * PLACES
    marks = [replace(mark, p=min(1.0, mark.p * len(found))) for mark in _songs(found)]
    tried = 2 * sum(mark.p < DECODED_FROM_P for mark, _ in found)  # each on its own, and joined to the one before
    by_checksum = tried * CHECKSUM_P if any(mark.payload is not None for mark in marks) else 1.0
    best = min(mark.p for mark, _ in found) * len(found)
    p = min(1.0, 2 * min(by_checksum, best))  # two ways to be found: the better one, twice
    return Answer(duration_s, True, p, trials, tuple(m for m in marks if m.p < MAX_P or m.payload is not None))


def _windows(parts: Iterable[Float], length: int) -> Iterator[Float]:
    """Stretches of ``length`` frames; the last one takes what is left with it, if that is less than half of one."""
    held: list[Float] = []
    n_held = 0
    for part in parts:
        held.append(part)
        n_held += len(part)
        while n_held >= length + length // 2:
            whole = np.concatenate(held)
            yield whole[:length]
            held, n_held = [whole[length:]], n_held - length
    if n_held:
        yield np.concatenate(held)


Heard = tuple[Mark, npt.NDArray[np.float64]]
"""What one window says, and its soft bits."""


def _search(cumulated: Float, first: int, speeds: tuple[float, ...], key: bytes) -> Heard:
    """The best place of one window; p counts the places and speeds of this window only."""
    best_z, best_speed, best_place, best_fold = -math.inf, 1.0, 0, None
    for speed in speeds:
        fold = folded(differences(cumulated, speed))
        z = scores(fold, key)
        place = int(z.argmax())
        if z[place] > best_z:
            best_z, best_speed, best_place, best_fold = float(z[place]), speed, place, fold
    assert best_fold is not None
    p = min(1.0, len(speeds) * PLACES * normal_tail(best_z))
    soft = soft_bits(best_fold, best_place, key)
    payload = decode(soft) if p < DECODED_FROM_P else None
    start_s = first * HOP / RATE
    end_s = start_s + len(cumulated) * HOP / RATE
    return Mark(start_s, end_s, best_z, p, best_speed, best_place * HOP / RATE / best_speed, payload), soft


def _songs(found: list[Heard]) -> list[Mark]:
    """Windows in which there is something, joined to songs.

    Neighbours are one song if they say the same, or if one says nothing and both together say what the other says.
    """
    songs: list[Heard] = []
    for mark, soft in found:
        if mark.p >= DECODED_FROM_P:
            continue
        if songs and abs(songs[-1][0].end_s - mark.start_s) < 0.5:
            last, so_far = songs[-1]
            said = {last.payload, mark.payload} - {None}
            payload = mark.payload if last.payload == mark.payload is not None else decode(so_far + soft)
            if said <= {payload}:
                surer = min(last, mark, key=lambda one: one.p)
                joined = replace(surer, start_s=last.start_s, end_s=mark.end_s, payload=payload, place_s=last.place_s)
                songs[-1] = (joined, so_far + soft)
                continue
        songs.append((mark, soft))
    return [mark for mark, _ in songs]
