"""The width as one PNG: a map of all patches, four pairs of histograms, and one pair for every measure.

The measures begin with the worst; the band's 5–95 % range is shaded.

Band and album differ by shape and lightness too, not by hue alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .likeness.compare import Likeness, number
from .likeness.measures import MEASURES, SongMeasures
from .width import Width

PAGE_WIDTH, PAGE_HEIGHT = 1200, 640
PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (215, 215, 215)
BAND, ALBUM = (90, 120, 160), (200, 80, 20)
MAP = (40, 70, 600, 600)
PANELS = ((680, 70, 910, 310), (950, 70, 1180, 310), (680, 360, 910, 600), (950, 360, 1180, 600))
NUMBERS = (
    ("tempo_bpm", "tempo, BPM"),
    ("loudness_lufs", "loudness, LUFS"),
    ("centroid_hz", "centroid, Hz"),
)
N_BARS = 12
N_COLUMNS, ROW_HEIGHT, MARGIN, GAP = 6, 180, 40, 24  #: of the measures' histograms
SHADE = (232, 238, 246)  #: the band's 5–95 %


def draw(
    width: Width,
    likeness: Likeness | None,
    band: Mapping[str, SongMeasures],
    takes: Mapping[str, SongMeasures],
) -> bytes:
    """The PNG file; without a likeness only the map and its four histograms."""
    from PIL import Image, ImageDraw

    n_rows = 0 if likeness is None else -(-len(likeness.measures) // N_COLUMNS)
    image = Image.new("RGB", (PAGE_WIDTH, PAGE_HEIGHT + n_rows * ROW_HEIGHT + (MARGIN if n_rows else 0)), PAPER)
    canvas = ImageDraw.Draw(image)
    canvas.text((40, 20), "Band (circles, blue) and album (crosses, orange)", fill=INK, font_size=20)
    _map(canvas, width)
    table = width.plain["distributions"]
    for box, (name, label) in zip(PANELS, NUMBERS, strict=False):
        _histogram(canvas, box, label, table[name]["band_values"], table[name]["album_values"])
    _keys(canvas, PANELS[3], table["key"])
    if likeness is not None:
        _measures(canvas, likeness, band, takes)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _measures(
    canvas: Any, likeness: Likeness, band: Mapping[str, SongMeasures], takes: Mapping[str, SongMeasures]
) -> None:
    """A small pair of histograms for every measure, the worst first, row by row."""
    by_name = {m.name: m for m in MEASURES}
    width = (PAGE_WIDTH - 2 * MARGIN) // N_COLUMNS
    for i, row in enumerate(likeness.measures):
        left, top = MARGIN + i % N_COLUMNS * width, PAGE_HEIGHT + 46 + i // N_COLUMNS * ROW_HEIGHT
        box = (left, top, left + width - GAP, top + ROW_HEIGHT - 78)
        measure = by_name[row.name]
        sides = [np.concatenate([song.column(measure) for song in songs.values()]) for songs in (band, takes)]
        both = np.concatenate(sides)
        low, high = (float(x) for x in np.percentile(both, [0.5, 99.5]))
        high = high if high > low else low + 1.0
        shade = [left + (np.clip(row.band[p], low, high) - low) / (high - low) * (width - GAP) for p in ("p5", "p95")]
        canvas.rectangle((shade[0], top, shade[1], box[3]), fill=SHADE)
        edges = np.linspace(low, high, N_BARS + 1)
        _bars(canvas, box, *(np.histogram(np.clip(side, low, high), edges)[0] / len(side) for side in sides))
        unit = f", {row.unit}" if row.unit else ""
        _frame(canvas, box, f"{row.words}{unit}", number(low), number(high), size=13)
        canvas.text((left, box[3] + 20), f"inside {row.inside:.2f}, floor {row.floor:.2f}", fill=INK, font_size=12)


def _map(canvas: Any, width: Width) -> None:
    left, top, right, bottom = MAP
    canvas.rectangle(MAP, outline=FAINT)
    canvas.text(
        (left, bottom + 8), "each mark one patch; axes: the band's two principal components", fill=INK, font_size=13
    )
    both = np.concatenate([width.band_map, width.album_map])
    if both.shape[1] < 2:
        both = np.pad(both, ((0, 0), (0, 2 - both.shape[1])))
    low, high = np.percentile(both, 0.5, axis=0), np.percentile(both, 99.5, axis=0)
    place = np.clip((both - low) / np.maximum(high - low, 1e-9), 0, 1)
    xs, ys = left + 6 + place[:, 0] * (right - left - 12), bottom - 6 - place[:, 1] * (bottom - top - 12)
    n = len(width.band_map)
    for x, y in zip(xs[:n], ys[:n], strict=True):
        canvas.ellipse((x - 3, y - 3, x + 3, y + 3), outline=BAND)
    for x, y in zip(xs[n:], ys[n:], strict=True):
        canvas.line((x - 3, y - 3, x + 3, y + 3), fill=ALBUM)
        canvas.line((x - 3, y + 3, x + 3, y - 3), fill=ALBUM)


def _histogram(
    canvas: Any, box: tuple[int, int, int, int], label: str, band: Sequence[float], album: Sequence[float]
) -> None:
    both = np.array([*band, *album])
    if not both.size:
        _frame(canvas, box, f"{label}: none", "", "")
        return
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 1, N_BARS + 1)
    _bars(canvas, box, *(np.histogram(values, edges)[0] / max(len(values), 1) for values in (band, album)))
    _frame(canvas, box, label, f"{low:.0f}", f"{high:.0f}")


def _keys(canvas: Any, box: tuple[int, int, int, int], table: dict[str, Any]) -> None:
    """Tonics, major and minor together."""
    shares = [np.array(table[side][:12]) + np.array(table[side][12:]) for side in ("band", "album")]
    _bars(canvas, box, *(share / max(share.sum(), 1) for share in shares))
    _frame(canvas, box, "key (tonic)", "C", "B")


def _bars(
    canvas: Any, box: tuple[int, int, int, int], band: npt.NDArray[np.floating], album: npt.NDArray[np.floating]
) -> None:
    left, top, right, bottom = box
    highest = max(float(band.max()), float(album.max()), 1e-9)
    step = (right - left) / len(band)
    for i, (theirs, ours) in enumerate(zip(band, album, strict=True)):
        x = left + i * step
        for share, colour, shift in ((theirs, BAND, 0.08), (ours, ALBUM, 0.52)):
            height = float(share) / highest * (bottom - top)
            if height >= 1:
                canvas.rectangle((x + shift * step, bottom - height, x + (shift + 0.38) * step, bottom), fill=colour)


def _frame(canvas: Any, box: tuple[int, int, int, int], label: str, low: str, high: str, *, size: int = 15) -> None:
    left, top, right, bottom = box
    canvas.line((left, bottom, right, bottom), fill=INK)
    canvas.text((left, top - size - 9), label, fill=INK, font_size=size)
    canvas.text((left, bottom + 5), low, fill=INK, font_size=12)
    canvas.text((right - 6 * len(high), bottom + 5), high, fill=INK, font_size=12)
