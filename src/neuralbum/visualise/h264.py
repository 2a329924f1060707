"""As much of H.264's syntax as it takes to move slices about (ITU-T H.264, 2021-08, clauses 7.3 and 9.1).

A coded picture is a set of slices, each some rows of macroblocks that can be
read without the others. A slice says where it begins, so one that was encoded
as part of a small picture becomes part of a large one by another number in its
header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\x00\x00\x00\x01"
SLICE, IDR_SLICE, SPS, PPS = 1, 5, 7, 8
MACROBLOCK = 16
"""Width and height in pixels of what is coded together."""

HEADER_BYTES = 24
"""More than any of x264's slice headers takes without lists."""

INTRA = 2
"""The type of slices, modulo 5, that refer to no other picture."""

HIGH_PROFILES = (100, 110, 122, 244, 44)


class Reader:
    """Reads numbers from the bits of a payload."""

    def __init__(self, payload: bytes) -> None:
        self._bits = int.from_bytes(payload, "big")
        self.left = 8 * len(payload)

    def u(self, n: int) -> int:
        """An unsigned number of ``n`` bits."""
        self.left -= n
        return (self._bits >> self.left) & ((1 << n) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)


class Writer:
    """Strings numbers together as bits."""

    def __init__(self) -> None:
        self.bits = 0
        self.length = 0

    def u(self, value: int, n: int) -> Writer:
        self.bits = self.bits << n | value
        self.length += n
        return self

    def ue(self, value: int) -> Writer:
        return self.u(value + 1, 2 * (value + 1).bit_length() - 1)

    def se(self, value: int) -> Writer:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def payload(self) -> bytes:
        """The bits, a 1, and zeros up to a whole byte."""
        fill = -(self.length + 1) % 8
        return ((self.bits << 1 | 1) << fill).to_bytes((self.length + 1 + fill) // 8, "big")


def units(stream: bytes) -> Iterator[bytes]:
    """The units (NAL) of a stream with start codes, without these."""
    for part in stream.split(b"\x00\x00\x01"):
        unit = part.rstrip(b"\x00")
        if unit:
            yield unit


def kind(unit: bytes) -> int:
    """Which kind of unit it is, such as SLICE."""
    return unit[0] & 31


def opened(unit: bytes) -> bytes:
    """A unit's payload, without its first byte and without the bytes that guard against false start codes."""
    return unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")


def closed(first: int, payload: bytes) -> bytes:
    """A unit with its start code; the reverse of ``opened``."""
    return START + bytes([first]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", payload)


@dataclass(frozen=True)
class Stream:
    """What a stream's parameter sets say about how its slices begin."""

    sps: bytes
    pps: bytes
    frame_num_bits: int
    arithmetic: bool  #: CABAC, whose code begins on a whole byte; else CAVLC
    deblock_control: bool


def stream_of(parameter_sets: bytes) -> Stream:
    """Read a stream's parameter sets (with start codes).

    Raises
    ------
    ValueError
        It is not made of whole frames in the order in which they are shown, or not 4:2:0 of 8 bits.
    """
    found = {kind(unit): unit for unit in units(parameter_sets)}
    sps, pps = found[SPS], found[PPS]
    read = Reader(opened(sps))
    profile = read.u(8)
    read.u(16)  # constraint flags, level
    read.ue()
    if profile in HIGH_PROFILES:
        usual = (read.ue(), read.ue(), read.ue(), read.u(1), read.u(1)) == (1, 0, 0, 0, 0)
        if not usual:
            raise ValueError("not 4:2:0 of 8 bits with flat scaling")
    frame_num_bits = read.ue() + 4
    if read.ue() != 2:
        raise ValueError("frames are not coded in the order in which they are shown")
    read = Reader(opened(pps))
    read.ue()
    read.ue()
    arithmetic = bool(read.u(1))
    if read.u(1) or read.ue():
        raise ValueError("fields or groups of slices")
    read.ue()
    read.ue()
    if read.u(3):
        raise ValueError("weighted prediction")
    read.se()
    read.se()
    read.se()
    return Stream(sps, pps, frame_num_bits, arithmetic, bool(read.u(1)))


@dataclass(frozen=True)
class Start:
    """How a slice begins."""

    first: int  #: number of its first macroblock
    frame_num: int
    first_bits: int  #: how long that first number is
    bits: int  #: how long the whole header is


def start_of(unit: bytes, stream: Stream) -> Start:
    """Read a slice's header."""
    read = Reader(opened(unit[:HEADER_BYTES]))
    whole = read.left
    first = read.ue()
    first_bits = whole - read.left
    intra = read.ue() % 5 == INTRA
    read.ue()  # the picture parameter set's number
    frame_num = read.u(stream.frame_num_bits)
    idr = kind(unit) == IDR_SLICE
    if idr:
        read.ue()
    if not intra and read.u(1):
        read.ue()
    if not intra and read.u(1):
        raise ValueError("pictures referred to in another order")
    if unit[0] >> 5 and (read.u(2) if idr else read.u(1)):
        raise ValueError("reference pictures are marked one by one")
    if stream.arithmetic and not intra:
        read.ue()
    read.se()
    if stream.deblock_control and read.ue() != 1:
        read.se()
        read.se()
    return Start(first, frame_num, first_bits, whole - read.left)


def moved(unit: bytes, first: int, stream: Stream) -> bytes:
    """The same slice (without start code) with another first macroblock; with start code."""
    payload = opened(unit)
    start = start_of(unit, stream)
    rest = Reader(payload)
    rest.u(start.first_bits)
    header = Writer().ue(first)
    header.u(rest.u(start.bits - start.first_bits), start.bits - start.first_bits)
    if stream.arithmetic:
        fill = -header.length % 8
        header.u((1 << fill) - 1, fill)
        made = header.bits.to_bytes(header.length // 8, "big") + payload[-(-start.bits // 8) :]
    else:
        code = rest.u(rest.left)
        last = (code & -code).bit_length()  # the 1 that ends the payload, and the zeros after it
        code >>= last
        header.u(code, rest_length(payload, start.bits) - last)
        made = header.payload()
    return closed(unit[0], made)


def rest_length(payload: bytes, header_bits: int) -> int:
    """How many bits of a payload follow its header."""
    return 8 * len(payload) - header_bits


def shifted_slice(frame_num: int, importance: int, width: int, height: int, down: int, stream: Stream) -> bytes:
    """A slice that says: every macroblock is what lay ``down`` pixels further down in the picture before.

    Neighbours predict each other's motion, so that nothing needs saying but at the left
    and upper edges. In CAVLC.

    Parameters
    ----------
    frame_num, importance : as in the picture's other slices (``nal_ref_idc``)
    width, height : in macroblocks; it begins at the picture's first
    down : pixels, even, so that the half-size colour planes move by whole pixels too
    """
    write = Writer().ue(0).ue(0).ue(0).u(frame_num, stream.frame_num_bits).u(0, 2)
    if importance:
        write.u(0, 1)
    write.se(0)
    if stream.deblock_control:
        write.ue(1)  # nothing to smooth: no residual, and all neighbours move alike

    def whole(skipped: int, motion: int) -> None:  # P_L0_16x16: skip run, type, motion across and down, nothing left
        write.ue(skipped).ue(0).se(0).se(motion).ue(0)

    for column in range(width):
        whole(0, 4 * down if column == 0 else 0)  # in quarters of a pixel; the left neighbour predicts the rest
    for row in range(1, height):
        whole(width - 1 if row > 1 else 0, 0)
    if height > 1:
        write.ue(width - 1)
    return closed(importance << 5 | SLICE, write.payload())
