"""``neuralbum demo``: a whole album in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import hours, print_json, reporter
from .options import JsonOption, SetOption
from .train import seconds


def command(
    folder: Annotated[Path, typer.Argument(help="Where the album is made; an unfinished one goes on.")] = Path(
        "demo-album"
    ),
    music: Annotated[
        list[Path] | None, typer.Option(help="The band's recordings (files or folders); default: the built-in band.")
    ] = None,
    artist: Annotated[str, typer.Option(help="The band's name.")] = "",
    phrase: Annotated[str, typer.Option(help="Titles will be its synonyms.")] = "fake feelings",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Plan it for this long: 30m, 8h.")
    ] = None,
    songs: Annotated[int | None, typer.Option(min=1, help="Plan it for so many songs.")] = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Make a whole album: train, sample, screen, check for copies, title, draw, release.

    Without --music the built-in band plays, in at most 15 minutes on two cores. The same command goes on where it
    stopped. With --for and --songs training, takes and their length are planned for the time given.

    Example: neuralbum demo my-album --music ~/Music/MyBand --artist "My Band"
    """
    from ..demo.album import make_album

    result = make_album(
        folder, music=music or [], artist=artist, phrase=phrase, words=set_ or [],
        time_s=seconds(duration) if duration else 0.0, songs=songs or 0, reporter=reporter(json),
    )  # fmt: skip
    if json:
        print_json({name: value for name, value in vars(result).items() if name != "outcomes"})
    else:
        slow = ", ".join(f"{name} {hours(s)}" for name, s in result.seconds.items() if s >= 1)
        print(f"{result.songs} songs out of {result.takes} takes in {hours(sum(result.seconds.values()))} ({slow})")
        if result.to_fill_in:
            print(
                f"before publishing fill in [project] {', '.join(result.to_fill_in)} in {result.project}/neuralbum.toml"
            )
        if result.failed:
            print(f"{result.failed} items failed; neuralbum status --project {result.project} shows them")
        print(f"open {result.gallery}")
    raise typer.Exit(1 if result.failed else 0)
