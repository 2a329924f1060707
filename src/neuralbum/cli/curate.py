"""``neuralbum curate``: open the curation tool, keep by ranking, exchange what was said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import FormatError, ParameterError
from ..project import Project
from ..project.overview import next_step
from .console import announce, print_next
from .options import ProjectOptions, TakesOption, find_takes, login_name, with_options

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".txt": "audacity", ".jams": "jams"}


@app.callback(invoke_without_command=True)
@with_options(asked=ProjectOptions)
def command(
    context: typer.Context,
    asked: ProjectOptions,
    auto: Annotated[bool, typer.Option("--auto", help="Keep by the screen's ranking instead; people win.")] = False,
    keep: Annotated[int | None, typer.Option(help="With --auto: how many takes the album gets.")] = None,
    share: Annotated[float | None, typer.Option(help="With --auto: the same as a share of all takes.")] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; beyond loopback every curator gets a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8427,
    curator: Annotated[
        list[str] | None, typer.Option(help="Who curates; repeatable, each gets a link of their own.")
    ] = None,
    name: Annotated[list[str] | None, typer.Option(help="A host name the page is reached under; repeatable.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page here.")] = True,
) -> None:
    """Judge takes in the browser, or keep them by ranking with --auto.

    Example: neuralbum curate --auto --share 0.6
    """
    if context.invoked_subcommand:
        return
    from .. import curate

    opened, json = asked.open(), asked.json
    if auto:
        asked.finish(curate.auto(opened, keep=keep, share=share, reporter=asked.reporter()), opened)
    if keep is not None or share is not None:
        raise ParameterError("--keep and --share belong to --auto")

    def ready(links: list[tuple[str, str]]) -> None:
        announce(links, as_json=json, browser=browser, after="stop with Ctrl-C; everything said is kept")

    curate.serve(
        opened,
        host=host,
        port=port,
        curators=curator or [],
        default_actor=login_name(),
        names=name or [],
        ready=ready,
    )
    if not json:
        print_next(next_step(opened))


@app.command("prepare")
@with_options(asked=ProjectOptions)
def prepare(asked: ProjectOptions, take: TakesOption = None) -> None:
    """Make all listening copies and pictures ahead, so that nobody waits for them.

    Example: neuralbum curate prepare
    """
    from .. import curate

    opened = asked.open()
    asked.finish(curate.prepare(opened, takes=find_takes(opened, take), reporter=asked.reporter()), opened)


@app.command("export")
@with_options(asked=ProjectOptions)
def export(
    asked: ProjectOptions,
    file: Annotated[Path, typer.Argument(help="What to write: .csv, .jsonl, .txt (Audacity labels) or .jams.")],
) -> None:
    """Write what was said to a file, for other programs.

    Labels and JAMS get one file a take, with the take's id in its name.

    Example: neuralbum curate export curation.jsonl
    """
    from .. import curate
    from ..project import atomic

    opened = asked.open()
    written = []
    for take, text in curate.export(opened, _form(file)).items():
        target = file.with_name(f"{file.stem}.{take}{file.suffix}") if take else file
        with atomic(target) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
        written.append((str(target), len(text.encode())))
    lines = [f"wrote {name}" for name, _ in written]
    if not written:
        lines = [f"nothing to write: {'no take has notes' if _form(file) == 'audacity' else 'nothing was said'} yet"]
    found = {"files": [{"file": name, "bytes": n_bytes} for name, n_bytes in written]}
    asked.say(opened, found, lambda: print("\n".join(lines)))


@app.command("import")
@with_options(asked=ProjectOptions)
def import_(
    asked: ProjectOptions,
    file: Annotated[Path, typer.Argument(help="What to read: .csv, .jsonl, .txt (Audacity labels) or .jams.")],
    curator: Annotated[str, typer.Option(help="Who said it, where the file does not tell.")] = "",
    take: Annotated[
        str, typer.Option(help="Which take labels are about, where neither the file nor its name tells.")
    ] = "",
) -> None:
    """Append what a file adds to what was said; the same file twice counts once.

    Example: neuralbum curate import curation.jsonl
    """
    from .. import curate
    from ..curate.importing import decode
    from ..web.auth import clean_actor

    opened, form = asked.open(), _form(file)
    try:
        text = decode(file.read_bytes())
    except OSError as cause:
        raise FormatError(f"{file}: cannot be read ({cause.strerror})") from cause
    actor = clean_actor(curator) if curator else login_name()
    about = (find_takes(opened, [take]) or [""])[0] if take else _take_named(file, opened)
    try:
        new = curate.bring_in(opened, form, text, actor=actor, take=about)
    except ParameterError as why:
        raise FormatError(f"{file}: {why}") from why
    words = f"{new} new events from {file}" + ("" if new else ": all it says was said before")
    asked.say(opened, {"file": str(file), "new": new}, lambda: print(words))


def _take_named(file: Path, project: Project) -> str:
    """The take whose id stands in a file's name, as ``export`` writes it."""
    ids = {take.id for take in project.catalogue.takes()}
    return next((part for part in reversed(file.stem.split(".")) if part in ids), "")


def _form(file: Path) -> str:
    if file.suffix.lower() not in FORMS:
        raise ParameterError(f"{file}: the ending must be one of {', '.join(FORMS)}")
    return FORMS[file.suffix.lower()]
