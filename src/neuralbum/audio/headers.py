"""What a sound file's own bytes say of its length and its parts, where FFmpeg does not tell.

FFmpeg corrects a stated length to what the file holds, so that a missing end no
longer shows; estimates the length of an MP3 without saying that it did; and
stops where a second Ogg stream begins. So the few numbers needed are read here:
the frame count of an MP3 (Xing's header), the size of a WAV's data (RIFF, RF64),
sizes in Sony's Wave64 and Apple's CAF, the links of an Ogg file. Nothing is decoded, and nothing is trusted beyond
telling a whole file from a broken one.

Pure but for reading the one file; standard library only.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MP3_RATES = (44_100, 48_000, 32_000)
MP3_KBPS = {
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(MPEG-1, layer) -> bit rates by index, from 1 (ISO 11172-3, 2.4.2.3; ISO 13818-3, 2.4.2.3)."""
MP3_SIDE_INFO = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}
"""(MPEG-1, mono) -> bytes between a Layer III frame's header and Xing's (ISO 11172-3, 2.4.1.7; ISO 13818-3)."""
OGG_FIRST = 2  #: header flag of a page that begins a stream (RFC 3533, section 6)
STREAMED_BYTES = 0x7FFF_0000
"""A RIFF writer that cannot go back (a pipe) leaves 0, or a size from here on: both state nothing."""


@dataclass(frozen=True)
class Outline:
    """What the bytes say."""

    stated_s: float | None = None  #: length that the header counts; None where it counts none
    cut: bool = False  #: the file ends within a unit that its own header says is longer
    links: tuple[tuple[int, int], ...] = ()  #: (first byte, end) of each stream of a chained Ogg file, if several


def outline(path: Path | str) -> Outline:
    """Look at a file's bytes; empty for formats that FFmpeg reports truly, and for what is no sound.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic = file.read(12)
        try:
            if magic[:4] == b"OggS":
                return _ogg(file, size)
            if magic[:4] in (b"RIFF", b"RF64") and magic[8:] == b"WAVE":
                return _wav(file, size)
            if magic[:4] == b"riff":
                return _w64(file, size)
            if magic[:4] == b"caff":
                return _caf(file, size)
            return _mp3(file, magic)
        except (struct.error, ValueError, OverflowError):  # shorter than its own header, or sizes beyond any file
            return Outline()


def _wav(file: BinaryIO, size: int) -> Outline:
    bytes_per_s = whole = 0
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        start = file.tell()
        if name == b"ds64":  # RF64: the true sizes (EBU Tech 3306)
            whole = struct.unpack("<8xQ", file.read(16))[0]
        elif name == b"fmt ":
            bytes_per_s = struct.unpack("<8xI", file.read(12))[0]
        elif name == b"data":
            length = whole or length
            streamed = not whole and not 0 < length < STREAMED_BYTES
            if streamed or not bytes_per_s or start + length <= size:
                break
            return Outline(stated_s=length / bytes_per_s, cut=True)
        file.seek(start + length + length % 2)
    return Outline()


def _w64(file: BinaryIO, size: int) -> Outline:
    bytes_per_s = 0
    file.seek(40)
    while len(head := file.read(24)) == 24:
        name, length = head[:4], struct.unpack("<16xQ", head)[0]  # with its own 24 bytes
        start = file.tell()
        if name == b"fmt ":
            bytes_per_s = struct.unpack("<8xI", file.read(12))[0]
        elif name == b"data":
            if bytes_per_s and start + length - 24 > size:
                return Outline(stated_s=(length - 24) / bytes_per_s, cut=True)
            break
        if length < 24:
            break
        file.seek(start + (length - 24 + 7) // 8 * 8)
    return Outline()


def _caf(file: BinaryIO, size: int) -> Outline:
    seconds_per_byte = 0.0
    file.seek(8)
    while len(head := file.read(12)) == 12:
        name, length = struct.unpack(">4sq", head)
        start = file.tell()
        if name == b"desc":
            rate, n_bytes, n_samples = struct.unpack(">d8xII", file.read(24))
            seconds_per_byte = n_samples / n_bytes / rate if n_bytes and rate > 0 else 0.0
        elif name == b"data" and seconds_per_byte and start + length > size:
            return Outline(stated_s=(length - 4) * seconds_per_byte, cut=True)
        if length < 0:  # −1: to the end of the file
            break
        file.seek(start + length)
    return Outline()


def mpeg_frame_bytes(header: bytes) -> int:
    """Length that the header of an MPEG audio frame states; 0 where it states none that is understood."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    kbps_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    first = version == 3
    if version == 1 or layer not in (2, 3) or rate_index == 3 or not 1 <= kbps_index <= 14:
        return 0
    rate = _mp3_rate(version, rate_index)
    samples = 576 if layer == 3 and not first else 1152
    return samples // 8 * MP3_KBPS[first, layer][kbps_index - 1] * 1000 // rate + padding


def _mp3_rate(version: int, rate_index: int) -> int:
    return MP3_RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]


def _mp3(file: BinaryIO, magic: bytes) -> Outline:
    start = 0
    if magic[:3] == b"ID3" and len(magic) >= 10:
        a, b, c, d = magic[6:10]
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    file.seek(start)
    frame = file.read(64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # a frame of Layer III
        return Outline()
    version, rate_index = frame[1] >> 3 & 3, frame[2] >> 2 & 3
    if version == 1 or rate_index == 3:
        return Outline()
    first = version == 3
    at = 4 + MP3_SIDE_INFO[first, frame[3] >> 6 == 3]
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return Outline()
    flags, n_frames = struct.unpack(">II", frame[at + 4 : at + 12])
    rate = _mp3_rate(version, rate_index)
    samples = 1152 if first else 576
    return Outline(stated_s=n_frames * samples / rate if flags & 1 and n_frames else None)


def _ogg(file: BinaryIO, size: int) -> Outline:
    """Go from page to page; a first page behind one that was none begins a link."""
    starts, at, was_first = [0], 0, True
    while at + 27 <= size:
        file.seek(at)
        head = file.read(27 + 255)
        if head[:4] != b"OggS":
            break  # a hole or a tag: FFmpeg finds the next page by itself
        is_first = bool(head[5] & OGG_FIRST)
        if is_first and not was_first:
            starts.append(at)
        was_first = is_first
        n_segments = head[26]
        at += 27 + n_segments + sum(head[27 : 27 + n_segments])
    links = tuple(zip(starts, [*starts[1:], size], strict=True)) if len(starts) > 1 else ()
    return Outline(cut=at > size, links=links)


class FilePart(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, path: Path | str, start: int, stop: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  # closed by close()
        self._start, self._length, self._at = start, stop - start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._at)
        self._file.seek(self._start + self._at)
        got = self._file.read(left if size < 0 else min(size, left))
        self._at += len(got)
        return got

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._file.close()
        super().close()
