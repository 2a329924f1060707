"""``neuralbum train skeleton``: train the autoregressive net."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import ParameterError
from .console import hours, print_json, reporter
from .options import ForceOption, JsonOption, ProjectOption, SetOption, open_project


def seconds(text: str) -> float:
    """``"2h"``, ``"90m"``, ``"45s"``, ``"1.5h"`` -> seconds."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    try:
        value = float(text[:-1]) * units[text[-1:]] if text[-1:] in units else float(text)
    except ValueError as cause:
        raise ParameterError(f"--for {text}: write a time such as 45s, 90m or 2h") from cause
    if not value > 0:
        raise ParameterError(f"--for {text}: must be longer than nothing")
    return value


def time_to_train(steps: int | None, duration: str | None) -> float | None:
    """The setting ``time_s`` as --steps and --for say it: 0 by steps, None where neither is given."""
    if steps is not None and duration is not None:
        raise ParameterError("--steps and --for: choose one")
    if duration is not None:
        return seconds(duration)
    return None if steps is None else 0.0


def command(
    preset: Annotated[str | None, typer.Option(help="debug, tiny, small, full, or samplernn (the reference).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train for this many steps.")] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Train for this long: 45s, 90m, 2h.")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(help="Tell the net more than the sound: position, loudness, tempo, tag; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    force: ForceOption = False,
    project: ProjectOption = None,
    words: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Train a skeleton on the prepared corpus; the same command goes on where it stopped.

    Example: neuralbum train skeleton --preset tiny --for 10m
    """
    from ..processor import pick_device
    from ..skeleton import SkeletonParams, run
    from ..skeleton.estimate import estimate

    opened = open_project(project, words)
    params = opened.params(
        "skeleton", SkeletonParams, preset=preset, steps=steps, conditions=condition or None,
        time_s=time_to_train(steps, duration),
    )  # fmt: skip
    chosen = pick_device(device)
    talker = reporter(json)
    guess = estimate(params, device=chosen)
    talker.line(guess.sentence())
    guess.refuse_if_too_big()
    if dry_run:
        if json:
            print_json(guess)
        return
    trained = run(opened, params, device=chosen, force=force, reporter=talker)
    if json:
        print_json(trained)
    else:
        line = trained.lines
        told = f", {trained.told_bits['heldout']:.3f} if told" if "heldout" in trained.told_bits else ""
        print(
            f"{trained.model_id}: best at step {trained.step} of {trained.steps_done}, held out "
            f"{trained.heldout_bits:.3f} bits/sample{told} "
            f"(LPC-32 {line['lpc']:.3f}, histogram {line['histogram']:.3f}), "
            f"{hours(trained.cpu_s)} of CPU; next: neuralbum generate"
        )
    if trained.stopped:
        raise typer.Exit(1)
