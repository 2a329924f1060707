"""The HLS playlist and its segments on disk: written whole or not at all, continued after a restart, bounded.

Segments are packed audio (RFC 8216, section 3.4): ADTS frames of AAC behind an ID3 tag with the time. A segment's
place goes to the next one before it is written, so that a full disk does not end the stream.
"""

from __future__ import annotations

import os
import re
import struct
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE = "stream.m3u8"
SEGMENT = re.compile(r"(\d{1,12})\.aac")
LISTED = 15  #: half a minute for whoever is held up
BEHIND = 5  #: segments that are kept after they left the list, for whoever is asking for them just now
TIMESTAMP_HZ = 90_000
OWNER = b"com.apple.streaming.transportStreamTimestamp\0"


@dataclass(frozen=True)
class Segment:
    """One entry of the list."""

    number: int
    duration_s: float
    began_at: float  #: Unix seconds of its first sample
    discontinuity: bool = False  #: the encoder was started anew before it

    @property
    def name(self) -> str:
        return f"{self.number}.aac"

    @property
    def end_at(self) -> float:
        return self.began_at + self.duration_s


def parse(text: str) -> tuple[list[Segment], int]:
    """The segments of a playlist that this module wrote, and the discontinuities that left it.

    Raises
    ------
    ValueError
        It is none.
    """
    found: list[Segment] = []
    gone, duration_s, began_at, broken = 0, 0.0, 0.0, False
    if not text.startswith("#EXTM3U"):
        raise ValueError("no playlist")
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
            gone = int(value)
        elif tag == "#EXT-X-DISCONTINUITY":
            broken = True
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            began_at = datetime.fromisoformat(value).timestamp()
        elif tag == "#EXTINF":
            duration_s = float(value.partition(",")[0])
        elif name := SEGMENT.fullmatch(line):
            found.append(Segment(int(name[1]), duration_s, began_at, broken))
            broken = False
    return found, gone


class Playlist:
    """The stream's folder; one process writes it."""

    def __init__(self, folder: Path, target_s: float) -> None:
        self.folder, self._target_s = folder, target_s
        folder.mkdir(parents=True, exist_ok=True)
        listed: list[Segment] = []
        self._gone = 0
        with suppress(OSError, ValueError):
            listed, self._gone = parse((folder / FILE).read_text(encoding="utf-8"))
        self.segments = deque(s for s in listed if (folder / s.name).exists())
        there = [int(m[1]) for p in folder.iterdir() if (m := SEGMENT.fullmatch(p.name))]
        self.next_number = max([s.number for s in listed] + there, default=-1) + 1
        self._broken = bool(listed or there)
        self._prune()

    def add(self, frames: bytes, duration_s: float, began_at: float) -> Segment:
        """Write the next segment, then the list that names it."""
        one = Segment(self.next_number, duration_s, began_at, self._broken)
        self.segments.append(one)
        while len(self.segments) > LISTED:
            self._gone += self.segments.popleft().discontinuity
        self._prune()
        try:
            try:
                self._write(one.name, id3(began_at) + frames)
            except OSError:  # a full disk: what is off the list makes room
                self._prune(0)
                self._write(one.name, id3(began_at) + frames)
            self.next_number, self._broken = one.number + 1, False
            self._write(FILE, self.text().encode())
        except OSError:
            if self.segments and self.segments[-1] is one:
                self.segments.pop()
            raise
        return one

    def text(self) -> str:
        """RFC 8216; without an end, since the stream has none."""
        lines = [
            "#EXTM3U", "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{max([round(self._target_s), *(round(s.duration_s) for s in self.segments)])}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.segments[0].number if self.segments else self.next_number}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self._gone}",
        ]  # fmt: skip
        for one in self.segments:
            at = datetime.fromtimestamp(one.began_at, UTC).isoformat(timespec="milliseconds")
            lines += ["#EXT-X-DISCONTINUITY"] if one.discontinuity else []
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{at}", f"#EXTINF:{one.duration_s:.5f},", one.name]
        return "\n".join(lines) + "\n"

    def _write(self, name: str, data: bytes) -> None:
        part = self.folder / f"{name}.part"
        try:
            part.write_bytes(data)
            os.replace(part, self.folder / name)
        finally:
            part.unlink(missing_ok=True)

    def _prune(self, behind: int = BEHIND) -> None:
        """Remove what nobody is told of any more, and what killed writers left half done."""
        oldest = (self.segments[0].number if self.segments else self.next_number) - behind
        for path in self.folder.iterdir():
            name = SEGMENT.fullmatch(path.name)
            if path.suffix == ".part" or (name and int(name[1]) < oldest):
                path.unlink(missing_ok=True)


def id3(at: float) -> bytes:
    """An ID3 tag that says when a segment's first sample is, in ticks of 90 kHz modulo 2³³."""
    private = OWNER + struct.pack(">Q", round(at * TIMESTAMP_HZ) % (1 << 33))
    frame = b"PRIV" + _synchsafe(len(private)) + b"\0\0" + private
    return b"ID3\4\0\0" + _synchsafe(len(frame)) + frame


def _synchsafe(n: int) -> bytes:
    return bytes([n >> 21 & 127, n >> 14 & 127, n >> 7 & 127, n & 127])
