"""Around the training loop: checkpoints, the state to go on from, the curve, the clock, and when to stop.

It writes into the model's own folder. Killed at any moment, a training has lost at most a
minute; what a killed one left half done is swept away when the next one begins.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import CheckpointError, TrainingError
from . import checkpoint, model_folder
from .checkpoint import About, Checkpoint
from .clip_check import COPIED, FEWEST, is_copying, last_clean, may_play, rose_at
from .loop import Trainer

if TYPE_CHECKING:
    from ..progress import Reporter
    from .clip_check import CheckPlan

SAVE_EVERY_S = 60.0
"""So much of a training is lost at most when it is killed."""
EVALUATIONS = 12
"""A training by steps, or a short one, is scored so often."""
CURVE_POINTS = 400

Judge = Callable[[About], str]
"""Why a training is to be stopped after an evaluation; "": it goes on."""
AddPoints = Callable[[Iterable[tuple[str, int, float]]], None]


@dataclass(frozen=True)
class Schedule:
    """How long a training goes on: by steps, or (``time_s`` > 0) by the clock."""

    steps: int
    time_s: float = 0.0
    patience: float = 1.0  #: share of the training without a better checkpoint, after which it stops
    keep: int = 8  #: checkpoints kept besides the newest


def best_first(ranks: Mapping[int, float], slack: float) -> list[int]:
    """Steps of checkpoints: those within ``slack`` (a share) of the best, newest first; then the others, best first."""
    enough = (1.0 + slack) * min(ranks.values(), default=0.0)
    good = sorted((step for step, rank in ranks.items() if rank <= enough), reverse=True)
    return [*good, *sorted((step for step in ranks if step not in good), key=lambda step: (ranks[step], step))]


def remove_parts(folder: Path) -> None:
    """Remove what a killed training left half written."""
    for part in [*folder.glob("*.part*"), *folder.glob("steps/*.part*")]:
        part.unlink()


def begin_anew(folder: Path) -> None:
    """Remove a model's files; the caller holds its claim."""
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Session:
    """One training in a model's folder."""

    folder: Path
    about: About
    trainer: Trainer
    schedule: Schedule
    reporter: Reporter
    add_points: AddPoints  #: takes points of the curve
    log: Callable[[], object]  #: called often: the ledger's
    started: float = field(default_factory=time.monotonic)  #: the reading of this run's music counts, too
    checks: CheckPlan | None = None  #: how its clips are searched for copies; None: never
    judge: Judge | None = None
    before_s: float = 0.0  #: what earlier runs took
    evaluation_s: float = 0.0  #: how long the last evaluation took: a timed training keeps it free at its end
    recent: list[float] = field(default_factory=list)
    stopped: str = ""  #: why it ended before its time
    evaluated_at: float = 0.0  #: on the training's clock, when it was scored last
    saved_at: float = 0.0  #: and when its state was written last
    broken: bool = False  #: the weights are not to be kept
    pruned: bool = False  #: its judge ended it
    checked_before_s: float = 0.0  #: what checks of earlier runs took
    last_check_s: float = 0.0  #: what a timed training keeps free for the check at its end

    @property
    def elapsed(self) -> float:
        return self.before_s + time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Share of the training that is done."""
        if self.schedule.time_s > 0:
            return min(1.0, self.elapsed / max(self.schedule.time_s - self.evaluation_s - self.last_check_s, 1e-6))
        return min(1.0, self.trainer.step / self.schedule.steps)

    def resume(self) -> None:
        """Read the state of a training that was interrupted; checkpoints after it will be made again."""
        path = self.folder / model_folder.RESUME
        tensors = model_folder.read_tensors(path)
        try:
            self.before_s = float(tensors["clock_s"])
            self.recent = [float(x) for x in tensors["recent"]]
            self.trainer.restore(tensors)
        except (KeyError, RuntimeError, IndexError) as cause:
            raise CheckpointError(f"{path}: is not this net's ({cause}); train again with --force") from cause
        history = tuple(c for c in self.about.history if c.step <= self.trainer.step)
        self.about = replace(self.about, history=history)
        if self.checks is not None:
            prepared = any(COPIED in c.measures for c in history)
            self.checked_before_s = self.checks.reckoned_s(history) + prepared * self.checks.check.preparation_s(
                likeness=True, again=True
            )

    def work(self) -> None:
        """Train to the end."""
        by_time = self.schedule.time_s > 0
        if not self.about.history:
            self.evaluate()
        self._stop_if_copying()
        goal = self.schedule.time_s if by_time else float(self.schedule.steps)
        shown = min(goal, self.elapsed if by_time else float(self.trainer.step))
        self.reporter.begin(f"train {self.about.id}", goal - shown, "s" if by_time else "steps")
        while (self.progress < 1.0 or self.trainer.step == 0) and not self.stopped:
            try:
                loss = self.trainer.advance(self.progress)
            except TrainingError as cause:
                self.stopped, self.broken = str(cause), True
                break
            note = self._point(loss)
            self.log()
            reached = min(goal, self.elapsed if by_time else float(self.trainer.step))
            self.reporter.advance(max(0.0, reached - shown), note)
            shown = max(shown, reached)
            if self.progress < 1.0:
                self._evaluate_or_save()
        if not self.broken and self.trainer.step > self.about.steps_done:
            self.evaluate(last=True)
        self._search_what_plays()
        if self.stopped:
            self.reporter.line(f"{self.stopped}; kept: step {self.about.step}")
        self.reporter.end()

    def _point(self, loss: float) -> str:
        """A point of the curve now and then; returns the note beside the bar."""
        task, step = self.trainer.task, self.trainer.step
        self.recent.append(task.shown(loss))
        mean = sum(self.recent) / len(self.recent)
        if step % max(1, self.schedule.steps // CURVE_POINTS) == 0:
            self.add_points([(task.curve, step, mean)])
            self.recent.clear()
        return f"step {step} · {task.curve.replace('_', ' ')} {mean:.4g}"

    def _evaluate_or_save(self) -> None:
        if self.schedule.time_s > 0:
            every = min(SAVE_EVERY_S, max(self.schedule.time_s / EVALUATIONS, 5.0 * self.evaluation_s))
            due = self.elapsed - self.evaluated_at >= every
        else:
            due = self.trainer.step % max(1, self.schedule.steps // EVALUATIONS) == 0
        if due:
            self.evaluate()
            self._stop_if_copying()
            if self.judge is not None and not self.stopped:
                self.stopped = self.judge(self.about)
                self.pruned = bool(self.stopped)
            if not self.stopped and self._best_is_old():
                self.stopped = f"nothing as good since step {self.about.step}"
        elif self.elapsed - self.saved_at >= SAVE_EVERY_S:
            self._save_state()

    def _best_is_old(self) -> bool:
        best = self.about.step
        share = (self.trainer.step - best) / self.trainer.step * self.progress
        return self._rank(best) is not None and share >= self.schedule.patience

    def _rank(self, step: int) -> float | None:
        return next((c.measures.get(self.trainer.task.rank) for c in self.about.history if c.step == step), None)

    # ---- copies ------------------------------------------------------------------

    def _check_clips(self, last: bool) -> dict[str, float]:
        """Search the clips of the net as it is, if that is due; a timed training also finds out what its last check
        will take."""
        if self.checks is None:
            return {}
        plan, by_time, history = self.checks, self.schedule.time_s > 0, self.about.history
        n_checked, whole = sum(COPIED in c.measures for c in history), self.schedule.time_s
        if by_time:
            spent, clock = self.checked_before_s + plan.spent_s, whole if last else self.elapsed
        else:
            spent, clock = plan.reckoned_s(history), plan.before_s + self.trainer.step * plan.step_s
        progress = 1.0 if last else self.progress
        n_clips, likeness = plan.due(clock, spent, n_checked, progress, reckoned=not by_time)
        n_clips = n_clips if self.trainer.step > 0 else 0  # the regression that a net begins as says little
        found = plan.run(history, n_clips, likeness) if n_clips else {}
        if by_time:
            spent = self.checked_before_s + plan.spent_s
            self.last_check_s = plan.expected_s(whole, spent, n_checked + bool(found))
        return found

    def _stop_if_copying(self) -> None:
        rose = rose_at(self.about.history)
        if self.checks is not None and self.checks.stop and rose is not None:
            self.stopped = f"copying rose above what the band quotes of itself at step {rose}"

    def _search_what_plays(self) -> None:
        """Where copying rose before anything was found clean, search the checkpoint that would play, and earlier ones
        until one is."""
        while self.checks is not None and rose_at(self.about.history) is not None:
            chosen = self.about.checkpoint
            if last_clean(self.about.history) is not None or chosen is None or is_copying(chosen.measures):
                return
            _, tensors = checkpoint.open_net(self.folder, chosen.step, kind=self.about.kind)
            with self.trainer.averaged():
                self.trainer.set_weights(tensors)
                found = self.checks.run(self.about.history, FEWEST, likeness=False)
            scored = replace(chosen, measures={**chosen.measures, **found})
            history = tuple(scored if c.step == chosen.step else c for c in self.about.history)
            self.add_points([(name, chosen.step, value) for name, value in found.items()])
            self.about = replace(self.about, history=history, step=self._order(history)[0])
            checkpoint.write_about(self.folder, self.about)

    # ---- files -------------------------------------------------------------------

    def _order(self, history: tuple[Checkpoint, ...], *more: int) -> list[int]:
        """Steps of the checkpoints that are there (and ``more``): those that may play before the others, best first."""
        rank, slack, allowed = self.trainer.task.rank, self.trainer.task.slack, may_play(history)
        there = sorted({*(c.step for c in history if c.sha256), *more}, reverse=True)
        known = {c.step: c.measures[rank] for c in history if c.step in there and rank in c.measures}
        order = []
        for some in (filter(allowed, there), (step for step in there if not allowed(step))):
            steps = list(some)
            order += best_first({s: known[s] for s in steps if s in known}, slack) or steps
        return order

    def evaluate(self, *, last: bool = False) -> None:
        """Score the averaged weights, keep them, and write all that is needed to go on."""
        begun, trainer, step = time.monotonic(), self.trainer, self.trainer.step
        with trainer.averaged():
            measures = {name: float(value) for name, value in trainer.task.evaluate().items()}
            tensors = {name: value.detach().cpu().clone() for name, value in trainer.task.tensors().items()}
            checked = time.monotonic()
            measures |= self._check_clips(last)
            begun += time.monotonic() - checked  # a check has its own share of the time
        scored = Checkpoint(step, measures)
        every = (*(c for c in self.about.history if c.step != step), scored)
        order = self._order(every, step)
        kept = {*order[: self.schedule.keep], step, last_clean(every)}
        history = tuple(c if c.step in kept else replace(c, sha256="") for c in self.about.history)
        about = replace(self.about, step=order[0], steps_done=step, history=history)
        # The curve before the state: killed in between, the rerun scores this step again and writes the same points.
        self.add_points([(name, step, value) for name, value in measures.items()])
        self.about = checkpoint.write_net(self.folder, about, scored, tensors)
        self._save_state()
        for path in self.folder.glob("steps/*.safetensors"):
            if path.stem.isdigit() and int(path.stem) not in kept:
                path.unlink()
        self.evaluated_at, self.evaluation_s = self.elapsed, time.monotonic() - begun

    def _save_state(self) -> None:
        extra = {
            "clock_s": torch.tensor(self.elapsed, dtype=torch.float64),
            "recent": torch.tensor(self.recent, dtype=torch.float64),
        }
        model_folder.write_tensors(self.folder / model_folder.RESUME, self.trainer.state() | extra)
        self.saved_at = self.elapsed
