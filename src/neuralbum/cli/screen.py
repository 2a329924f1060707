"""``neuralbum screen``: flags, captions, pictures, scores; of the project's takes or of loose files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ..errors import NeuralbumError
from ..project import Project
from .console import print_json, print_table, reporter
from .options import PoolOptions, find_takes, with_options

if TYPE_CHECKING:
    from ..screen.measure import Screening

Found = TypeVar("Found")


@with_options(asked=PoolOptions)
def command(
    asked: PoolOptions,
    files: Annotated[list[Path] | None, typer.Argument(help="Loose sound files; none: the project's takes.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Write the pictures of loose files to this folder.")] = None,
) -> None:
    """Hear what a machine can hear: flags, tempo, loudness, a caption and a score for each take.

    Example: neuralbum screen            (all takes of this project)
    Example: neuralbum screen demo.flac other.mp3 --json
    """
    if files:
        raise typer.Exit(_loose(files, pictures, asked.settings or [], asked.json))
    project = asked.open()
    outcome = asked.run(project, "screen")
    if not asked.json:
        _show(project, asked.take)
    asked.finish(outcome, project)


def _show(opened: Project, take: list[str] | None) -> None:
    from ..screen.default_order import scores

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


def each_file(
    files: list[Path], label: str, measure: Callable[[Path], Found], as_json: bool
) -> Iterator[tuple[Path, Found | None, str]]:
    """Measure loose files, one after the other: (path, what was found, "") or (path, None, why not)."""
    talker = reporter(as_json)
    talker.begin(label, len(files), "files")
    for path in files:
        talker.advance(0.0, path.name)
        try:
            yield path, measure(path), ""
        except NeuralbumError as error:
            typer.echo(f"error: {error}", err=True)
            yield path, None, str(error)
        talker.advance()
    talker.end()


def _loose(files: list[Path], pictures: Path | None, settings: list[str], json: bool) -> int:
    from .. import screen
    from ..screen.params import Params
    from ..settings import parse_words, resolve

    params = resolve(Params, parse_words(settings).get("screen", {}), where="--set [screen]")
    results: list[dict[str, object]] = []
    rows: list[tuple[object, ...]] = []
    for path, found, error in each_file(files, "screen", lambda path: screen.screen_file(path, params), json):
        if found is None:
            results.append({"file": str(path), "error": error})
            continue
        results.append({"file": str(path), **found.values})
        rows.append((path.name, f"{found.values['score']:.2f}", found.values["caption"]))
        if pictures is not None:
            _write_pictures(pictures, path.name, found)
    if json:
        print_json({"files": results})
    elif rows:
        print_table(("file", "score", "caption"), rows)
    return 1 if len(rows) < len(files) else 0


def _write_pictures(folder: Path, name: str, found: Screening) -> None:
    from ..project import atomic

    folder.mkdir(parents=True, exist_ok=True)
    for ending, draw in (("thumbnail.webp", found.thumbnail), ("spectrogram.png", found.spectrogram)):
        with atomic(folder / f"{name}.{ending}") as part:
            part.write_bytes(draw())
