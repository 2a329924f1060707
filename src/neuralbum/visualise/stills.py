"""What a song shows before it plays: poster, timelapse GIF, hover clip.

The timelapse is the whole song in five seconds: sixty moments, each between the
mean and the maximum of its sixtieth of the song, so that one sees which songs start
loud and which build up, and the hits too. It loops: what came last is what is seen before the first.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ToolError
from .draw import C_SPAN, C_ZERO, Y_SPAN, Y_ZERO, Look, Picture, pictures, strengths
from .encode import VideoWriter, frame_picture
from .flash import limited
from .frame_array import FrameArray
from .palette import rgb

Float = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

GIF_FRAMES = 60
GIF_LOOP_S = 5.0
GIF_DELAYS_MS = (80, 80, 90)  # GIF counts in hundredths: together a sixtieth of 5 s each, 83 1/3 ms on average
GIF_BYTES = 1_500_000
GIF_SAMPLE = 10
"""So many pictures tell whether sixty would fit."""
GIF_TRIES = ((320, 128), (320, 80), (320, 48), (240, 64), (160, 32))
"""Width in pixels and number of colours, until the file is small enough."""

GIF_LEAST_WEIGHT = 0.08
"""How often a black pixel counts when colours are chosen; a bright one counts once. Most of a picture is dark, and
would take most of the colours: 3 to 4 dB are gained at a quarter fewer bytes."""
GIF_COUNTED = 8_192

PEAK_SHARE = 0.4
"""A moment of the timelapse is so far from its mean towards its maximum: of hits a mean leaves little."""

HOVER_WIDTH = 480
HOVER_FPS = 25
HOVER_BYTES = 200_000
HOVER_QUALITIES = (24, 28, 32, 36, 41, 46)

POSTER_WIDTH = 1280


def timelapse(frames: FrameArray, n: int) -> Float:
    """The whole song in ``n`` moments: each between mean and maximum of its n-th part (levels, (n, 212))."""
    edges = np.linspace(0, len(frames), n + 1)
    rows = np.zeros((n, frames.width), dtype=np.float32)
    for i in range(n):
        start = min(int(edges[i]), len(frames) - 1)
        part = frames.read(start, max(start + 1, int(edges[i + 1])))
        rows[i] = (1 - PEAK_SHARE) * part.mean(axis=0) + PEAK_SHARE * part.max(axis=0)
    return rows


def looped(
    rows: Float, look: Look, *, limiter: bool, new: Callable[[Look], Picture] | None = None
) -> Iterator[Picture]:
    """Pictures of a loop over ``rows``; before the first lies the last."""
    if limiter:
        rows, _ = limited(np.concatenate([rows, rows, rows]), look)
        rows = rows[len(rows) // 3 : 2 * len(rows) // 3]
    with FrameArray(rows.shape[1]) as around:
        around.append(rows)
        around.append(rows)
        yield from pictures(around, look, start=len(rows), new=new)


def image(picture: Picture) -> Image:
    """A picture as RGB, uint8 (height, width, 3); the colour planes are doubled with a soft edge."""
    y = (picture.y.astype(np.float32) - np.float32(Y_ZERO)) / np.float32(Y_SPAN)
    cb, cr = (
        _doubled((p.astype(np.float32) - np.float32(C_ZERO)) / np.float32(C_SPAN)) for p in (picture.cb, picture.cr)
    )
    stacked = np.stack(rgb(y, cb, cr), axis=-1)
    return np.asarray(np.clip(stacked, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _doubled(plane: Float) -> Float:
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        inner = np.moveaxis(padded, axis, 0)
        fine = np.stack([0.25 * inner[:-2] + 0.75 * inner[1:-1], 0.75 * inner[1:-1] + 0.25 * inner[2:]], axis=1)
        plane = np.moveaxis(fine.reshape(-1, *inner.shape[1:]), 0, axis)
    return plane


def scaled(look: Look, width: int, fps: float, loop: int = 0) -> Look:
    """The same look, smaller; a loop of that many pictures scrolls one and a half heights."""
    height = max(16, 2 * round(width * look.height / look.width / 2))
    scroll = max(2, 2 * round(1.5 * height / loop / 2)) if loop else None
    return replace(look, width=width, height=height, fps=fps, scroll=scroll, note_names=False)


def write_gif(path: Path, frames: FrameArray, look: Look, *, limiter: bool = True) -> None:
    """Write the timelapse: 60 pictures, 5 s, at most 1.5 MB, one set of colours for all."""
    rows = timelapse(frames, GIF_FRAMES)
    drawn: dict[int, list[Image]] = {}
    for width, n_colours in GIF_TRIES:
        if width not in drawn:
            small = scaled(look, width, GIF_FRAMES / GIF_LOOP_S, GIF_FRAMES)
            drawn[width] = [image(picture) for picture in looped(rows, small, limiter=limiter)]
        images = drawn[width]
        colours = _colours(images, n_colours)
        some = _gif(images[:: GIF_FRAMES // GIF_SAMPLE], colours)
        if len(some) * GIF_FRAMES / GIF_SAMPLE > GIF_BYTES * 1.02:  # hopeless; pictures hardly share bytes
            continue
        whole = _gif(images, colours)
        if len(whole) <= GIF_BYTES:
            path.write_bytes(whole)
            return
    raise ToolError(f"{path}: the GIF is over {GIF_BYTES} bytes even at {width} pixels and {n_colours} colours")


def _colours(frames: list[Image], n_colours: int) -> Any:
    """The set of colours that serves a GIF's pictures best: an image of Pillow with a palette."""
    from PIL import Image as Pictures

    seen = np.concatenate([f[::4, ::4].reshape(-1, 3) for f in frames[::3]])
    weight = np.maximum(seen.max(axis=1) / 160.0, GIF_LEAST_WEIGHT)
    counted = seen[np.random.default_rng(0).random(len(seen)) < weight]
    counted = counted[:: max(1, len(counted) // GIF_COUNTED)]
    sample = Pictures.fromarray(counted[None])
    return sample.quantize(n_colours, method=Pictures.Quantize.MEDIANCUT, kmeans=1, dither=Pictures.Dither.NONE)


def _gif(frames: list[Image], colours: Any) -> bytes:
    from PIL import Image as Pictures

    flat = [Pictures.fromarray(f).quantize(palette=colours, dither=Pictures.Dither.NONE) for f in frames]
    delays = [GIF_DELAYS_MS[i % len(GIF_DELAYS_MS)] for i in range(len(flat))]
    made = io.BytesIO()
    flat[0].save(made, format="GIF", save_all=True, append_images=flat[1:], duration=delays, loop=0, optimize=False)
    return made.getvalue()


def write_hover(path: Path, frames: FrameArray, look: Look, *, limiter: bool = True, encoder: str = "h264") -> None:
    """Write the timelapse as a silent clip of at most 200 kB, by the same encoder as the video."""
    n = round(GIF_LOOP_S * HOVER_FPS)
    coarse = timelapse(frames, GIF_FRAMES)
    place = np.arange(n) * GIF_FRAMES / n
    whole = place.astype(int)
    share = (place - whole).astype(np.float32)[:, None]
    rows = coarse[whole] * (1 - share) + coarse[(whole + 1) % GIF_FRAMES] * share
    small = scaled(look, min(HOVER_WIDTH, look.width), HOVER_FPS, n)
    drawn = list(looped(rows, small, limiter=limiter, new=frame_picture))
    for quality in HOVER_QUALITIES:
        with VideoWriter(path, small, encoder=encoder, preset="veryfast", quality=quality) as video:
            for picture in drawn:
                video.write_picture(picture)
        if path.stat().st_size <= HOVER_BYTES:
            return
    raise ToolError(f"{path}: the hover clip is over {HOVER_BYTES} bytes even at quality {quality}")


def fullest(frames: FrameArray, look: Look) -> int:
    """The picture with the most to see: where colour and light over the visible past are strongest."""
    seen = 1 if look.layout == "plaid" else max(1, (look.height - look.keyboard_height) // look.step)
    amount = []
    for start in range(0, len(frames), 900):
        pitch, light = strengths(frames.read(start, start + 900))
        amount.append(pitch.mean(axis=1) * 2 + light.mean(axis=1))
    total = np.concatenate([[0.0], np.cumsum(np.concatenate(amount), dtype=np.float64)])
    ends = np.arange(1, len(total))
    return int((total[ends] - total[np.maximum(0, ends - seen)]).argmax())


def write_poster(path: Path, frames: FrameArray, look: Look) -> None:
    """Write the fullest picture as WebP or AVIF, by the name's ending."""
    from PIL import Image as Pictures

    look = scaled(look, min(POSTER_WIDTH, look.width), look.fps)
    at = fullest(frames, look)
    picture = next(iter(pictures(frames, look, start=at, stop=at + 1)))
    still = Pictures.fromarray(image(picture))
    if path.suffix == ".avif":
        still.save(path, format="AVIF", quality=70, speed=8)
    else:
        still.save(path, format="WEBP", quality=82, method=4)
