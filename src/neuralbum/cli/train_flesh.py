"""``neuralbum train flesh``: train the upsampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import hours, print_json, reporter
from .options import ForceOption, JsonOption, ProjectOption, SetOption, open_project
from .train_skeleton import time_to_train


def command(
    preset: Annotated[str | None, typer.Option(help="debug, small (CPU) or full (GPU).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train for this many steps.")] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Train for this long: 45s, 90m, 2h.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option(help="Enter this phase now: content or adversarial; default: as settings say.")
    ] = None,
    back_to: Annotated[
        int | None, typer.Option("--back-to", metavar="STEP", help="Undo what came after this snapshot.")
    ] = None,
    forced: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of teacher-forced skeleton samples, <track id>.npy."),
    ] = None,
    free: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of free-running skeleton audio, such as takes/."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    force: ForceOption = False,
    project: ProjectOption = None,
    words: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Train a flesh on the prepared corpus; the same command goes on where it stopped.

    It learns from spectra first, then against a critic. The switch is logged; undo it with --back-to.

    Example: neuralbum train flesh --preset small --for 10m
    """
    from ..flesh import FleshParams, train
    from ..flesh.estimate import estimate
    from ..prepared import open_corpus
    from ..processor import pick_device

    opened = open_project(project, words)
    params = opened.params("flesh", FleshParams, preset=preset, steps=steps, time_s=time_to_train(steps, duration))
    chosen = pick_device(device)
    talker = reporter(json)
    guess = estimate(params, input_rate=open_corpus(opened).sample_rate, device=chosen)
    talker.line(guess.sentence())
    guess.refuse_if_too_big()
    if dry_run:
        if json:
            print_json(guess)
        return
    trained = train(
        opened,
        params,
        device=chosen,
        phase=phase,
        back_to=back_to,
        forced=forced,
        free=free,
        force=force,
        reporter=talker,
    )
    if json:
        print_json(trained)
    else:
        said = "not scored" if trained.score is None else f"score {trained.score:.3f} (plain upsampling has 1)"
        print(
            f"{trained.model_id}: step {trained.step} of {trained.steps_done} chosen ({trained.phase} phase), {said}, "
            f"{hours(trained.cpu_s)} of CPU; next: neuralbum flesh"
        )
    if trained.stopped:
        raise typer.Exit(1)
