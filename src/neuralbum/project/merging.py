"""Join two projects: what was found, made and said in one comes to the other, by its key.

Made for work that was shared out without a common catalogue: a shard on a machine of its
own, a curator with a copy. Models and takes come with their files, findings with theirs,
then people's events in the order they were said, then the ledger of time. Files first,
whole or not at all, then rows: killed at any moment, the same command goes on.

Nothing of one's own is overwritten. Where both sides say different things under one key,
each keeps its own, and both are told of the same conflicts; for the rest it does not matter
which is merged into which, nor how often (tests/project/test_merging.py). Not joined: the
music (add the same to both), the album's titles and numbers, settings.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..records import Finding, canonical, digest
from . import Project, atomic, file_digest

BATCH = 200
"""So many findings are committed together."""
WHEN = ("created_at", "cpu_s")
"""What two equal findings may differ in."""


@dataclass(frozen=True)
class Conflict:
    """Two things under one key; each project keeps its own."""

    kind: str
    key: str
    why: str


@dataclass(frozen=True)
class Merged:
    """What came, by its kind, and what could not."""

    new: Mapping[str, int]
    conflicts: tuple[Conflict, ...]


def merge(project: Project, other: Project, *, reporter: Reporter = SILENT) -> Merged:
    """Bring what ``other`` has to ``project``; ``other`` stays as it is.

    Raises
    ------
    ParameterError
        They are the same project, or share one catalogue.
    """
    shared = project.settings.database and project.settings.database == other.settings.database
    if shared or project.root.resolve() == other.root.resolve():
        raise ParameterError(f"{other.root}: has this project's own catalogue; name another project")
    joining = _Joining(project, other, reporter)
    joining.models()
    joining.takes()
    joining.findings()
    joining.events()
    joining.ledger()
    return Merged(joining.new, tuple(sorted(joining.conflicts, key=lambda c: (c.kind, c.key))))


class _Joining:
    """What came so far."""

    def __init__(self, project: Project, other: Project, reporter: Reporter) -> None:
        self.project, self.other, self.reporter = project, other, reporter
        self.new: Counter[str] = Counter(dict.fromkeys(("models", "takes", "findings", "events", "activities"), 0))
        self.conflicts: list[Conflict] = []

    def models(self) -> None:
        mine = {model.id: model for model in self.project.catalogue.models()}
        for model in self.other.catalogue.models():
            about = f"models/{model.id}/model.json"
            if model.id in mine:
                ours, theirs = self.project.models_dir.parent / about, self.other.models_dir.parent / about
                if ours.exists() and theirs.exists() and ours.read_bytes() != theirs.read_bytes():
                    self._differ("model", model.id, "was trained on in both; each keeps its own")
                continue
            folder = self.other.models_dir / model.id
            files = sorted(p for p in folder.rglob("*") if p.is_file() and ".part" not in p.name)
            names = [path.relative_to(self.other.root).as_posix() for path in files]
            if self._bring("model", model.id, names):
                self.project.catalogue.add_model(model)
                curves = self.other.catalogue.curve(model.id)
                points = [(name, step, value) for name, curve in curves.items() for step, value in curve]
                self.project.catalogue.add_curve(model.id, points)
                self.new["models"] += 1

    def takes(self) -> None:
        mine = {take.id: take for take in self.project.catalogue.takes()}
        theirs = self.other.catalogue.takes()
        todo = [take for take in theirs if take.id not in mine]
        self.of_other_sound = {t.id for t in theirs if t.id in mine and t.sha256 != mine[t.id].sha256}
        for take_id in sorted(self.of_other_sound):
            self._differ("take", take_id, "its recipe gave another sound there; each keeps its own, and its findings")
        with self._progress("takes", todo) as steps:
            for take in steps:
                if self._bring("take", take.id, [take.path]):
                    self.project.catalogue.add_take(take)
                    self.new["takes"] += 1

    def findings(self) -> None:
        mine = {finding.key: finding for finding in self.project.catalogue.findings()}
        todo = []
        for theirs in self.other.catalogue.findings():
            ours = mine.get(theirs.key)
            if ours is None:
                if theirs.subject not in self.of_other_sound:
                    todo.append(theirs)
            elif _content(ours) == _content(theirs):
                if (theirs.created_at, theirs.cpu_s) < (ours.created_at, ours.cpu_s):
                    todo.append(theirs)  # the same, found earlier: which one is the newest must not depend on the side
            elif ours.error is not None and theirs.error is None:
                todo.append(theirs)
            elif (ours.error is None) == (theirs.error is None):
                self._differ("finding", theirs.key, f"{theirs.stage} of {theirs.subject} says something else there")
        with self._progress("findings", todo) as steps:
            ready: list[Finding] = []
            for finding in steps:
                if self._bring("finding", finding.key, finding.files.values()):
                    ready.append(finding)
                if len(ready) >= BATCH:
                    self._record(ready, mine)
            self._record(ready, mine)

    def _record(self, ready: list[Finding], mine: Mapping[str, Finding]) -> None:
        self.project.catalogue.record_all(ready)
        self.new["findings"] += sum(f.key not in mine or mine[f.key].error != f.error for f in ready)
        ready.clear()

    def events(self) -> None:
        theirs = self.other.catalogue.events()
        self.new["events"], differ = self.project.catalogue.join_events(theirs)
        for client_id in differ:
            self._differ("event", client_id, "something else was said under this name there")

    def ledger(self) -> None:
        def content(activity: Any) -> str:
            return digest({**asdict(activity), "id": 0})

        known = set(map(content, self.project.catalogue.activities()))
        for activity in self.other.catalogue.activities():
            if content(activity) not in known:
                known.add(content(activity))
                self.project.catalogue.add_activity(activity)
                self.new["activities"] += 1

    def _differ(self, kind: str, key: str, why: str) -> None:
        self.conflicts.append(Conflict(kind, key, why))

    def _bring(self, kind: str, key: str, names: Iterable[str]) -> bool:
        """Copy the files that this project lacks or has otherwise; False, and a conflict, if one cannot be had."""
        for name in names:
            source, target = self.other.root / name, self.project.root / name
            if not all(_inside(project.root, path) for project, path in ((self.other, source), (self.project, target))):
                self._differ(kind, key, f"{name!r} leads out of the project")
                return False
            if not self.other.local(source).is_file():
                self._differ(kind, key, f"{name} is missing there")
                return False
            if not (target.is_file() and file_digest(target) == file_digest(source)):
                with atomic(target) as part:
                    shutil.copyfile(source, part)
        return True

    @contextmanager
    def _progress(self, label: str, todo: Sequence[Any]) -> Iterator[Iterator[Any]]:
        def steps() -> Iterator[Any]:
            for one in todo:
                yield one
                self.reporter.advance()

        self.reporter.begin(f"merge {label}", len(todo), label)
        try:
            yield steps()
        finally:
            self.reporter.end()


def _content(finding: Finding) -> object:
    return canonical({name: value for name, value in asdict(finding).items() if name not in WHEN})


def _inside(root: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())
