"""Draw how a flesh did on held-out songs, snapshot by snapshot (Pillow only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..project import atomic
from .checkpoint import Turn

WIDTH, HEIGHT = 900, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 24, 40
COLOURS = {
    "score": "#c0392b",
    "lsd_low": "#2f7ed8",
    "lsd_high": "#27ae60",
    "lsd_side": "#8e44ad",
    "frechet": "#e67e22",
}
NAMES = {"score": "score", "lsd_low": "low band", "lsd_high": "high band", "lsd_side": "side", "frechet": "Fréchet"}

Curve = Sequence[tuple[int, float]]


def draw_curves(path: Path, curves: Mapping[str, Curve], turns: Sequence[Turn], *, title: str) -> None:
    """Measures relative to plain upsampling (1.0) over steps; ``turns`` are upright lines."""
    from PIL import Image, ImageDraw

    shown = {name: curve for name, curve in curves.items() if name in COLOURS and curve}
    if not shown:
        return
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    last = max(step for curve in shown.values() for step, _ in curve) or 1
    high = max(1.05, min(1.5, max(v for curve in shown.values() for _, v in curve)))

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - min(max(value, 0.0), high)) / high

    for tick in range(6):
        value = tick / 5
        draw.line([(LEFT, y(value)), (WIDTH - RIGHT, y(value))], fill="#999999" if tick == 5 else "#eeeeee")
        draw.text((8, y(value) - 6), f"{value:.1f}", fill="#555555")
        draw.text((x(last * tick / 5) - 10, HEIGHT - BOTTOM + 8), f"{last * tick / 5:.0f}", fill="#555555")
    draw.text((LEFT, 4), f"{title}   distance from held-out songs over steps; 1 = plain upsampling", fill="#222222")
    for turn in turns:
        if 0 < turn.step <= last:
            draw.line([(x(turn.step), TOP), (x(turn.step), HEIGHT - BOTTOM)], fill="#555555")
            draw.text((x(turn.step) + 3, TOP + 2), turn.what, fill="#555555")
    labels = []
    for name, curve in shown.items():
        points = [(x(step), y(value)) for step, value in curve]
        if len(points) > 1:
            draw.line(points, fill=COLOURS[name], width=3 if name == "score" else 1)
        else:
            draw.ellipse([points[0][0] - 3, points[0][1] - 3, points[0][0] + 3, points[0][1] + 3], fill=COLOURS[name])
        labels.append((points[-1][1], f"{NAMES[name]} {curve[-1][1]:.3f}", COLOURS[name]))
    at = float("-inf")
    for height, text, colour in sorted(labels):
        at = max(height - 6, at + 13)  # labels do not overlap
        draw.text((WIDTH - RIGHT + 6, at), text, fill=colour)
    with atomic(path) as part:
        image.save(part, format="PNG", optimize=True)
