"""Encode a picture that scrolls: only what is new goes through the encoder.

Nine tenths of a waterfall are the picture before, moved up by two pixels. x264
finds that out again for each of 3600 macroblocks of each picture, and that is most
of what encoding costs. Here it sees the lowest rows of macroblocks only, as a
small picture of its own, into which the song comes. The slices that it makes are moved
to their place in the large picture, and for all above one slice is written that says
"moved up": 150 bytes that need no encoder. Now and then, where a player may
jump in, the upper part is encoded too, as a still.

The small picture begins GUARD rows above what is kept of it, so that motion that
points upwards finds there what it will find in the large picture.

The result is ordinary H.264 with several slices a picture. At the same quantiser it is
as near to what was painted as x264's own (0.1 dB), 2 % larger, for less than half the time, drawing included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import h264
from .draw import Look, Picture, Shot
from .h264 import MACROBLOCK

GUARD = 2
"""Rows of macroblocks above the new ones that x264 sees and whose slice is dropped."""

REFINED = 1
"""Whole rows of the past that are encoded too: there x264 mends what it got coarse a moment ago (0.5 dB), and
finds the new row's motion predicted from above (a sixth of the bytes)."""

PICTURE_I = 1  # FFmpeg's AV_PICTURE_TYPE_I


@dataclass(frozen=True)
class Parts:
    """Where a waterfall is cut, in rows of macroblocks."""

    width: int
    old: int  #: rows that only move: what comes into them is in the picture before, whole
    new: int

    @property
    def guard_top(self) -> int:
        """The pixel row where the small picture begins."""
        return (self.old - GUARD) * MACROBLOCK


def parts_of(look: Look) -> Parts | None:
    """Where to cut; None if nothing scrolls or too little to be worth it."""
    width, height = (-(-size // MACROBLOCK) for size in (look.width, look.height))
    old = (look.height - look.strip - look.step) // MACROBLOCK - REFINED
    if look.layout != "waterfall" or old <= GUARD + 1 or width < 2:
        return None
    return Parts(width, old, height - old)


class Scroller:
    """Turns shots of a waterfall into coded pictures.

    Parameters
    ----------
    open_encoder : (width, height, macroblocks a slice or 0) -> a libx264 context that gives each picture at once
    stream : of the large picture
    """

    def __init__(
        self, look: Look, parts: Parts, stream: h264.Stream, open_encoder: Callable[[int, int, int], Any]
    ) -> None:
        self._parts, self._step, self._stream = parts, look.step, stream
        self._size = (look.width, look.height)
        self._upper = open_encoder(look.width, parts.old * MACROBLOCK, 0)
        self._lower = open_encoder(look.width, look.height - parts.guard_top, GUARD * parts.width)
        self._moved: dict[tuple[int, int], bytes] = {}

    def encode(self, shot: Shot, pts: int, jump_in: bool) -> bytes:
        """One coded picture; ``jump_in``: a player may begin here."""
        parts, width = self._parts, self._parts.width
        units = self._units(self._lower, shot, parts.guard_top, pts, jump_in)
        starts = [h264.start_of(unit, self._stream) for unit in units]
        if jump_in:
            above = self._units(self._upper, shot, 0, pts, True)
            made = [h264.START + unit for unit in above]
        else:
            made = [self._shifted(starts[0].frame_num, units[0][0] >> 5)]
        for unit, start in zip(units, starts, strict=True):
            if start.first >= GUARD * width:
                made.append(h264.moved(unit, start, start.first + (parts.old - GUARD) * width))
        return b"".join(made)

    def _shifted(self, frame_num: int, importance: int) -> bytes:
        key = (frame_num, importance)
        if key not in self._moved:
            size = (self._parts.width, self._parts.old)
            self._moved[key] = h264.shifted_slice(frame_num, importance, *size, self._step, self._stream)
        return self._moved[key]

    @staticmethod
    def _units(encoder: Any, shot: Shot, top: int, pts: int, jump_in: bool) -> list[bytes]:
        frame = frame_of(encoder.width, encoder.height)
        shot.paint(planes_of(frame), top)
        frame.pts = pts
        if jump_in:
            frame.pict_type = PICTURE_I
        wanted = (h264.SLICE, h264.IDR_SLICE)
        return [u for packet in encoder.encode(frame) for u in h264.units(bytes(packet)) if h264.kind(u) in wanted]


def frame_of(width: int, height: int) -> Any:
    """An empty frame for an encoder."""
    import av

    return av.VideoFrame(width, height, "yuv420p")


def planes_of(frame: Any) -> Picture:
    """A frame's planes, to paint into."""
    planes = []
    for number, plane in enumerate(frame.planes):
        width, height = (size >> (number > 0) for size in (frame.width, frame.height))
        raw = np.frombuffer(memoryview(plane), dtype=np.uint8)  # writable: the frame's own memory
        planes.append(raw.reshape(-1, plane.line_size)[:height, :width])
    return Picture(*planes)
