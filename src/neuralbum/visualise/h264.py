"""As much of H.264's syntax as it takes to move slices about (ITU-T H.264, clauses 7.3, 8.4.1 and 9.1).

A coded picture is a set of slices, each some rows of macroblocks that can be
read without the others. A slice says where it begins, so one that was encoded
as part of a small picture becomes part of a large one by another number in its
header. Written in CAVLC, the variable-length code of all profiles: bits that can be shifted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

START = b"\x00\x00\x00\x01"
SLICE, IDR_SLICE, SPS, PPS = 1, 5, 7, 8
MACROBLOCK = 16
"""Width and height in pixels of what is coded together."""

HEADER_BYTES = 16
"""More than the numbers at the beginning of a slice take."""

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
    """A unit's payload: without its first byte and the bytes that guard against false start codes."""
    return unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")


def closed(first: int, payload: bytes) -> bytes:
    """A unit with its start code; the reverse of ``opened``."""
    return START + bytes([first]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", payload)


@dataclass(frozen=True)
class Stream:
    """What a stream's parameter sets say about how its slices are written."""

    frame_num_bits: int
    deblock_control: bool


def stream_of(parameter_sets: bytes) -> Stream:
    """Read a stream's parameter sets (with start codes).

    Raises
    ------
    ValueError
        It is not 4:2:0 of 8 bits in CAVLC, made of whole frames in the order in which they are shown.
    """
    found = {kind(unit): opened(unit) for unit in units(parameter_sets)}
    sequence, picture = Reader(found[SPS]), Reader(found[PPS])
    profile = sequence.u(8)
    sequence.u(16)  # constraint flags, level
    sequence.ue()
    usual = True
    if profile in HIGH_PROFILES:
        usual = (sequence.ue(), sequence.ue(), sequence.ue(), sequence.u(2)) == (1, 0, 0, 0)
    frame_num_bits = sequence.ue() + 4
    in_order = sequence.ue() == 2
    picture.ue()
    picture.ue()
    plain = picture.u(2) == 0 and picture.ue() == 0  # neither CABAC nor fields nor groups of slices
    picture.ue()
    picture.ue()
    unweighted = picture.u(3) == 0
    for _ in range(3):
        picture.se()
    if not (usual and in_order and plain and unweighted):
        raise ValueError(f"an H.264 stream (profile {profile}) of a kind in which slices cannot be moved")
    return Stream(frame_num_bits, bool(picture.u(1)))


@dataclass(frozen=True)
class Start:
    """How a slice begins."""

    first: int  #: number of its first macroblock
    first_bits: int  #: how long that number is
    frame_num: int


def start_of(unit: bytes, stream: Stream) -> Start:
    """Read the beginning of a slice's header."""
    read = Reader(opened(unit[:HEADER_BYTES]))
    whole = read.left
    first = read.ue()
    first_bits = whole - read.left
    read.ue()  # slice_type
    read.ue()  # pic_parameter_set_id
    return Start(first, first_bits, read.u(stream.frame_num_bits))


def moved(unit: bytes, start: Start, first: int) -> bytes:
    """The same slice (without start code) with another first macroblock; with start code."""
    payload = opened(unit)
    code = int.from_bytes(payload, "big")
    last = (code & -code).bit_length()  # the 1 that ends the payload, and the zeros after it
    left = 8 * len(payload) - start.first_bits
    rest = (code & ((1 << left) - 1)) >> last
    return closed(unit[0], Writer().ue(first).u(rest, left - last).payload())


def shifted_slice(frame_num: int, importance: int, width: int, height: int, down: int, stream: Stream) -> bytes:
    """A slice that says: every macroblock is what lay ``down`` pixels further down in the picture before.

    Neighbours predict each other's motion, so that nothing needs saying but at the left
    and upper edges.

    Parameters
    ----------
    frame_num, importance : as in the picture's other slices (``nal_ref_idc``)
    width, height : in macroblocks; it begins at the picture's first
    down : pixels, even, so that the half-size colour planes move by whole pixels too
    """
    write = Writer().ue(0).ue(0).ue(0).u(frame_num, stream.frame_num_bits)
    write.u(1, 1).ue(0).u(0, 1)  # of the pictures before only the last, whatever the other slices refer to
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
