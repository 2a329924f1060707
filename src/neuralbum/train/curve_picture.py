"""A training's curves as one SVG file: likelihood, likeness to the band, copied seconds, and the checkpoint that plays.

models/<id>/curves.svg
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ..project import atomic
from .checkpoint import About
from .clip_check import COPIED, FLOOR, LIKENESS, QUOTED, rose_at

NAME = "curves.svg"
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 800, 170, 56, 236, 34, 40
COLOURS = ("#1f5fa8", "#c2481b", "#3c8a3c", "#777777")

Points = Sequence[tuple[float, float]]


def write(folder: Path, about: About, train_bits: Points) -> Path:
    """Draw what model.json and the catalogue know of a skeleton's training."""
    with atomic(folder / NAME) as part:
        part.write_text(draw(about, train_bits), encoding="utf-8")
    return folder / NAME


def draw(about: About, train_bits: Points) -> str:
    """The SVG's text."""

    def of(name: str) -> Points:
        return [(c.step, c.measures[name]) for c in about.history if name in c.measures]

    panels: list[tuple[str, Mapping[str, Points]]] = [
        (
            "bits per second of music",
            {"training songs": train_bits, "valid songs": of("valid_bits"), "held-out songs": of("heldout_bits")},
        ),
        ("likeness: beat and tone inside the band's 5–95 %", {"clips": of(LIKENESS), "unheard songs": of(FLOOR)}),
        ("copied seconds per hour", {"clips": of(COPIED), "the band quotes itself": of(QUOTED)}),
    ]
    steps = max([about.steps_done, 1, *(int(c.step) for c in about.history)])
    height = TOP + len(panels) * (PANEL + GAP)
    view = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {view}>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="16" font-size="14">{escape(about.id)}</text>',
    ]
    for number, (title, series) in enumerate(panels):
        parts += _panel(TOP + number * (PANEL + GAP), title, series, steps)
    rose = rose_at(about.history)
    marks = [(about.step, "#1f5fa8", "plays" if rose is None else "plays: creatively underfit")]
    marks += [(rose, "#b00020", "copying rises")] if rose is not None else []
    for line, (step, colour, words) in enumerate(marks):
        x = LEFT + step / steps * (WIDTH - LEFT - RIGHT)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - GAP}" stroke="{colour}" stroke-dasharray="5 4"/>'
            f'<text x="{WIDTH - RIGHT + 12}" y="{height - GAP - 12 - 16 * line}" fill="{colour}">'
            f"┆ {words} (step {step})</text>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _panel(top: float, title: str, series: Mapping[str, Points], steps: int) -> list[str]:
    right, bottom = WIDTH - RIGHT, top + PANEL - 24
    shown = {name: sorted(points) for name, points in series.items() if points}
    values = [y for points in shown.values() for _, y in points]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    low = low if title.startswith("bits") else 0.0
    high = high if high > low else low + 1.0

    def place(x: float, y: float) -> str:
        return f"{LEFT + x / steps * (right - LEFT):.1f},{bottom - (y - low) / (high - low) * (bottom - top - 20):.1f}"

    parts = [
        f'<text x="{LEFT}" y="{top + 8}">{escape(title)}</text>',
        f'<path d="M{LEFT} {top + 16}V{bottom}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{LEFT - 6}" y="{top + 24}" text-anchor="end">{_short(high)}</text>',
        f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">{_short(low)}</text>',
        f'<text x="{LEFT}" y="{bottom + 15}">0</text>',
        f'<text x="{right}" y="{bottom + 15}" text-anchor="end">step {steps}</text>',
    ]
    if not shown:
        parts.append(f'<text x="{LEFT + 12}" y="{(top + bottom) / 2}" fill="#777">not measured in this training</text>')
    for (name, points), colour in zip(shown.items(), COLOURS, strict=False):
        line = " ".join(place(*point) for point in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(points) <= 40:
            parts += [
                f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="3" fill="{colour}"/>' for p in line.split()
            ]
        y = top + 30 + 16 * list(shown).index(name)
        parts.append(
            f'<text x="{right + 12}" y="{y}" fill="{colour}">— {escape(name)} ({_short(points[-1][1])} at last)</text>'
        )
    return parts


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
