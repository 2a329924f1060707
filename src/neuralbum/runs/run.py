"""The room's verbs: what the command line calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..project.stage import Outcome
from ..records import Event
from .advice import advise
from .clips import clips_of, make_clips
from .listing import Run, find_run, fits, list_runs, sort_runs
from .page import Shown, write
from .params import Params

LONGEST_NAME = 60
DEFAULT_PORT = 8428


def select(
    project: Project,
    words: Sequence[str] = (),
    *,
    where: Sequence[str] = (),
    kind: str = "",
    state: str = "",
    starred: bool = False,
    sort: str = "",
) -> list[Run]:
    """Runs whose name or id contains one of ``words`` and that meet all the conditions; all of them, oldest first.

    Raises
    ------
    ParameterError
        A condition or an order that makes no sense.
    """
    found = [
        run
        for run in list_runs(project)
        if (not words or any(w.casefold() in f"{run.id} {run.name}".casefold() for w in words))
        and (not kind or run.kind == kind)
        and (not state or run.state == state)
        and (not starred or run.starred)
        and all(fits(run, condition) for condition in where)
    ]
    return sort_runs(found, sort) if sort else found


def find(project: Project, words: Sequence[str]) -> list[tuple[Run, int | None]]:
    """The runs of these names or ids, with the step after an ``@``."""
    runs = list_runs(project)
    return [find_run(runs, word) for word in words]


def show(project: Project, words: Sequence[str]) -> list[Shown]:
    """All that is known of some runs, each once."""
    found, clips = {run.id: run for run, _ in find(project, words)}, clips_of(project)
    train_s = sum(track.duration_s for track in project.catalogue.tracks("train"))
    flesh = bool(project.catalogue.models("flesh"))
    shown = []
    for run in found.values():
        curves = project.catalogue.curve(run.id)
        advice = advise(run, curves, train_s=train_s, flesh_is_there=flesh)
        shown.append(Shown(run, curves, [c for c in clips if c.model_id == run.id], advice))
    return shown


def write_page(project: Project, words: Sequence[str], path: Path, *, reporter: Reporter = SILENT) -> Path:
    """Write one page about these runs that opens offline; clips that are missing are made first."""
    make_missing_clips(project, words, reporter=reporter)
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    text = write(show(project, words), project=project.name, made=made)
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def make_missing_clips(
    project: Project, words: Sequence[str], *, every: bool = False, reporter: Reporter = SILENT
) -> Outcome:
    """Clips of the checkpoints that play (``every``: of all that are kept, ``ID@step``: of that one)."""
    wanted: list[tuple[Run, int]] = []
    for run, step in find(project, words):
        if run.kind in ("skeleton", "flesh"):
            kept = [c.step for c in run.kept]
            steps = [step] if step is not None else kept if every else [run.step]
            wanted += [(run, s) for s in steps if s in kept]
    return make_clips(project, wanted, project.params("runs", Params), reporter=reporter)


def give_name(project: Project, word: str, name: str, *, actor: str) -> Run:
    """Call a run by a name of one's own, or (empty) take the name away.

    Raises
    ------
    ParameterError
        The name is another run's, too long, or could be taken for a checkpoint.
    """
    runs = list_runs(project)
    run, _ = find_run(runs, word)
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or "@" in name or not name.isprintable():
        raise ParameterError(f"name {name[:80]!r}: at most {LONGEST_NAME} printable characters, and no @")
    others = {r.name.casefold() for r in runs if r.id != run.id} | {r.id for r in runs if r.id != run.id}
    if name and name.casefold() in others:
        raise ParameterError(f"name {name!r}: another run is called so")
    say(project, [("name", {"model": run.id, "name": name})], actor=actor)
    return run


def give_star(project: Project, words: Iterable[str], *, on: bool, actor: str) -> list[str]:
    """Give runs or checkpoints (ID@step) a star, or take it away; returns what they are."""
    found = find(project, list(words))
    say(project, [("star", {"model": run.id, "step": step, "on": on}) for run, step in found], actor=actor)
    return [run.id if step is None else f"{run.id}@{step}" for run, step in found]


def say(project: Project, said: Sequence[tuple[str, dict[str, Any]]], *, actor: str) -> None:
    """Append events about runs: (kind, payload) each."""
    now = time.time()
    project.catalogue.say(
        Event(f"run-{uuid.uuid4().hex}", now, actor, kind, "", payload, session="runs") for kind, payload in said
    )


def listen(
    project: Project,
    words: Sequence[str] = (),
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    curators: Sequence[str] = (),
    default_actor: str = "curator",
    names: Sequence[str] = (),
    until_eof: IO[bytes] | None = None,
    ready: Callable[[list[tuple[str, str]]], None] | None = None,
) -> None:
    """Serve the listening page until interrupted, or until a stream ends that another process holds open.

    Parameters
    ----------
    words : runs to hear; those that are trained now or begin later are heard in any case
    host, port, curators, default_actor, names, ready : as of ``curate.serve``

    Raises
    ------
    ParameterError, ToolError
        No such run; the port is taken.
    """
    from ..web.auth import Access
    from ..web.serving import listen as listen_at
    from ..web.serving import run_until_stopped
    from .listening import ListeningService
    from .server import make_app

    service = ListeningService(project, project.params("runs", Params), words)
    listening = listen_at(host, port)
    try:
        access = Access.make(
            host, listening.getsockname()[1], curators, default_actor=default_actor, public_names=names
        )
        app = make_app(service, access)
        listening.listen(128)
        service.start()
        if ready is not None:
            ready(access.links(host))
        if until_eof is not None:
            threading.Thread(target=_stop_at_the_end_of, args=(until_eof,), daemon=True).start()
        run_until_stopped(app, listening)
    finally:
        listening.close()
        service.close()
        project.catalogue.checkpoint()


def _stop_at_the_end_of(stream: IO[bytes]) -> None:
    while stream.read(1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def listening_beside(project: Project, port: int, *, quiet: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """The listening page in a process of its own while something is trained in this one.

    It ends with this process, also when that is killed: then the pipe between them closes.
    """
    command = [sys.executable, "-m", "neuralbum", "runs", "listen", "--project", str(project.root.resolve())]
    command += ["--port", str(port), "--until-eof", *(["--no-browser"] if quiet else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr if quiet else None)
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def write_tensorboard(project: Project, words: Sequence[str], folder: Path) -> list[Path]:
    """TensorBoard's event files of these runs (none named: of all), a folder for each."""
    from .tensorboard import write_events

    names = list(words) or [run.id for run in list_runs(project)]
    return [write_events(folder, one) for one in show(project, names)]
