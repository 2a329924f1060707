"""Delete a run or one of its checkpoints: first what would go, and how large it is, then the deed.

Takes keep what they came from: where takes were made by a run its row, settings and curves stay,
and only what is large goes. The ledger keeps what it cost in any case. Killed in the middle, the
same command ends what it began.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ParameterError
from ..project import Project
from ..project.stage import alone
from ..records import Finding
from ..train.checkpoint import forget_checkpoint
from .clips import STAGE
from .listing import Run, checkpoint_bytes, find_run, list_runs


@dataclass(frozen=True)
class Deletion:
    """What is to go."""

    run: Run
    step: int | None  #: of one checkpoint; None: the whole run
    n_bytes: int
    n_takes: int  #: takes that could not be rendered again
    keeps_row: bool

    @property
    def what(self) -> str:
        return self.run.id if self.step is None else f"{self.run.id}@{self.step}"

    def sentence(self) -> str:
        """What would be lost, for whoever is asked."""
        said = f"{self.what}: {self.n_bytes / 1e6:.1f} MB"
        if self.step is None:
            said += f", {len(self.run.kept)} checkpoints"
        if self.run.starred or (self.step in self.run.starred_steps):
            said += "; it has a star"
        if self.n_takes:
            said += (
                f"; {self.n_takes} takes were made by it: they stay, and cannot be rendered from their recipes again"
            )
        return said


def plan_deletion(project: Project, words: Sequence[str]) -> list[Deletion]:
    """What ``delete`` would remove.

    Raises
    ------
    ParameterError
        No such run or checkpoint, one that is being trained, or the checkpoint that plays.
    """
    runs, made = list_runs(project), project.catalogue.takes_by_model()
    out = []
    for word in words:
        run, step = find_run(runs, word)
        if run.state == "running":
            raise ParameterError(f"{run.id}: is being trained; stop that first")
        if step is None:
            out.append(Deletion(run, None, run.n_bytes, run.n_takes, keeps_row=run.n_takes > 0))
            continue
        if step == run.step:
            raise ParameterError(f"{run.id}@{step}: is the checkpoint that plays; delete others, or the whole run")
        size, n_takes = checkpoint_bytes(project, run, step), made.get((run.id, step), 0)
        out.append(Deletion(run, step, size, n_takes, keeps_row=True))
    return out


def delete(project: Project, deletion: Deletion) -> None:
    """Remove what ``plan_deletion`` named.

    Raises
    ------
    CatalogueError
        Another process trains it now.
    """
    run, step = deletion.run, deletion.step
    folder = project.models_dir / run.id
    with alone(project, "train", f"train:{run.id}", f"training {run.id}"):
        for finding in _clips(project, run.id, step):
            for path in finding.files.values():
                (project.root / path).unlink(missing_ok=True)
            project.catalogue.forget(finding.key)
        if step is not None:
            forget_checkpoint(folder, step)
            return
        going = folder.with_name(f".{run.id}.deleted")
        if folder.exists():
            shutil.rmtree(going, ignore_errors=True)
            folder.rename(going)
        shutil.rmtree(going, ignore_errors=True)
        if not deletion.keeps_row:
            project.catalogue.remove_model(run.id)


def _clips(project: Project, model_id: str, step: int | None) -> list[Finding]:
    subjects = (f"{model_id}@{step}",) if step is not None else None
    return [
        f
        for f in project.catalogue.findings(STAGE)
        if (f.subject in subjects if subjects else f.subject.partition("@")[0] == model_id)
    ]
