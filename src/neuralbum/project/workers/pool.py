"""A pool of worker processes that share one stage through the catalogue."""

from __future__ import annotations

import os
import queue
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...catalogue import set_worker_name
from ...errors import NeuralbumError, ParameterError, ToolError, in_one_line
from ...progress import SILENT, Branch, Reporter
from .. import Project, registry
from ..stage import ELSEWHERE, Outcome, join_run

POLL_S = 0.2
GOODBYE_S = 5.0  #: a worker that is told to stop has so long to give its claims back
MAX_DEATHS = 20
"""So many deaths in one run mean the machine is at fault, not an item."""


@dataclass(frozen=True)
class Task:
    """What every worker is told: where, what, and with which words."""

    root: str
    tables: Mapping[str, Mapping[str, Any]]
    stage: str
    options: Mapping[str, Any]
    began: float  #: when the pool's run began, Unix seconds


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
        outcome: Outcome = registry.stage(stage)(project, reporter=reporter, **options)
        return outcome
    task = Task(str(project.root), project.tables, stage, options, time.time())
    return _Pool(project, task, workers, reporter).run()


class _Pool:
    """Starts workers, listens to them, replaces those that die."""

    def __init__(self, project: Project, task: Task, workers: int, reporter: Reporter) -> None:
        self.project, self.task, self.reporter = project, task, reporter
        import multiprocessing  # costs time to import, and most runs are of one process

        self.context = multiprocessing.get_context("spawn")
        self.heard: Any = self.context.Queue()
        self.outcomes: list[Outcome] = []
        self.error: NeuralbumError | None = None
        self.branch = Branch(reporter)
        self.workers = workers
        self.name = uuid.uuid4().hex[:16]
        self.names: dict[int, str] = {}  #: pid -> the name its claims go by
        self.processes = [self._start() for _ in range(workers)]

    def _start(self) -> Any:
        name = f"{self.name}-{len(self.names)}"
        process = self.context.Process(target=_work, args=(self.task, name, self.heard), daemon=True)
        process.start()
        self.names[process.pid or 0] = name
        return process

    def run(self) -> Outcome:
        from multiprocessing.connection import wait

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
                            f"{self.workers}? Try with fewer"
                        )
                    self.branch.forget(self.names[process.pid])
                    self.processes.append(self._start())
            self._listen()
        finally:
            for process in self.processes:
                process.terminate()
            for process in self.processes:
                process.join(GOODBYE_S)
            self.branch.end()
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
                case "progress":
                    self.branch.hear(*value)
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
        skipped = min(o.skipped for o in self.outcomes)  # the first to start saw none of this run's findings
        failed_before = min(o.failed_before for o in self.outcomes)
        elsewhere = max(0, n_items - skipped - failed_before - done - failed)
        return replace(
            first, done=done, failed=failed, skipped=skipped, failed_before=failed_before, elsewhere=elsewhere,
            errors=errors,
        )  # fmt: skip


def _work(task: Task, name: str, heard: Any) -> None:
    """The worker process: open the project afresh and run the stage."""
    set_worker_name(name)
    join_run(task.began)
    signal.signal(signal.SIGTERM, _stop)  # so that claims are given back
    for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # the processes are the parallelism
        os.environ.setdefault(variable, "1")
    try:
        project = Project(Path(task.root), task.tables)
        outcome = registry.stage(task.stage)(project, reporter=_Messenger(name, heard), **task.options)
        heard.put(("outcome", outcome))
    except NeuralbumError as error:
        heard.put(("error", error))
    except OSError as error:  # a full disk is no worker's fault
        heard.put(("error", ToolError(f"{task.stage}: {in_one_line(error)}")))
    except KeyboardInterrupt:
        pass


def _stop(_signal: int, _frame: Any) -> None:
    raise KeyboardInterrupt


class _Messenger:
    """The reporter of a worker: sends everything to the pool."""

    def __init__(self, worker: str, heard: Any) -> None:
        self.worker, self.heard = worker, heard

    def _send(self, *words: Any) -> None:
        self.heard.put(("progress", (self.worker, *words)))

    def begin(self, label: str, total: float | None, unit: str) -> None:
        self._send("begin", label, total, unit)

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if note != ELSEWHERE:
            self._send("advance", amount, note)

    def line(self, text: str) -> None:
        self._send("line", text)

    def end(self) -> None:
        self._send("end")
