"""One net out of several checkpoints of a run: the mean of their weights (Izmailov et al., "Averaging Weights Leads to
Wider Optima and Better Generalization", UAI 2018).

Checkpoints are averages already, of the last steps before them (``loop.Trainer``); this one
reaches further back. It is scored as every checkpoint is, and only kept if it is better.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..project.stage import activity, alone
from ..records import digest
from . import tilting
from .checkpoint import MUSIC, TILT, Checkpoint, find_model, open_net, read_about, write_net
from .run import open_task, setup_of, store_row


@dataclass(frozen=True)
class Averaged:
    """What averaging gave."""

    source: str
    steps: tuple[int, ...]
    measure: str  #: by which checkpoints are chosen; smaller is better
    best: float  #: of the best checkpoint of the run that is kept
    average: float
    model_id: str = ""  #: of the new model; empty where the average is no better and was not kept

    def sentence(self) -> str:
        said = f"{self.source}, steps {', '.join(map(str, self.steps))}: {self.measure.replace('_', ' ')} "
        said += f"{self.average:.5g}, the best of them alone {self.best:.5g}"
        return said + (f"; kept as {self.model_id}" if self.model_id else "; no better, so it was not kept")


def average(
    project: Project, word: str, *, steps: Sequence[int] = (), last: int = 3, device: str = "cpu",
    reporter: Reporter = SILENT,
) -> Averaged:  # fmt: skip
    """Average the weights of some of a run's kept checkpoints (``steps``, or the ``last`` ones before the chosen one).

    Raises
    ------
    ParameterError
        Fewer than two checkpoints, one that is not kept, or a run that cannot be scored.
    """
    folder, _ = find_model(project, word, kind="")
    about = read_about(folder)
    kept = [c.step for c in about.history if c.sha256]
    chosen = tuple(sorted(set(steps))) or tuple(step for step in kept if step <= about.step)[-last:]
    if len(chosen) < 2 or (missing := [s for s in chosen if s not in kept]):
        odd = f"{missing} are not kept" if len(chosen) >= 2 else f"{len(chosen)} is not enough"
        raise ParameterError(f"{about.id}: two checkpoints or more are averaged, {odd}; there are: {kept}")
    if about.kind not in ("skeleton", "flesh"):
        raise ParameterError(f"{about.id}: is a {about.kind}; skeletons and fleshes can be averaged")
    nets = [open_net(folder, step, kind=about.kind)[1] for step in chosen]
    tensors = mean_of([{n: v for n, v in net.items() if not n.startswith(TILT)} for net in nets])
    stage = "flesh" if about.kind == "flesh" else "skeleton"
    with activity(project, stage, device=device, detail={"model": about.id, "what": "average"}):
        task, _ = open_task(setup_of(project, about, folder, device, reporter), about, fresh=False)
        with torch.no_grad():
            for name, own in task.tensors().items():
                own.copy_(tensors[name])
        task.net.eval()
        measures = {name: float(value) for name, value in task.evaluate().items()}
    if task.rank not in measures:
        raise ParameterError(f"{about.id}: no songs are held back that could say whether an average is better")
    single = min(c.measures[task.rank] for c in about.history if c.step in chosen and task.rank in c.measures)
    done = Averaged(about.id, chosen, task.rank, single, measures[task.rank])
    if done.average >= done.best:
        return done
    name = (
        f"{about.preset}-avg-{digest('average', about.id, [c.sha256 for c in about.history if c.step in chosen])[:8]}"
    )
    target = project.models_dir / name
    with alone(project, "train", f"train:{name}", f"making {name}"):
        target.mkdir(parents=True, exist_ok=True)
        with atomic(target / MUSIC) as part:
            shutil.copyfile(folder / MUSIC, part)
        training = {**about.training, "averaged": [f"{about.id}@{step}" for step in chosen]}
        new = replace(about, id=name, step=chosen[-1], steps_done=chosen[-1], training=training, history=())
        new = write_net(target, new, Checkpoint(chosen[-1], measures), tensors)
        if about.kind == "skeleton":
            rounds = int(about.training["rounds"])
            new = tilting.finish(target, new, seed=project.settings.seed, rounds=rounds, seconds=0.0, reporter=reporter)
        project.catalogue.add_curve(name, [(n, chosen[-1], v) for n, v in measures.items()])
        store_row(project, new, "done")
    return replace(done, model_id=name)


def mean_of(nets: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor of numbers; whole numbers (indices) must be equal in all, and stay."""
    return {
        name: torch.stack([net[name] for net in nets]).mean(0) if value.is_floating_point() else value
        for name, value in nets[0].items()
    }
