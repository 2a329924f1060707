"""Train a band's nets in a project: prepared corpus in, model folders and their catalogue rows out.

A model's id is the digest of what it is made from, so the same command finds its own
unfinished work and goes on with it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import ParameterError, in_one_line
from ..progress import SILENT, Reporter
from ..project import Project
from ..project.stage import activity, alone
from ..records import Model, digest
from . import model_folder
from .checkpoint import About, find_model, read_about, write_about
from .params import FleshParams, Preset, Setup, SkeletonParams, TrainParams, settle
from .processor import available_gib, needs_in_words, refuse_if_too_big

if TYPE_CHECKING:
    from ..corpus.prepared import PreparedCorpus
    from .clip_check import CheckPlan
    from .loop import Trainer
    from .session import Judge

VERSION = 7
NETS = ("skeleton", "flesh")
APART = ("preset", "steps", "time_s", "patience", "keep", "check_share", "stop_when_copying")
"""Settings that do not change what a training step does."""
LATER = {"start_from": "", "width": 0, "blocks": 0, "codes": 0, "noise": 1.0}
"""Settings that came later: runs with their usual values keep the names that they had before."""
MEASURED_STEPS = 3
"""Training steps that an estimate makes, after a first one that does not count."""
READING_S_PER_S = 0.08
"""CPU seconds for a second of music, read in seven pitches: measured with ten minutes of it."""
BASE_GIB = 0.6
"""What a process with torch holds."""


@dataclass(frozen=True)
class Trained:
    """What a training did."""

    model_id: str
    kind: str
    folder: str  #: relative to the project
    step: int  #: of the chosen checkpoint
    steps_done: int
    measures: Mapping[str, float] = field(default_factory=dict)  #: of the chosen checkpoint
    baselines: Mapping[str, Any] = field(default_factory=dict)
    cpu_s: float = 0.0
    resumed: bool = False
    stopped: str = ""  #: why it ended before its time
    rose_at: int | None = None  #: step at which clips were found to copy more than the band quotes of itself
    new_steps: int = 0  #: done in this run

    def sentence(self) -> str:
        """What it says of itself; "held out" are songs that chose nothing."""
        said = f"{self.model_id}: step {self.step} of {self.steps_done} chosen"
        for split, name in (("valid", "valid songs"), ("heldout", "held-out songs")):
            if f"{split}_bits" in self.measures:
                lines = ", ".join(f"{n} {v:.0f}" for n, v in self.baselines.get(split, {}).items())
                said += f"; {name} {self.measures[f'{split}_bits']:.0f} bits per second ({lines})"
        if "copied_s_per_hour" in self.measures:
            said += (
                f"; of an hour of clips {self.measures['copied_s_per_hour']:.0f} s are copied (the band quotes "
                f"{self.measures['quoted_s_per_hour']:.0f} s of itself; {self.measures['planted_found']:.0f} of "
                f"{self.measures['planted']:.0f} planted copies found)"
            )
        if self.rose_at is not None:
            said += f"; copying rose at step {self.rose_at}, what plays is from before"
        if "loss" in self.measures:
            said += f"; spectra of unheard songs {20 * self.measures['loss']:.1f} dB off"
        return said


@dataclass(frozen=True)
class More:
    """How much longer a run is trained that had ended: so many seconds, or steps."""

    time_s: float = 0.0
    steps: int = 0


@dataclass(frozen=True)
class Estimate:
    """What a training will take."""

    kind: str
    preset: str
    parameters: int
    steps: int
    memory_gib: float
    available_gib: float
    seconds: float

    def sentence(self) -> str:
        return (
            f"{self.kind} {self.preset}: {self.parameters / 1e6:.2f} M parameters, about {self.steps} steps; "
            f"{needs_in_words(self.memory_gib, self.seconds)}"
        )


def settings_of(project: Project, what: str = "all") -> list[SkeletonParams | FleshParams]:
    """The settings of what is to be trained; [train] time_s is shared out."""
    if what not in ("all", *NETS):
        raise ParameterError(f"train {what!r}: choose skeleton or flesh, or nothing for both")
    skeleton, flesh = project.params("skeleton", SkeletonParams), project.params("flesh", FleshParams)
    whole = project.params("train", TrainParams)
    if what == "all" and whole.time_s > 0:
        skeleton = replace(skeleton, time_s=whole.time_s * whole.skeleton_share)
        flesh = replace(flesh, time_s=whole.time_s * (1.0 - whole.skeleton_share))
        return [p for p in (skeleton, flesh) if p.time_s > 0]
    alone = what == "all" and skeleton.preset == "samplernn"  # the reference makes sound by itself
    both: list[SkeletonParams | FleshParams] = [skeleton] if alone else [skeleton, flesh]
    return both if what == "all" else [skeleton if what == "skeleton" else flesh]


def train(
    project: Project,
    params: SkeletonParams | FleshParams | None = None,
    what: str = "all",
    *,
    device: str = "cpu",
    force: bool = False,
    reuse: bool = False,
    judge: Judge | None = None,
    reporter: Reporter = SILENT,
) -> list[Trained]:
    """Train, or go on training, the skeleton and the flesh, or the one whose ``params`` are given.

    Parameters
    ----------
    reuse : take what another model of this project found in the same music, instead of reading it again
    judge : asked after every evaluation; why to stop there, or "" to go on

    Raises
    ------
    TrainingError
        Too little music.
    CatalogueError
        Nothing is prepared, or another process trains this model.
    """
    return [
        _train_one(project, p, device=device, force=force, reuse=reuse, judge=judge, reporter=reporter)
        for p in ([params] if params is not None else settings_of(project, what))
    ]


run = train


def extend(project: Project, word: str, *, more: More, device: str = "cpu", reporter: Reporter = SILENT) -> Trained:
    """Train a run longer, with the settings it was trained with.

    The learning rate is again the cosine's, at the share of the whole that is done: after as much again it begins
    at half its peak. An extension that was interrupted is ended by the same command, not begun anew.

    Raises
    ------
    ParameterError
        No such run; the music or the project's seed is not what it was trained with; or it has nothing to go on from.
    """
    from ..corpus.prepared import open_corpus

    folder, _ = find_model(project, word, kind="")
    about = read_about(folder)
    if not (folder / model_folder.RESUME).exists():
        raise ParameterError(f"{about.id}: has no state to go on from; begin a new run with its weights: --from")
    params = settings_used(project, about)
    table = "flesh" if about.kind == "flesh" else "skeleton"
    if _about(project, params, settle(params), open_corpus(project)).id != about.id:
        raise ParameterError(
            f"{about.id}: the music, the seed or the preset is another than it was trained with; begin a new run with "
            f"its weights: neuralbum train {table} --from {about.id}"
        )
    return _train_one(project, params, device=device, force=False, reporter=reporter, more=more)


def settings_used(project: Project, about: About) -> SkeletonParams | FleshParams:
    """The settings a run was trained with; those that do not change it are the project's of now."""
    base: SkeletonParams | FleshParams = (
        project.params("flesh", FleshParams) if about.kind == "flesh" else project.params("skeleton", SkeletonParams)
    )
    names = {f.name for f in fields(base)} - set(APART)
    said = {name: value for name, value in {**LATER, **about.training}.items() if name in names}
    return replace(base, preset=about.preset, **said)


def setup_of(project: Project, about: About, folder: Path, device: str, reporter: Reporter) -> Setup:
    """What a run that is there is opened with."""
    from ..corpus.prepared import open_corpus

    params = settings_used(project, about)
    seed = project.settings.seed
    return Setup(params, settle(params), open_corpus(project), folder, seed, device, _precise(device), reporter)


def _goal(project: Project, folder: Path, about: About, more: More) -> About:
    """The run with the end of its extension: the one it was on its way to when it was interrupted, or a new one."""
    row = next((m for m in project.catalogue.models() if m.id == about.id), None)
    on_its_way = row is not None and not (row.config.get("ended") or {}).get("how")
    if on_its_way and "until_s" in about.training:
        return about
    state = model_folder.read_tensors(folder / model_folder.RESUME)
    until_s = float(state["clock_s"]) + more.time_s if more.time_s > 0 else 0.0
    until = int(state["step"]) + more.steps if more.steps > 0 else 0
    about = replace(about, training={**about.training, "until_s": until_s, "until_step": until})
    write_about(folder, about)
    store_row(project, about)
    return about


def _start_of(
    project: Project, params: SkeletonParams | FleshParams, chosen: Preset
) -> tuple[SkeletonParams | FleshParams, tuple[Path, int] | None]:
    """The settings with the whole name of the checkpoint a run begins with, and where it lies.

    Raises
    ------
    CatalogueError, CheckpointError, ParameterError
        There is none, or its net is another.
    """
    if not params.start_from:
        return params, None
    if chosen.kind == "samplernn":
        raise ParameterError("start_from: a samplernn always begins anew")
    folder, step = find_model(project, params.start_from, kind=chosen.kind)
    about = read_about(folder)
    step = about.step if step is None else step
    own = about.facts["net"]
    if odd := [f"{n} {own[n]} and {v}" for n, v in chosen.net.items() if n != "dropout" and own.get(n) != v]:
        raise ParameterError(f"{about.id}: its net has another size ({', '.join(odd)}): take --preset {about.preset}")
    return replace(params, start_from=f"{about.id}@{step}"), (folder, step)


def _train_one(
    project: Project, params: SkeletonParams | FleshParams, *, device: str, force: bool, reporter: Reporter,
    reuse: bool = False, judge: Judge | None = None, more: More | None = None,
) -> Trained:  # fmt: skip
    from ..corpus.prepared import open_corpus
    from . import curve_picture, session, tilting
    from .clip_check import rose_at
    from .prepare import check_music

    corpus, chosen = open_corpus(project), settle(params)
    check_music(corpus)
    params, start = _start_of(project, params, chosen)
    about = _about(project, params, chosen, corpus)
    folder = project.models_dir / about.id
    with alone(project, "train", f"train:{about.id}", f"training {about.id}"):  # who is not alone touches nothing
        if force:
            session.begin_anew(folder)
        session.remove_parts(folder)
        started, cpu = time.monotonic(), time.process_time()
        setup = Setup(
            params, chosen, corpus, folder, project.settings.seed, device, _precise(device), reporter, start, reuse
        )
        resumed = (folder / model_folder.RESUME).exists()
        if resumed:
            about = read_about(folder)
        steps_before = about.steps_done
        tilts = about.kind == "skeleton"
        reserved_s = tilting.SHARE * params.time_s if tilts and chosen.rounds else 0.0
        schedule = session.Schedule(chosen.steps, params.time_s - reserved_s, params.patience, params.keep)
        if more is not None:
            about = _goal(project, folder, about, more)
            until_s, until = about.training["until_s"], about.training["until_step"]
            schedule = session.Schedule(until or chosen.steps, until_s, keep=params.keep)
        stage = "flesh" if about.kind == "flesh" else "skeleton"
        try:
            with activity(project, stage, device=device, detail={"model": about.id, "preset": about.preset}) as log:
                trainer, about = _trainer(setup, about, fresh=not resumed)

                def add_points(points: Iterable[tuple[str, int, float]]) -> None:
                    project.catalogue.add_curve(about.id, points)

                checks = _checks(setup, trainer)
                work = session.Session(
                    folder, about, trainer, schedule, reporter, add_points, log, started, checks, judge
                )
                if resumed:
                    work.resume()
                store_row(project, about)
                if more is not None:  # so much longer is trained; opening it comes on top
                    work.started = time.monotonic()
                work.work()
                if tilts and not (work.broken or work.pruned):
                    work.about = tilting.finish(
                        folder, work.about, seed=setup.seed, rounds=chosen.rounds, seconds=reserved_s, reporter=reporter
                    )
                how = "failed" if work.broken else "pruned" if work.pruned else "stopped" if work.stopped else "done"
                store_row(project, work.about, how, work.stopped)
                if work.about.kind == "skeleton":
                    curve_picture.write(folder, work.about, project.catalogue.curve(about.id).get("train_bits", ()))
                log(done=1)
        except Exception as cause:
            store_row(project, about, "failed", in_one_line(cause))
            raise
    last, scored = work.about, work.about.checkpoint
    return Trained(
        last.id, last.kind, project.relative(folder), last.step, last.steps_done,
        measures=dict(scored.measures) if scored else {}, baselines=last.baselines,
        cpu_s=time.process_time() - cpu, resumed=resumed, stopped=work.stopped,
        rose_at=rose_at(last.history), new_steps=last.steps_done - steps_before,
    )  # fmt: skip


def open_task(setup: Setup, about: About, *, fresh: bool) -> tuple[Any, About]:
    """What a net of this kind is trained on (a ``loop.Task``), and what model.json then says."""
    room = importlib.import_module(f"{__package__}.{about.kind}_task")
    found: tuple[Any, About] = room.open_task(setup, about, fresh=fresh)
    return found


def _trainer(setup: Setup, about: About, *, fresh: bool) -> tuple[Trainer, About]:
    from .loop import Trainer, TrainingConfig

    task, about = open_task(setup, about, fresh=fresh)
    config = TrainingConfig(setup.chosen.learning_rate, setup.chosen.weight_decay, seed=setup.seed)
    return Trainer(task, config), about


def _checks(setup: Setup, trainer: Trainer) -> CheckPlan | None:
    """How the clips of a skeleton are searched for copies while it is trained."""
    from .clip_check import MULTIPLICATIONS_PER_S, CheckPlan, ClipCheck
    from .skeleton_task import SkeletonTask

    params, task = setup.params, trainer.task
    if not isinstance(params, SkeletonParams) or not isinstance(task, SkeletonTask) or not params.check_share > 0:
        return None
    check = ClipCheck(setup.corpus, setup.seed)
    parameters = sum(p.numel() for p in trainer.named.values())
    step_s = 6.0 * parameters * setup.chosen.batch * task.window / MULTIPLICATIONS_PER_S
    before_s = READING_S_PER_S * sum(setup.corpus.seconds(split) for split in ("train", "valid", "heldout"))
    music = task.music
    return CheckPlan(check, music.model, music.renderer, params.check_share, step_s, before_s, params.stop_when_copying)


def _about(project: Project, params: SkeletonParams | FleshParams, chosen: Preset, corpus: PreparedCorpus) -> About:
    """What model.json says before anything is done; the id is made from all that changes the weights."""
    training = {name: value for name, value in asdict(params).items() if name not in APART}
    for name, usual in LATER.items():
        if training.get(name) == usual:
            del training[name]
    training |= {**asdict(chosen), "seed": project.settings.seed}
    made_of = {name: value for name, value in training.items() if name != "steps"}
    name = digest("train", VERSION, made_of, corpus.digest)
    prefix = f"flesh-{params.preset}" if chosen.kind == "flesh" else params.preset
    rate = corpus.sample_rate if chosen.kind == "samplernn" else 44_100
    return About(
        f"{prefix}-{name[:8]}", chosen.kind, params.preset, rate, corpus.digest, __version__, {}, training=training
    )


def store_row(project: Project, about: About, how: str = "", why: str = "") -> None:
    """A model's row. ``how`` it ended: done, stopped, pruned or failed; empty while it goes on."""
    known = {m.id: m.created_at for m in project.catalogue.models()}
    config = {
        "net": about.facts.get("net", {}), "step": about.step, "lines": about.baselines,
        "training": about.training, "ended": {"how": how, "why": why},
    }  # fmt: skip
    project.catalogue.add_model(
        Model(
            about.id, about.kind, about.preset, about.sample_rate, about.corpus_digest, config,
            known.get(about.id, time.time()),
        )
    )  # fmt: skip


def _precise(device: str) -> bool:
    """Whether matrix products stay in float32: where the processor has no bfloat16 of its own."""
    import torch

    return device == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def estimate(project: Project, params: SkeletonParams | FleshParams, *, device: str = "cpu") -> Estimate:
    """Measure a few training steps on an excerpt of the music, and say what the whole will take.

    Raises
    ------
    TrainingError
        Too little music, or the memory cannot be had.
    """
    import resource
    import tempfile

    from ..corpus.prepared import open_corpus
    from .prepare import check_music

    corpus, chosen = open_corpus(project), settle(params)
    check_music(corpus)
    with tempfile.TemporaryDirectory() as folder:
        about = _about(project, params, chosen, corpus)
        setup = Setup(params, chosen, excerpt(corpus), Path(folder) / about.id, 0, device, _precise(device), SILENT)
        trainer, _ = _trainer(setup, about, fresh=True)
    trainer.advance(0.5)
    started = time.monotonic()
    for _ in range(MEASURED_STEPS):
        trainer.advance(0.5)
    step_s = (time.monotonic() - started) / MEASURED_STEPS
    music_s = sum(corpus.seconds(split) for split in ("train", "valid", "heldout"))
    reading_s = READING_S_PER_S * (music_s if chosen.kind == "skeleton" else min(music_s, 720.0) / 3.0)
    seconds = params.time_s or reading_s + chosen.steps * step_s * 1.1  # a tenth for evaluations
    steps = chosen.steps if not params.time_s else int(max(0.0, params.time_s - reading_s) / step_s / 1.1)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    memory = max(BASE_GIB, peak_gib) + music_s * 150_000 / 2**30
    parameters = sum(p.numel() for p in trainer.named.values())
    free = available_gib(device)
    refuse_if_too_big(params.preset, memory, free, halve="--set skeleton.batch or skeleton.transposed")
    return Estimate(chosen.kind, params.preset, parameters, steps, memory, free, seconds)


def excerpt(corpus: PreparedCorpus, seconds: float = 20.0) -> PreparedCorpus:
    """The longest training song's first seconds, and nothing else."""
    song = max(corpus.split("train"), key=lambda s: s.stereo.shape[1])
    short = replace(
        song, stereo=song.stereo[:, : int(seconds * 44_100)], mono=song.mono[: int(seconds * corpus.sample_rate)]
    )
    return replace(corpus, songs=(short,))
