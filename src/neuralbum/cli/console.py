"""Talking to whoever reads: progress bars on a terminal, plain lines elsewhere, JSON on demand.

Results go to stdout, everything else to stderr, so that ``--json`` can be piped.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..progress import Reporter
from ..records import canonical
from ..stage import Outcome

PLAIN_EVERY_S = 10.0


def reporter(as_json: bool = False) -> Reporter:
    """The reporter for this run: rich on a terminal, plain lines otherwise."""
    return RichReporter() if sys.stderr.isatty() and not as_json else PlainReporter(quiet=as_json)


def print_json(value: object) -> None:
    print(json.dumps(canonical(value), indent=2, ensure_ascii=False))


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


def finish(outcome: Outcome, as_json: bool, *, more: dict[str, Any] | None = None) -> int:
    """Print what a stage did and return the exit code: 1 if anything failed."""
    failed = outcome.failed + outcome.failed_before
    if as_json:
        print_json({**canonical(outcome), **(more or {})})  # type: ignore[dict-item]
    else:
        parts = [f"{outcome.done} done"]
        parts += [f"{outcome.skipped} were done already"] if outcome.skipped else []
        parts += [f"{outcome.elsewhere} in the hands of another process"] if outcome.elsewhere else []
        parts += [f"{failed} failed (see `neuralbum status`, try again with --retry)"] if failed else []
        print(f"{outcome.stage}: {', '.join(parts)}")
    return 1 if failed else 0


def hours(seconds: float) -> str:
    """Seconds as people say them: 42s, 3m20s, 2h05m."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"


def amount_of(count: float) -> str:
    """So much of it done: whole from a hundred on, else three digits: 7, 2.5, 1149, 4000000."""
    return f"{count:.0f}" if abs(count) >= 100 else f"{count:.3g}"


class PlainReporter:
    """A line at the start, one every ten seconds, one at the end."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._label, self._unit, self._note = "", "", ""
        self._total: float | None = None
        self._done = 0.0
        self._started = self._said = time.monotonic()

    def begin(self, label: str, total: float | None, unit: str) -> None:
        self._label, self._total, self._unit, self._done, self._note = label, total, unit, 0.0, ""
        self._started = self._said = time.monotonic()
        if total:
            self.line(f"{label}: {amount_of(total)} {unit} to do")

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        self._done += amount
        self._note = note or self._note
        now = time.monotonic()
        if now - self._said < PLAIN_EVERY_S:
            return
        self._said = now
        self.line(f"{self._label}: {self._progress(now)}{' · ' + self._note if self._note else ''}")

    def _progress(self, now: float) -> str:
        elapsed = now - self._started
        rate = self._done / elapsed if elapsed > 0 else 0.0
        if self._total and rate > 0:
            return f"{self._amount()} · {hours((self._total - self._done) / rate)} left"
        return self._amount()

    def _amount(self) -> str:
        done = amount_of(self._done)
        return f"{done}/{amount_of(self._total)} {self._unit}" if self._total else done

    def line(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._total:
            elapsed = hours(time.monotonic() - self._started)
            whole = self._done > self._total * 0.999  # seconds of sound add up to a little less
            self.line(
                f"{self._label}: finished in {elapsed}"
                if whole
                else f"{self._label}: ended after {elapsed}, {self._amount()}"
            )
        self._total = None


class RichReporter:
    """A live bar with rate and time left."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._progress: Any = None
        self._task: Any = None

    def begin(self, label: str, total: float | None, unit: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.end()
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", style="dim"),
            console=self._console,
        )
        self._task = self._progress.add_task(label, total=total, note="")
        self._progress.start()

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        if self._progress is not None:
            self._progress.update(self._task, advance=amount, **({"note": note} if note else {}))

    def line(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text))

    def end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
