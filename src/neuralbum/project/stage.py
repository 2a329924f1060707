"""The loop every measuring stage shares: pending, claim, measure, files, record.

A stage names its items and says how to measure one; this loop does the rest:
it skips what has a finding with the same key, claims in batches so that
several processes can work on one project, writes files whole or not at all,
turns failures into findings and goes on, and enters the time spent in the
ledger. It can be killed at any moment and run again.
"""

from __future__ import annotations

import errno
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from ..catalogue import worker_name
from ..errors import CatalogueError, NeuralbumError, ParameterError, ToolError
from ..progress import SILENT, Reporter
from ..records import Activity, Finding, canonical, digest
from . import Project, settle
from . import file_digest as file_digest

CLAIM_BATCH = 16  #: at most so many items are claimed at once
DEADLY = 2  #: an item over which so many supervised workers died is set aside
DEADLY_ERROR = f"{DEADLY} workers died over it (killed, or out of memory?); try again with --retry"
ELSEWHERE = "elsewhere"  #: the note of an advance over items in other hands
LEDGER_EVERY_S = 30.0
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EHOSTUNREACH)
"""Errors of the disk and of the store, which meet every item alike: the run ends and says so, instead of failing item
by item."""


@dataclass(frozen=True)
class Item:
    """One thing to measure: its subject (a take's id, say) and the digests of what goes in."""

    subject: str
    inputs: Mapping[str, Any]
    payload: Any = None  #: handed to the measuring function, not part of the key


@dataclass(frozen=True)
class Measured:
    """What measuring gave: plain values, and files written to the scratch folder."""

    values: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)  #: name -> a path from ``Scratch.file``


@dataclass(frozen=True)
class Outcome:
    """What a run of a stage did."""

    stage: str
    done: int = 0
    skipped: int = 0  #: had a finding already
    failed: int = 0  #: failed in this run
    failed_before: int = 0  #: skipped because they failed in an earlier run (``retry`` tries again)
    elsewhere: int = 0  #: in the hands of another process
    errors: tuple[tuple[str, str], ...] = ()  #: (subject, message) of this run's failures

    @property
    def ok(self) -> bool:
        return self.failed == 0 and self.failed_before == 0


class Scratch:
    """A private folder where one item's files are written before they get their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str) -> Path:
        """A path to write ``name`` (e.g. ``"thumbnail.webp"``) to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name


def run_items(
    project: Project,
    stage: str,
    version: int,
    params: Any,
    items: Sequence[Item],
    measure: Callable[[Item, Scratch], Measured],
    *,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    label: str = "",
    shard: tuple[int, int] = (1, 1),
) -> Outcome:
    """Measure every item that has no finding yet.

    Parameters
    ----------
    params : frozen dataclass
        Stored with each finding and part of its key.
    measure : called with (item, scratch)
        Pure but for the scratch files. A NeuralbumError or OSError or ValueError it
        raises becomes a failed finding; anything else too, with its traceback's
        last line, because one strange file must not stop a night's work.
    force : measure again what is known; among several processes of one run each item once.
    retry : measure again what failed before.
    shard : (i, n) with 1 <= i <= n
        Only every n-th item, for array jobs.
    """
    index, n_shards = shard
    if not 1 <= index <= n_shards:
        raise ParameterError(f"shard {index}/{n_shards} must be i/n with 1 <= i <= n")
    began = run_began_at()
    since = began if force else float("-inf")  # what was measured in this run, by whomever, is not measured again
    keyed = {digest(stage, version, params, item.inputs, item.subject): item for item in items}
    mine = dict(list(keyed.items())[index - 1 :: n_shards])
    known = project.catalogue.known_keys(stage, failures=False, since=since)
    failed_before = project.catalogue.known_keys(stage, since=began if retry else since) - known
    todo = [key for key in mine if key not in known and key not in failed_before]
    if retry:
        forget_failures(project, todo, before=began)
    loop = _Loop(project, stage, version, params, mine, measure, since, reporter)
    sweep_parts(project, project.artefacts_dir / stage)
    reporter.begin(label or stage, len(todo), "items")
    try:
        with activity(project, stage) as log:
            loop.run(todo, log)
    finally:
        reporter.end()
    sweep_parts(project, project.artefacts_dir / stage)
    return Outcome(
        stage=stage,
        done=loop.done,
        skipped=sum(key in known for key in mine),
        failed=loop.failed,
        failed_before=sum(key in failed_before for key in mine),
        elsewhere=len(todo) - loop.done - loop.failed,
        errors=tuple(loop.errors),
    )


class _Loop:
    """Claims what is to be done, batch by batch, and measures it."""

    def __init__(
        self,
        project: Project,
        stage: str,
        version: int,
        params: Any,
        items: Mapping[str, Item],
        measure: Callable[[Item, Scratch], Measured],
        since: float,
        reporter: Reporter,
    ) -> None:
        self.project, self.stage, self.version, self.params = project, stage, version, params
        self.items, self.measure, self.since, self.reporter = items, measure, since, reporter
        self.worker = worker_name()
        self.done = self.failed = 0
        self.errors: list[tuple[str, str]] = []

    def run(self, todo: Sequence[str], log: ActivityLog) -> None:
        size = max(1, min(CLAIM_BATCH, len(todo) // 8))
        left: list[str] = []
        for batch in [todo[i : i + size] for i in range(0, len(todo), size)]:
            left += self._batch(batch, log, wait=False)
        while left:  # in other hands: those of the dead are taken over, one batch at a time
            self.reporter.advance(0.0, "waiting for what other processes hold")
            batch, left = left[:size], left[size:]
            elsewhere = len(self._batch(batch, log, wait=True))
            if elsewhere:
                self.reporter.advance(elsewhere, ELSEWHERE)

    def _batch(self, keys: Sequence[str], log: ActivityLog, *, wait: bool) -> list[str]:
        """Measure those of ``keys`` that can be had; returns the others."""
        catalogue = self.project.catalogue
        got = catalogue.claim(self.stage, keys, worker=self.worker, now=time.time(), since=self.since, wait=wait)
        deaths = catalogue.deaths(got)
        try:
            for key in got:
                catalogue.start(key, now=time.time())
                how = _deadly if deaths.get(key, 0) >= DEADLY else self.measure
                self._enter(_one(self.project, self.stage, self.version, self.params, key, self.items[key], how), log)
        except BaseException:  # interrupted: leave nothing locked
            catalogue.let_go(got, worker=self.worker)
            raise
        mine = set(got)
        return [key for key in keys if key not in mine]

    def _enter(self, finding: Finding, log: ActivityLog) -> None:
        self.project.catalogue.record(finding)
        if finding.error is None:
            self.done += 1
            log(done=1)
        else:
            self.failed += 1
            log(failed=1)
            self.errors.append((finding.subject, finding.error))
            self.reporter.line(f"{self.stage} {finding.subject}: {finding.error}")
        self.reporter.advance(1)


_began: float | None = None
_n_sharing = 1


def run_began_at() -> float:
    """When this run began (Unix seconds): that of the pool it belongs to, else now."""
    return time.time() if _began is None else _began


def n_sharing() -> int:
    """How many workers were started together with this one, itself included."""
    return _n_sharing


def join_run(began: float, workers: int) -> None:
    """This process is one of several that share a run begun then: what one has measured anew, no other does."""
    global _began, _n_sharing
    _began, _n_sharing = began, workers


def sweep_parts(project: Project, folder: Path) -> None:
    """Remove what is half written in ``folder`` and belongs to nobody: no living claim is its writer's."""
    parts = list(folder.glob("*.part*")) if folder.is_dir() else []
    if not parts:
        return
    living = project.catalogue.living(now=time.time()) | {worker_name()}
    for part in parts:
        if any(f".{worker}.part" in part.name for worker in living):
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


@contextmanager
def alone(project: Project, stage: str, key: str, what: str) -> Iterator[None]:
    """Hold a claim while a piece of work goes on that only one process may do at a time.

    Raises
    ------
    CatalogueError
        Another living process is doing ``what``.
    """
    worker = worker_name()
    if not project.catalogue.claim(stage, [key], worker=worker, now=time.time()):
        raise CatalogueError(f"{project.root}: another process is {what}; run this again when it is done")
    try:
        yield
    finally:
        project.catalogue.let_go([key], worker=worker)


def _deadly(item: Item, _scratch: Scratch) -> Measured:
    raise ToolError(DEADLY_ERROR)


def _one(
    project: Project,
    stage: str,
    version: int,
    params: Any,
    key: str,
    item: Item,
    measure: Callable[[Item, Scratch], Measured],
) -> Finding:
    folder, name = project.artefacts_dir / stage, f"{item.subject}.{key[:8]}"
    scratch = Scratch(folder / f"{name}.{worker_name()}.part")
    shutil.rmtree(scratch.folder, ignore_errors=True)
    cpu = time.process_time()
    values: Mapping[str, Any] = {}
    files: dict[str, str] = {}
    error: str | None = None
    try:
        measured = measure(item, scratch)
        values = dict(canonical(measured.values))  # type: ignore[call-overload]
        for what, part in measured.files.items():
            final = folder / f"{name}.{part.name}"
            settle(part, final)
            files[what] = project.relative(final)
    except NeuralbumError as cause:
        error = str(cause)
    except Exception as cause:  # one strange file must not stop a night's work
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            raise  # nothing else can be written either: the item is not at fault
        at = traceback.extract_tb(cause.__traceback__)[-1]
        error = f"{type(cause).__name__}: {cause} ({Path(at.filename).name}:{at.lineno})"
    finally:
        shutil.rmtree(scratch.folder, ignore_errors=True)
    if error is not None:
        files = {}
        _remove_orphans(project, key, folder, name)
    return Finding(
        key=key,
        stage=stage,
        version=version,
        subject=item.subject,
        params=dict(canonical(params)),  # type: ignore[call-overload]
        inputs=item.inputs,
        values=values,
        files=files,
        error=error,
        cpu_s=time.process_time() - cpu,
        created_at=time.time(),
    )


def _remove_orphans(project: Project, key: str, folder: Path, name: str) -> None:
    """Remove an item's files that no finding will name: of a failure, or of a run that was killed before its row."""
    known = project.catalogue.finding(key)
    named = set() if known is None else set(known.files.values())
    for path in folder.glob(f"{escape(name)}.*"):
        if path.is_file() and project.relative(path) not in named:
            path.unlink()


def forget_failures(project: Project, keys: Sequence[str], *, before: float) -> None:
    """Remove older failures, so that their items are pending again."""
    wanted = set(keys)
    for brief in project.catalogue.briefs():
        if brief.key in wanted and brief.error is not None and brief.created_at < before:
            project.catalogue.forget(brief.key)


class ActivityLog:
    """Enters the time a piece of work takes; call it now and then with what was done."""

    def __init__(self, project: Project, stage: str, device: str, detail: Mapping[str, Any]) -> None:
        self._project, self._stage, self._device, self._detail = project, stage, device, detail
        self._counts = {"done": 0, "failed": 0}
        self._begin()

    def _begin(self) -> None:
        self._start, self._cpu = time.time(), time.process_time()

    def __call__(self, done: int = 0, failed: int = 0) -> None:
        self._counts["done"] += done
        self._counts["failed"] += failed
        if time.time() - self._start >= LEDGER_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write a row for what went since the last one."""
        now, now_cpu = time.time(), time.process_time()
        wall = now - self._start
        if wall < 0.05 and not any(self._counts.values()):
            return
        self._project.catalogue.add_activity(
            Activity(
                stage=self._stage,
                started_at=self._start,
                wall_s=wall,
                cpu_s=now_cpu - self._cpu,
                device=self._device,
                device_s=0.0 if self._device == "cpu" else wall,
                n_done=self._counts["done"],
                n_failed=self._counts["failed"],
                detail=self._detail,
            )
        )
        self._start, self._cpu = now, now_cpu
        self._counts = {"done": 0, "failed": 0}

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What happens inside is entered by another stage, and not here, too."""
        self.flush()
        try:
            yield
        finally:
            self._begin()


@contextmanager
def activity(
    project: Project, stage: str, *, device: str = "cpu", detail: Mapping[str, Any] | None = None
) -> Iterator[ActivityLog]:
    """Enter the time a piece of work takes in the energy ledger, also if it is cut short.

    Yields an ``ActivityLog``. A row is written every half minute and at the end, so
    that a killed run loses little.
    """
    log = ActivityLog(project, stage, device, detail or {})
    try:
        yield log
    finally:
        log.flush()
