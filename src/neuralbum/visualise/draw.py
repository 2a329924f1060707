"""Paint a song's levels into pictures: two layouts, one ink.

*waterfall*: time runs down, pitch and frequency across. The newest moment
lies just above a strip of light that shows what sounds now; everything older
moves up. The whole song is one tall picture, of which a frame is a slice: so
nothing is drawn twice, and an encoder finds that everything only moved.

*plaid*: columns are the pitches now, rows the bands now, woven.

Pictures are YUV planes of 8 bits from the start (4:2:0), because converting
RGB costs more than all the rest. Cells fade into each other along a raised
cosine, so that there are no edges where the music has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .analyse import N_BANDS, N_PITCHES
from .palette import NOTES, Colours, colours, light_strength, pitch_strength
from .strip import Strip

Float = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]

HISTORY_S = 12.0
"""About how much of the past a waterfall shows."""

BEFORE = 0.85
"""Before its first moment a song shows its end, as in a loop, at this share of its levels: without, a video's first
seconds would be half black; at less than full light one sees that this is not being played."""

BLOOM, BLOOM_CELLS = 0.3, 2.2
"""How much of a pitch's colour glows beyond its column, and how far (standard deviation in cells)."""

STRIP_SHARE = 1 / 13
"""How much of a waterfall's height the strip of what sounds now takes."""

Y_ZERO, Y_SPAN = 16.0, 219.0
C_ZERO, C_SPAN = 128.0, 224.0
"""What 0 and 1 are in 8-bit video (BT.709, limited range)."""


@dataclass(frozen=True)
class Picture:
    """One frame: brightness (height, width) and two colour planes of half the size."""

    y: Plane
    cb: Plane
    cr: Plane


@dataclass(frozen=True)
class Shot:
    """One frame as it lies in the painter's memory: parts to be stacked from the top.

    The parts are views of larger pictures that are painted over later: use a shot before asking for the next.
    """

    parts: tuple[Picture, ...]

    def paint(self, target: Picture, top: int = 0) -> None:
        """Copy the rows from ``top`` (even) on, as many as ``target`` has."""
        for planes, share in ((0, 1), (1, 2), (2, 2)):
            out, place = _planes(target)[planes], -top // share
            for part in self.parts:
                plane = _planes(part)[planes]
                first, last = max(0, -place), min(len(plane), len(out) - place)
                if first < last:
                    out[place + first : place + last] = plane[first:last]
                place += len(plane)

    def whole(self) -> Picture:
        """The frame in one piece; its own memory if it has several parts."""
        if len(self.parts) == 1:
            return self.parts[0]
        return Picture(*(np.concatenate(planes) for planes in zip(*map(_planes, self.parts), strict=True)))


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
    def strip(self) -> int:
        """Height of the strip of what sounds now, in pixels; 0 for a plaid."""
        return 0 if self.layout == "plaid" else 2 * round(self.height * STRIP_SHARE / 2)


class Painter:
    """Turns levels into planes; holds the small matrices that spread cells over pixels."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.colours: Colours = colours(look.palette)
        ink = self.colours.pitch[np.arange(N_PITCHES) % 12]  # (84, 3)
        across, half_across = (spread(N_PITCHES, w, BLOOM) for w in (look.width, look.width // 2))
        self.y_of_pitch = across * ink[:, :1]
        self.cb_of_pitch = half_across * ink[:, 1:2]
        self.cr_of_pitch = half_across * ink[:, 2:3]
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
        self._keys = _Keys(look) if look.strip else None

    # ---- waterfall -----------------------------------------------------------

    def tall(self, rows: Float, before: Float) -> Picture:
        """Paint some moments one under the other: ``step`` pixels each.

        Parameters
        ----------
        rows : float32 (n, 84 + 128), levels
        before : float32 (212,)
            The moment before the first, from which the first fades over.
        """
        from ..kernels.ink import mix

        step = self.look.step
        pitch, light = strengths(np.concatenate([before[None], rows]))
        fine_pitch, fine_light = _between(pitch, step), _between(light, step)
        half_pitch, half_light = _between(pitch, step // 2), _between(light, step // 2)
        y = mix(fine_pitch @ self.y_of_pitch, fine_light @ self.of_light, self.white, Y_ZERO, Y_SPAN)
        half = half_light @ self.of_light_half
        cb = mix(half_pitch @ self.cb_of_pitch, half, self.tint_cb, C_ZERO, C_SPAN)
        cr = mix(half_pitch @ self.cr_of_pitch, half, self.tint_cr, C_ZERO, C_SPAN)
        return Picture(y, cb, cr)

    def now(self, rows: Float) -> list[Picture]:
        """The strips under the waterfall for some moments."""
        assert self._keys is not None
        pitch, light = strengths(rows)
        return self._keys.paint(self, pitch, light)

    # ---- plaid -----------------------------------------------------------------

    def plaid(self, row: Float, picture: Picture) -> None:
        """Weave one moment's levels (212,) into ``picture``."""
        from ..kernels.ink import weave

        pitch, light = strengths(row[None])
        k, k_half = (light @ self.of_light)[0], (light @ self.of_light_half)[0]
        weave((pitch @ self.y_of_pitch)[0], k, self.white, Y_ZERO, Y_SPAN, picture.y)
        weave((pitch @ self.cb_of_pitch)[0], k_half, self.tint_cb, C_ZERO, C_SPAN, picture.cb)
        weave((pitch @ self.cr_of_pitch)[0], k_half, self.tint_cr, C_ZERO, C_SPAN, picture.cr)


def pictures(reel: Strip, look: Look, *, start: int = 0, stop: int | None = None) -> Iterator[Picture]:
    """The song's pictures in order, from one row of levels each; use one before asking for the next."""
    for shot in shots(reel, look, start=start, stop=stop):
        yield shot.whole()


def shots(reel: Strip, look: Look, *, start: int = 0, stop: int | None = None) -> Iterator[Shot]:
    """The song's pictures in order, uncopied."""
    painter = Painter(look)
    stop = len(reel) if stop is None else stop
    if look.layout == "plaid":
        woven = blank(look)
        for first in range(start, stop, 64):
            for row in reel.read(first, min(first + 64, stop)):
                painter.plaid(row, woven)
                yield Shot((woven,))
        return
    step, body = look.step, look.height - look.strip
    seen = -(-body // step)  # moments visible at once
    batch = max(64, seen)
    before = past(reel, start - seen - 1, start)
    held = painter.tall(before[1:], before[0])
    for first in range(start, stop, batch):
        last = min(first + batch, stop)
        rows = reel.read(first, last)
        new = painter.tall(rows, past(reel, first - 1, first)[0])
        tall = Picture(*(np.concatenate([a, b]) for a, b in zip(_planes(held), _planes(new), strict=True)))
        strips = painter.now(rows)
        for i in range(len(rows)):
            end = (seen + i + 1) * step
            seen_y, seen_c = slice(end - body, end), slice((end - body) // 2, end // 2)
            yield Shot((Picture(tall.y[seen_y], tall.cb[seen_c], tall.cr[seen_c]), strips[i]))
        held = _joined(held, new, seen * step)


def past(reel: Strip, start: int, stop: int) -> Float:
    """Moments ``start`` to ``stop``; those before the song began are its end, dimmer, repeated if it is short."""
    heard = reel.read(start, stop)
    if start >= 0:
        return heard
    end = reel.read(len(reel) + start, len(reel))
    before = end[np.arange(start, min(stop, 0)) % len(end)]
    return np.concatenate([before * np.float32(BEFORE), heard])


def strengths(rows: Float) -> tuple[Float, Float]:
    """Levels (n, 212) -> strengths of colours (n, 84) and of light (n, 128)."""
    return pitch_strength(rows[:, :N_PITCHES]), light_strength(rows[:, N_PITCHES:])


def spread(n_cells: int, n_pixels: int, bloom: float = 0.0) -> Float:
    """How much of each cell lies on each pixel: float32 (n_cells, n_pixels); each pixel's shares add up to 1.

    ``bloom`` is the share of a cell's colour that spills over its neighbours, as bright light does on film.
    """
    place = (np.arange(n_pixels) + 0.5) * n_cells / n_pixels - 0.5
    distance = np.abs(place[None, :] - np.arange(n_cells)[:, None])
    share = np.where(distance < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1)), 0.0)
    share /= share.sum(axis=0)
    if bloom:
        halo = np.exp(-0.5 * (distance / BLOOM_CELLS) ** 2)
        share = (1 - bloom) * share + bloom * halo / halo.sum(axis=0)
    return np.asarray(share, dtype=np.float32)


def blank(look: Look) -> Picture:
    """An empty frame to paint into."""
    half = (look.height // 2, look.width // 2)
    return Picture(np.empty((look.height, look.width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))


def _between(rows: Float, step: int) -> Float:
    """n + 1 moments -> n * step rows that fade from each moment to the next and end on it."""
    if step == 1:
        return rows[1:]
    share = (np.arange(1, step + 1, dtype=np.float32) / step)[None, :, None]
    fine = np.asarray(rows[:-1, None] * (1 - share) + rows[1:, None] * share, dtype=np.float32)
    return fine.reshape(-1, rows.shape[1])


def _joined(held: Picture, new: Picture, height: int) -> Picture:
    y = np.concatenate([held.y, new.y])[-height:]
    cb = np.concatenate([held.cb, new.cb])[-(height // 2) :]
    cr = np.concatenate([held.cr, new.cr])[-(height // 2) :]
    return Picture(y, cb, cr)


def _planes(picture: Picture) -> tuple[Plane, Plane, Plane]:
    return picture.y, picture.cb, picture.cr


class _Keys:
    """The strip of what sounds now: a soft-edged key for each pitch, lit by what strikes above it."""

    def __init__(self, look: Look) -> None:
        height = look.strip
        self.gap = max(2, 2 * round(height / 16))  # dark, so that the strip stands off
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
        from ..kernels.ink import press

        # Keys are never quite dark: the keyboard is there before anybody plays.
        lit = 0.10 + 0.90 * pitch
        y = lit @ painter.y_of_pitch
        cb, cr = lit @ painter.cb_of_pitch, lit @ painter.cr_of_pitch
        glow = (light @ painter.of_light) * np.float32(0.35)
        half_glow = np.ascontiguousarray(glow[:, ::2])
        found = []
        for i in range(len(pitch)):
            halves = [
                press(colour[i], half_glow[i], self.half_shape, self.half_names, 0, C_ZERO, C_SPAN)
                for colour in (cb, cr)
            ]
            found.append(Picture(press(y[i], glow[i], self.shape, self.names, 1, Y_ZERO, Y_SPAN), *halves))
        return found


def note_names(width: int, height: int) -> Float:
    """The notes' names written on the keys: a mask (height, width), 1 where there is ink."""
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
