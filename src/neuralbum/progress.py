"""How the library says how far it is, without knowing who listens.

The command line passes a reporter that draws; tests and programs pass none.
What is begun inside of a piece of work is a part of it: ``Tasks`` is the one
stack that every reporter keeps, and ``Branch`` joins the stacks of several
processes to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Reporter(Protocol):
    """Told what is going on; must be cheap to call."""

    def begin(self, label: str, total: float | None, unit: str) -> None:
        """A piece of work starts, inside of the one under way: ``total`` units of work, None if unknown."""

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """``amount`` more units of the innermost work are done; ``note`` is shown beside the bar."""

    def line(self, text: str) -> None:
        """Something worth a line of its own."""

    def end(self) -> None:
        """The innermost piece of work is over."""


class Silent:
    """The reporter that says nothing."""

    def begin(self, label: str, total: float | None, unit: str) -> None: ...

    def advance(self, amount: float = 1.0, note: str = "") -> None: ...

    def line(self, text: str) -> None: ...

    def end(self) -> None: ...


SILENT = Silent()


@dataclass
class Task:
    """A piece of work under way."""

    label: str
    total: float | None
    unit: str
    began: float = 0.0  #: seconds on the reporter's clock
    done: float = 0.0
    note: str = ""

    @property
    def whole(self) -> bool:
        """Whether all of it is done; seconds of sound add up to a little less."""
        return self.total is None or self.done > self.total * 0.999 or self.total == 0

    def amount(self) -> str:
        """How much is done: "3/12 items", "4 tracks"; nothing of what is not counted."""
        if self.total is None and not self.done:
            return ""
        of = "" if self.total is None else f"/{amount_of(self.total)}"
        return f"{amount_of(self.done)}{of} {self.unit}".rstrip()


class Tasks:
    """The stack of tasks under way: each is a part of the one before it."""

    def __init__(self) -> None:
        self._stack: list[Task] = []

    def __len__(self) -> int:
        return len(self._stack)

    @property
    def current(self) -> Task | None:
        return self._stack[-1] if self._stack else None

    @property
    def path(self) -> str:
        """The labels from the outside in: "originality · index"."""
        return " · ".join(task.label for task in self._stack)

    def begin(self, label: str, total: float | None, unit: str, now: float = 0.0) -> Task:
        self._stack.append(Task(label, total, unit, now))
        return self._stack[-1]

    def advance(self, amount: float, note: str) -> Task | None:
        task = self.current
        if task is not None:
            task.done += amount
            task.note = note or task.note
        return task

    def end(self) -> Task | None:
        """The innermost task, which is over; None if there was none."""
        return self._stack.pop() if self._stack else None


class Branch:
    """Joins what several processes report of the same work to one task of one reporter.

    What a process does inside of that work is shown as its note, and counted nowhere.
    """

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._of: dict[str, Tasks] = {}
        self._label: str | None = None

    def hear(self, who: str, what: str, *words: object) -> None:
        """``what`` one process, ``who``, said to its reporter, with its ``words``."""
        tasks = self._of.setdefault(who, Tasks())
        match what, words:
            case "begin", (str(label), total, str(unit)):
                assert total is None or isinstance(total, int | float)
                task = tasks.begin(label, total, unit)
                if self._label is None:
                    self._label = label
                    self.reporter.begin(label, total, unit)
                elif not self._is_shared(tasks):
                    self._note(task)
            case "advance", (int() | float() as amount, str(note)):
                advanced = tasks.advance(amount, note)
                if advanced is None:
                    return
                if self._is_shared(tasks):
                    self.reporter.advance(amount, note)
                else:
                    self._note(advanced)
            case "line", (str(text),):
                self.reporter.line(text)
            case "end", ():
                tasks.end()

    def forget(self, who: str) -> None:
        """A process died: what it had begun is over."""
        self._of.pop(who, None)

    def end(self) -> None:
        """The work is over in all processes."""
        if self._label is not None:
            self.reporter.end()
        self._label = None

    def _is_shared(self, tasks: Tasks) -> bool:
        return len(tasks) == 1 and tasks.path == self._label

    def _note(self, task: Task) -> None:
        self.reporter.advance(0.0, f"{task.label}: {task.amount()}")


def amount_of(count: float) -> str:
    """So much of it done: whole from a hundred on, else three digits: 7, 2.5, 1149, 4000000."""
    return f"{count:.0f}" if abs(count) >= 100 else f"{count:.3g}"
