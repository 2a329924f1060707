"""``neuralbum status``: what is done, pending and failed."""

from __future__ import annotations

from typing import Annotated

import typer

from ..project import Project
from ..project.overview import Overview, overview
from .console import print_json, print_next, print_table
from .options import JsonOption, ProjectOption, open_project

SHOWN_FAILURES = 10


def command(
    project: ProjectOption = None,
    takes: Annotated[bool, typer.Option("--takes", help="List every take.")] = False,
    json: JsonOption = False,
) -> None:
    """Show what is done, pending and failed in each stage, and what to run next.

    Example: neuralbum status --takes
    """
    opened = open_project(project)
    if takes:
        _takes(opened, json)
        return
    seen = overview(opened)
    if json:
        print_json(seen)
    else:
        _print(seen)


def _print(seen: Overview) -> None:
    print(f"{seen.project} · {seen.artist or 'no artist named'}")
    rows = [(split, n, f"{seen.track_minutes[split]:.1f}") for split, n in seen.tracks.items()]
    print_table(("split", "songs", "minutes"), rows)
    for model in seen.models:
        bits = "" if model["heldout_bits"] is None else f", held-out {model['heldout_bits']:.3f} bits/sample"
        print(f"model {model['id']}: {model['kind']} {model['preset']}, step {model['step']}{bits}")
    print(f"takes: {seen.n_takes} ({seen.take_hours:.2f} h)")
    print_table(
        ("stage", "done", "pending", "failed", ""),
        [(s.stage, s.done, s.pending, s.failed, s.remark) for s in seen.stages],
    )
    verdicts = ", ".join(f"{n} {name}" for name, n in seen.verdicts.items())
    print(f"verdicts: {verdicts} ({seen.decided_by_people} by people) · songs: {seen.n_songs}")
    for stage, subject, error in seen.failures[-SHOWN_FAILURES:]:
        print(f"failed: {stage} {subject}: {error}")
    if len(seen.failures) > SHOWN_FAILURES:
        print(f"… and {len(seen.failures) - SHOWN_FAILURES} earlier failures; `neuralbum status --json` lists them")
    print_next(seen.next)


def _takes(project: Project, json: bool) -> None:
    judged = project.catalogue.verdicts()
    songs = {s.take_id: s for s in project.catalogue.songs()}
    rows = [
        {
            "number": songs[take.id].number if take.id in songs else None,
            "id": take.id,
            "seconds": round(take.duration_s, 2),
            "temperature": None if (t := take.recipe.mean_temperature) is None else round(t, 4),
            "verdict": judged[take.id].verdict if take.id in judged else None,
            "title": songs[take.id].title if take.id in songs else None,
        }
        for take in project.catalogue.takes()
    ]
    if json:
        print_json(rows)
    else:
        print_table(("no", "take", "seconds", "temperature", "verdict", "title"), [list(r.values()) for r in rows])
        if not rows:
            print("no takes yet")
