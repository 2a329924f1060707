"""``neuralbum runs``: all trainings and their checkpoints."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ParameterError
from .console import announce, finish, hours, print_json, print_next, print_table, reporter
from .options import JsonOption, ProjectOption, SetOption, login_name, open_project

if TYPE_CHECKING:
    from ..runs.listing import Run
    from ..runs.page import Shown

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its name, its id or the start of it.")]
RunsArgument = Annotated[list[str], typer.Argument(metavar="RUN...", help="Names, ids or their beginnings.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page that opens offline.")]


@app.callback(invoke_without_command=True)
def command(
    context: typer.Context,
    project: ProjectOption = None,
    like: Annotated[list[str] | None, typer.Option(help="Only those with this in their name or id.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Only those with: valid_bits<300, preset=tiny, net.dropout>=0.3 …"),
    ] = None,
    kind: Annotated[str, typer.Option(help="skeleton, flesh or samplernn.")] = "",
    state: Annotated[str, typer.Option(help="running, done, stopped, pruned, failed, interrupted or deleted.")] = "",
    starred: Annotated[bool, typer.Option("--starred", help="Only those with a star.")] = False,
    sort: Annotated[
        str, typer.Option(metavar="KEY", help="A measure, a setting, cpu_s, n_bytes, score; -KEY: large ones first.")
    ] = "",
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List all trainings, also failed and pruned ones, with the settings in which they differ.

    Example: neuralbum runs --where "valid_bits<300" --sort valid_bits
    """
    if context.invoked_subcommand:
        return
    from ..runs import select
    from ..runs.listing import STATES
    from ..train.checkpoint import KINDS

    if kind and kind not in KINDS:
        raise ParameterError(f"--kind {kind}: choose one of {', '.join(KINDS)}")
    if state and state not in STATES:
        raise ParameterError(f"--state {state}: choose one of {', '.join(STATES)}")
    opened = open_project(project, set_)
    found = select(opened, like or (), where=where or (), kind=kind, state=state, starred=starred, sort=sort)
    if json:
        print_json({"runs": [_plain(run) for run in found]})
        return
    if not found:
        print("no run is like that" if like or where or kind or state or starred else "no run yet")
        print_next(
            f"neuralbum runs{_here(project)}" if opened.catalogue.models() else f"neuralbum train{_here(project)}"
        )
        return
    print_table(HEAD, _rows(found))
    print_next(f"neuralbum runs show {found[-1].name or found[-1].id} --html run.html{_here(project)}")


HEAD = ("", "run", "state", "step", "valid", "held out", "loss", "heard", "cpu", "CO2e", "size", "differs in")


def _rows(found: list[Run]) -> list[tuple[object, ...]]:
    from ..runs.listing import told_apart
    from .footprint import show_mass

    rows: list[tuple[object, ...]] = []
    for run, apart in zip(found, told_apart(found), strict=True):
        said = [f"{name}={value}" for name, value in apart.items() if name not in QUIET]
        bits = [f"{run.measures[n]:.0f}" if n in run.measures else "" for n in ("valid_bits", "heldout_bits")]
        rows.append((
            "★" if run.starred else "", f"{run.name} ({run.id})" if run.name else run.id, run.state,
            f"{run.step}/{run.steps_done}", *bits, f"{run.measures['loss']:.3f}" if "loss" in run.measures else "",
            "" if run.score is None else f"{run.score:+.2f}", hours(run.cost.cpu_s), show_mass(run.cost.grams / 1000),
            _size(run.n_bytes), " ".join(said),
        ))  # fmt: skip
    return rows


QUIET = {"preset", "kind", "dropout"}
"""Settings that the id or (net.dropout) another one says already."""


@app.command("show")
def show(
    run: RunArgument, html: HtmlOption = None, project: ProjectOption = None, set_: SetOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Show one run: how it was made, its checkpoints, what it cost, what to try next.

    --html writes one page with curves, players and spectrograms; clips that are missing are made first.

    Example: neuralbum runs show tiny-1a2b3c4d --html run.html
    """
    _show([run], html, project, set_, json)


@app.command("compare")
def compare(
    runs: RunsArgument, html: HtmlOption = None, project: ProjectOption = None, set_: SetOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Compare runs: the settings in which they differ, their curves side by side.

    --html writes one page with curves in the same frames and what each of them plays.

    Example: neuralbum runs compare tiny-1a2b3c4d tiny-5e6f7a8b --html both.html
    """
    if len(runs) < 2:
        raise ParameterError("runs compare: name two runs or more")
    _show(runs, html, project, set_, json)


def _show(words: list[str], html: Path | None, project: Path | None, set_: list[str] | None, json: bool) -> None:
    from ..runs import show, write_page

    opened = open_project(project, set_)
    if html is not None:
        write_page(opened, words, html, reporter=reporter(json))
    shown = show(opened, words)
    if json:
        plain = [{**_plain(s.run), "curves": s.curves, "advice": list(s.advice), "clips": _clips(s)} for s in shown]
        print_json({"runs": plain, **({"page": str(html)} if html else {})})
        return
    _print_side_by_side(shown)
    for one in shown:
        print(f"\n{one.run.name or one.run.id}:")
        for sentence in one.advice:
            print(f"- {sentence}")
    if html is not None:
        print(f"\npage: {html}")


def _print_side_by_side(shown: list[Shown]) -> None:
    from ..runs.listing import differing

    runs = [one.run for one in shown]
    names = list(dict.fromkeys(name for run in runs for name in run.measures))
    rows: list[list[object]] = [
        ["state", *(f"{r.state}: {r.why}" if r.why else r.state for r in runs)],
        ["begun", *(time.strftime("%Y-%m-%d %H:%M", time.localtime(r.started_at)) for r in runs)],
        ["step that plays", *(f"{r.step} of {r.steps_done}" for r in runs)],
        ["heard (-1 to 1)", *("" if r.score is None else f"{r.score:+.2f} of {r.n_heard}" for r in runs)],
        ["CPU, energy", *(f"{hours(r.cost.cpu_s)}, {1000 * r.cost.kwh:.3g} Wh" for r in runs)],
        ["size", *(f"{_size(r.n_bytes)}, {len(r.kept)} checkpoints" for r in runs)],
        ["takes made", *(r.n_takes for r in runs)],
    ]
    for n in reversed(names):
        rows.insert(3, [n.replace("_", " "), *(f"{r.measures[n]:.4g}" if n in r.measures else "" for r in runs)])
    apart = differing(runs) if len(runs) > 1 else {n: [v] for n, v in runs[0].settings.items() if n not in QUIET}
    rows += [[name, *values] for name, values in apart.items()]
    print_table(("", *((("★ " if r.starred else "") + (r.name or r.id)) for r in runs)), rows)
    curve = "loss" if all(r.kind == "flesh" for r in runs) else "valid_bits"
    steps = sorted({c.step for r in runs for c in r.checkpoints if curve in c.measures})
    by_step = [{c.step: c for c in r.checkpoints} for r in runs]
    cells = [[step, *(_measure(some.get(step), curve) for some in by_step)] for step in steps]
    print()
    print_table(("step", *(r.name or r.id for r in runs)), cells, title=f"{curve.replace('_', ' ')} at each checkpoint")


def _measure(checkpoint: Any, name: str) -> str:
    return "" if checkpoint is None or name not in checkpoint.measures else f"{checkpoint.measures[name]:.4g}"


@app.command("name")
def name(run: RunArgument, name: Annotated[str, typer.Argument(help="What to call it; empty: no name.")],
         project: ProjectOption = None, json: JsonOption = False) -> None:  # fmt: skip
    """Call a run by a name of your own, which every command then takes.

    Example: neuralbum runs name tiny-1a2b3c4d "more dropout"
    """
    from ..runs import give_name

    done = give_name(open_project(project), run, name, actor=login_name())
    print_json({"run": done.id, "name": name}) if json else print(f"{done.id}: {name or 'without a name'}")


@app.command("star")
def star(runs: RunsArgument, off: Annotated[bool, typer.Option("--off", help="Take the star away.")] = False,
         project: ProjectOption = None, json: JsonOption = False) -> None:  # fmt: skip
    """Give runs, or checkpoints written ID@step, a star.

    Example: neuralbum runs star tiny-1a2b3c4d tiny-5e6f7a8b@300
    """
    from ..runs import give_star

    done = give_star(open_project(project), runs, on=not off, actor=login_name())
    print_json({"starred" if not off else "unstarred": done}) if json else print(
        f"{'no ' if off else ''}★ {', '.join(done)}"
    )


@app.command("delete")
def delete(runs: RunsArgument, yes: YesOption = False, project: ProjectOption = None, json: JsonOption = False) -> None:
    """Delete runs, or checkpoints written ID@step, after saying how large they are and asking.

    Example: neuralbum runs delete tiny-1a2b3c4d
    """
    from ..runs import deleting

    opened = open_project(project)
    planned = deleting.plan_deletion(opened, runs)
    if not json:
        for one in planned:
            print(one.sentence())
    if not yes:
        if json or not sys.stdin.isatty():
            raise ParameterError("runs delete: asks before it deletes; say --yes where nobody can answer")
        typer.confirm(f"delete {_size(sum(one.n_bytes for one in planned))}?", abort=True)
    for one in planned:
        deleting.delete(opened, one)
    if json:
        print_json({"deleted": [{"what": one.what, "bytes": one.n_bytes, "takes": one.n_takes} for one in planned]})
    else:
        print(f"deleted: {', '.join(one.what for one in planned)}")


@app.command("clips")
def clips(
    runs: RunsArgument,
    every: Annotated[bool, typer.Option("--every", help="Of every kept one, not only the one that plays.")] = False,
    project: ProjectOption = None, set_: SetOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Make clips of what checkpoints play by themselves; RUN@step: of that one.

    Example: neuralbum runs clips tiny-1a2b3c4d --every
    """
    from ..runs import make_missing_clips

    done = make_missing_clips(open_project(project, set_), runs, every=every, reporter=reporter(json))
    raise typer.Exit(finish(done, json, unit="checkpoints"))


@app.command("listen")
def listen(
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Hear these, too.")] = None,
    host: Annotated[str, typer.Option(help="Beyond loopback every listener gets a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8428,
    curator: Annotated[list[str] | None, typer.Option(help="Who listens; each gets a link of their own.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="A host name the page is reached under; repeatable.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page here.")] = True,
    until_eof: Annotated[bool, typer.Option("--until-eof", help="Stop with the standard input.", hidden=True)] = False,
    project: ProjectOption = None, set_: SetOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Hear checkpoints as they come, of runs that are trained now or begin later, and of those that are named.

    Keys say keep, better or worse; two checkpoints can be compared blind.

    Example: neuralbum runs listen
    """
    import os

    from ..runs import listen

    if until_eof:
        os.nice(5)  # the training beside it goes first

    def ready(links: list[tuple[str, str]]) -> None:
        announce(links, as_json=json, browser=browser, before="listen, ")

    listen(
        open_project(project, set_), run or (), host=host, port=port, curators=curator or (), names=name or (),
        default_actor=login_name(), until_eof=sys.stdin.buffer if until_eof else None, ready=ready,
    )  # fmt: skip


@app.command("dashboard")
def dashboard(
    port: Annotated[int, typer.Option(help="Where to listen on this machine.", min=1, max=65535)] = 8429,
    project: ProjectOption = None,
) -> None:
    """Open optuna-dashboard on the trials of a sweep (extra: dashboard).

    Example: neuralbum runs dashboard
    """
    from ..runs.dashboard import serve

    serve(open_project(project), port=port)


@app.command("average")
def average(
    run: RunArgument,
    step: Annotated[list[int] | None, typer.Option(help="Average these checkpoints; repeatable.")] = None,
    last: Annotated[int, typer.Option(min=2, help="Or so many, up to the one that plays.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    project: ProjectOption = None, set_: SetOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Average the weights of a run's checkpoints; kept as a run of its own if the valid songs say it is better.

    Example: neuralbum runs average tiny-1a2b3c4d --last 4
    """
    from ..train import average as average_checkpoints
    from ..train.processor import pick_device

    done = average_checkpoints(
        open_project(project, set_), run, steps=step or (), last=last, device=pick_device(device),
        reporter=reporter(json),
    )  # fmt: skip
    print_json(done) if json else print(done.sentence())


@app.command("tensorboard")
def tensorboard(
    folder: Annotated[Path, typer.Argument(help="Where to write; each run gets a folder in it.")],
    run: Annotated[list[str] | None, typer.Option(help="Only this run; repeatable.")] = None,
    project: ProjectOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Write TensorBoard's event files: curves, settings, clips (extra: tensorboard).

    Example: neuralbum runs tensorboard logs
    """
    from ..runs import write_tensorboard

    written = write_tensorboard(open_project(project), run or [], folder)
    if json:
        print_json({"folders": [str(path) for path in written]})
    else:
        print(f"wrote {len(written)} runs to {folder}")
        print_next(f"tensorboard --logdir {folder}")


def _plain(run: Run) -> dict[str, Any]:
    from ..records import canonical

    table = canonical(run)
    assert isinstance(table, dict)
    return table


def _clips(one: Shown) -> list[dict[str, Any]]:
    return [{"step": c.step, "number": c.number, "seconds": c.seconds, "file": str(c.sound)} for c in one.clips]


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def _here(project: Path | None) -> str:
    import shlex

    return "" if project is None else f" --project {shlex.quote(str(project))}"
