"""``neuralbum why TAKE``: where a take comes from."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ..project.overview import find_take, provenance
from .console import hours
from .options import ProjectOptions, with_options


@with_options(asked=ProjectOptions)
def command(
    asked: ProjectOptions,
    take: Annotated[str, typer.Argument(help="A song's number or title, or a take's id or its beginning.")],
) -> None:
    """Show a take's whole provenance: model, music it learned, recipe, findings, verdicts, song.

    Example: neuralbum why 12

    Example: neuralbum why "mock melancholy"
    """
    project = asked.open()
    story = provenance(project, find_take(project, take))
    asked.say(project, story, lambda: _print(story))


def _print(story: dict[str, Any]) -> None:
    take, model, song = story["take"], story["model"], story["song"]
    recipe = take["recipe"]
    if song is not None:
        print(f"song {song['number']}: {song['title']}")
    length_s = take["n_samples"] / take["sample_rate"]
    print(f"take {take['id']}: {story['audio']}, {length_s:.1f} s, {_day(take['created_at'])}")
    if recipe["origin"]:
        print(f"imported: made by {recipe['origin']['generator']}, from {recipe['origin']['file']}")
        for name, said in recipe["origin"]["recipe"].items():
            print(f"    {name}: {_short(said) if isinstance(said, dict) else said}")
    else:
        _print_recipe(recipe)
    if model is not None:
        print(
            f"model {model['id']}: {model['kind']} {model['preset']}, step {recipe['step']}, {recipe['model_digest']}"
        )
        print("trained on: " + "; ".join(f"{t['artist']} – {t['title']}" for t in story["trained_on"]))
    for event in take["events"]:
        print(f"watchdog: {_short(event)}")
    for stage, finding in story["findings"].items():
        print(f"{stage}: {finding['error'] or in_words(stage, finding['values'])}")
        for segment in finding["values"].get("segments", []):
            print(f"    segment {_short(segment)}")
        for name, path in finding["files"].items():
            print(f"    {name}: {path}")
    for event in story["events"]:
        payload = " ".join(f"{k}={v}" for k, v in event["payload"].items())
        print(f"{_day(event['at'])} {event['actor']}: {event['kind']} {payload}".rstrip())


def _print_recipe(recipe: dict[str, Any]) -> None:
    schedule = " → ".join(f"{t:g} at {s:g} s" for s, t in recipe["temperature"])
    print(f"recipe: seed {recipe['seed']}/{recipe['number']}, temperature {schedule}, engine {recipe['engine']}")
    if recipe["prime"]:
        print("primed with: " + ", ".join(f"{k} {v}" for k, v in recipe["prime"].items()))
    for name, said in recipe.get("conditions", {}).items():
        if isinstance(said, int | float):
            print(f"asked for: {name} {said:g}")
            continue
        print(f"told {name}: " + ", ".join(w if isinstance(w, str) else f"{w[1]:g} at {w[0]:g} s" for w in said))


def in_words(stage: str, values: dict[str, Any]) -> str:
    """What a stage found, in sentences; for a stage without some, its plain numbers."""
    words = {"screen": _screen, "originality": _originality, "visualise": _visualise}.get(stage)
    try:
        return words(values) if words else _short(values)
    except (KeyError, TypeError, ValueError, AttributeError):  # an older finding, or one from elsewhere
        return _short(values)


def _screen(values: dict[str, Any]) -> str:
    loudness = values["loudness_lufs"]
    flags = [f"{flag['words']} ({flag['value']:.3g})" for flag in values["flags"] if flag.get("words")]
    return ". ".join(
        [
            f"{values['caption']}",
            f"likely to be kept: {values['score']:.0%}",
            "silent" if loudness is None else f"loudness {loudness:.1f} LUFS",
            f"usable: {values['usable_share']:.0%} of {hours(values['duration_s'])}",
            "flags: " + (", ".join(flags) if flags else "none"),
        ]
    )


def _originality(values: dict[str, Any]) -> str:
    longest, control = values["longest_s"], values["heldout_longest_s"]
    found = (
        f"{values['n_segments']} stretches sound like the music it was compared with, the longest for {longest:.1f} s"
        if values["n_segments"]
        else "no stretch sounds like the music it was compared with"
    )
    return f"{found}; unrelated music reaches as much with probability {values['p']:.2g}; " + (
        f"longest likeness with a held-out song {control:.1f} s" if control else "no likeness with held-out songs"
    )


def _visualise(values: dict[str, Any]) -> str:
    flash = values["flash"]
    return (
        f"drawn; flashing {'passes' if flash['passes'] else 'does not pass'} {flash['standard']}, "
        f"contrast lowered in {flash['limited_share']:.0%} of the time"
    )


def _short(values: dict[str, Any]) -> str:
    """The plain values, without lists, objects and packed data."""
    shown = {k: v for k, v in values.items() if not isinstance(v, list | dict) and len(str(v)) < 200}
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown.items())


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
