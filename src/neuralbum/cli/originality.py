"""``neuralbum originality``: search takes, or any files, for copies."""

from __future__ import annotations

import shlex
import sys
from csv import DictWriter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..project import Project
from .console import finish, print_json, print_next, print_table, reporter
from .options import (
    ForceOption,
    JsonOption,
    PoolOptions,
    ProjectOption,
    RetryOption,
    SetOption,
    ShardOption,
    WorkersOption,
    find_takes,
    open_project,
    parse_shard,
    with_options,
)

if TYPE_CHECKING:
    from ..originality.search import Segment

app = typer.Typer(no_args_is_help=False, add_completion=False, rich_markup_mode=None)

LanesOption = Annotated[str, typer.Option("--lanes", help="Which searches to run: exact,shifted,cover.")]


@app.callback(invoke_without_command=True)
@with_options(asked=PoolOptions)
def check(
    context: typer.Context,
    asked: PoolOptions,
) -> None:
    """Search a project's takes for copies of the training music.

    Every take is compared with the songs the net was trained on and, as the
    control, with those held out. `neuralbum why TAKE` shows the segments.

    Example: neuralbum originality
    Example: neuralbum originality index ~/Music/TheBand -o band.nbx
    Example: neuralbum originality search band.nbx song.flac --csv
    """
    if context.invoked_subcommand is not None:
        return
    from ..originality import draw_report

    project = asked.open()
    outcome = asked.run(project, "originality")
    page = draw_report(project)
    if not asked.json:
        _show(project, find_takes(project, asked.take))
        print(f"report: {page}")
    asked.finish(outcome, project, more={"report": str(page)})


def _show(opened: Project, wanted: list[str] | None) -> None:
    from ..originality.params import Params
    from ..originality.run import judge_album

    params = opened.params("originality", Params)
    judged = judge_album(opened, params)
    keys = {row["key"] for take, row in judged.items() if wanted is None or take in wanted}
    values = {f.subject: f.values for f in opened.catalogue.findings("originality") if f.key in keys}
    if not values:
        return
    copies = sorted((take for take in values if not judged[take]["original"]), key=lambda take: judged[take]["q"])
    if copies:
        rows = [
            (
                take[:8],
                f"{values[take]['longest_s']:.1f}",
                f"{values[take]['matched_s']:.1f}",
                f"{judged[take]['q']:.1e}",
            )
            for take in copies
        ]
        title = f"copies at a false discovery rate of {params.false_discovery_rate:.0%}"
        print_table(("take", "longest s", "matched s", "q"), rows, title=title)
    control = max(v["heldout_longest_s"] for v in values.values())
    print(
        f"{len(values) - len(copies)} of {len(values)} takes copy nothing; "
        f"longest match with held-out songs {control:.1f} s"
    )


@app.command("index")
def make_index(
    folders: Annotated[list[Path], typer.Argument(help="Folders or files of music.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The index file to write.")],
    seed: Annotated[int, typer.Option(help="Which stretches serve as decoys.")] = 0,
    json: JsonOption = False,
) -> None:
    """Index a folder of music for searching.

    Example: neuralbum originality index ~/Music/TheBand -o band.nbx
    """
    from .. import originality

    talker = reporter(json)
    talker.begin("originality", None, "")
    made, failures = originality.index_files(folders, out, seed=seed, reporter=talker)
    talker.end()
    about = {
        "index": str(out),
        "digest": made.digest,
        "tracks": len(made.tracks),
        "duration_s": made.duration_s,
        "bytes": made.size,
        "hashes_per_second": made.hashes_per_second(),
        "failed": [{"file": name, "error": why} for name, why in failures],
    }
    if json:
        print_json(about)
    else:
        print(
            f"{out}: {len(made.tracks)} tracks, {made.duration_s / 60:.1f} min, {made.size / 1e6:.1f} MB, "
            f"{made.hashes_per_second():.0f} hashes/s"
        )
        print_next(f"neuralbum originality search {shlex.quote(str(out))} SONG…")
    raise typer.Exit(1 if failures else 0)


@app.command("search")
def search(
    index: Annotated[Path, typer.Argument(help="An index made by `neuralbum originality index`.")],
    files: Annotated[list[Path], typer.Argument(help="Sound files (or folders of them) to search for.")],
    lanes: LanesOption = "exact,shifted,cover",
    max_p: Annotated[float, typer.Option(help="List segments that chance gives with at most this probability.")] = 3e-4,
    workers: WorkersOption = 1,
    journal: Annotated[Path | None, typer.Option(help="Note finished files here, and go on from it.")] = None,
    ask: Annotated[str, typer.Option("--ask", help="Ask outside services too: acoustid,acrcloud,audd.")] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Print rows of comma-separated values.")] = False,
    json: JsonOption = False,
) -> None:
    """Search files in an index: one row a segment, best first; a file without a match gives no row.

    Example: neuralbum originality search band.nbx song.flac --csv
    """
    from .. import originality
    from ..originality.search import FIELDS, plain

    found, failures = originality.search_files(
        index, files, lanes=_words(lanes), max_p=max_p, workers=workers, journal=journal, reporter=reporter(json or csv)
    )
    said = _ask_services(files, _words(ask))
    if json:
        failed = [{"file": name, "error": why} for name, why in failures]
        print_json({"segments": plain(found), "failed": failed, **({"services": said} if ask else {})})
    else:
        if csv:
            writer = DictWriter(sys.stdout, FIELDS)
            writer.writeheader()
            writer.writerows(plain(found))
        else:
            header = ("query", "s", "reference", "s", "pitch", "speed", "lane", "score")
            print_table(header, [_short(segment) for segment in found])
            print(f"{len(found)} segments in {len({segment.query for segment in found})} files")
        _tell(failures, said, err=csv)
        if not csv:
            first = f"neuralbum originality search {shlex.quote(str(index))} {shlex.quote(str(files[0]))}"
            print_next(
                f"{first} --csv > segments.csv" if found else f"{first} --ask acrcloud (what other music is it?)"
            )
    silent = any(one["status"] == "unknown" for one in said)
    raise typer.Exit(1 if failures or silent else 0)


def _tell(failures: list[tuple[str, str]], said: list[dict[str, Any]], *, err: bool) -> None:
    """What could not be read, and what the services answered."""
    for name, why in failures:
        typer.echo(why if why.startswith(f"{name}: ") else f"{name}: {why}", err=True)
    for one in said:
        typer.echo(f"{one['file']}: {one['service']}: {one['status']} {one['reason']}", err=err)
        for match in one["matches"]:
            typer.echo(f"  {match['q_start_s']:.1f} s: {match['artist']}, {match['title']}", err=err)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@app.command("model")
def model(
    name: Annotated[str, typer.Argument(help="The model: its id or the start of one.")],
    project: ProjectOption = None,
    step: Annotated[list[int] | None, typer.Option("--step", help="Only this checkpoint; repeatable.")] = None,
    temperature: Annotated[list[float] | None, typer.Option("--temperature", help="Repeatable.")] = None,
    seconds: Annotated[float, typer.Option(help="Seconds to generate for each checkpoint and temperature.")] = 600.0,
    take_s: Annotated[float, typer.Option(help="Length of one take in seconds.")] = 30.0,
    workers: WorkersOption = 1,
    force: ForceOption = False,
    retry: RetryOption = False,
    shard: ShardOption = "1/1",
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Measure how much a net memorises: its takes against trained and held-out songs, and planted copies.

    Example: neuralbum originality model tiny-1a2b3c4d --temperature 0.98 --temperature 1.02
    """
    from ..originality.memorisation import TEMPERATURES, write_model_report
    from ..project.workers import run

    opened = open_project(project, settings)
    asked: dict[str, Any] = {
        "steps": step or None,
        "temperatures": tuple(temperature or TEMPERATURES),
        "seconds": seconds,
    }
    asked |= {"take_s": take_s}
    outcome = run(
        opened,
        "memorisation",
        workers=workers,
        model_id=name,
        force=force,
        retry=retry,
        reporter=reporter(json),
        shard=parse_shard(shard),
        **asked,
    )
    page, rows = write_model_report(opened, name, **asked)
    if not json:
        header = ("step", "T", "held-out bits", "copied s/h", "held-out s/h", "excess s/h (95 %)", "planted, found")
        print_table(header, [_model_row(r) for r in rows], title="copied seconds per generated hour")
        print(f"report: {page}")
    raise typer.Exit(finish(outcome, json, more={"report": str(page), "rows": rows}, project=opened))


@app.command("attribute")
def attribute(
    take: Annotated[str, typer.Argument(help="The take: a song's number or title, or (the start of) a take's id.")],
    retrain: Annotated[int, typer.Option("--retrain", metavar="K", help="Train K nets, each without one song.")],
    steps: Annotated[int, typer.Option(min=0, help="Steps of each net; 0: those of the net that played the take.")] = 0,
    dry_run: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    project: ProjectOption = None,
    retry: RetryOption = False,
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Ask which song a take was learned from: nets without one song each say whose absence makes it less likely.

    Example: neuralbum originality attribute 3 --retrain 5
    """
    from ..project.overview import find_take
    from ..train import attribution

    opened = open_project(project, settings)
    planned = attribution.plan(opened, find_take(opened, take), retrain, steps=steps)
    if planned.left or dry_run:
        price = attribution.price(planned)
        reporter(json).line(price.sentence())
        if dry_run:
            if json:
                print_json(asdict(price))
            return
    found, _ = attribution.attribute(opened, planned, retry=retry, reporter=reporter(json))
    if json:
        print_json([asdict(one) for one in found])
        return
    rows = [(one.song, f"{one.bits:+.1f}", f"{one.p:.2f}") for one in found]
    print_table(("without", "bits/s more", "p"), rows, title=f"take {planned.take.id[:8]}: what it loses")
    if found[0].p <= 0.1:
        print(f"{found[0].song!r} is what this take owes most to.")
    else:
        print("No song stands out: other takes lose as much by the absence of one song or another.")


def _model_row(r: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(r["step"]),
        f"{r['temperature']:g}",
        "" if r["heldout_bits"] is None else f"{r['heldout_bits']:.3f}",
        f"{r['matched_s_per_hour']:.2f}",
        f"{r['heldout_s_per_hour']:.2f}",
        f"{r['excess']:.2f} [{r['excess_low']:.2f}, {r['excess_high']:.2f}]",
        "" if r["sensitivity"] is None else f"{r['sensitivity']:.0%}",
    )


def _ask_services(places: list[Path], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What outside services say about each file; silence is reported as such."""
    if not names:
        return []
    from ..audio import apart
    from ..errors import AudioError
    from ..originality import services
    from ..originality.files import sound_files
    from ..originality.fingerprints import read_mono

    asked = services.from_environment(names)
    said = []
    for path in sound_files(places):
        try:
            sound = read_mono(path, blocks=apart.blocks)
        except AudioError:
            continue  # named among the failures already
        said += [{"file": str(path), **asdict(service.identify(sound))} for service in asked]
    return said


def _short(s: Segment) -> tuple[str, ...]:
    return (
        Path(s.query).name,
        f"{s.q_start_s:.2f}–{s.q_end_s:.2f}",
        s.reference,
        f"{s.r_start_s:.2f}–{s.r_end_s:.2f}",
        f"{s.pitch_semitones:+d}",
        f"{s.speed:.3f}",
        s.lane,
        f"{s.score:.1f}",
    )
