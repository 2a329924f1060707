"""Many trainings with settings that a sampler chooses, each a stage's item: claimed, found again, never done twice.

Trial k is item k of the stage loop, so workers share trials through the catalogue, a killed one
is taken over where its last checkpoint was, and a trial that is done is a finding. Optuna says which settings
come next; it keeps its own tables in the project's database. A trial knows its number there from
the first moment on: it is entered with it, in one transaction.

What is looked for is a Pareto front, by default of likeness to the band against copied seconds. Both are measured
on clips of the checkpoint that the training offers, more of them than the training itself affords.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalogue import worker_name
from ..catalogue.database import BUSY_TIMEOUT_S, keep_to_rules
from ..errors import MissingExtra, ParameterError, TrainingError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import digest
from .params import COPIED, LIKELIHOOD, LIKENESS, OBJECTIVES, SkeletonParams, SweepParams, settle

if TYPE_CHECKING:
    import optuna

    from .checkpoint import About
    from .clip_check import ClipCheck

STAGE, VERSION = "sweep", 1
CHOICES = ("width", "blocks", "codes", "transposed")
LOGARITHMIC = ("learning_rate", "length")
RANGES = ("dropout", "noise", "own_steps", *LOGARITHMIC, "temperature")
DIRECTIONS = {LIKENESS: "maximize", COPIED: "minimize", LIKELIHOOD: "minimize"}
FEWEST_TO_PRUNE = 4
"""Trials that must have got as far before another one is called far behind."""
BEHIND = 0.75  #: quantile of their likelihoods; whoever is worse is pruned
RESULT = "result"
"""A trial's attribute in Optuna's tables: all that was measured, written before the trial is called finished."""
SLOT = "number"

Objective = Callable[[Project, "Settings", Callable[[int, float], bool]], Mapping[str, Any]]


@dataclass(frozen=True)
class Settings:
    """What one trial is trained with."""

    number: int
    values: Mapping[str, Any]  #: what the sampler chose, by names of [sweep]
    steps: int  #: of length 1

    def skeleton(self, base: SkeletonParams) -> SkeletonParams:
        """The project's settings with those of the trial."""
        own = {name: value for name, value in self.values.items() if name not in ("length", "temperature")}
        steps = max(
            1, round((self.steps or settle(replace(base, steps=0)).steps) * float(self.values.get("length", 1.0)))
        )
        return replace(base, steps=steps, time_s=0.0, **own)

    @property
    def temperature(self) -> float:
        return float(self.values.get("temperature", 1.0))


class Pruned(Exception):
    """The trial is far behind the others."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__("pruned")
        self.result = result


class _TimeIsUp(BaseException):
    """No further trial is to begin; passes through the stage loop, which gives its claims back."""


def space(params: SweepParams) -> dict[str, Any]:
    """Names of [sweep] -> Optuna's distributions.

    Raises
    ------
    ParameterError
        A range has not two ends, or an objective is unknown.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if unknown := sorted(set(params.objectives) - set(OBJECTIVES)):
        raise ParameterError(f"[sweep] objectives: {unknown[0]!r} is none of {', '.join(OBJECTIVES)}")
    if not params.objectives:
        raise ParameterError(f"[sweep] objectives: name at least one of {', '.join(OBJECTIVES)}")
    found: dict[str, Any] = {name: CategoricalDistribution(v) for name in CHOICES if (v := getattr(params, name))}
    for name in RANGES:
        ends = getattr(params, name)
        if ends and (len(ends) != 2 or not ends[0] <= ends[1]):
            raise ParameterError(f"[sweep] {name} = {list(ends)}: write the two ends of a range, or [] to leave it out")
        if ends:
            found[name] = FloatDistribution(ends[0], ends[1], log=name in LOGARITHMIC)
    return found


def in_key(params: SweepParams) -> dict[str, Any]:
    """What makes two trials comparable: all settings but how many there are to be."""
    return {name: value for name, value in asdict(params).items() if name not in ("trials", "time_s")}


def run(
    project: Project,
    params: SweepParams | None = None,
    *,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
    objective: Objective | None = None,
) -> stage.Outcome:
    """Run the trials that are not done yet.

    ``objective`` trains and measures one trial; the default is ``train_and_measure``.

    Raises
    ------
    MissingExtra
        Optuna is not installed.
    ParameterError
        [sweep] does not describe a search.
    """
    params = project.params("sweep", SweepParams) if params is None else params
    distributions, study = space(params), open_study(project, params)
    began, done = time.monotonic(), 0
    work = objective or train_and_measure

    def measure(item: stage.Item, _scratch: stage.Scratch) -> stage.Measured:
        nonlocal done
        if params.time_s and time.monotonic() - began >= params.time_s:
            raise _TimeIsUp
        values = _one(project, params, study, distributions, item.payload, work)
        done += 1
        return stage.Measured(values)

    try:
        return stage.run_items(
            project, STAGE, VERSION, in_key(params), items(project, params), measure, retry=retry,
            reporter=reporter, label="trials", shard=shard,
        )  # fmt: skip
    except _TimeIsUp:
        reporter.line(f"sweep: {params.time_s:.0f} s are over; the same command goes on")
        before = len(rows(project, params)) - done
        return stage.Outcome(STAGE, done=done, skipped=before, elsewhere=max(0, params.trials - before - done))


def items(project: Project, params: SweepParams) -> list[stage.Item]:
    """The trials as the stage loop's items."""
    from ..corpus.prepared import open_corpus

    searched = {name for name in (*CHOICES, *RANGES) if getattr(params, name)}
    apart = {*searched, "steps", "time_s", "keep", "labels", "check_share", "stop_when_copying"}
    base = asdict(project.params("skeleton", SkeletonParams))
    fixed = digest({name: value for name, value in base.items() if name not in apart})
    inputs = {"corpus": open_corpus(project).digest, "seed": project.settings.seed, "skeleton": fixed}
    return [stage.Item(f"trial-{number}", inputs, number) for number in range(params.trials)]


def study_name(project: Project, params: SweepParams) -> str:
    return f"sweep-{digest(VERSION, in_key(params), items(project, replace(params, trials=1))[0].inputs)[:8]}"


def open_study(project: Project, params: SweepParams) -> optuna.Study:
    """The study of these settings in the project's database; Optuna's tables are made when they are missing."""
    try:
        import optuna
    except ModuleNotFoundError as cause:
        raise MissingExtra("sweep", "sweep") from cause
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    engine = project.catalogue.engine
    waits = {"connect_args": {"timeout": BUSY_TIMEOUT_S}} if engine.dialect.name == "sqlite" else {}
    directions: list[Any] = [DIRECTIONS[name] for name in params.objectives]
    # Optuna would compare versions by a table of Alembic's that is the catalogue's here: that check is left out.
    with _quiet(), _alone(project):
        url = engine.url.render_as_string(hide_password=False)
        storage = optuna.storages.RDBStorage(url, waits, skip_compatibility_check=True)
        keep_to_rules(storage.engine)
        return optuna.create_study(
            storage=storage, study_name=study_name(project, params), directions=directions, load_if_exists=True
        )


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """One process at a time makes Optuna's tables and studies; the others wait."""
    key, worker = digest(STAGE, "tables"), worker_name()
    while not project.catalogue.claim(STAGE, [key], worker=worker, now=time.time()):
        threading.Event().wait(0.1)
    try:
        yield
    finally:
        project.catalogue.let_go([key], worker=worker)


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna warns of what is experimental in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _one(
    project: Project,
    params: SweepParams,
    study: optuna.Study,
    distributions: Mapping[str, Any],
    number: int,
    work: Objective,
) -> dict[str, Any]:
    """Run trial ``number``, or go on with it: what was measured."""
    from optuna.trial import TrialState

    trial, state = _enter(project, study, number)
    values = {name: _suggest(trial, name, distribution) for name, distribution in distributions.items()}
    known = trial.user_attrs.get(RESULT)
    if known is None:
        settings = Settings(number, values, params.steps)
        try:
            known = {"state": "complete", **work(project, settings, _behind(project, study, params))}
        except Pruned as pruned:
            known = {"state": "pruned", **pruned.result}
        except Exception:
            if not state.is_finished():
                study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(RESULT, known)
    if not state.is_finished():
        if known["state"] == "pruned":
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [float(known[name]) for name in params.objectives])
    return {"number": number, "settings": values, "study": study.study_name, **known}


def _enter(project: Project, study: optuna.Study, number: int) -> tuple[optuna.Trial, Any]:
    """Trial ``number`` in Optuna's tables: the one that is there, or a new one."""
    import optuna

    def there() -> optuna.trial.FrozenTrial | None:
        # The newest: one that failed is tried again as another.
        of_number = [t for t in study.get_trials(deepcopy=False) if t.user_attrs.get(SLOT) == number]
        alive = [t for t in of_number if t.state != optuna.trial.TrialState.FAIL]
        return alive[-1] if alive else None

    known = there()
    if known is None:
        study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.RUNNING, user_attrs={SLOT: number}))
        known = there()
        assert known is not None
    # A stream of its own for each trial; running ones count as bad, so that workers do not try the same at once.
    seed = int(np.random.SeedSequence([project.settings.seed, number, 5]).generate_state(1)[0])
    with _quiet():
        study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return optuna.Trial(study, known._trial_id), known.state


def _suggest(trial: optuna.Trial, name: str, distribution: Any) -> Any:
    """The trial's own value where it has one already."""
    if name in CHOICES:
        return trial.suggest_categorical(name, distribution.choices)
    return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def _behind(project: Project, study: optuna.Study, params: SweepParams) -> Callable[[int, float], bool]:
    """Whether a likelihood after so many per cent of a training's steps is far behind the finished trials'."""

    def behind(per_cent: int, likelihood: float) -> bool:
        if per_cent < 100 * params.prune_after:
            return False
        others = [
            min(value for at, value in track if at <= per_cent)
            for t in study.get_trials(deepcopy=False)
            if (track := t.user_attrs.get(RESULT, {}).get("track")) and track[0][0] <= per_cent <= track[-1][0]
        ]
        return len(others) >= FEWEST_TO_PRUNE and likelihood > float(np.quantile(others, BEHIND))

    return behind


# ---- one trial -----------------------------------------------------------------


_checks: dict[str, ClipCheck] = {}
"""Of this process: the index of the band's songs, made once for all trials."""


def train_and_measure(project: Project, settings: Settings, behind: Callable[[int, float], bool]) -> Mapping[str, Any]:
    """Train a skeleton with a trial's settings, and measure clips of the checkpoint that it offers.

    Raises
    ------
    Pruned
        Its likelihood of the valid songs is far behind that of the other trials.
    TrainingError
        It offers no checkpoint that was scored.
    """
    from ..corpus.prepared import open_corpus
    from . import checkpoint, clip_check
    from .run import train

    corpus, begun = open_corpus(project), time.process_time()
    params = settings.skeleton(project.params("skeleton", SkeletonParams, check_share=0.0))
    track: list[tuple[int, float]] = []

    def judge(about: About) -> str:
        step, per_cent = about.steps_done, round(100 * about.steps_done / params.steps)
        scored = next(c for c in about.history if c.step == step)
        if scored.valid_bits is None:
            return ""
        track.append((per_cent, relative(about, scored.valid_bits)))
        return "far behind the other trials" if behind(per_cent, min(v for _, v in track)) else ""

    trained = train(project, params, reuse=True, judge=judge)[0]
    training_s, folder = time.process_time() - begun, project.models_dir / trained.model_id
    about = checkpoint.read_about(folder)
    result: dict[str, Any] = {
        "model": trained.model_id, "step": trained.step, "steps": trained.steps_done, "track": track_of(about, params),
        "training_s": training_s, **{k: v for k, v in trained.measures.items() if k.endswith("_bits")},
    }  # fmt: skip
    if trained.stopped.startswith("far behind"):
        raise Pruned(result)
    valid = trained.measures.get("valid_bits")
    if valid is None:
        raise TrainingError(f"{trained.model_id}: no song chooses checkpoints; add songs (a valid split is needed)")
    model, _ = checkpoint.open_model(folder)
    key = digest(corpus.digest, project.settings.seed)
    if key not in _checks:
        _checks.clear()
        _checks[key] = clip_check.ClipCheck(corpus, project.settings.seed)
    n_clips = project.params("sweep", SweepParams).clips
    found = _checks[key].measure(
        model, checkpoint.open_renderer(folder), range(n_clips), likeness=True, temperature=settings.temperature
    )
    return result | found | {
        LIKELIHOOD: relative(about, valid),
        COPIED: found[clip_check.COPIED],
        LIKENESS: found.get(clip_check.LIKENESS, 0.0),
    }  # fmt: skip


def relative(about: About, valid_bits: float) -> float:
    """Bits on the valid songs, as a share of the regression's on the same codes: comparable whatever the codebook."""
    return valid_bits / float(about.baselines["valid"]["regression"])


def track_of(about: About, params: SkeletonParams) -> list[tuple[int, float]]:
    """(per cent of the steps, relative likelihood) of every checkpoint that was scored."""
    return [
        (round(100 * c.step / params.steps), relative(about, c.valid_bits))
        for c in about.history
        if c.valid_bits is not None
    ]


# ---- what was found --------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A trial that is done, as tables and pictures show it."""

    number: int
    state: str
    model: str
    settings: Mapping[str, Any]
    measures: Mapping[str, float]
    keep_rate: float | None  #: of the takes of its model that people judged
    on_front: bool


def rows(project: Project, params: SweepParams) -> list[Row]:
    """All trials of these settings that are done, in their order, with what people said of their takes since."""
    name, found = study_name(project, params), []
    for finding in project.catalogue.findings(STAGE):
        values = finding.values
        if finding.error is None and values.get("study") == name:
            found.append(values)
    rates, shown = keep_rates(project), []
    front = pareto([_objectives(v, params.objectives) for v in found])
    for values, best in zip(found, front, strict=True):
        numbers = {k: float(v) for k, v in values.items() if isinstance(v, int | float) and k != "number"}
        shown.append(
            Row(
                values["number"], values["state"], values["model"], values["settings"], numbers,
                rates.get(values["model"]), best,
            )
        )  # fmt: skip
    return sorted(shown, key=lambda row: row.number)


def _objectives(values: Mapping[str, Any], names: Sequence[str]) -> list[float] | None:
    """To be made small; None: it was pruned."""
    if values["state"] != "complete":
        return None
    return [float(values[n]) * (-1.0 if DIRECTIONS[n] == "maximize" else 1.0) for n in names]


def pareto(points: Sequence[Sequence[float] | None]) -> list[bool]:
    """Which points no other one beats: as good everywhere, better somewhere (small is good); None never is."""

    def beaten(one: Sequence[float], other: Sequence[float]) -> bool:
        return all(b <= a for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)

    return [p is not None and not any(o is not None and beaten(p, o) for o in points) for p in points]


def keep_rates(project: Project) -> dict[str, float]:
    """Model -> share of its judged takes that people kept."""
    judged = {take: j.verdict for take, j in project.catalogue.verdicts().items() if j.verdict}
    said: dict[str, list[bool]] = {}
    for take in project.catalogue.takes(sorted(judged)):
        said.setdefault(take.recipe.model_id, []).append(judged[take.id] == "keep")
    return {model: sum(kept) / len(kept) for model, kept in said.items()}


def best(found: Sequence[Row]) -> Row | None:
    """Of the front the trial most like the band among those that copy no more than the band quotes itself."""
    front = [row for row in found if row.on_front]
    calm = [r for r in front if r.measures[COPIED] <= r.measures.get("quoted_s_per_hour", 0.0)]
    return max(calm or front, key=lambda r: (r.measures[LIKENESS], -r.measures[LIKELIHOOD]), default=None)


def apply(project: Project, row: Row, params: SweepParams) -> dict[str, dict[str, Any]]:
    """Write a trial's settings into neuralbum.toml; comments and all else stay. Returns what was written."""
    import tomlkit

    from ..project import SETTINGS_FILE, atomic

    base = project.params("skeleton", SkeletonParams)
    trained = Settings(row.number, row.settings, params.steps).skeleton(base)
    own = {name: getattr(trained, name) for name in row.settings if name not in ("length", "temperature")}
    said: dict[str, dict[str, Any]] = {"skeleton": {**own, "steps": trained.steps, "time_s": 0.0}}
    if "temperature" in row.settings:
        said["generate"] = {"temperature": [round(float(row.settings["temperature"]), 4)]}
    path = project.root / SETTINGS_FILE
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    for table, values in said.items():
        document.setdefault(table, tomlkit.table()).update(values)
    with atomic(path) as part:
        part.write_text(tomlkit.dumps(document), encoding="utf-8")
    return said
