"""``neuralbum train skeleton`` and ``neuralbum train flesh``."""

from __future__ import annotations

from importlib.util import find_spec

import typer

from . import train_skeleton

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the skeleton or the flesh.")
app.command("skeleton")(train_skeleton.command)
if find_spec("neuralbum.cli.train_flesh") is not None:
    from . import train_flesh

    app.command("flesh")(train_flesh.command)
