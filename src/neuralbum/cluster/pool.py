"""A pool of worker processes that share one stage through the catalogue."""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ..catalogue import name_of
from ..errors import NeuralbumError, ParameterError, ToolError
from ..progress import SILENT, Reporter
from ..project import Project
from ..stage import ELSEWHERE, Outcome, verb

POLL_S = 0.2
MAX_DEATHS = 20
"""So many deaths in one run mean the machine is at fault, not an item."""


@dataclass(frozen=True)
class Task:
    """What every worker is told: where, what, and with which words."""

    root: str
    tables: Mapping[str, Mapping[str, Any]]
    stage: str
    options: Mapping[str, Any]


def run(
    project: Project,
    stage: str,
    *,
    workers: int = 1,
    reporter: Reporter = SILENT,
    **options: Any,
) -> Outcome:
    """Run ``stage`` with ``workers`` processes; ``options`` go to the stage's verb.

    With one worker it runs right here. Options must be picklable; settings
    travel with the project.

    Raises
    ------
    ToolError
        Workers keep dying without getting anything done.
    """
    if workers < 1:
        raise ParameterError(f"workers={workers} must be at least 1")
    if workers == 1:
        outcome: Outcome = verb(stage)(project, reporter=reporter, **options)
        return outcome
    task = Task(str(project.root), project.tables, stage, options)
    return _Pool(project, task, workers, reporter).run()


class _Pool:
    """Starts workers, listens to them, replaces those that die."""

    def __init__(self, project: Project, task: Task, workers: int, reporter: Reporter) -> None:
        self.project, self.task, self.reporter = project, task, reporter
        self.context = multiprocessing.get_context("spawn")
        self.heard: Any = self.context.Queue()
        self.outcomes: list[Outcome] = []
        self.error: NeuralbumError | None = None
        self.begun = False
        self.processes = [self._start() for _ in range(workers)]
        self.names = {p.pid: name_of(p.pid or 0) for p in self.processes}

    def _start(self) -> Any:
        process = self.context.Process(target=_work, args=(self.task, self.heard), daemon=True)
        process.start()
        return process

    def run(self) -> Outcome:
        deaths = 0
        try:
            while self.processes:
                wait([p.sentinel for p in self.processes], timeout=POLL_S)
                self._listen()
                for process in [p for p in self.processes if p.exitcode is not None]:
                    self.processes.remove(process)
                    if process.exitcode == 0:
                        continue
                    deaths += 1
                    self.project.catalogue.count_death(self.names[process.pid])
                    how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit {process.exitcode}"
                    self.reporter.line(f"{self.task.stage}: a worker died ({how}); starting another")
                    if deaths > MAX_DEATHS:
                        raise ToolError(
                            f"{self.task.stage}: {deaths} workers died; is there enough memory for --workers "
                            f"{len(self.names)}? Try with fewer"
                        )
                    fresh = self._start()
                    self.names[fresh.pid] = name_of(fresh.pid)
                    self.processes.append(fresh)
            self._listen()
        finally:
            for process in self.processes:
                process.terminate()
            self.reporter.end()
        if self.error is not None:
            raise self.error
        return self._merged()

    def _listen(self) -> None:
        while True:
            try:
                kind, value = self.heard.get_nowait()
            except queue.Empty:
                return
            match kind:
                case "begin" if not self.begun:
                    self.reporter.begin(*value)
                    self.begun = True
                case "advance":
                    self.reporter.advance(*value)
                case "line":
                    self.reporter.line(value)
                case "outcome":
                    self.outcomes.append(value)
                case "error":
                    self.error = value

    def _merged(self) -> Outcome:
        if not self.outcomes:
            raise ToolError(f"{self.task.stage}: no worker finished")
        first = self.outcomes[0]
        done = sum(o.done for o in self.outcomes)
        failed = sum(o.failed for o in self.outcomes)
        errors = tuple(e for o in self.outcomes for e in o.errors)
        n_items = first.done + first.failed + first.elsewhere + first.skipped + first.failed_before
        skipped = min(o.skipped for o in self.outcomes)
        elsewhere = max(0, n_items - skipped - first.failed_before - done - failed)
        return replace(first, done=done, failed=failed, skipped=skipped, elsewhere=elsewhere, errors=errors)


def _work(task: Task, heard: Any) -> None:
    """The worker process: open the project afresh and run the stage."""
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # the processes are the parallelism
        os.environ.setdefault(name, "1")
    try:
        project = Project(Path(task.root), task.tables)
        outcome = verb(task.stage)(project, reporter=_Messenger(heard), **task.options)
        heard.put(("outcome", outcome))
    except NeuralbumError as error:
        heard.put(("error", error))
    except KeyboardInterrupt:
        pass


class _Messenger:
    """The reporter of a worker: sends everything to the pool."""

    def __init__(self, heard: Any) -> None:
        self.heard = heard

    def begin(self, label: str, total: float | None, unit: str) -> None:
        self.heard.put(("begin", (label, total, unit)))

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if note != ELSEWHERE:
            self.heard.put(("advance", (amount, note)))

    def line(self, text: str) -> None:
        self.heard.put(("line", text))

    def end(self) -> None:
        pass
