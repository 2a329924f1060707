"""Curves as SVG inside a page: lines with labelled axes, no script, readable in light and dark. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 40
N_TICKS = 5
HUES = (265, 12, 150, 40, 205, 330, 95, 180)

STYLE = """
svg.chart { width: 100%; height: auto; max-width: 52rem; } svg.chart text { font-size: 12px; fill: currentColor; }
svg.chart text { opacity: .8; } svg.chart .grid { stroke: currentColor; opacity: .14; }
svg.chart .level { stroke: currentColor; stroke-dasharray: 5 4; opacity: .55; }
svg.chart .mark { fill: none; stroke: currentColor; stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .9rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 50%; margin-right: .4rem; }
"""
"""The style sheet that charts need in the page they stand in."""

Points = Sequence[tuple[float, float]]


def ticks(low: float, high: float, most: int = N_TICKS) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most ``most`` + 1 of them.

    >>> ticks(0.0, 300.0)
    [0.0, 100.0, 200.0, 300.0]
    """
    step = _round_up((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _round_up(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= step * (1 - 1e-9))


def line_chart(
    series: Mapping[str, Points],
    *,
    title: str,
    x_label: str,
    y_label: str,
    levels: Mapping[str, float] | None = None,
    marks: Sequence[tuple[float, float, str]] = (),
) -> str:
    """An ``<svg>``: a line for each of ``series`` (name -> (x, y)), dashed ``levels``, ``marks`` (x, y, word).

    The vertical axis spans what is drawn, and need not begin at zero. Words are escaped. Without points it is empty.
    """
    levels = levels or {}
    points = [point for some in series.values() for point in some]
    if not points:
        return ""
    x_low, x_high = _span([x for x, _ in points])
    y_low, y_high = _span([*(y for _, y in points), *levels.values(), *(y for _, y, _ in marks)], margin=0.06)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        up = (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    base = HEIGHT - BOTTOM
    parts = []
    for value in ticks(x_low, x_high):
        x, _ = at(value, y_low)
        parts.append(f'<path class="grid" d="M{x} {TOP}V{base}"/>' + _text(x, base + 15, f"{value:g}", "middle"))
    for value in ticks(y_low, y_high):
        _, y = at(x_low, value)
        parts.append(
            f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>' + _text(LEFT - 6, y + 4, f"{value:g}", "end")
        )
    for name, value in levels.items():
        _, y = at(x_low, value)
        parts.append(f'<path class="level" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>' + _text(LEFT + 4, y - 4, name, "start"))
    for number, (name, some) in enumerate(series.items()):
        colour = f"hsl({HUES[number % len(HUES)]} 65% 52%)"
        placed = [at(*point) for point in sorted(some)]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" '
            f'points="{" ".join(f"{x},{y}" for x, y in placed)}"><title>{html.escape(name)}</title></polyline>'
        )
        if len(placed) <= 40:
            parts += [f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in placed]
    for x, y, word in marks:
        left, top = at(x, y)
        parts.append(
            f'<circle class="mark" cx="{left}" cy="{top}" r="6"/>'
            + _text(left, top - 10 if top > TOP + 24 else top + 20, word, "end" if left > WIDTH * 0.7 else "start")
        )
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_label, "middle"))
    middle = (TOP + base) / 2
    parts.append(
        f'<text transform="rotate(-90 12 {middle})" x="12" y="{middle}" text-anchor="middle">'
        f"{html.escape(y_label)}</text>"
    )
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
    return f"{head}{''.join(parts)}</svg>{_legend(series)}"


def _legend(series: Mapping[str, Points]) -> str:
    words = [
        f'<span><i style="background: hsl({HUES[n % len(HUES)]} 65% 52%)"></i>{html.escape(name)}</span>'
        for n, name in enumerate(series)
    ]
    return f'<div class="legend">{"".join(words)}</div>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _span(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    low, high = min(values), max(values)
    wide = (high - low) or abs(high) or 1.0
    if high == low:
        return low - 0.5 * wide, high + 0.5 * wide
    return low - margin * wide, high + margin * wide
