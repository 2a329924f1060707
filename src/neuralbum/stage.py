"""The loop every measuring stage shares: pending, claim, measure, files, record.

A stage names its items and says how to measure one; this loop does the rest:
it skips what has a finding with the same key, claims in batches so that
several processes can work on one project, writes files whole or not at all,
turns failures into findings and goes on, and enters the time spent in the
ledger. It can be killed at any moment and run again.

Rooms are found by name (``verb``), so that ``cluster`` and ``demo`` can run a
stage without importing its room.
"""

from __future__ import annotations

import hashlib
import importlib
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from .catalogue import worker_name
from .errors import NeuralbumError, ParameterError, ToolError
from .progress import SILENT, Reporter
from .project import Project, settle
from .records import Activity, Finding, canonical, digest

CLAIM_BATCH = 16  #: at most so many items are claimed at once
DEADLY = 2  #: an item over which so many supervised workers died is set aside
ELSEWHERE = "elsewhere"  #: the note of an advance over items in other hands
LEDGER_EVERY_S = 30.0


@dataclass(frozen=True)
class Item:
    """One thing to measure: its subject (a take's id, say) and the digests of what goes in."""

    subject: str
    inputs: Mapping[str, Any]
    payload: Any = None  #: handed to the measuring function, not part of the key


@dataclass(frozen=True)
class Measured:
    """What measuring gave: plain values, and files written to the desk."""

    values: Mapping[str, Any]
    files: Mapping[str, Path] = field(default_factory=dict)  #: name -> a path from ``Desk.file``


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


class Desk:
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
    measure: Callable[[Item, Desk], Measured],
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
    measure : called with (item, desk)
        Pure but for the desk's files. A NeuralbumError or OSError or ValueError it
        raises becomes a failed finding; anything else too, with its traceback's
        last line, because one strange file must not stop a night's work.
    force : measure again what is known.
    retry : measure again what failed before.
    shard : (i, n) with 1 <= i <= n
        Only every n-th item, for array jobs.
    """
    index, n_shards = shard
    if not 1 <= index <= n_shards:
        raise ParameterError(f"shard {index}/{n_shards} must be i/n with 1 <= i <= n")
    catalogue = project.catalogue
    keyed = {digest(stage, version, params, item.inputs, item.subject): item for item in items}
    mine = dict(list(keyed.items())[index - 1 :: n_shards])
    known = set() if force else catalogue.known_keys(stage, failures=False)
    failed_before = set() if force or retry else catalogue.known_keys(stage) - known
    todo = [key for key in mine if key not in known and key not in failed_before]
    if force or retry:
        _forget_failures(project, stage, todo, everything=force)

    worker = worker_name()
    done = failed = 0
    errors: list[tuple[str, str]] = []
    reporter.begin(label or stage, len(todo), "items")
    with activity(project, stage) as tick:
        size = max(1, min(CLAIM_BATCH, len(todo) // 8))
        for batch in [todo[i : i + size] for i in range(0, len(todo), size)]:
            got = catalogue.claim(stage, batch, worker=worker, now=time.time())
            deaths = catalogue.deaths(got)
            try:
                for key in got:
                    catalogue.start(key, now=time.time())
                    killer = deaths.get(key, 0) >= DEADLY
                    how = _deadly if killer else measure
                    finding = _one(project, stage, version, params, key, mine[key], how)
                    catalogue.record(finding)
                    if finding.error is None:
                        done += 1
                        tick(done=1)
                    else:
                        failed += 1
                        tick(failed=1)
                        errors.append((finding.subject, finding.error))
                        reporter.line(f"{stage} {finding.subject}: {finding.error}")
                    reporter.advance(1)
            except BaseException:  # interrupted: leave nothing locked
                catalogue.let_go(got, worker=worker)
                raise
            if len(got) < len(batch):
                reporter.advance(len(batch) - len(got), ELSEWHERE)
    reporter.end()
    return Outcome(
        stage=stage,
        done=done,
        skipped=sum(key in known for key in mine),
        failed=failed,
        failed_before=sum(key in failed_before for key in mine),
        elsewhere=len(todo) - done - failed,
        errors=tuple(errors),
    )


def _deadly(item: Item, _desk: Desk) -> Measured:
    raise ToolError(f"{DEADLY} workers died over it (killed, or out of memory?); try again with --retry")


def _one(
    project: Project,
    stage: str,
    version: int,
    params: Any,
    key: str,
    item: Item,
    measure: Callable[[Item, Desk], Measured],
) -> Finding:
    folder = project.artefacts_dir / stage
    desk = Desk(folder / f"{item.subject}.{key[:8]}.part")
    shutil.rmtree(desk.folder, ignore_errors=True)  # left by a killed run
    cpu = time.process_time()
    values: Mapping[str, Any] = {}
    files: dict[str, str] = {}
    error: str | None = None
    try:
        measured = measure(item, desk)
        values = dict(canonical(measured.values))  # type: ignore[call-overload]
        for name, part in measured.files.items():
            final = folder / f"{item.subject}.{key[:8]}.{part.name}"
            settle(part, final)
            files[name] = project.relative(final)
    except NeuralbumError as cause:
        error = str(cause)
    except Exception as cause:  # one strange file must not stop a night's work
        at = traceback.extract_tb(cause.__traceback__)[-1]
        error = f"{type(cause).__name__}: {cause} ({Path(at.filename).name}:{at.lineno})"
    finally:
        shutil.rmtree(desk.folder, ignore_errors=True)
    if error is not None:  # files of this run, or of one that was killed before its row: no finding is to name them
        files = {}
        for orphan in folder.glob(f"{escape(desk.folder.stem)}.*"):
            orphan.unlink()
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


def _forget_failures(project: Project, stage: str, keys: Sequence[str], *, everything: bool) -> None:
    wanted = set(keys)
    for finding in project.catalogue.findings(stage):
        if finding.key in wanted and (everything or finding.error is not None):
            project.catalogue.forget(finding.key)


class Ledger:
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
) -> Iterator[Ledger]:
    """Enter the time a piece of work takes in the energy ledger, also if it is cut short.

    Yields a ``Ledger``. A row is written every half minute and at the end, so
    that a killed run loses little.
    """
    ledger = Ledger(project, stage, device, detail or {})
    try:
        yield ledger
    finally:
        ledger.flush()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verb(name: str) -> Callable[..., Any]:
    """A room's verb by name: ``"screen"`` is ``neuralbum.screen.run``, ``"curate.auto"`` is ``….auto``."""
    room, _, attribute = name.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"neuralbum.{room}"), attribute or "run")
    return found
