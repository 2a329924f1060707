"""``neuralbum curate``: open the curation tool, keep by ranking, exchange what was said."""

from __future__ import annotations

from typing import Annotated

import typer

from .console import finish, reporter
from .options import JsonOption, ProjectOption, SetOption, open_project

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    project: ProjectOption = None,
    auto: Annotated[bool, typer.Option("--auto", help="Keep by the screen's ranking instead; people win.")] = False,
    keep: Annotated[int | None, typer.Option(help="With --auto: how many takes the album gets.")] = None,
    share: Annotated[float | None, typer.Option(help="With --auto: the same as a share of all takes.")] = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Judge takes in the browser, or keep them by ranking with --auto.

    Example: neuralbum curate --auto --share 0.6
    """
    from .. import curate

    opened = open_project(project, set_)
    if auto:
        done = curate.auto(opened, keep=keep, share=share, reporter=reporter(json))
        raise typer.Exit(finish(done, json))
