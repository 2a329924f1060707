"""Workers that share one stage through the catalogue, wherever they run, and who looks after them."""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ... import __version__
from ...catalogue import set_worker_name
from ...errors import NeuralbumError, ParameterError, ToolError, in_one_line
from ...progress import SILENT, Branch, Reporter
from .. import Project, registry
from ..stage import ELSEWHERE, Outcome, join_run

MOST_DEATHS = 20
"""So many deaths in a row, with nothing done between, mean that the machine is at fault, not an item."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 30.0
"""Before another worker is started; doubled with each death in a row."""


@dataclass(frozen=True)
class Task:
    """What every worker is told: where, what, and with which words."""

    root: str
    tables: Mapping[str, Mapping[str, Any]]
    stage: str
    options: Mapping[str, Any]
    began: float  #: when the run began, Unix seconds
    workers: int
    version: str = __version__


class Engine(Protocol):
    """Where workers run."""

    def start(self, task: Task, name: str) -> None:
        """Start a worker that claims under this name."""

    def ended(self) -> list[tuple[str, str]]:
        """Who ended since the last time, and how ("" is well); waits a moment for it."""

    def heard(self) -> Iterable[tuple[str, str, Any]]:
        """What workers said since the last time: (worker, kind, value)."""

    def stop(self) -> None:
        """End the workers that are left: first they are asked, so that they give their claims back."""


def run(
    project: Project,
    stage: str,
    *,
    workers: int | None = None,
    on: str = "",
    reporter: Reporter = SILENT,
    **options: Any,
) -> Outcome:
    """Run ``stage`` with ``workers`` processes; ``options`` go to the stage's verb.

    With one worker it runs right here. Options must be picklable; settings
    travel with the project.

    Parameters
    ----------
    on : "ray" (the cluster of this machine, else one that is started for this run) or "ray://HOST[:PORT]"
    workers : None: one here; on a cluster as many as it has room for

    Raises
    ------
    ToolError
        Workers keep dying without getting anything done.
    """
    if workers is not None and workers < 1:
        raise ParameterError(f"workers={workers} must be at least 1")
    engine: Engine
    if on:
        from .on_ray import RayTasks

        engine = RayTasks(project, stage, on, reporter)
        workers = workers or engine.room
    elif workers in (None, 1):
        outcome: Outcome = registry.stage(stage)(project, reporter=reporter, **options)
        return outcome
    else:
        from .processes import Processes

        engine = Processes()
    assert workers is not None
    task = Task(str(project.root.resolve()), project.tables, stage, options, time.time(), workers)
    return _Pool(project, task, engine, reporter).run()


class _Pool:
    """Starts workers, listens to them, replaces those that die."""

    def __init__(self, project: Project, task: Task, engine: Engine, reporter: Reporter) -> None:
        self.project, self.task, self.engine, self.reporter = project, task, engine, reporter
        self.outcomes: dict[str, Outcome] = {}
        self.error: NeuralbumError | None = None
        self.branch = Branch(reporter)
        self.name = uuid.uuid4().hex[:16]
        self.n_started = self.n_died = 0
        self.deaths = 0  #: in a row
        self.living: set[str] = set()
        self.due: list[float] = []  #: when to start another, monotonic

    def run(self) -> Outcome:
        try:
            for _ in range(self.task.workers):
                self._start()
            while self.living or self.due:
                ended = self.engine.ended()
                self._listen()
                for name, how in ended:
                    self.living.discard(name)
                    if how:
                        self._died(name, how)
                now = time.monotonic()
                for _ in [at for at in self.due if at <= now]:
                    self._start()
                self.due = [at for at in self.due if at > now]
            self._listen()
        finally:
            self.engine.stop()
            self.branch.end()
        if self.error is not None:
            raise self.error
        return self._together()

    def _start(self) -> None:
        name = f"{self.name}-{self.n_started}"
        self.n_started += 1
        self.living.add(name)
        self.engine.start(self.task, name)

    def _died(self, name: str, how: str) -> None:
        self.deaths, self.n_died = self.deaths + 1, self.n_died + 1
        self.project.catalogue.count_death(name)
        self.branch.forget(name)
        if self.deaths > max(MOST_DEATHS, 3 * self.task.workers):
            raise ToolError(
                f"{self.task.stage}: {self.deaths} workers died and nothing was done ({how}); is there enough memory "
                f"for {self.task.workers} workers? Try with fewer"
            )
        self.reporter.line(f"{self.task.stage}: a worker died ({how}); starting another")
        self.due.append(time.monotonic() + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.deaths - 1)))

    def _listen(self) -> None:
        for name, kind, value in self.engine.heard():
            match kind:
                case "progress":
                    self.branch.hear(name, *value)
                    self.deaths = 0 if value[0] == "advance" and value[1] else self.deaths
                case "outcome":
                    self.outcomes[name] = value
                case "error":
                    self.error = value

    def _together(self) -> Outcome:
        if not self.outcomes:
            raise ToolError(f"{self.task.stage}: no worker finished")
        outcomes = list(self.outcomes.values())
        first = outcomes[0]
        done, failed = sum(o.done for o in outcomes), sum(o.failed for o in outcomes)
        errors = tuple(e for o in outcomes for e in o.errors)
        n_items = first.done + first.failed + first.elsewhere + first.skipped + first.failed_before
        skipped = min(o.skipped for o in outcomes)  # the first to start saw none of this run's findings
        failed_before = min(o.failed_before for o in outcomes)
        elsewhere = max(0, n_items - skipped - failed_before - done - failed)
        catalogue = self.project.catalogue
        if self.n_died and not catalogue.living(now=time.time(), stage=first.stage):
            # Who died cannot say what it had done, and nobody else works on it: what was found since then is ours.
            found = [b for b in catalogue.briefs() if b.stage == first.stage and b.created_at >= self.task.began]
            unseen = max(0, sum(b.error is not None for b in found) - failed)
            failed, failed_before = failed + unseen, max(0, failed_before - unseen)
            known = sum(b.error is None for b in found)
            done = known if known >= done else n_items - skipped - failed_before - failed  # takes have no finding
            skipped, elsewhere = n_items - failed_before - done - failed, 0
        return replace(
            first, done=done, failed=failed, skipped=skipped, failed_before=failed_before, elsewhere=elsewhere,
            errors=errors,
        )  # fmt: skip


# ---- in the worker ---------------------------------------------------------------

Say = Callable[[str, Any], None]
"""Tell the pool: kind, value."""


def work(task: Task, name: str, say: Say) -> None:
    """What a worker does: open the project afresh, run the stage, say what came of it."""
    if task.version != __version__:
        where = f"{platform.node()}: neuralbum {__version__} is installed, and {task.version} here"
        say("error", ToolError(f"{where}; install the same version on every machine"))
        return
    set_worker_name(name)
    join_run(task.began, task.workers)
    for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # the processes are the parallelism
        os.environ.setdefault(variable, "1")
    try:
        project = Project(Path(task.root), task.tables)
        project.require_here()
        say("outcome", registry.stage(task.stage)(project, reporter=_Messenger(say), **task.options))
    except NeuralbumError as error:
        say("error", error)
    except OSError as error:  # a full disk is no worker's fault
        say("error", ToolError(f"{task.stage}: {in_one_line(error)}"))
    except KeyboardInterrupt:
        pass


class _Messenger:
    """The reporter of a worker: sends everything to the pool."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def begin(self, label: str, total: float | None, unit: str) -> None:
        self._say("progress", ("begin", label, total, unit))

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if note != ELSEWHERE:
            self._say("progress", ("advance", amount, note))

    def line(self, text: str) -> None:
        self._say("progress", ("line", text))

    def end(self) -> None:
        self._say("progress", ("end",))
