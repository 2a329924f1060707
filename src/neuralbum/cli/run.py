"""Find the command, run it, and turn our errors into one line and an exit code."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import typer

from .. import __version__
from ..errors import NeuralbumError, ParameterError
from . import COMMANDS

WRONG_USE, FAILED, INTERRUPTED = 2, 1, 130


def build(only: str | None) -> typer.Typer:
    """The Typer application; only the named command is real, the others are there for --help."""
    app = typer.Typer(
        name="neuralbum",
        help="Train raw-audio nets on one band, and release a thousand-song album. "
        "Start with `neuralbum demo`, or `neuralbum new my-album`.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_global_options)
    for name, (module, summary) in COMMANDS.items():
        if find_spec(f"neuralbum.cli.{module}") is None:
            continue
        if name != only:
            app.command(name, help=summary)(_stub)
            continue
        loaded = importlib.import_module(f"neuralbum.cli.{module}")
        if hasattr(loaded, "app"):
            app.add_typer(loaded.app, name=name, short_help=summary)
        else:
            app.command(name, short_help=summary)(loaded.command)
    return app


def _stub() -> None:
    raise AssertionError("a stub is only listed, never run")


def _global_options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    trace: bool = typer.Option(False, "--trace", help="Show the whole traceback of an error."),
) -> None:
    if version:
        print(f"neuralbum {__version__}")
        raise typer.Exit()


def _print_any_name() -> None:
    """File names may hold bytes that are no text; what prints them escapes them, rather than stopping."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(argv: list[str]) -> int:
    """Run ``argv`` and return the exit code."""
    _print_any_name()
    trace = "--trace" in argv or bool(os.environ.get("NEURALBUM_TRACE"))
    argv = [word for word in argv if word != "--trace"]
    only = next((word for word in argv if not word.startswith("-")), None)
    app = build(only)
    command: Callable[..., Any] = typer.main.get_command(app)
    try:
        result = command(args=argv, prog_name="neuralbum", standalone_mode=True)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return INTERRUPTED
    except NeuralbumError as error:
        if trace:
            raise
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE if isinstance(error, ParameterError) else FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return result if isinstance(result, int) else 0
