"""``neuralbum train``: train the band's nets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from .console import hours
from .options import ForceOption, ProjectOptions, with_options

if TYPE_CHECKING:
    from ..project import Project


def seconds(text: str) -> float:
    """``"2h"``, ``"90m"``, ``"45s"``, ``"1.5h"`` -> seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    try:
        value = float(text[:-1]) * units[text[-1:]] if text[-1:] in units else float(text)
    except ValueError as cause:
        raise ParameterError(f"--for {text}: write a time such as 45s, 90m or 2h") from cause
    if not 0.0 < value <= 1e8:
        raise ParameterError(f"--for {text}: must be longer than nothing, and shorter than three years")
    return value


@with_options(asked=ProjectOptions)
def command(
    asked: ProjectOptions,
    what: Annotated[str, typer.Argument(help="skeleton or flesh; without it, both.")] = "all",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Train for this long in all: 45s, 90m, 2h.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="debug, tiny, small, or samplernn (the reference).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train for this many steps.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    start_from: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Begin with the weights of this run (ID or ID@step).")
    ] = None,
    longer: Annotated[
        str | None, typer.Option("--extend", metavar="RUN", help="Train this run longer, by --for or --steps.")
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Open a page on which each new checkpoint plays by itself.")
    ] = False,
    port: Annotated[int, typer.Option(help="Of that page; 0 picks a free one.", min=0, max=65535)] = 8428,
    stop_when_copying: Annotated[
        bool, typer.Option("--stop-when-copying", help="End where copying rises above what the band quotes of itself.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    force: ForceOption = False,
) -> None:
    """Train on the band's music; the same command goes on where it stopped.

    Example: neuralbum train --for 1h
    Example: neuralbum train --extend tiny-1a2b3c4d --for 10m
    Example: neuralbum train --from tiny-1a2b3c4d --for 10m
    """
    from ..train import estimate, settings_of, train
    from ..train.processor import pick_device

    if longer is not None:
        if what != "all" or preset or start_from or force or dry_run:
            raise ParameterError("--extend: takes a run as it is; only --for or --steps, --device and --set go with it")
        project = asked.open()
        with _page(project, listen, port, asked.json):
            _extend(asked, project, longer, duration, steps, pick_device(device))
        return
    begun = []
    if start_from is not None:
        what, preset = _like(asked.open(), start_from, what, preset)
        begun = [f"{what}.start_from={start_from}"]
    stopping = ["skeleton.stop_when_copying=true"] if stop_when_copying else []
    project = asked.open(*_words(what, duration, preset, steps), *begun, *stopping)
    wanted, chosen, talker = settings_of(project, what), pick_device(device), asked.reporter()
    if dry_run:
        guesses = [estimate(project, params, device=chosen) for params in wanted]
        asked.say(project, guesses, lambda: print(*(guess.sentence() for guess in guesses), sep="\n"))
        return
    done = []
    with _page(project, listen, port, asked.json):
        for params in wanted:
            done += train(project, params, device=chosen, force=force, reporter=talker)
            if not asked.json:
                spent = f"{hours(done[-1].cpu_s)} of CPU" if done[-1].new_steps else "nothing to do, it is trained"
                print(f"{done[-1].sentence()}; {spent}", flush=True)
        asked.say(project, done, lambda: None)


@contextmanager
def _page(project: Project, wanted: bool, port: int, json: bool) -> Iterator[None]:
    """The listening page beside a training; it stays open when that is done."""
    if not wanted:
        yield
        return
    from ..runs import listening_beside

    with listening_beside(project, port, quiet=json) as process:
        yield
        if not json and process.poll() is None:
            print("training is done; the page stays open, stop it with Ctrl-C", flush=True)
            with suppress(KeyboardInterrupt):
                process.wait()


def _extend(
    asked: ProjectOptions, project: Project, word: str, duration: str | None, steps: int | None, device: str
) -> None:
    from ..train import More, extend

    if (duration is None) == (steps is None):
        raise ParameterError("--extend: say how much longer: --for 10m, or --steps 300")
    more = More(steps=steps) if steps is not None else More(time_s=seconds(duration or ""))
    done = extend(project, word, more=more, device=device, reporter=asked.reporter())
    asked.say(project, done, lambda: print(f"{done.sentence()}; {hours(done.cpu_s)} of CPU"))


def _like(project: Project, word: str, what: str, preset: str | None) -> tuple[str, str]:
    """Which net, and which preset, a run that begins with another's weights has: the same."""
    from ..train import checkpoint

    folder, _ = checkpoint.find_model(project, word, kind="" if what == "all" else what)
    about = checkpoint.read_about(folder)
    return about.kind, preset or about.preset


def _words(what: str, duration: str | None, preset: str | None, steps: int | None) -> list[str]:
    """The options as settings."""
    if steps is not None and duration is not None:
        raise ParameterError("--steps and --for: choose one")
    if what == "all" and steps is not None:
        raise ParameterError("--steps: say of which net: neuralbum train skeleton --steps 300")
    said = []
    if duration is not None:
        said.append(f"{'train' if what == 'all' else what}.time_s={seconds(duration)}")
    if steps is not None:
        said += [f"{what}.steps={steps}", f"{what}.time_s=0"]
    if preset is not None:
        said += [f"{net}.preset={preset}" for net in (["skeleton"] if what == "all" else [what])]
    return said
