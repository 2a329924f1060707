"""Flesh takes while others are still being sampled, where the project has a flesh."""

from __future__ import annotations

from collections.abc import Sequence

from .. import flesh
from ..errors import CatalogueError
from ..progress import Reporter
from ..project import Project
from ..stage import Ledger, Outcome

AT_ONCE = 8
"""Takes waiting until they are fleshed: opening a flesh costs as much as a second of sound."""


class Fleshed:
    """Gathers whole takes and fleshes them, a few at a time; what it costs is entered as the flesh's."""

    def __init__(self, project: Project, when: str, *, device: str, reporter: Reporter) -> None:
        """``when`` is "auto" (if a flesh is trained), "always" (else a CatalogueError) or "never"."""
        self.project, self.device, self.reporter = project, device, reporter
        self.waiting: list[str] = []
        self.failed = self.failed_before = 0
        self.errors: list[tuple[str, str]] = []
        self.on = when != "never"
        if self.on:
            try:
                flesh.find_model(project)
            except CatalogueError:
                if when == "always":
                    raise
                self.on = False

    def add(self, take_id: str, ledger: Ledger) -> None:
        """A take is whole."""
        if self.on:
            self.waiting.append(take_id)
            if len(self.waiting) >= AT_ONCE:
                with ledger.aside():
                    self.flesh(self.waiting)
                self.waiting = []

    def flesh(self, takes: Sequence[str]) -> None:
        """Flesh these, but for those that are already."""
        if not (self.on and takes):
            return
        outcome: Outcome = flesh.run(self.project, takes=list(takes), device=self.device)
        self.failed += outcome.failed
        self.failed_before += outcome.failed_before
        self.errors += outcome.errors
        for take_id, message in outcome.errors:
            self.reporter.line(f"flesh {take_id}: {message}")
