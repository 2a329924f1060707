"""Talking to whoever reads: progress bars on a terminal, plain lines elsewhere, JSON on demand.

Results go to stdout, everything else to stderr, so that ``--json`` can be piped.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..progress import Reporter, Task, Tasks, amount_of
from ..project.stage import Outcome
from ..records import canonical

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from ..project import Project

PLAIN_EVERY_S = 2.5
"""Nobody waits longer than this for a sign of life …"""
LATER_EVERY_S = 30.0
PATIENT_AFTER_S = 600.0
"""… for ten minutes; then lines come less often, so that the log of a night stays short."""


def reporter(as_json: bool = False) -> Reporter:
    """The reporter for this run: rich on a terminal, plain lines otherwise."""
    return RichReporter() if sys.stderr.isatty() and not as_json else PlainReporter(quiet=as_json)


def print_json(value: object) -> None:
    print(json.dumps(canonical(value), indent=2, ensure_ascii=False))


def announce(
    links: Sequence[tuple[str, str]], *, as_json: bool, browser: bool, role: str = "curator", before: str = "",
    after: str = "",
) -> None:  # fmt: skip
    """The (who, URL) of a server that has just begun to listen; a single page is opened if ``browser`` asks for it."""
    if as_json:
        print_json({"links": [{role: who, "url": url} for who, url in links]})
    else:
        print(*(f"{before}{who}: {url}" for who, url in links), *([after] if after else []), sep="\n")
    sys.stdout.flush()
    if browser and not as_json and len(links) == 1:
        import webbrowser

        webbrowser.open(links[0][1])


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A small table: drawn by rich on a terminal, aligned columns elsewhere."""
    cells = [["" if c is None else str(c) for c in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*header, title=title or None, title_justify="left")
        for row in cells:
            table.add_row(*map(Text, row))  # Text: what files call themselves is not markup
        Console().print(table)
        return
    if title:
        print(title)
    widths = [max(len(str(h)), *(len(r[i]) for r in cells)) if cells else len(str(h)) for i, h in enumerate(header)]
    for row in [list(header), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def finish(
    outcome: Outcome,
    as_json: bool,
    *,
    more: dict[str, Any] | None = None,
    project: Project | None = None,
    unit: str = "",
) -> int:
    """Print what a stage did and, of a project, what to run next; the exit code: 1 if anything failed.

    ``unit`` names what was counted ("files").
    """
    from ..project.overview import next_step

    failed = outcome.failed + outcome.failed_before
    step = None if project is None else next_step(project)
    if as_json:
        print_json({**canonical(outcome), **(more or {}), **({"next": step} if step else {})})  # type: ignore[dict-item]
        return 1 if failed else 0
    unit = f" {unit}" if unit else ""
    if outcome == Outcome(outcome.stage):
        print(f"{outcome.stage}: nothing to do")
    else:
        parts = [f"{outcome.done}{unit} done" if outcome.done or failed or outcome.elsewhere else "nothing to do"]
        parts += [f"{outcome.skipped}{unit} were done already"] if outcome.skipped else []
        parts += [f"{outcome.elsewhere}{unit} in the hands of another process"] if outcome.elsewhere else []
        parts += [f"{failed} failed (see `neuralbum status`, try again with --retry)"] if failed else []
        print(f"{outcome.stage}: {', '.join(parts)}")
    print_next(step)
    return 1 if failed else 0


def print_next(step: str | None) -> None:
    """Say what to run next."""
    if step:
        print(f"next: {step}")


def hours(seconds: float) -> str:
    """Seconds as people say them: 42s, 3m20s, 2h05m."""
    seconds = max(0, round(min(seconds, 1e12)))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"


OPEN: weakref.WeakSet[PlainReporter | RichReporter] = weakref.WeakSet()
"""Reporters of this process; closed when the command is over, however it ended."""


class PlainReporter:
    """A line at the start, one every few seconds whether or not anything is done, one at the end."""

    def __init__(
        self, quiet: bool = False, *, clock: Callable[[], float] = time.monotonic, by_itself: bool = True
    ) -> None:
        self.quiet, self._clock, self._by_itself = quiet, clock, by_itself
        self._tasks = Tasks()
        self._said = 0.0
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        OPEN.add(self)

    def close(self) -> None:
        """Whatever is under way ends without a word: an error says enough."""
        with self._lock:
            while self._tasks.end() is not None:
                pass

    def begin(self, label: str, total: float | None, unit: str) -> None:
        with self._lock:
            task = self._tasks.begin(label, total, unit, self._clock())
            if total:
                self.line(f"{self._tasks.path}: {amount_of(total)} {unit} to do")
            self._said = task.began
            if self._by_itself and not self.quiet and self._thread is None:
                self._thread = threading.Thread(target=self._speak_up, name="progress", daemon=True)
                self._thread.start()

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        with self._lock:
            self._tasks.advance(amount, note)
            self.speak()

    def speak(self) -> None:
        """Say how far it is, if nothing was said for a while."""
        with self._lock:
            task, now = self._tasks.current, self._clock()
            if task is None:
                return
            every = PLAIN_EVERY_S if now - task.began < PATIENT_AFTER_S else LATER_EVERY_S
            if now - self._said >= every:
                self.line(f"{self._tasks.path}: {_progress(task, now)}")
                self._said = now

    def line(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        with self._lock:
            path, task = self._tasks.path, self._tasks.end()
            if task is None:
                return
            now = self._clock()
            took = hours(now - task.began)
            if not task.whole:
                self.line(f"{path}: ended after {took}, {task.amount()}")
            elif task.total:
                self.line(f"{path}: finished in {took}")
            self._said = now

    def _speak_up(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(PLAIN_EVERY_S / 5)
            with self._lock:
                if not self._tasks:
                    self._thread = None
                    return
                self.speak()


def _progress(task: Task, now: float) -> str:
    """ "5/10 items · 20s left · all quiet"; before the first is done, how long it has been going on."""
    elapsed = now - task.began
    rate = task.done / elapsed if elapsed > 0 else 0.0
    left = f"{hours((task.total - task.done) / rate)} left" if task.total and rate > 0 else f"since {hours(elapsed)}"
    return " · ".join(part for part in (task.amount(), left, task.note) if part)


class RichReporter:
    """Live bars with rate and time left, one below the other: the innermost work is the last."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True)
        self._tasks = Tasks()
        self._bars: list[TaskID] = []
        self._progress: Progress | None = None
        OPEN.add(self)

    def close(self) -> None:
        """Stop drawing; the terminal gets its cursor back."""
        while self._tasks:
            self.end()

    def begin(self, label: str, total: float | None, unit: str) -> None:
        task = self._tasks.begin(label, total, unit)
        if self._progress is None:
            self._progress = _bars(self._console)
            self._progress.start()
        name = "  " * (len(self._tasks) - 1) + label
        self._bars.append(self._progress.add_task(name, total=total, amount=task.amount(), note=""))

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        task = self._tasks.advance(amount, note)
        if task is not None and self._progress is not None:
            self._progress.update(self._bars[-1], completed=task.done, amount=task.amount(), note=task.note)

    def line(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text))

    def end(self) -> None:
        if self._tasks.end() is None or self._progress is None:
            return
        bar = self._bars.pop()
        if self._tasks:
            self._progress.remove_task(bar)
            return
        self._progress.stop()
        self._progress = None


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description:<14}", markup=False),
        BarColumn(bar_width=24),
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console,
    )
