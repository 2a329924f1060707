"""``neuralbum why TAKE``: where a take comes from."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ..overview import find_take, provenance
from .console import print_json
from .options import JsonOption, ProjectOption, open_project


def command(
    take: Annotated[str, typer.Argument(help="A take's id or its beginning, or a song's title or number.")],
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Show a take's whole provenance: model, music it learned, recipe, findings, verdicts, song.

    Example: neuralbum why "mock melancholy"
    """
    opened = open_project(project)
    story = provenance(opened, find_take(opened, take))
    if json:
        print_json(story)
    else:
        _print(story)


def _print(story: dict[str, Any]) -> None:
    take, model, song = story["take"], story["model"], story["song"]
    recipe = take["recipe"]
    if song is not None:
        print(f"song {song['number']}: {song['title']}")
    length_s = take["n_samples"] / take["sample_rate"]
    print(f"take {take['id']}: {story['audio']}, {length_s:.1f} s, {_day(take['created_at'])}")
    schedule = " → ".join(f"{t:g} at {s:g} s" for s, t in recipe["temperature"])
    print(f"recipe: seed {recipe['seed']}/{recipe['number']}, temperature {schedule}, engine {recipe['engine']}")
    if recipe["prime"]:
        print("primed with: " + ", ".join(f"{k} {v}" for k, v in recipe["prime"].items()))
    for name, said in recipe.get("conditions", {}).items():
        print(f"told {name}: " + ", ".join(w if isinstance(w, str) else f"{w[1]:g} at {w[0]:g} s" for w in said))
    if model is not None:
        print(
            f"model {model['id']}: {model['kind']} {model['preset']}, step {recipe['step']}, {recipe['model_digest']}"
        )
        print("trained on: " + "; ".join(f"{t['artist']} – {t['title']}" for t in story["trained_on"]))
    for event in take["events"]:
        print(f"watchdog: {_short(event)}")
    for stage, finding in story["findings"].items():
        print(f"{stage}: {finding['error'] or _short(finding['values'])}")
        for segment in finding["values"].get("segments", []):
            print(f"    segment {_short(segment)}")
        for name, path in finding["files"].items():
            print(f"    {name}: {path}")
    for event in story["events"]:
        payload = " ".join(f"{k}={v}" for k, v in event["payload"].items())
        print(f"{_day(event['at'])} {event['actor']}: {event['kind']} {payload}".rstrip())


def _short(values: dict[str, Any]) -> str:
    """The plain values, without lists, objects and packed data."""
    shown = {k: v for k, v in values.items() if not isinstance(v, list | dict) and len(str(v)) < 200}
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown.items())


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
