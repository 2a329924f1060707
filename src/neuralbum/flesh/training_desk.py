"""Everything around the trainer: when to look, what to keep, how to go on.

It writes into the model's own folder and tells whoever listens; it knows no
project and no catalogue. The phases:

    content      generator alone: spectra of left, right, mid and side
    adversarial  a critic joins, its weight rising over ``ramp_steps``

The switch is made automatically (after ``adversarial_share`` of the plan, or
when the score has stood still for ``patience`` snapshots, but never before the
preset's ``content_steps``), by hand (``phase``), or never; it is logged in
model.json and drawn in the curves. Snapshots are kept on both sides of it and
chosen by their score on held-out songs, so a switch that hurt is not used;
``back_to`` undoes it for good.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__, model_folder
from ..audio import write_flac
from ..errors import CheckpointError, ToolError, TrainingError
from ..progress import Reporter
from . import checkpoint, scores
from .checkpoint import ADVERSARIAL, CONTENT, About, Snapshot, Turn
from .curves import draw_curves
from .net import new_generator
from .pairs import Material, excerpts, suggested_level
from .params import OUTPUT_RATE, FleshParams, NetShape, Preset
from .trainer import Trainer

CHECKS_PER_TIMED_RUN = 8
CURVE_EVERY = 10  #: steps whose losses are averaged into one point
AUDITION_S = 6.0
DEFAULT_LEVEL = 0.35
"""The noise level suggested where no skeleton has been heard: 38 dB, about what 8-bit sampling adds."""
WORTH_THREADS = 128
"""Nets of fewer channels are trained in one thread: several spend their time waiting for each other."""
BY_HAND = ("phase", "back")


@dataclass(frozen=True)
class Result:
    about: About
    cpu_s: float
    resumed: bool
    stopped: str


def _ignore(*_args: Any, **_kwargs: Any) -> None:
    return None


@dataclass
class TrainingDesk:
    """One training run."""

    params: FleshParams
    plan: Preset
    shape: NetShape
    material: Material
    folder: Path
    model_id: str
    corpus_digest: str
    seed: int
    device: str
    reporter: Reporter
    clock: Callable[[], float] = time.monotonic
    on_curve: Callable[[Sequence[tuple[str, int, float]]], None] = _ignore
    on_snapshot: Callable[[About], None] = _ignore
    on_step: Callable[..., None] = _ignore

    def train(self, *, phase: str | None = None, back_to: int | None = None) -> Result:
        """Go on until the plan is done."""
        threads = torch.get_num_threads()
        if self.plan.channels < WORTH_THREADS:
            torch.set_num_threads(1)
        try:
            return self._train(phase, back_to)
        finally:
            torch.set_num_threads(threads)

    def _train(self, phase: str | None, back_to: int | None) -> Result:
        self.trainer = Trainer(self.shape, self.plan, self.params, self.material, seed=self.seed, device=self.device)
        before_s, resumed = self._begin()
        if back_to is not None:
            self._go_back(back_to)
            before_s = 0.0
        if phase is not None and phase != self.trainer.phase:
            self._switch(phase, "phase", "asked for by hand")
        if back_to is not None or phase is not None:
            self._keep_state(before_s)
            self.on_snapshot(self.about)
        timed = self.params.time_s > 0
        target = self.params.time_s if timed else float(self.plan.steps)
        started, cpu, stopped = self.clock(), time.process_time(), ""

        def done() -> float:
            return before_s + self.clock() - started if timed else float(self.trainer.step)

        first = done()
        if first >= target and self.about.snapshots:
            return Result(self.about, 0.0, resumed, "")
        self.reporter.begin(f"train {self.model_id}", target - first, "s" if timed else "steps")
        every = target / CHECKS_PER_TIMED_RUN
        next_mark = math.floor(first / every) + 1
        recent, shown = list[dict[str, float]](), first
        while (now := done()) < target:
            try:
                recent.append(self.trainer.advance(now / target))
            except TrainingError as cause:
                if not self.about.snapshots:
                    raise
                stopped = f"{cause}; stopped with the last good snapshots"
                self.reporter.line(stopped)
                break
            self.on_step()
            note = self._note(recent) if self.trainer.step % CURVE_EVERY == 0 else ""
            after = done()
            self.reporter.advance(min(after, target) - shown, note)  # also what the last snapshot took
            shown = min(after, target)
            due = after >= next_mark * every if timed else self.trainer.step % self.plan.check_every == 0
            if due and after < target:
                next_mark += 1
                self._snapshot(done(), after / target)
        if not stopped:
            self.reporter.advance(target - shown)
        if not stopped and self.about.steps_done != self.trainer.step:
            self._snapshot(done(), 1.0)
        return Result(self.about, time.process_time() - cpu, resumed, stopped)

    # ---- beginning -------------------------------------------------------------

    def _begin(self) -> tuple[float, bool]:
        """Restore an earlier run, or start one; returns (seconds trained before, resumed)."""
        self.excerpts = excerpts(self.material.valid, self.shape, self.params.valid_s)
        resume = self.folder / model_folder.RESUME
        if resume.exists():
            self.about = checkpoint.read_about(self.folder)
            tensors = model_folder.read_tensors(resume)
            before_s = float(tensors.pop("clock_s"))
            try:
                self.trainer.restore(tensors)
            except (KeyError, RuntimeError) as cause:
                raise CheckpointError(
                    f"{resume}: does not fit this net ({str(cause)[:100]}); start anew with --force"
                ) from cause
            self.trainer.free_level = self.about.level
            return before_s, True
        plain: dict[str, float] = {}
        if self.excerpts:
            unborn = new_generator(self.shape, self.seed)
            made = scores.rendered(unborn, self.excerpts, self.params.n_levels)
            plain = scores.measures([stereo for _, stereo in self.excerpts], made, self.shape.input_rate)
        else:
            self.reporter.line("no valid or held-out song: snapshots cannot be scored, the latest will be used")
        self.about = About(
            id=self.model_id,
            preset=self.params.preset,
            net=self.shape,
            n_levels=self.params.n_levels,
            corpus_digest=self.corpus_digest,
            code=__version__,
            level=suggested_level(self.material.train, DEFAULT_LEVEL),
            plain=plain,
            training={"seed": self.seed, **dataclasses.asdict(self.plan)},
            history=(Turn(0, "start", "born an upsampler"),),
        )
        self.trainer.free_level = self.about.level
        return 0.0, False

    def _go_back(self, step: int) -> None:
        """Undo what came after a snapshot."""
        known = {s.step: s for s in self.about.snapshots}
        if step not in known:
            there = ", ".join(map(str, known)) or "none"
            raise CheckpointError(f"{self.model_id}: no snapshot at step {step}; there are: {there}")
        path = model_folder.step_path(self.folder, step)
        model_folder.fill(self.trainer.net.state_dict(), model_folder.read_tensors(path), path)
        fresh = Trainer(self.shape, self.plan, self.params, self.material, seed=self.seed, device=self.device)
        fresh.start_from(self.trainer.net.state_dict(), step)
        fresh.phase = known[step].phase
        fresh.phase_start = step
        fresh.free_level = self.about.level
        self.trainer = fresh
        for later in self.about.snapshots:
            if later.step > step:
                model_folder.step_path(self.folder, later.step).unlink(missing_ok=True)
        remaining = tuple(s for s in self.about.snapshots if s.step <= step)
        turn = Turn(step, "back", f"asked for by hand; {len(self.about.snapshots) - len(remaining)} snapshots undone")
        self.about = dataclasses.replace(
            self.about, snapshots=remaining, history=(*self.about.history, turn), phase=fresh.phase, phase_start=step
        )
        self._choose()

    # ---- the switch ------------------------------------------------------------

    def _switch(self, phase: str, what: str, why: str) -> None:
        step = self.trainer.step
        self.trainer.switch(phase)
        turn = Turn(step, what if what != "phase" else f"phase {phase}", why)
        self.about = dataclasses.replace(self.about, history=(*self.about.history, turn), phase=phase, phase_start=step)
        self.reporter.line(f"step {step}: {phase} phase begins ({why})")

    def _switch_if_due(self, progress: float) -> None:
        if self.trainer.phase != CONTENT or self.params.adversarial != "auto" or progress >= 1.0:
            return
        if any(turn.what.startswith(BY_HAND) for turn in self.about.history):
            return  # somebody decided; do not decide again
        if self.trainer.step < self.plan.content_steps:
            return  # too early for a critic to help
        if progress >= self.params.adversarial_share:
            self._switch(ADVERSARIAL, "adversarial", f"{self.params.adversarial_share:.0%} of the plan is done")
            return
        scored = [s for s in self.about.snapshots if s.score is not None]
        if len(scored) > self.params.patience:
            best = min(range(len(scored)), key=lambda i: scored[i].score or 0.0)
            if len(scored) - 1 - best >= self.params.patience:
                self._switch(ADVERSARIAL, "adversarial", f"no better score for {self.params.patience} snapshots")

    # ---- snapshots -------------------------------------------------------------

    def _snapshot(self, elapsed_s: float, progress: float) -> None:
        """Score the averaged weights, keep them, choose the best, store the trainer's state."""
        trainer = self.trainer
        weights = trainer.average.state_dict()
        found: dict[str, float] = {}
        total = None
        if self.excerpts:
            made = scores.rendered(trainer.average, self.excerpts, self.params.n_levels)
            found = scores.measures([stereo for _, stereo in self.excerpts], made, self.shape.input_rate)
            total = scores.score(found, self.about.plain)
            self._audition(made[0])
        model_folder.write_tensors(model_folder.step_path(self.folder, trainer.step), weights)
        new = Snapshot(trainer.step, trainer.phase, total, found)
        everything = tuple(sorted({s.step: s for s in (*self.about.snapshots, new)}.values(), key=lambda s: s.step))
        kept = checkpoint.kept(everything, self.params.keep_snapshots)
        self.about = dataclasses.replace(self.about, snapshots=kept, steps_done=trainer.step, phase=trainer.phase)
        if found:
            relative = {k: v / max(self.about.plain[k], 1e-9) for k, v in found.items()}
            relative["frechet"] = math.sqrt(relative["frechet"])
            self.on_curve([(k, trainer.step, v) for k, v in {**relative, "score": total or 0.0}.items()])
            self.reporter.line(
                f"step {trainer.step} ({trainer.phase}): score {total:.3f}; relative to plain upsampling "
                f"low {relative['lsd_low']:.2f}, high {relative['lsd_high']:.2f}, side {relative['lsd_side']:.2f}, "
                f"Fréchet {relative['frechet']:.2f}"
            )
        self._switch_if_due(progress)
        self._choose()
        self._keep_state(elapsed_s)
        for step in {s.step for s in everything} - {s.step for s in kept}:
            model_folder.step_path(self.folder, step).unlink(missing_ok=True)
            (self.folder / "audition" / f"{step}.flac").unlink(missing_ok=True)
        self.on_snapshot(self.about)
        self._draw()

    def _choose(self) -> None:
        """Put the best snapshot's weights into weights.safetensors."""
        best = self.about.best
        if best is None:
            return
        if best.step != self.about.step or not (self.folder / model_folder.WEIGHTS).exists():
            source = model_folder.step_path(self.folder, best.step)
            model_folder.write_tensors(self.folder / model_folder.WEIGHTS, model_folder.read_tensors(source))
        self.about = dataclasses.replace(self.about, step=best.step)
        checkpoint.write_about(self.folder, self.about)

    def _keep_state(self, elapsed_s: float) -> None:
        state = self.trainer.state()
        state["clock_s"] = torch.tensor(elapsed_s, dtype=torch.float64)
        checkpoint.write_about(self.folder, self.about)
        model_folder.write_tensors(self.folder / model_folder.RESUME, state)

    def _audition(self, made: np.ndarray[Any, Any]) -> None:
        folder = self.folder / "audition"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.trainer.step}.flac"
        try:
            write_flac(path, made[:, : round(AUDITION_S * OUTPUT_RATE)], OUTPUT_RATE)
        except OSError as cause:
            raise ToolError(f"{path}: cannot be written ({cause}); is the disk full?") from cause

    def _note(self, recent: list[dict[str, float]]) -> str:
        means = {k: float(np.mean([r[k] for r in recent if k in r])) for k in {k for r in recent for k in r}}
        recent.clear()
        self.on_curve([(f"train_{k}", self.trainer.step, v) for k, v in means.items()])
        return f"{self.trainer.phase} · " + " ".join(f"{k} {means[k]:.3f}" for k in sorted(means))

    def _draw(self) -> None:
        curves: dict[str, list[tuple[int, float]]] = {}
        for snapshot in self.about.snapshots:
            for name, value in snapshot.measures.items():
                relative = value / max(self.about.plain.get(name, 1.0), 1e-9)
                curves.setdefault(name, []).append(
                    (snapshot.step, math.sqrt(relative) if name == "frechet" else relative)
                )
            if snapshot.score is not None:
                curves.setdefault("score", []).append((snapshot.step, snapshot.score))
        draw_curves(self.folder / "curves.png", curves, self.about.history[1:], title=self.model_id)
