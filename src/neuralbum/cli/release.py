"""``neuralbum release``: build the album; ``verify`` looks at one."""

from __future__ import annotations

from dataclasses import asdict
from json import loads
from pathlib import Path
from typing import Annotated

import typer

from .console import finish, print_json, print_next, print_table, reporter
from .options import ForceOption, JsonOption, ProjectOption, SetOption, TakesOption, find_takes, open_project

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def release(
    context: typer.Context,
    project: ProjectOption = None,
    take: TakesOption = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="Also write token metadata (ERC-721).")] = False,
    pack: Annotated[
        bool, typer.Option("--pack", help="Write a sample pack to pack/ instead: marked regions and bars as WAV loops.")
    ] = False,
    no_watermark: Annotated[
        bool,
        typer.Option(
            "--no-watermark",
            help="Do not mark the sound. Then nothing in it says that it is generated once the tags are gone; "
            "the EU's AI Act, art. 50(2), asks providers for such a mark.",
        ),
    ] = False,
    workers: Annotated[int, typer.Option(min=0, help="Encode in this many threads; 0: as set.")] = 0,
    force: ForceOption = False,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Build album/: tagged audio, gallery, index, checksums; only what changed.

    Example: neuralbum release --set release.order=flow
    """
    if context.invoked_subcommand is not None:
        return
    from ..release import run, untitled

    words = [*(set_ or []), *(["release.tokens=true"] if tokens else [])]
    words += ["release.watermark=false"] if no_watermark else []
    opened = open_project(project, words)
    if pack:
        from ..release.pack import LISTING
        from ..release.pack import run as run_pack

        folder = run_pack(opened, reporter=reporter(json))
        n_files = len(loads((folder / LISTING).read_text(encoding="utf-8")))
        print_json({"pack": str(folder), "files": n_files}) if json else print(f"pack: {n_files} loops in {folder}")
        return
    outcome = run(opened, takes=find_takes(opened, take), force=force, reporter=reporter(json), workers=workers or None)
    page = opened.album_dir / "index.html"
    left_out = untitled(opened)
    if left_out and not json:
        print(f"{left_out} kept takes have no title and are not on the album; run `neuralbum title`")
    more = {"album": str(page.resolve()), "untitled": left_out}
    raise typer.Exit(finish(outcome, json, more=more, project=opened, unit="files"))


@app.command()
def verify(
    album: Annotated[Path | None, typer.Argument(help="An album folder; default: this project's.")] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Check every file against SHA256SUMS, and all that the album says of itself against its files.

    That is: C2PA signatures and their time, tags, AI disclosure and DDEX message, ISCC, the label on each page,
    the ident and the mark in the sound. Needs no project. Exit code 1 if anything does not hold.

    Example: neuralbum release verify album/
    """
    from ..release import verify as verify_album

    found = verify_album(album or open_project(project).album_dir, reporter=reporter(json))
    if json:
        print_json({"whole": found.whole, **asdict(found)})
    else:
        rows = [(what, path, "") for what in ("missing", "changed") for path in getattr(found, what)]
        rows += [(fault.item, fault.path, fault.why) for fault in found.faults]
        rows += [("not listed", path, "") for path in found.unlisted]
        if rows:
            print_table(("", "file", ""), rows)
        for note in found.notes:
            print(note)
        print(
            f"{found.ok} files as released, {found.signed} signed" + ("" if found.whole else "; the album was altered")
        )
        print_next(None if found.whole else "neuralbum release (makes what is missing or altered again)")
    raise typer.Exit(0 if found.whole else 1)
