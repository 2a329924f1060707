"""Paint a song's levels into pictures: two layouts, one way to mix colour and light.

*waterfall*: time runs down, pitch and frequency across. The newest moment
lies just above a keyboard that shows what sounds now; everything older
moves up. The whole song is one tall picture, of which a frame is a slice: so
nothing is drawn twice, and an encoder finds that everything only moved.

*plaid*: columns are the pitches now, rows the bands now.

Pictures are YUV planes of 8 bits from the start (4:2:0), because converting
RGB costs more than all the rest. Cells fade into each other along a raised
cosine, so that there are no edges where the music has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .analyse import N_BANDS, N_PITCHES
from .frame_array import FrameArray
from .palette import NOTES, Colours, colours, light_strength, pitch_strength

Float = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

HISTORY_S = 12.0
"""About how much of the past a waterfall shows."""

BEFORE = 0.85
"""Before its first moment a song shows its end, as in a loop, at this share of its levels: without, a video's first
seconds would be half black; at less than full light one sees that this is not being played."""

BLOOM, BLOOM_CELLS = 0.3, 2.2
"""How much of a pitch's colour glows beyond its column, and how far (standard deviation in cells)."""

KEYBOARD_SHARE = 1 / 13
"""How much of a waterfall's height the keyboard of what sounds now takes."""

Y_ZERO, Y_SPAN = 16.0, 219.0
C_ZERO, C_SPAN = 128.0, 224.0
"""What 0 and 1 are in 8-bit video (BT.709, limited range)."""


@dataclass(frozen=True)
class Picture:
    """One frame: brightness (height, width) and two colour planes of half the size."""

    y: Plane
    cb: Plane
    cr: Plane
    frame: Any = None  #: the encoder's frame whose memory the planes are, if they are

    def put(self, rows: slice, other: Picture, source: slice) -> None:
        """Copy rows of another picture into rows of this one; all bounds are even."""
        self.y[rows] = other.y[source]
        for mine, theirs in ((self.cb, other.cb), (self.cr, other.cr)):
            mine[_halved(rows)] = theirs[_halved(source)]


def _halved(rows: slice) -> slice:
    return slice(rows.start // 2, rows.stop // 2)


@dataclass(frozen=True)
class Look:
    """How pictures look: everything the painter needs to know besides the levels."""

    layout: str
    width: int
    height: int
    fps: float
    palette: str = "painter"
    note_names: bool = False
    scroll: int | None = None  #: pixels a waterfall moves per picture; None: HISTORY_S in one height

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or min(self.width, self.height) < 16:
            raise ParameterError(f"size {self.width}x{self.height}: width and height must be even, at least 16")

    @property
    def step(self) -> int:
        """Pixels a waterfall moves per picture: even, so that the half-size colour planes move whole pixels too."""
        if self.scroll is not None:
            return self.scroll
        return max(2, 2 * round(self.height / (HISTORY_S * self.fps) / 2))

    @property
    def keyboard_height(self) -> int:
        """Height of the keyboard of what sounds now, in pixels; 0 for a plaid."""
        return 0 if self.layout == "plaid" else 2 * round(self.height * KEYBOARD_SHARE / 2)


class Painter:
    """Turns levels into planes; holds the small matrices that spread cells over pixels."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.colours: Colours = colours(look.palette)
        colour = self.colours.pitch[np.arange(N_PITCHES) % 12]  # (84, 3)
        across, half_across = (spread(N_PITCHES, w, BLOOM) for w in (look.width, look.width // 2))
        self.y_of_pitch = across * colour[:, :1]
        self.cb_of_pitch = half_across * colour[:, 1:2]
        self.cr_of_pitch = half_across * colour[:, 2:3]
        light_size = look.height if look.layout == "plaid" else look.width
        self.of_light = spread(N_BANDS, light_size, BLOOM)
        self.of_light_half = spread(N_BANDS, light_size // 2, BLOOM)
        tint = self.colours.tint(light_size // 2)
        self.white = np.ones(light_size, dtype=np.float32)
        self.tint_cb, self.tint_cr = tint[:, 1].copy(), tint[:, 2].copy()
        if look.layout == "plaid":  # the lowest band lies at the bottom
            self.of_light = np.ascontiguousarray(self.of_light[:, ::-1])
            self.of_light_half = np.ascontiguousarray(self.of_light_half[:, ::-1])
            self.tint_cb, self.tint_cr = self.tint_cb[::-1].copy(), self.tint_cr[::-1].copy()
        self._keyboard = _Keyboard(look) if look.keyboard_height else None

    # ---- waterfall -----------------------------------------------------------

    def scroll(self, rows: Float, before: Float) -> Picture:
        """Paint some moments one under the other: ``step`` pixels each.

        Parameters
        ----------
        rows : float32 (n, 84 + 128), levels
        before : float32 (212,)
            The moment before the first, from which the first fades over.
        """
        from ..kernels.yuv_compositing import composite

        step = self.look.step
        pitch, light = strengths(np.concatenate([before[None], rows]))
        fine_pitch, fine_light = _between(pitch, step), _between(light, step)
        half_pitch, half_light = _between(pitch, step // 2), _between(light, step // 2)
        y = composite(fine_pitch @ self.y_of_pitch, fine_light @ self.of_light, self.white, Y_ZERO, Y_SPAN)
        half = half_light @ self.of_light_half
        cb = composite(half_pitch @ self.cb_of_pitch, half, self.tint_cb, C_ZERO, C_SPAN)
        cr = composite(half_pitch @ self.cr_of_pitch, half, self.tint_cr, C_ZERO, C_SPAN)
        return Picture(y, cb, cr)

    def keyboards(self, rows: Float) -> list[Picture]:
        """The keyboards under the waterfall for some moments."""
        assert self._keyboard is not None
        pitch, light = strengths(rows)
        return self._keyboard.paint(self, pitch, light)

    # ---- plaid -----------------------------------------------------------------

    def plaid(self, row: Float, picture: Picture) -> None:
        """Paint one moment's levels (212,) into ``picture``."""
        from ..kernels.yuv_compositing import composite_outer

        pitch, light = strengths(row[None])
        k, k_half = (light @ self.of_light)[0], (light @ self.of_light_half)[0]
        composite_outer((pitch @ self.y_of_pitch)[0], k, self.white, Y_ZERO, Y_SPAN, picture.y)
        composite_outer((pitch @ self.cb_of_pitch)[0], k_half, self.tint_cb, C_ZERO, C_SPAN, picture.cb)
        composite_outer((pitch @ self.cr_of_pitch)[0], k_half, self.tint_cr, C_ZERO, C_SPAN, picture.cr)


def pictures(
    frames: FrameArray,
    look: Look,
    *,
    start: int = 0,
    stop: int | None = None,
    new: Callable[[Look], Picture] | None = None,
) -> Iterator[Picture]:
    """The song's pictures in order, from one row of levels each, each in memory of its own.

    ``new`` gives an empty picture to paint into: an encoder's own frame, so that nothing is copied twice.
    """
    painter, new = Painter(look), new or blank
    stop = len(frames) if stop is None else stop
    if look.layout == "plaid":
        for first in range(start, stop, 64):
            for row in frames.read(first, min(first + 64, stop)):
                picture = new(look)
                painter.plaid(row, picture)
                yield picture
        return
    step, body = look.step, look.height - look.keyboard_height
    seen = -(-body // step)  # moments visible at once
    before = past(frames, start - seen - 1, start)
    held = painter.scroll(before[1:], before[0])
    for first in range(start, stop, max(64, seen)):
        rows = frames.read(first, min(first + max(64, seen), stop))
        scroll = _stacked(held, painter.scroll(rows, past(frames, first - 1, first)[0]))
        for i, keyboard in enumerate(painter.keyboards(rows)):
            end = (seen + i + 1) * step
            picture = new(look)
            picture.put(slice(0, body), scroll, slice(end - body, end))
            picture.put(slice(body, look.height), keyboard, slice(0, look.keyboard_height))
            yield picture
        height = len(scroll.y)
        held = blank(look, seen * step)
        held.put(slice(0, seen * step), scroll, slice(height - seen * step, height))


def past(frames: FrameArray, start: int, stop: int) -> Float:
    """Moments ``start`` to ``stop``; those before the song began are its end, dimmer, repeated if it is short."""
    heard = frames.read(start, stop)
    if start >= 0:
        return heard
    end = frames.read(len(frames) + start, len(frames))
    before = end[np.arange(start, min(stop, 0)) % len(end)]
    return np.concatenate([before * np.float32(BEFORE), heard])


def strengths(rows: Float) -> tuple[Float, Float]:
    """SongLevels (n, 212) -> strengths of colours (n, 84) and of light (n, 128)."""
    return pitch_strength(rows[:, :N_PITCHES]), light_strength(rows[:, N_PITCHES:])


def spread(n_cells: int, n_pixels: int, bloom: float = 0.0) -> Float:
    """How much of each cell lies on each pixel: float32 (n_cells, n_pixels); each pixel's shares add up to 1.

    ``bloom`` is the share of a cell's colour that spills over its neighbours, as bright light does on video.
    """
    place = (np.arange(n_pixels) + 0.5) * n_cells / n_pixels - 0.5
    distance = np.abs(place[None, :] - np.arange(n_cells)[:, None])
    share = np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1)), 0.0)
    share /= share.sum(axis=0)
    if bloom:
        halo = np.exp(-0.5 * (distance / BLOOM_CELLS) ** 2)
        share = (1 - bloom) * share + bloom * halo / halo.sum(axis=0)
    return np.asarray(share, dtype=np.float32)


def blank(look: Look, height: int | None = None) -> Picture:
    """An empty picture to paint into, of the look's height or another even one."""
    height = look.height if height is None else height
    half = (height // 2, look.width // 2)
    return Picture(np.empty((height, look.width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))


def _between(rows: Float, step: int) -> Float:
    """n + 1 moments -> n * step rows that fade from each moment to the next and end on it."""
    if step == 1:
        return rows[1:]
    share = (np.arange(1, step + 1, dtype=np.float32) / step)[None, :, None]
    fine = np.asarray(rows[:-1, None] * (1 - share) + rows[1:, None] * share, dtype=np.float32)
    return fine.reshape(-1, rows.shape[1])


def _stacked(upper: Picture, lower: Picture) -> Picture:
    pairs = ((upper.y, lower.y), (upper.cb, lower.cb), (upper.cr, lower.cr))
    return Picture(*(np.concatenate(pair) for pair in pairs))


class _Keyboard:
    """The keyboard of what sounds now: a soft-edged key for each pitch, lit by what strikes above it."""

    def __init__(self, look: Look) -> None:
        height = look.keyboard_height
        self.gap = max(2, 2 * round(height / 16))  # dark, so that the keyboard stands off
        self.shape = self._shape(height, look.width, self.gap)
        self.half_shape = self._shape(height // 2, look.width // 2, self.gap // 2)
        self.names = note_names(look.width, height) if look.note_names else np.zeros_like(self.shape)
        self.half_names = self.names.reshape(height // 2, 2, look.width // 2, 2).mean(axis=(1, 3))

    @staticmethod
    def _shape(height: int, width: int, gap: int) -> Float:
        """How much of a key's colour each pixel has: full inside, soft at the key's sides and ends."""
        down = (np.arange(height) + 0.5 - gap) / max(1, height - gap)
        along = np.clip(np.minimum(down, 1 - down) * 6, 0, 1)
        place = ((np.arange(width) + 0.5) * N_PITCHES / width) % 1.0
        side = np.clip(np.minimum(place, 1 - place) * 5, 0, 1)
        both = (along**2 * (3 - 2 * along))[:, None] * (side**2 * (3 - 2 * side))[None, :]
        return np.asarray(both, dtype=np.float32)

    def paint(self, painter: Painter, pitch: Float, light: Float) -> list[Picture]:
        from ..kernels.yuv_compositing import draw_keys

        # Keys are never quite dark: the keyboard is there before anybody plays.
        lit = 0.10 + 0.90 * pitch
        y = lit @ painter.y_of_pitch
        cb, cr = lit @ painter.cb_of_pitch, lit @ painter.cr_of_pitch
        glow = (light @ painter.of_light) * np.float32(0.35)
        half_glow = np.ascontiguousarray(glow[:, ::2])
        found = []
        for i in range(len(pitch)):
            halves = [
                draw_keys(colour[i], half_glow[i], self.half_shape, self.half_names, 0, C_ZERO, C_SPAN)
                for colour in (cb, cr)
            ]
            found.append(Picture(draw_keys(y[i], glow[i], self.shape, self.names, 1, Y_ZERO, Y_SPAN), *halves))
        return found


def note_names(width: int, height: int) -> Float:
    """The notes' names written on the keys: a mask (height, width), 1 where they are written."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(image)
    size = max(6, min(height // 3, int(width / N_PITCHES * 0.72)))
    font = ImageFont.load_default(size)
    for bin_ in range(N_PITCHES):
        name = NOTES[bin_ % 12].replace("♯", "#")
        if bin_ % 12 == 0:
            name += str(bin_ // 12 + 1)
        pen.text(((bin_ + 0.5) * width / N_PITCHES, height * 0.62), name, fill=255, font=font, anchor="mm")
    return np.asarray(image, dtype=np.float32) / np.float32(255)
