"""``neuralbum label``: what is said of the band's songs: tags and tempo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..corpus.labels import HIGHEST_BPM, LOWEST_BPM, Labels, find_track, read_labels, say
from ..corpus.params import CorpusParams
from ..errors import CatalogueError, ParameterError
from ..project.overview import next_step
from .console import print_json, print_next, print_table
from .options import ProjectOptions, with_options

if TYPE_CHECKING:
    from ..project import Project
    from ..records import Track


@with_options(asked=ProjectOptions)
def command(
    asked: ProjectOptions,
    songs: Annotated[
        list[str] | None, typer.Argument(metavar="SONG…", help="Titles, file names or track ids; none: all songs.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Give the songs this tag; repeatable.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take this tag away; repeatable.")] = None,
    tempo: Annotated[float | None, typer.Option(min=LOWEST_BPM, max=HIGHEST_BPM, help="Beats per minute.")] = None,
    no_tempo: Annotated[bool, typer.Option("--no-tempo", help="Forget the tempo.")] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Measure a tempo, and look for the tags of takes that sound alike.")
    ] = False,
    accept: Annotated[bool, typer.Option("--accept", help="With --suggest: write the suggestions down.")] = False,
) -> None:
    """Show and set the tags and tempo of the band's songs, kept in labels.toml.

    Example: neuralbum label "Stairs" --tag slow --tag live --tempo 92

    Example: neuralbum label --suggest --accept
    """
    project = asked.open()
    path = project.root / project.params("corpus", CorpusParams).labels
    saying = bool(tag or untag or no_tempo or tempo is not None)
    if suggest:
        if saying:
            raise ParameterError("--suggest looks for labels, it takes none; leave out --tag, --untag and --tempo")
        raise typer.Exit(_suggest(asked, project, path, songs or [], accept))
    if accept:
        raise ParameterError("--accept goes with --suggest: it writes down what is suggested")
    tracks = project.catalogue.tracks()
    if not tracks:
        raise CatalogueError(f"{project.root}: no music yet; bring it in with `neuralbum add FOLDER`")
    if saying:
        _say(path, tracks, songs or [], tag or [], untag or [], 0.0 if no_tempo else tempo, clash=no_tempo and tempo)
    said = read_labels(path, tracks, may_lack=True)
    chosen = {find_track(name, tracks).id for name in songs or []} or {track.id for track in tracks}
    shown = sorted((t for t in tracks if t.id in chosen), key=lambda t: (t.title.casefold(), t.id))
    rows = [
        {"track": t.id, "title": t.title, "file": t.path, "split": t.split}
        | {"tags": list(said.get(t.id, Labels()).tags), "tempo": said.get(t.id, Labels()).tempo}
        for t in shown
    ]
    asked.say(project, {"file": str(path), "songs": rows}, lambda: _show(shown, said))


def _say(
    path: Path,
    tracks: list[Track],
    songs: list[str],
    tag: list[str],
    untag: list[str],
    tempo: float | None,
    *,
    clash: object,
) -> None:
    if not songs:
        raise ParameterError("which songs? Name them: neuralbum label SONG --tag slow")
    if clash:
        raise ParameterError("--tempo and --no-tempo: choose one")
    say(path, tracks, songs, tags=tag, untag=untag, tempo=tempo)


def _show(shown: list[Track], said: Mapping[str, Labels]) -> None:
    print_table(
        ("song", "split", "tempo", "tags"),
        [(t.title, t.split, _bpm(said.get(t.id, Labels()).tempo), _words(said.get(t.id, Labels()))) for t in shown],
    )
    if not said:
        print("nothing is said yet: neuralbum label SONG --tag slow --tempo 92, or neuralbum label --suggest")


def _bpm(tempo: float | None) -> str:
    return "" if tempo is None else f"{tempo:g}"


def _words(label: Labels) -> str:
    return "none fits" if label.none_fit else ", ".join(label.tags)


def _suggest(asked: ProjectOptions, opened: Project, path: Path, songs: list[str], accept: bool) -> int:
    from .. import resemblance

    found = resemblance.suggest(opened, path, songs=songs, accept=accept, reporter=asked.reporter())
    if asked.json:
        print_json(found)
        return 1 if found.n_failed else 0
    rows = [(s.title, _bpm(s.tempo), ", ".join(s.tags), "; ".join(s.because.values())) for s in found.suggestions]
    if rows:
        print_table(("song", "tempo", "tags", "because"), rows)
    for note in found.notes:
        print(f"note: {note}")
    if found.written:
        print(f"written to {found.written}; what stood there stayed")
    elif rows:
        print("a tempo may be felt at half or double; nothing is written yet")
        print_next("neuralbum label --suggest --accept")
    else:
        print("nothing to suggest")
    if found.written or not rows:
        print_next(next_step(opened))
    return 1 if found.n_failed else 0
