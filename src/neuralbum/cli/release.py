"""``neuralbum release``: build the album; ``verify`` looks at one."""

from __future__ import annotations

from dataclasses import asdict
from json import loads
from pathlib import Path
from typing import Annotated

import typer

from .console import print_json, print_next, print_table
from .options import ProjectOptions, TakeOptions, find_takes, with_options

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
@with_options(asked=TakeOptions)
def release(
    context: typer.Context,
    asked: TakeOptions,
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
) -> None:
    """Build album/: tagged audio, gallery, index, checksums; only what changed.

    Example: neuralbum release --set release.order=flow
    """
    if context.invoked_subcommand is not None:
        return
    from ..release import run, untitled

    words = [*(["release.tokens=true"] if tokens else []), *(["release.watermark=false"] if no_watermark else [])]
    project = asked.open(*words)
    if pack:
        from ..release.pack import LISTING
        from ..release.pack import run as run_pack

        folder = run_pack(project, reporter=asked.reporter())
        n_files = len(loads((folder / LISTING).read_text(encoding="utf-8")))
        said = {"pack": str(folder), "files": n_files}
        print_json(said) if asked.json else print(f"pack: {n_files} loops in {folder}")
        return
    chosen = find_takes(project, asked.take)
    outcome = run(project, takes=chosen, force=asked.force, reporter=asked.reporter(), workers=workers or None)
    page = project.album_dir / "index.html"
    left_out = untitled(project)
    if left_out and not asked.json:
        print(f"{left_out} kept takes have no title and are not on the album; run `neuralbum title`")
    more = {"album": str(page.resolve()), "untitled": left_out}
    asked.finish(outcome, project, more=more, unit="files")


@app.command()
@with_options(asked=ProjectOptions)
def verify(
    asked: ProjectOptions,
    album: Annotated[Path | None, typer.Argument(help="An album folder; default: this project's.")] = None,
) -> None:
    """Check every file against SHA256SUMS, and all that the album says of itself against its files.

    That is: C2PA signatures and their time, tags, AI disclosure and DDEX message, ISCC, the label on each page,
    the ident and the mark in the sound. Needs no project. Exit code 1 if anything does not hold.

    Example: neuralbum release verify album/
    """
    from ..release import verify as verify_album

    found = verify_album(album or asked.open().album_dir, reporter=asked.reporter())
    if asked.json:
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
