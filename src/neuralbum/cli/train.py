"""``neuralbum train skeleton`` and ``neuralbum train flesh``."""

from __future__ import annotations

import typer

from . import train_flesh, train_skeleton

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the skeleton or the flesh.")
app.command("skeleton")(train_skeleton.command)
app.command("flesh")(train_flesh.command)
