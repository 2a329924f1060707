"""One page about one run, or several side by side: it needs nothing else, and opens offline.

Curves are SVG in the page, sound and spectrograms are in its data URIs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..web.charts import STYLE, line_chart
from .advice import Curves
from .clips import Clip
from .listing import Run, differing

UNITS = {
    "valid_bits": "bits per second", "heldout_bits": "bits per second", "train_bits": "bits per second",
    "loss": "log10 units", "train_loss": "log10 units", "copied_s_per_hour": "seconds per hour",
}  # fmt: skip
TITLES = {
    "bits": "Bits for a second of music (less is better)",
    "valid_bits": "Bits for a second of the valid songs (less is better)",
    "heldout_bits": "Bits for a second of the held-out songs (less is better)",
    "train_bits": "Bits while training, disturbed as it is then, smoothed",
    "train_loss": "Loss while training, smoothed",
    "loss": "How far spectra are from the recordings' (less is better)",
    "likeness": "Likeness (0: like another song of the band)",
    "copied_s_per_hour": "Copied seconds in an hour of its music",
}
GROUPS = {
    "bits": ("valid_bits", "heldout_bits", "train_bits"),
    "loss": ("loss", "train_loss"),
}
"""Curves that are drawn in one frame where one run is shown; any other has a frame of its own."""
RESOLVED = ("dropout", "kind")
"""Settings that stand elsewhere on the page: as net.dropout, and as the net."""
ORDER = ("valid_bits", "heldout_bits", "loss", "likeness", "copied_s_per_hour")
"""What is drawn first; curves of the training itself come last."""
SMOOTHED = 15
"""Points of the training's own curve that are averaged: single batches jump."""
FIRST_DRAWN = 0.04
"""The first share of a training is left out of its own curve: it falls from far above and would flatten the rest."""


@dataclass(frozen=True)
class Shown:
    """What a page says of one run."""

    run: Run
    curves: Curves
    clips: Sequence[Clip]
    advice: Sequence[str]


def write(shown: Sequence[Shown], *, project: str, made: str) -> str:
    """The page as HTML; ``made`` says when."""
    from jinja2 import Environment, PackageLoader, select_autoescape
    from markupsafe import Markup

    environment = Environment(loader=PackageLoader("neuralbum.runs"), autoescape=select_autoescape())
    runs = [one.run for one in shown]
    apart = differing(runs) if len(runs) > 1 else {}
    names = dict.fromkeys(n for run in runs for n in ("preset", *run.settings) if n not in RESOLVED)
    everything = {name: [run.value(name) for run in runs] for name in names}
    apart = {name: values for name, values in apart.items() if name in names}
    return environment.get_template("run.html").render(
        project=project,
        made=made,
        shown=[{"run": s.run, "label": label(s.run), "advice": s.advice, "table": _checkpoints(s.run)} for s in shown],
        charts=[{"title": title, "svg": Markup(svg)} for title, svg in charts(shown)],
        chart_style=Markup(STYLE),
        measures=_measures(runs),
        settings=everything,
        apart=apart,
        rows=_clip_rows(shown),
    )


def _measures(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """(What, the value of each run's chosen checkpoint), of what any of them has."""
    there = dict.fromkeys(name for run in runs for name in run.measures)
    names = [n for n in ORDER if n in there] + [n for n in there if n not in ORDER]
    return [
        (TITLES.get(n, n.replace("_", " ")), [f"{r.measures[n]:.4g}" if n in r.measures else "" for r in runs])
        for n in names
    ]


def label(run: Run) -> str:
    return run.name or run.id


def charts(shown: Sequence[Shown]) -> list[tuple[str, str]]:
    """(Title, SVG): of one run its curves together, of several a frame for each curve with a line for each run."""
    there = dict.fromkeys(name for one in shown for name in one.curves)
    names = [n for n in ORDER if n in there] + [n for n in there if n not in ORDER]
    out = []
    if len(shown) == 1:
        (one,) = shown
        grouped = {group: [n for n in some if n in names] for group, some in GROUPS.items()}
        grouped |= {n: [n] for n in names if not any(n in some for some in GROUPS.values())}
        for group, some in grouped.items():
            series = {n.replace("_", " "): _drawn(n, one.curves[n]) for n in some}
            lines = dict(one.run.baselines.get("valid", {})) if group == "bits" else {}
            lines = {f"{n} (valid songs)": v for n, v in lines.items() if n == "regression"}
            out.append((TITLES.get(group, group.replace("_", " ")), _chart(group, series, [one], lines)))
    else:
        for name in names:
            series = {label(s.run): _drawn(name, s.curves[name]) for s in shown if name in s.curves}
            out.append((TITLES.get(name, name.replace("_", " ")), _chart(name, series, [], {})))
    return [(title, svg) for title, svg in out if svg]


def _drawn(name: str, points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """A curve without its very beginning; that of the training itself smoothed."""
    if name.startswith("train"):
        n = max(1, min(SMOOTHED, len(points) // 4))
        points = [
            (step, sum(v for _, v in points[max(0, i + 1 - n) : i + 1]) / min(n, i + 1))
            for i, (step, _) in enumerate(points)
        ]
    last = max(step for step, _ in points)
    return [(float(s), v) for s, v in points if s >= FIRST_DRAWN * last]


def _chart(
    name: str, series: Mapping[str, Sequence[tuple[float, float]]], marked: Sequence[Shown], levels: Mapping[str, float]
) -> str:
    rank = "loss" if name == "loss" else "valid_bits"
    marks = [
        (float(s.run.step), s.run.measures[rank], f"plays: step {s.run.step}")
        for s in marked
        if name in GROUPS and rank in s.run.measures
    ]
    unit = UNITS.get(name) or UNITS.get(GROUPS.get(name, ("",))[0]) or name.replace("_", " ")
    return line_chart(
        series, title=TITLES.get(name, name), x_label="training step", y_label=unit, levels=levels, marks=marks
    )


def _checkpoints(run: Run) -> dict[str, Any]:
    """The checkpoints' measures as a table: newest first."""
    names = list(dict.fromkeys(name for c in run.checkpoints for name in c.measures))
    rows = [
        {
            "step": c.step,
            "kept": bool(c.sha256),
            "plays": c.step == run.step,
            "starred": c.step in run.starred_steps,
            "values": [f"{c.measures[n]:.4g}" if n in c.measures else "" for n in names],
        }
        for c in reversed(run.checkpoints)
    ]
    return {"names": [n.replace("_", " ") for n in names], "rows": rows}


def _clip_rows(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """Players: of one run a row for each checkpoint; of several a row for each number, of what plays in each run."""
    if len(shown) == 1:
        (one,) = shown
        steps = sorted({c.step for c in one.clips}, reverse=True)
        return [
            {"title": f"step {step}", "cells": [_cell(c, f"clip {c.number + 1}") for c in one.clips if c.step == step]}
            for step in steps
        ]
    last = [[c for c in s.clips if c.step == _heard_step(s)] for s in shown]
    numbers = sorted({c.number for some in last for c in some})
    return [
        {
            "title": f"clip {number + 1}",
            "cells": [
                _cell(c, f"{label(s.run)}, step {c.step}")
                for s, some in zip(shown, last, strict=True)
                for c in some
                if c.number == number
            ],
        }
        for number in numbers
    ]


def _heard_step(one: Shown) -> int:
    """The step whose clips stand for a run: the one that plays, else the newest that has clips."""
    steps = [c.step for c in one.clips]
    return one.run.step if one.run.step in steps else max(steps, default=0)


def _cell(clip: Clip, title: str) -> dict[str, str]:
    return {
        "title": title,
        "sound": _uri(clip.sound.read_bytes(), "audio/ogg"),
        "picture": _uri(clip.picture.read_bytes(), "image/webp") if clip.picture.exists() else "",
        "seconds": f"{clip.seconds:.1f}",
    }


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
