"""What the mark says: album and song, secured by a checksum and a convolutional code.

    32 bits album · 16 bits song · 24 bits checksum
        ->  tail-biting convolutional code, K = 9, rate 1/4  ->  288 coded bits

The generators are 463, 535, 733, 745 (octal), of free distance 24 (Larsen, 1973). The decoder is
Viterbi's over soft values, run around the circle (Shao, Lin and Fossorier, 2003). What the checksum is good for:
noise decodes to something, and that something passes with a chance of 2⁻²⁴.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

ALBUM_BITS, SONG_BITS, CHECK_BITS = 32, 16, 24
N_BITS = ALBUM_BITS + SONG_BITS + CHECK_BITS
GENERATORS = (0o463, 0o535, 0o733, 0o745)
MEMORY = 8
N_STATES = 1 << MEMORY
N_CODED = N_BITS * len(GENERATORS)
ROUNDS = 3
"""Times around the circle: the survivors have forgotten where they began after the first."""

Bits = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Payload:
    """Which album, which song of it."""

    album: int  #: 0 … 2³² − 1
    song: int  #: number on the album, 0 … 65535

    def __post_init__(self) -> None:
        for name, value, bits in (("album", self.album, ALBUM_BITS), ("song", self.song, SONG_BITS)):
            if not 0 <= value < 1 << bits:
                raise ParameterError(
                    f"{name}={value} must lie in 0 … {(1 << bits) - 1}: the mark has {bits} bits for it"
                )

    @property
    def album_id(self) -> str:
        """The album as people read it: 8 hexadecimal digits."""
        return f"{self.album:08x}"


def to_bits(payload: Payload) -> Bits:
    """int8 (N_BITS,) of 0 and 1, the checksum last."""
    return _bits((payload.album << SONG_BITS | payload.song) << CHECK_BITS | _checksum(payload))


def from_bits(bits: Bits) -> Payload | None:
    """The payload, or None where the checksum does not fit."""
    value = int("".join(map(str, bits.tolist())), 2)
    said = value >> CHECK_BITS
    payload = Payload(said >> SONG_BITS, said & (1 << SONG_BITS) - 1)
    return payload if value & (1 << CHECK_BITS) - 1 == _checksum(payload) else None


def encode(payload: Payload) -> npt.NDArray[np.float32]:
    """The coded bits as signs, float32 (N_CODED,): +1 for 0, −1 for 1."""
    return _coded(to_bits(payload))


def decode(soft: npt.NDArray[np.floating]) -> Payload | None:
    """The likeliest payload of soft values, None if its checksum does not fit: one guess, never more.

    Parameters
    ----------
    soft : float (N_CODED,)
        Positive where +1 is likelier; the scale does not matter.
    """
    if soft.shape != (N_CODED,):
        raise ParameterError(f"soft has shape {soft.shape}, the code has ({N_CODED},) values")
    return from_bits(_viterbi(soft.reshape(N_BITS, len(GENERATORS)).astype(np.float32)))


def _checksum(payload: Payload) -> int:
    """The first 24 bits of BLAKE2b; a hash and not a CRC, so that no shifted code word passes by its structure."""
    said = (payload.album << SONG_BITS | payload.song).to_bytes((ALBUM_BITS + SONG_BITS) // 8, "big")
    return int.from_bytes(hashlib.blake2b(said, digest_size=CHECK_BITS // 8, person=b"neuralbum mark").digest(), "big")


def _bits(value: int) -> Bits:
    return np.array([value >> k & 1 for k in reversed(range(N_BITS))], np.int8)


def _coded(bits: Bits) -> npt.NDArray[np.float32]:
    state = int("".join(map(str, bits[: -MEMORY - 1 : -1].tolist())), 2)  # the last bits, newest highest
    out = np.empty((N_BITS, len(GENERATORS)), np.float32)
    for k, bit in enumerate(bits.tolist()):
        register = bit << MEMORY | state
        out[k] = [1 - 2 * ((register & g).bit_count() & 1) for g in GENERATORS]
        state = register >> 1
    return out.ravel()


@cache
def _trellis() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each new state, its two predecessors (N_STATES, 2), and the signs sent on the way (N_STATES, 2, 4)."""
    new = np.arange(N_STATES)
    bit, rest = new >> MEMORY - 1, (new & N_STATES // 2 - 1) << 1
    before = np.stack([rest, rest | 1], 1)
    registers = bit[:, None] << MEMORY | before
    sent = np.array([[[1 - 2 * ((int(r) & g).bit_count() & 1) for g in GENERATORS] for r in two] for two in registers])
    return before, sent.astype(np.float32)


def _viterbi(soft: npt.NDArray[np.float32]) -> Bits:
    before, sent = _trellis()
    score = np.zeros(N_STATES, np.float32)
    came = np.empty((ROUNDS * N_BITS, N_STATES), np.int64)
    for k in range(ROUNDS * N_BITS):
        both = score[before] + sent @ soft[k % N_BITS]
        second = both[:, 1] > both[:, 0]
        came[k] = np.where(second, before[:, 1], before[:, 0])
        score = np.where(second, both[:, 1], both[:, 0])
    state = int(score.argmax())
    bits = np.empty(len(came), np.int8)
    for k in reversed(range(len(came))):
        bits[k] = state >> MEMORY - 1
        state = int(came[k, state])
    middle = N_BITS * (ROUNDS // 2)  # neither end: there the circle is closed on both sides
    return bits[middle : middle + N_BITS]
