"""A sweep as a picture: every trial's likeness against its copied seconds, and the front.

artefacts/sweep/front.svg
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ..project import Project, atomic
from .params import COPIED, LIKENESS
from .sweep import STAGE, Row

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 440, 70, 24, 40, 60


def write(project: Project, found: Sequence[Row], best: Row | None) -> Path:
    """Draw the trials that were measured to their end."""
    path = project.artefacts_dir / STAGE / "front.svg"
    with atomic(path) as part:
        part.write_text(draw([row for row in found if row.state == "complete"], best), encoding="utf-8")
    return path


def draw(found: Sequence[Row], best: Row | None) -> str:
    """The SVG's text."""
    quoted = max((row.measures.get("quoted_s_per_hour", 0.0) for row in found), default=0.0)
    x_high = max([60.0, 1.2 * quoted, *(row.measures[COPIED] for row in found)])
    likeness = [row.measures[LIKENESS] for row in found]
    floor = next((row.measures["likeness_floor"] for row in found if "likeness_floor" in row.measures), None)
    every = [*likeness, *([floor] if floor is not None else [])] or [0.0, 1.0]
    y_low, y_high = math.floor(10 * min(every) - 0.5) / 10, math.ceil(10 * max(every) + 0.5) / 10

    def x_of(copied_s: float) -> float:  # by the root: most trials copy little
        return LEFT + math.sqrt(copied_s / x_high) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {view}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">likeness against copied seconds, {len(found)} trials</text>',
        f'<path d="M{LEFT} {TOP}V{base}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{LEFT - 8}" y="{TOP + 6}" text-anchor="end">{y_high:.2f}</text>',
        f'<text x="{LEFT - 8}" y="{base}" text-anchor="end">{y_low:.2f}</text>',
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">copied seconds an hour of clips</text>',
        f'<text x="{LEFT - 8}" y="{(TOP + base) / 2}" text-anchor="end">likeness</text>',
    ]
    for tick in (0.0, x_high / 16, x_high / 4, x_high):
        parts.append(f'<text x="{x_of(tick):.1f}" y="{base + 18}" text-anchor="middle">{tick:.0f}</text>')
    at, words = x_of(quoted), f"the band quotes itself: {quoted:.0f} s"
    parts.append(f'<path d="M{at:.1f} {TOP}V{base}" stroke="#777" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="{at + 5:.1f}" y="{base - 8}" fill="#555">{words}</text>')
    if floor is not None:
        parts.append(f'<path d="M{LEFT} {y_of(floor):.1f}H{right}" stroke="#777" stroke-dasharray="2 4"/>')
        words = "unheard songs of the band"
        parts.append(f'<text x="{right}" y="{y_of(floor) - 5:.1f}" text-anchor="end" fill="#555">{words}</text>')
    front = sorted((row.measures[COPIED], row.measures[LIKENESS]) for row in found if row.on_front)
    line = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in front)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>')
    for row in found:
        x, y = x_of(row.measures[COPIED]), y_of(row.measures[LIKENESS])
        colour = "#c2481b" if best is not None and row.number == best.number else "#1f5fa8" if row.on_front else "#bbb"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        if row.on_front:
            parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{row.number}</text>')
    return "\n".join([*parts, "</svg>\n"])
