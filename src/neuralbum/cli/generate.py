"""``neuralbum generate``: sample takes."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ..errors import ParameterError
from .options import PoolOptions, with_options


def temperatures(text: str) -> list[float]:
    """``"1.0"``, ``"0.98,1.02"`` or ``"0.98..1.02"`` -> the ends of the range."""
    try:
        return [float(word) for word in re.split(r"\.\.|,", text)]
    except ValueError as cause:
        raise ParameterError(f"--temperature {text}: write 1.0, or a range such as 0.98..1.02") from cause


@with_options(asked=PoolOptions)
def command(
    asked: PoolOptions,
    count: Annotated[int | None, typer.Option(min=1, help="How many takes.")] = None,
    hours: Annotated[float | None, typer.Option(help="Or how many hours of them.")] = None,
    length: Annotated[float | None, typer.Option(help="Seconds of one take.")] = None,
    temperature: Annotated[str | None, typer.Option(help="One number, or a range: 0.98..1.02.")] = None,
    tempo: Annotated[
        float | None, typer.Option(help="Beats per minute; default: about that of the song a take begins like.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which skeleton: ID or ID@step; default: the newest.")] = None,
    flesh: Annotated[
        bool | None,
        typer.Option("--flesh/--no-flesh", help="Let the flesh make the sound, or not; default: if one is trained."),
    ] = None,
) -> None:
    """Make takes from a trained model; the same command goes on where it stopped.

    --workers shares the work among processes; so does running the command several times at once.

    Example: neuralbum generate --hours 2 --length 240 --temperature 0.98..1.02
    """
    from ..generate import GenerateParams

    project = asked.open()
    if count is not None and hours is not None:
        raise ParameterError("--count and --hours: choose one")
    params = project.params(
        "generate", GenerateParams, count=count, hours=hours, length_s=length, model=model, tempo=tempo,
        temperature=None if temperature is None else temperatures(temperature),
        flesh=None if flesh is None else "always" if flesh else "never",
    )  # fmt: skip
    asked.finish(asked.run(project, "generate", params=params), project, unit="takes")
