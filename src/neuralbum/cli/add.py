"""``neuralbum add PATH…``: bring the band's recordings in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..corpus import add
from ..corpus.run import AddResult
from .console import hours, print_table
from .options import ForceOption, ProjectOptions, with_options


@with_options(asked=ProjectOptions)
def command(
    asked: ProjectOptions,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Sound files, or folders that hold them; none: what was added before."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Bring the band's recordings in: prepare, level once, leave copies out, split by song.

    Reads what FFmpeg reads. Adding the same again changes nothing; a run that was
    cut short goes on where it was.

    Example: neuralbum add ~/Music/TheBand --set corpus.sample_rate=16000
    """
    project = asked.open()
    result = add(project, paths or (), force=force, reporter=asked.reporter())
    asked.say(project, as_json(result), lambda: _print(result))
    raise typer.Exit(0 if result.ok else 1)


def as_json(result: AddResult) -> dict[str, object]:
    return {
        "files": result.files,
        "splits": result.splits(),
        "tracks": result.tracks,
        "gain_db": result.gain_db,
        "sample_rate": result.sample_rate,
        "digest": result.digest,
        "written": result.n_written,
        "failed": len(result.failed),
        "notes": result.notes,
    }


def _print(result: AddResult) -> None:
    rows = [
        (
            file.title or Path(file.path).name,
            file.status,
            file.split,
            hours(file.duration_s) if file.duration_s else "",
            "" if file.level_db is None else f"{file.level_db:.1f}",
            "" if file.peak_db is None else f"{file.peak_db:.1f}",
            file.note,
        )
        for file in result.files
    ]
    print_table(("song", "", "side", "length", "level dB", "peak dB", ""), rows)
    print()
    sides = [
        (side, row["songs"], f"{row['seconds'] / 60:.1f}", "" if row["level_db"] is None else f"{row['level_db']:.1f}")
        for side, row in result.splits().items()
    ]
    print_table(("side", "songs", "minutes", "level dB"), sides)
    print(f"\none gain for all: {result.gain_db:+.1f} dB; mono at {result.sample_rate} Hz; corpus {result.digest[:8]}")
    for note in result.notes:
        print(f"note: {note}")
    if result.failed:
        print(f"{len(result.failed)} of {len(result.files)} files could not be used")
