"""Find the command, run it, and turn every error into one line and an exit code.

0: done, or there was nothing to do and the command said so. 1: something failed,
or the command cannot go on (no model yet, a full disk). 2: wrong use.
"""

from __future__ import annotations

import importlib
import inspect
import io
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import typer

from .. import __version__
from ..errors import NeuralbumError, ParameterError, in_one_line
from . import COMMANDS

WRONG_USE, FAILED, INTERRUPTED = 2, 1, 130
COMPLETE = "_NEURALBUM_COMPLETE"
"""What a shell sets when it asks for completions; Typer's name for it."""


def build(only: str | None) -> typer.Typer:
    """The Typer application; only the named command is real, the others are there for --help."""
    app = typer.Typer(
        name="neuralbum",
        help="Train raw-audio nets on one band, and release a thousand-song album. "
        "Start with `neuralbum demo`, or `neuralbum new my-album`.",
        no_args_is_help=True,
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
            _set_examples_apart(loaded.app)
            app.add_typer(loaded.app, name=name, short_help=summary)
        else:
            app.command(name, short_help=summary, help=with_examples(loaded.command))(loaded.command)
    return app


def _set_examples_apart(group: typer.Typer) -> None:
    for command in group.registered_commands:
        if command.callback is not None and command.help is None:
            command.help = with_examples(command.callback)
    first = group.registered_callback
    if first is not None and first.callback is not None and not isinstance(first.help, str):
        first.help = with_examples(first.callback)


def with_examples(command: Callable[..., Any]) -> str:
    """A command's docstring as help: its lines ``Example: …`` become a list of their own, never wrapped."""
    lines = (inspect.getdoc(command) or "").splitlines()
    examples = [line.removeprefix("Example:").strip() for line in lines if line.startswith("Example:")]
    text = "\n".join(line for line in lines if not line.startswith("Example:")).strip()
    if examples:
        head = "Example:" if len(examples) == 1 else "Examples:"
        text += "\n\n\b\n" + "\n".join([head, *(f"  {example}" for example in examples)])
    return text


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
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        return FAILED
    except (NeuralbumError, OSError, ValueError, RecursionError, MemoryError) as error:
        if trace:
            raise
        print(f"error: {in_one_line(error)}", file=sys.stderr)
        if isinstance(error, OSError):
            _drop_stdout()  # what could not be written would be tried again at exit
        return WRONG_USE if isinstance(error, ParameterError) else FAILED
    finally:
        _close_reporters()
    if code == INTERRUPTED:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
    return code


def _run(argv: list[str]) -> int:
    words = argv
    if COMPLETE in os.environ:  # the shell passes the line so far in a variable: bash's, or Typer's for the others
        words = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()[1:]
    app = build(next((word for word in words if not word.startswith("-")), None))
    command: Callable[..., Any] = typer.main.get_command(app)
    try:
        result = command(args=argv, prog_name="neuralbum", standalone_mode=True)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED if stop.code else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _close_reporters() -> None:
    console = sys.modules.get("neuralbum.cli.console")
    if console is not None:
        for reporter in list(console.OPEN):
            reporter.close()


def _drop_stdout() -> None:
    """Let what is still to be printed vanish: whoever should read it is gone, or has no room for it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, sys.stdout.fileno())
        except (OSError, ValueError):  # a stdout that is no file
            pass
        finally:
            os.close(nowhere)
