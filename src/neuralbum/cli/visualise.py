"""``neuralbum visualise``: the project's songs as moving pictures; ``analyse`` and ``render`` for loose files."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ..errors import ParameterError
from .console import finish, print_json, reporter
from .options import (
    ForceOption,
    JsonOption,
    ProjectOption,
    RetryOption,
    SetOption,
    ShardOption,
    TakesOption,
    WorkersOption,
    find_takes,
    open_project,
    parse_shard,
)

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

FileArgument = Annotated[Path, typer.Argument(help="A sound file.")]


@dataclass(frozen=True)
class LookOptions:
    """The options that say how pictures look, for a project's songs and for loose files alike; None is not given."""

    layout: Annotated[str | None, typer.Option(help="waterfall or plaid.")] = None
    palette: Annotated[str | None, typer.Option(help="painter, colour-blind, ember or silver.")] = None
    note_names: Annotated[bool | None, typer.Option(help="Write the notes' names.")] = None
    limiter: Annotated[
        bool | None,
        typer.Option(
            help="Hold flashing under WCAG 2.3.1 (default). Without it, pictures may bring on seizures in some people."
        ),
    ] = None
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Size of the video, for example 1920x1080.")] = None
    fps: Annotated[int | None, typer.Option(help="Pictures per second.")] = None
    encoder: Annotated[str | None, typer.Option(help="h264 (MP4), av1 or vp9 (WebM).")] = None
    preset: Annotated[str | None, typer.Option(help="x264's preset: ultrafast … medium.")] = None
    quality: Annotated[int | None, typer.Option(help="Constant quality, lower is better.")] = None

    def given(self) -> dict[str, Any]:
        """The options that were given, by the names of the settings."""
        found = {name: value for name, value in asdict(self).items() if value is not None}
        if "size" in found:
            size = found.pop("size")
            width, cross, height = size.lower().partition("x")
            if not (cross and width.isdigit() and height.isdigit()):
                raise ParameterError(f"--size {size}: write it as WIDTHxHEIGHT, for example 1280x720")
            found.update(width=int(width), height=int(height))
        return found


def with_looks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``LookOptions``; it gets them as the one argument ``looks``."""
    hints = get_type_hints(LookOptions, include_extras=True)
    options = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(LookOptions)
    ]
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
        if name != "looks"
    ]

    @functools.wraps(command)
    def wrapped(**words: Any) -> None:
        looks = LookOptions(**{option.name: words.pop(option.name) for option in options})
        command(looks=looks, **words)

    signature = inspect.Signature([*own, *options])
    wrapped.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
    wrapped.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return wrapped


HARM = "without the limiter, pictures may flash in a way that brings on seizures in people with photosensitive epilepsy"


@app.callback(invoke_without_command=True)
@with_looks
def command(
    context: typer.Context,
    looks: LookOptions,
    project: ProjectOption = None,
    take: TakesOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All takes, not only the kept ones.")] = False,
    force: ForceOption = False,
    retry: RetryOption = False,
    workers: WorkersOption = 1,
    shard: ShardOption = "1/1",
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Draw songs as moving pictures: harmony is colour, percussion is light.

    Draws the project's kept takes: a video with sound, a poster, a timelapse GIF,
    a hover clip and the levels for the gallery's live picture. For loose files
    there are the subcommands analyse and render.

    Example: neuralbum visualise --layout plaid --workers 2
    """
    if context.invoked_subcommand is not None:
        return
    from ..project.workers import run
    from ..visualise.params import Params

    opened = open_project(project, settings)
    params = opened.params("visualise", Params, **looks.given())
    opened.tables["visualise"] = asdict(params)  # so that the workers get the same
    takes = list(opened.catalogue.take_paths()) if everything else find_takes(opened, take)
    progress = reporter(json)
    if not params.limiter:
        progress.line(f"note: {HARM}")
    outcome = run(
        opened,
        "visualise",
        workers=workers,
        reporter=progress,
        takes=takes,
        force=force,
        retry=retry,
        shard=parse_shard(shard),
    )
    raise typer.Exit(finish(outcome, json, project=opened))


@app.command()
def analyse(
    file: FileArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npz file to write.")],
    masks: Annotated[bool, typer.Option("--masks/--no-masks", help="Write the two masks and y_p too (large).")] = True,
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Write what the pictures are made of as NumPy arrays.

    mask_h, mask_p, c_db, m_db, H, B, K: (bins, frames); y_p: (samples); H_v, K_v: (video frames, bins); all float32.

    Example: neuralbum visualise analyse song.flac -o song.npz
    """
    from ..visualise.arrays import write_arrays

    progress = reporter(json)
    progress.begin("analyse", None, "")
    about = write_arrays(file, out, _loose(settings, {}), masks=masks)
    progress.end()
    if json:
        print_json({"file": str(file), "arrays": str(out), **about})
    else:
        print(f"{out}: " + ", ".join(f"{name} {tuple(shape)}" for name, shape in about["shapes"].items()))


@app.command()
@with_looks
def render(
    looks: LookOptions,
    file: FileArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The video to write: .mp4, or .webm with av1 or vp9.")],
    gif: Annotated[bool, typer.Option("--gif", help="Write the timelapse too: OUT.gif.")] = False,
    poster: Annotated[bool, typer.Option("--poster", help="Write a still picture too: OUT.webp.")] = False,
    hover: Annotated[
        bool, typer.Option("--hover", help="Write a silent short clip too: OUT.hover.mp4 (.webm).")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Write the levels for the live picture too: OUT.nblv.")] = False,
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Draw one sound file.

    Example: neuralbum visualise render song.flac -o song.mp4 --layout plaid --size 1920x1080 --gif --poster
    """
    from ..project import atomic
    from ..visualise.encode import FORMATS
    from ..visualise.live import SUFFIX as LIVE_SUFFIX
    from ..visualise.song import Outputs, draw_song

    given = looks.given()
    if "encoder" not in given and out.suffix == ".webm":
        given["encoder"] = "av1"
    params = _loose(settings, given)
    suffix = FORMATS[params.encoder].suffix
    if out.suffix != suffix:
        raise ParameterError(f"{out}: {params.encoder} video is written to a file ending in {suffix}")
    if not params.limiter:
        reporter(json).line(f"note: {HARM}")
    extra = {
        "poster": out.with_suffix("." + params.poster) if poster else None,
        "gif": out.with_suffix(".gif") if gif else None,
        "hover": out.with_suffix(f".hover{suffix}") if hover else None,
        "arrays": out.with_suffix(LIVE_SUFFIX) if live else None,
    }
    progress = reporter(json)
    progress.begin("render", None, "")
    with atomic(out) as part:
        about = draw_song(file, params, Outputs(video=part, **extra))
    progress.end()
    files = {"video": str(out), **{name: str(path) for name, path in extra.items() if path is not None}}
    if json:
        print_json({"file": str(file), "files": files, **about})
        return
    for name, path in files.items():
        print(f"{name}: {path} ({about['bytes'][name] / 1000:.0f} kB)")
    flash = about["flash"]
    word = "passes" if flash["passes"] else "DOES NOT PASS"
    print(f"flashing: {word} {flash['standard']}; contrast lowered in {flash['limited_share']:.0%} of the time")


def _loose(settings: list[str] | None, given: dict[str, Any]) -> Any:
    from ..settings import parse_words, resolve
    from ..visualise.params import Params

    return resolve(Params, {**parse_words(settings or []).get("visualise", {}), **given}, where="--set [visualise]")
