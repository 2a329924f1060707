"""How the library says how far it is, without knowing who listens.

The command line passes a reporter that draws; tests and programs pass none.
"""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Told what is going on; must be cheap to call."""

    def begin(self, label: str, total: float | None, unit: str) -> None:
        """A piece of work starts: ``total`` units of work, None if unknown."""

    def advance(self, amount: float = 1.0, note: str = "") -> None:
        """``amount`` more units are done; ``note`` is shown beside the bar."""

    def line(self, text: str) -> None:
        """Something worth a line of its own."""

    def end(self) -> None:
        """The piece of work is over."""


class Silent:
    """The reporter that says nothing."""

    def begin(self, label: str, total: float | None, unit: str) -> None: ...

    def advance(self, amount: float = 1.0, note: str = "") -> None: ...

    def line(self, text: str) -> None: ...

    def end(self) -> None: ...


SILENT = Silent()
