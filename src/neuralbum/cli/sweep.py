"""``neuralbum sweep``: many trainings, and the ones worth hearing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from .console import finish, print_json, print_next, print_table, reporter
from .options import (
    JsonOption,
    ProjectOption,
    RetryOption,
    SetOption,
    ShardOption,
    WorkersOption,
    open_project,
    parse_shard,
)
from .train import seconds

if TYPE_CHECKING:
    from ..train.sweep import Row

SHOWN = ("width", "blocks", "codes", "transposed", "dropout", "noise", "own_steps", "learning_rate", "length")


def command(
    trials: Annotated[int | None, typer.Option(min=1, help="Trainings in all; default: [sweep] trials.")] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Begin no training after this long: 90m, 8h.")
    ] = None,
    workers: WorkersOption = 1,
    shard: ShardOption = "1/1",
    retry: RetryOption = False,
    apply: Annotated[
        int | None, typer.Option("--apply", metavar="TRIAL", help="Write this trial's settings into neuralbum.toml.")
    ] = None,
    report: Annotated[bool, typer.Option("--report", help="Only show what was found so far.")] = False,
    project: ProjectOption = None,
    words: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Train many small nets with different settings: which are like the band, and copy nothing?

    [sweep] in neuralbum.toml says what is tried. The same command goes on where it stopped.

    Example: neuralbum sweep --trials 20 --workers 2
    Example: neuralbum sweep --for 8h
    Example: neuralbum sweep --apply 7
    """
    from ..project.workers import run
    from ..train import SweepParams, sweep_picture
    from ..train.sweep import apply as write_settings
    from ..train.sweep import best, rows

    said = [f"sweep.trials={trials}"] if trials is not None else []
    said += [f"sweep.time_s={seconds(duration)}"] if duration is not None else []
    opened = open_project(project, [*said, *(words or [])])
    params = opened.params("sweep", SweepParams)
    if apply is not None:
        chosen = next((row for row in rows(opened, params) if row.number == apply), None)
        if chosen is None:
            raise ParameterError(f"--apply {apply}: no such trial is done; `neuralbum sweep --report` lists them")
        written = write_settings(opened, chosen, params)
        if json:
            print_json(written)
        else:
            for table, values in written.items():
                print(f"[{table}] " + ", ".join(f"{name} = {value}" for name, value in values.items()))
            print_next("neuralbum train")
        return
    outcome = None
    if not report:
        outcome = run(opened, "sweep", workers=workers, shard=parse_shard(shard), retry=retry, reporter=reporter(json))
    found = rows(opened, params)
    first = best(found)
    picture = sweep_picture.write(opened, found, first)
    if not json:
        _show(found)
        print(f"picture: {picture}")
    more = {"trials": [asdict(row) for row in found], "best": first and first.number, "picture": str(picture)}
    if outcome is None:
        if json:
            print_json(more)
    else:
        code = finish(outcome, json, more=more)
        if code:
            raise typer.Exit(code)
    if not json:
        print_next(f"neuralbum sweep --apply {first.number}" if first is not None else "neuralbum sweep")


def _show(found: list[Row]) -> None:
    done = [row for row in found if row.state == "complete"]
    header = ("trial", "likeness", "copied s/h", "bits of regression's", "kept", "step", *SHOWN)
    shown = [
        (
            f"{'*' if row.on_front else ''}{row.number}",
            f"{row.measures['likeness']:.2f}",
            f"{row.measures['copied']:.0f}",
            f"{row.measures['likelihood']:.3f}",
            "" if row.keep_rate is None else f"{row.keep_rate:.0%}",
            f"{row.measures['step']:.0f}",
            *(f"{row.settings[name]:.3g}" if name in row.settings else "" for name in SHOWN),
        )
        for row in sorted(done, key=lambda r: (not r.on_front, -r.measures["likeness"]))
    ]
    if shown:
        print_table(header, shown[:20], title="trials; those with a * are beaten by none in all objectives")
    print(f"{len(done)} trials measured, {len(found) - len(done)} pruned")
