"""``neuralbum generate``: sample takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ParameterError
from .console import finish, print_json, reporter
from .options import (
    ForceOption,
    JsonOption,
    ProjectOption,
    SetOption,
    ShardOption,
    TakesOption,
    WorkersOption,
    open_project,
    parse_shard,
)

if TYPE_CHECKING:
    from ..generate import GenerateParams
    from ..project import Project


def temperatures(text: str) -> list[float]:
    """``"1.0"``, ``"0.98,1.02"`` or ``"0.98..1.02"`` -> the ends of the range."""
    try:
        return [float(word) for word in re.split(r"\.\.|,", text)]
    except ValueError as cause:
        raise ParameterError(f"--temperature {text}: write 1.0, or a range such as 0.98..1.02") from cause


def primes(text: str | None) -> dict[str, Any]:
    """``"2"`` -> two seconds of music, ``"state"`` -> a stored state."""
    if text is None:
        return {}
    if text in ("state", "states"):
        return {"prime_from": "state"}
    try:
        return {"prime_from": "music", "prime_s": float(text)}
    except ValueError as cause:
        raise ParameterError(f"--prime {text}: write seconds of music such as 2, or state") from cause


def command(
    count: Annotated[int | None, typer.Option(min=1, help="How many takes.")] = None,
    hours: Annotated[float | None, typer.Option(help="Or how many hours of them.")] = None,
    length: Annotated[float | None, typer.Option(help="Seconds of one take.")] = None,
    temperature: Annotated[str | None, typer.Option(help="One number, or a range: 0.98..1.02.")] = None,
    prime: Annotated[
        str | None,
        typer.Option(metavar="SECONDS|state", help="Seconds of music the net hears first; state: a stored good state."),
    ] = None,
    position: Annotated[
        str | None, typer.Option(help="Tell the net its place in the song: 0.5, or 0%:0,100%:1.")
    ] = None,
    loudness: Annotated[str | None, typer.Option(help="Tell it a level in dB: -20, or seconds:dB,…")] = None,
    tempo: Annotated[str | None, typer.Option(help="Tell it beats per minute: 120, or seconds:bpm,…")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Tell it a tag it was trained with; repeatable.")] = None,
    model: Annotated[str | None, typer.Option(help="Which skeleton: ID or ID@step; default: the newest.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Takes made side by side.")] = None,
    flesh: Annotated[
        bool | None,
        typer.Option("--flesh/--no-flesh", help="Flesh takes as they are made; default: if a flesh is trained."),
    ] = None,
    forced: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="No takes: write here what the net draws with the real past in its ear, for train flesh.",
        ),
    ] = None,
    expected: Annotated[bool, typer.Option(help="With --forced: the expected amplitude instead of a draw.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    takes: TakesOption = None,
    force: ForceOption = False,
    workers: WorkersOption = 1,
    shard: ShardOption = "1/1",
    project: ProjectOption = None,
    words: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Sample takes from a trained skeleton; the same command goes on where it stopped.

    --workers shares the work among processes; so does running the command several times at once.

    Example: neuralbum generate --hours 2 --length 240 --temperature 0.98..1.02
    """
    from ..cluster import run
    from ..generate import GenerateParams
    from ..processor import pick_device

    opened = open_project(project, words)
    params = opened.params(
        "generate", GenerateParams, count=count, hours=hours, length_s=length, model=model, batch=batch,
        **primes(prime), position=position, loudness=loudness, tempo=tempo, tag=tag or None,
        temperature=None if temperature is None else temperatures(temperature),
        flesh=None if flesh is None else "always" if flesh else "never",
    )  # fmt: skip
    if forced is not None:
        _force(opened, forced, params, expected, force, device, json)
        return
    outcome = run(
        opened, "generate", workers=workers, reporter=reporter(json),
        params=params, takes=takes, force=force, shard=parse_shard(shard), sharing=workers, device=pick_device(device),
    )  # fmt: skip
    raise typer.Exit(finish(outcome, json))


def _force(
    project: Project, folder: Path, params: GenerateParams, expected: bool, again: bool, device: str, json: bool
) -> None:
    from ..generate import force
    from ..processor import pick_device

    done = force(
        project, folder, params, expected=expected, again=again, device=pick_device(device), reporter=reporter(json)
    )
    if json:
        print_json(done)
        return
    told = "" if done.snr_db is None else f", {done.snr_db:.1f} dB from the original"
    print(
        f"{done.folder}: {done.tracks} tracks of {done.model_id}@{done.step}{told}"
        + (f", {done.skipped} were there" if done.skipped else "")
        + f"; next: neuralbum train flesh --forced {done.folder}"
    )
