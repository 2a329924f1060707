"""Draw training curves as a small picture (Pillow only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..project import atomic

WIDTH, HEIGHT = 900, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 24, 40
COLOURS = {
    "train_bits": "#9aa5b1",
    "valid_bits": "#2f7ed8",
    "heldout_bits": "#c0392b",
    "valid_told_bits": "#8fbfee",
    "heldout_told_bits": "#e39a91",
}
LINE_COLOURS = {"lpc": "#333333", "histogram": "#bbbbbb"}
NAMES = {
    "train_bits": "train",
    "valid_bits": "valid",
    "heldout_bits": "held out",
    "valid_told_bits": "valid, told",
    "heldout_told_bits": "held out, told",
    "lpc": "LPC-32",
    "histogram": "histogram",
}

Curve = Sequence[tuple[int, float]]


def draw_curves(path: Path, curves: Mapping[str, Curve], lines: Mapping[str, float], *, title: str) -> None:
    """Bits per sample over steps; ``lines`` are drawn across."""
    from PIL import Image, ImageDraw

    shown = {name: curve for name, curve in curves.items() if name in COLOURS and curve}
    if not shown:
        return
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    last = max(step for curve in shown.values() for step, _ in curve) or 1
    values = [v for curve in shown.values() for _, v in curve] + [v for k, v in lines.items() if k == "lpc"]
    low, high = min(values) - 0.05, min(max(values), min(values) + 3.0) + 0.05

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(bits: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - min(max(bits, low), high)) / (high - low)

    n_ticks = 6
    for tick in range(n_ticks + 1):
        bits = low + (high - low) * tick / n_ticks
        draw.line([(LEFT, y(bits)), (WIDTH - RIGHT, y(bits))], fill="#eeeeee")
        draw.text((8, y(bits) - 6), f"{bits:.2f}", fill="#555555")
        step = last * tick / n_ticks
        draw.text((x(step) - 10, HEIGHT - BOTTOM + 8), f"{step:.0f}", fill="#555555")
    draw.text((LEFT, 4), f"{title}   bits per sample over steps", fill="#222222")
    labels = []
    for name, bits in lines.items():
        if low <= bits <= high:
            draw.line([(LEFT, y(bits)), (WIDTH - RIGHT, y(bits))], fill=LINE_COLOURS.get(name, "#333333"))
            labels.append((y(bits), f"{NAMES.get(name, name)} {bits:.3f}", LINE_COLOURS.get(name, "#333333")))
    for name, curve in shown.items():
        points = [(x(step), y(bits)) for step, bits in curve]
        if len(points) > 1:
            draw.line(points, fill=COLOURS[name], width=2)
        else:
            draw.ellipse([points[0][0] - 3, points[0][1] - 3, points[0][0] + 3, points[0][1] + 3], fill=COLOURS[name])
        labels.append((points[-1][1], f"{NAMES[name]} {curve[-1][1]:.3f}", COLOURS[name]))
    at = float("-inf")
    for height, text, colour in sorted(labels):
        at = max(height - 6, at + 13)  # labels do not overlap
        draw.text((WIDTH - RIGHT + 6, at), text, fill=colour)
    with atomic(path) as part:
        image.save(part, format="PNG", optimize=True)
