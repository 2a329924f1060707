"""``neuralbum screen``: flags, captions, pictures, scores; of the project's takes or of loose files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import NeuralbumError
from .console import finish, print_json, print_table, reporter
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


def command(
    files: Annotated[list[Path] | None, typer.Argument(help="Loose sound files; none: the project's takes.")] = None,
    project: ProjectOption = None,
    take: TakesOption = None,
    pictures: Annotated[Path | None, typer.Option(help="Write the pictures of loose files to this folder.")] = None,
    force: ForceOption = False,
    retry: RetryOption = False,
    workers: WorkersOption = 1,
    shard: ShardOption = "1/1",
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Hear what a machine can hear: flags, tempo, loudness, a caption and a score for each take.

    Example: neuralbum screen            (all takes of this project)
    Example: neuralbum screen demo.flac other.mp3 --json
    """
    if files:
        raise typer.Exit(_loose(files, pictures, settings or [], json))
    from ..project.workers import run

    opened = open_project(project, settings)
    outcome = run(
        opened,
        "screen",
        workers=workers,
        takes=find_takes(opened, take),
        force=force,
        retry=retry,
        reporter=reporter(json),
        shard=parse_shard(shard),
    )
    if not json:
        _show(opened, take)
    raise typer.Exit(finish(outcome, json, project=opened))


def _show(opened: object, take: list[str] | None) -> None:
    from ..project import Project
    from ..screen.score import scores

    assert isinstance(opened, Project)
    wanted = find_takes(opened, take)
    known = opened.catalogue.latest("screen")
    score = scores(known, opened.catalogue.latest("likeness"))
    findings = [known[take] for take in score if wanted is None or take in wanted]
    findings.sort(key=lambda f: -score[f.subject])
    rows = [(f.subject[:8], f"{score[f.subject]:.2f}", f.values["caption"]) for f in findings[:20]]
    if rows:
        print_table(("take", "score", "caption"), rows, title="likeliest first")
    if len(findings) > 20:
        print(f"… and {len(findings) - 20} more; `neuralbum curate` shows them all")


def _loose(files: list[Path], pictures: Path | None, settings: list[str], json: bool) -> int:
    from .. import screen
    from ..project import atomic
    from ..screen.params import Params
    from ..settings import parse_words, resolve

    params = resolve(Params, parse_words(settings).get("screen", {}), where="--set [screen]")
    results: list[dict[str, object]] = []
    failed = 0
    talker = reporter(json)
    talker.begin("screen", len(files), "files")
    for path in files:
        try:
            screening = screen.screen_file(path, params)
        except NeuralbumError as error:
            failed += 1
            results.append({"file": str(path), "error": str(error)})
            typer.echo(f"error: {error}", err=True)
            talker.advance()
            continue
        results.append({"file": str(path), **screening.values})
        talker.advance()
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            for name, draw in (("thumbnail.webp", screening.thumbnail), ("spectrogram.png", screening.spectrogram)):
                with atomic(pictures / f"{path.name}.{name}") as part:
                    part.write_bytes(draw())
    talker.end()
    if json:
        print_json({"files": results})
        return 1 if failed else 0
    rows = [(Path(str(r["file"])).name, f"{r['score']:.2f}", r["caption"]) for r in results if "error" not in r]
    if rows:
        print_table(("file", "score", "caption"), rows)
    return 1 if failed else 0
