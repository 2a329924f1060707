"""The report as one folder that needs nothing else: index.html, clips and pictures.

For every segment a player for both sides, started together or one after the
other, and both spectrograms; above, what was searched, what chance looks like,
and what the held-out songs gave.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio
from ..audio import features
from ..audio.stft import stft
from ..project import atomic
from .fingerprints import SAMPLE_RATE, Float

MARGIN_S = 1.0  #: heard before and after a segment
LONGEST_CLIP_S = 30.0
PICTURE = (420, 120)  #: pixels
RANGE_DB = 70.0
N_FFT, HOP, N_MELS = 2048, 512, 72


@dataclass(frozen=True)
class Pair:
    """One segment as it is shown."""

    segment: Mapping[str, Any]
    title: str  #: of the take or song
    split: str  #: "train" or "heldout"


def write_report(
    folder: Path,
    pairs: Sequence[Pair],
    *,
    heading: str,
    facts: Mapping[str, Any],
    null: Mapping[str, Any],
    read_query: Callable[[str], Float] | None = None,
    read_reference: Callable[[str], Float] | None = None,
    curves: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the folder; ``read_query`` and ``read_reference`` give mono sound at 16 kHz by name.

    Returns the path of index.html, written last.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    shown = []
    for number, pair in enumerate(pairs):
        assert read_query is not None
        assert read_reference is not None
        ours, theirs = read_query(pair.segment["query"]), read_reference(pair.segment["reference"])
        sides = [_side(folder, f"{number:03d}{x}", sound, pair.segment, x) for x, sound in (("q", ours), ("r", theirs))]
        shown.append({"segment": pair.segment, "title": pair.title, "split": pair.split, "sides": sides})
    environment = Environment(loader=PackageLoader("neuralbum.originality"), autoescape=select_autoescape())
    text = environment.get_template("report.html").render(
        heading=heading, facts=facts, null=null, shown=shown, charts=[chart(**curve) for curve in curves]
    )
    with atomic(folder / "index.html") as part:
        part.write_text(text, encoding="utf-8")
    return folder / "index.html"


def _side(folder: Path, name: str, sound: Float, segment: Mapping[str, Any], side: str) -> dict[str, Any]:
    start_s, end_s = float(segment[f"{side}_start_s"]), float(segment[f"{side}_end_s"])
    first_s = max(start_s - MARGIN_S, 0.0)
    last_s = min(end_s + MARGIN_S, first_s + LONGEST_CLIP_S, sound.size / SAMPLE_RATE)
    cut = sound[round(first_s * SAMPLE_RATE) : round(last_s * SAMPLE_RATE)]
    with atomic(folder / f"{name}.flac") as part:
        audio.write_flac(part, cut[None, :], SAMPLE_RATE)
    with atomic(folder / f"{name}.webp") as part:
        part.write_bytes(picture(cut))
    length_s = max(last_s - first_s, 1e-6)
    return {
        "clip": f"{name}.flac",
        "picture": f"{name}.webp",
        "start_s": start_s,
        "end_s": end_s,
        "lead_s": start_s - first_s,
        "left": 100 * (start_s - first_s) / length_s,
        "width": 100 * min(end_s - start_s, length_s) / length_s,
    }


def picture(sound: Float) -> bytes:
    """A mel spectrogram as WebP, bright where loud."""
    from PIL import Image

    spectrum = stft(sound, N_FFT, HOP)
    power = (spectrum.real**2 + spectrum.imag**2) @ features.mel_matrix(SAMPLE_RATE, N_FFT, N_MELS, 80.0, 8000.0)
    level_db = 10 * np.log10(power + 1e-12)
    bright = np.clip(1 + (level_db - level_db.max()) / RANGE_DB, 0, 1).T[::-1]
    colour = np.stack([bright**0.8, bright**1.6, 0.25 * bright + 0.75 * bright**4], axis=-1)
    image = Image.fromarray((255 * colour).astype(np.uint8)).resize(PICTURE, Image.Resampling.BILINEAR)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return file.getvalue()


WIDTH, HEIGHT, LEFT, BOTTOM = 460, 220, 52, 34


def chart(
    title: str, x_label: str, y_label: str, series: Mapping[str, Sequence[tuple[float, float]]]
) -> dict[str, Any]:
    """Lines in a frame, as numbers that the template draws as SVG."""
    points = [point for some in series.values() for point in some]
    x_low, x_high = min((x for x, _ in points), default=0.0), max((x for x, _ in points), default=1.0)
    y_high = max([y for _, y in points] + [1e-9])
    x_span = x_high - x_low or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round(LEFT + (x - x_low) / x_span * (WIDTH - LEFT - 12), 1),
            round(HEIGHT - BOTTOM - y / y_high * (HEIGHT - BOTTOM - 12), 1),
        )

    return {
        "title": title,
        "x_label": x_label,
        "y_label": y_label,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "base": HEIGHT - BOTTOM,
        "lines": [{"name": name, "points": [place(*point) for point in sorted(some)]} for name, some in series.items()],
        "x_ends": (f"{x_low:g}", f"{x_high:g}"),
        "y_end": f"{y_high:.3g}",
    }
