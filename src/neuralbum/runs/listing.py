"""What trainings there are, how they were made, how they score, what they cost, what people said of them.

A run is a training: a model's row in the catalogue, its folder, its lines in the ledger and
the events about it. A run that failed or was pruned has its row, too, and stays until it is deleted.
"""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ParameterError
from ..footprint import Params as FootprintParams
from ..footprint import ledger
from ..project import Project
from ..records import Activity, Model, RunOpinion
from ..train.checkpoint import About, Checkpoint, read_about
from ..train.model_folder import step_path

STATES = ("running", "done", "stopped", "pruned", "failed", "interrupted", "deleted")
"""``stopped``: before its time, for the reason in ``why``; ``interrupted``: killed, the same command goes on;
``deleted``: its weights are gone, its row stays because takes were made by it."""


@dataclass(frozen=True)
class Cost:
    """What a training took, all its attempts together, by the ledger."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    device_s: float = 0.0
    kwh: float = 0.0  #: best estimate
    grams: float = 0.0  #: of CO2e, best estimate


@dataclass(frozen=True)
class Run:
    """One training."""

    id: str
    kind: str
    preset: str
    state: str  #: one of STATES
    why: str = ""
    name: str = ""
    starred: bool = False
    started_at: float = 0.0  #: Unix seconds
    step: int = 0  #: of the chosen checkpoint
    steps_done: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)  #: of the chosen checkpoint
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[Checkpoint, ...] = ()  #: all that were scored; those with a digest have their file
    starred_steps: tuple[int, ...] = ()
    score: float | None = None  #: what people said of its clips, -1 to 1
    n_heard: int = 0  #: clips that somebody spoke about
    cost: Cost = Cost()
    n_bytes: int = 0  #: of its folder and its clips
    n_takes: int = 0  #: takes that it played or made sound

    @property
    def kept(self) -> list[Checkpoint]:
        """The checkpoints whose files are there."""
        return [c for c in self.checkpoints if c.sha256]

    def value(self, key: str) -> Any:
        """A setting, a measure or a plain value by its name; None where the run has none."""
        plain = {
            "id": self.id, "kind": self.kind, "preset": self.preset, "state": self.state, "name": self.name,
            "step": self.step, "steps_done": self.steps_done, "score": self.score, "cpu_s": self.cost.cpu_s,
            "wall_s": self.cost.wall_s, "grams": self.cost.grams, "n_bytes": self.n_bytes, "n_takes": self.n_takes,
            "started_at": self.started_at,
        }  # fmt: skip
        return next((table[key] for table in (plain, self.measures, self.settings) if key in table), None)


def list_runs(project: Project) -> list[Run]:
    """All runs, oldest first."""
    catalogue = project.catalogue
    models, opinions = catalogue.models(), catalogue.run_opinions()
    held, made = catalogue.held("train", now=time.time()), catalogue.takes_by_model()
    activities: dict[str, list[Activity]] = {}
    for activity in catalogue.activities():
        if activity.stage in ledger.TRAINING:
            activities.setdefault(str(activity.detail.get("model")), []).append(activity)
    clips: dict[str, int] = {}
    for finding in catalogue.findings("clips"):
        size = sum(_size(project.root / path) for path in finding.files.values())
        clips[finding.subject.partition("@")[0]] = clips.get(finding.subject.partition("@")[0], 0) + size
    factors = project.params("footprint", FootprintParams)
    return [
        _run(
            project, model,
            opinions.get(model.id) or RunOpinion(model.id),
            _cost(activities.get(model.id, []), factors),
            running=f"train:{model.id}" in held,
            clip_bytes=clips.get(model.id, 0),
            n_takes=sum(n for (name, _), n in made.items() if name == model.id),
        )
        for model in models
    ]  # fmt: skip


def _run(
    project: Project, model: Model, opinion: RunOpinion, cost: Cost, *, running: bool, clip_bytes: int, n_takes: int
) -> Run:
    folder = project.models_dir / model.id
    ended = model.config.get("ended") or {}
    state, why = str(ended.get("how") or "interrupted"), str(ended.get("why") or "")
    about: About | None = None
    try:
        about = read_about(folder)
    except CheckpointError as cause:
        if not folder.exists():
            state, why = (state, why) if state in ("failed", "pruned") else ("deleted", "")
        elif not why:
            state, why = "failed", str(cause)
    if about is not None and not ended:  # of a version that did not write down how a training ended
        state = "done"
    training = about.training if about else model.config.get("training") or {}
    scored = about.checkpoint if about else None
    return Run(
        model.id, model.kind, model.preset, "running" if running else state, "" if running else why,
        name=opinion.name, starred=opinion.starred, started_at=model.created_at,
        step=about.step if about else int(model.config.get("step") or 0),
        steps_done=about.steps_done if about else 0,
        measures=dict(scored.measures) if scored else {},
        baselines=about.baselines if about else model.config.get("lines") or {},
        settings=flat(training),
        checkpoints=about.history if about else (),
        starred_steps=opinion.starred_steps, score=opinion.score(), n_heard=len(opinion.heard),
        cost=cost, n_bytes=folder_bytes(folder) + clip_bytes, n_takes=n_takes,
    )  # fmt: skip


def _cost(activities: Sequence[Activity], factors: FootprintParams) -> Cost:
    whole = ledger.total(ledger.by_stage(activities, factors))
    return Cost(whole.wall_s, whole.cpu_s, whole.device_s, whole.kwh.best, whole.kg.best * 1000.0)  # [kg] * [g/kg]


def flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings side by side: {"net": {"width": 16}} -> {"net.width": 16}."""
    out: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{before}{name}.")
        elif value is not None:
            out[before + name] = value
    return out


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(_size(path) for path in folder.rglob("*") if path.is_file())


def checkpoint_bytes(project: Project, run: Run, step: int) -> int:
    return _size(step_path(project.models_dir / run.id, step))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone meanwhile
        return 0


# ---- finding one, some, and what tells them apart ------------------------------


def find_run(runs: Sequence[Run], word: str) -> tuple[Run, int | None]:
    """The run of a name, an id or its beginning, and the step after an ``@``.

    Raises
    ------
    ParameterError
        None or several fit, or it has no such checkpoint.
    """
    name, at, step = word.strip().partition("@")
    if at and not (step.isascii() and step.isdecimal()):
        raise ParameterError(f"{word!r}: write a run as ID or ID@step, for example tiny-1a2b3c4d@1500")
    exact = [r for r in runs if r.id == name or (r.name and r.name.casefold() == name.casefold())]
    fitting = exact or [r for r in runs if name and r.id.startswith(name)]
    if len(fitting) != 1:
        if not runs:
            raise CheckpointError("no run yet; train one with `neuralbum train`")
        known = ", ".join(r.name or r.id for r in runs[-12:])
        raise ParameterError(f"{word!r}: {len(fitting)} runs of that name or id; there are: {known}")
    (run,) = fitting
    if at and int(step) not in {c.step for c in run.kept}:
        kept = ", ".join(str(c.step) for c in run.kept) or "none"
        raise ParameterError(f"{run.id}: no checkpoint is kept at step {step}; there are: {kept}")
    return run, int(step) if at else None


CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def fits(run: Run, condition: str) -> bool:
    """Whether a run meets ``"valid_bits<300"`` or ``"state!=failed"``; one that has no such value does not.

    Raises
    ------
    ParameterError
        It is no condition.
    """
    match = CONDITION.fullmatch(condition)
    if match is None:
        raise ParameterError(f"--where {condition!r}: write KEY, one of < <= = != >= >, and a value: valid_bits<300")
    key, sign, word = match.groups()
    value = run.value(key)
    if value is None:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return COMPARE[sign](float(value), float(word))
        except ValueError as cause:
            raise ParameterError(f"--where {condition!r}: {key} is a number") from cause
    return COMPARE[sign](str(value).casefold(), word.casefold())


def sort_runs(runs: Iterable[Run], key: str) -> list[Run]:
    """In order of a value, small ones first (with a ``-`` before it large ones); runs without it come last.

    Raises
    ------
    ParameterError
        No run has such a value.
    """
    runs = list(runs)
    name, backwards = key.removeprefix("-"), key.startswith("-")
    there, missing = [r for r in runs if r.value(name) is not None], [r for r in runs if r.value(name) is None]
    if runs and not there:
        raise ParameterError(
            f"--sort {key}: no run has it; for example valid_bits, heldout_bits, cpu_s, n_bytes, score"
        )
    try:
        return sorted(there, key=lambda r: r.value(name), reverse=backwards) + missing
    except TypeError:  # numbers here, words there
        return sorted(there, key=lambda r: str(r.value(name)), reverse=backwards) + missing


def told_apart(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Of each run the settings in which it differs from others of its kind."""
    out: dict[str, dict[str, Any]] = {}
    for kind in {run.kind for run in runs}:
        same = [run for run in runs if run.kind == kind]
        for name, values in differing(same).items():
            for run, value in zip(same, values, strict=True):
                if value is not None:
                    out.setdefault(run.id, {})[name] = value
    return [out.get(run.id, {}) for run in runs]


def differing(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings in which runs differ: name -> the value of each, in their order; None where one has no such."""
    names = dict.fromkeys(name for run in runs for name in ("preset", *run.settings))
    values = {name: [run.value(name) for run in runs] for name in names}
    return {name: some for name, some in values.items() if any(value != some[0] for value in some)}
