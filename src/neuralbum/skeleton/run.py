"""Train a skeleton in a project: prepared corpus in, a model folder and its catalogue row out.

A model's id is the digest of what it is made from, so the same command finds
its own unfinished work and goes on with it. Killed at any moment, it has lost at
most the steps since the last checkpoint.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__, model_folder
from ..audio import write_flac
from ..catalogue import worker_name
from ..dsp import front_end
from ..errors import CatalogueError, CheckpointError, ParameterError, ToolError, TrainingError
from ..labels import Labels, vocabulary
from ..prepared import PreparedCorpus, open_corpus
from ..progress import SILENT, Reporter
from ..project import Project
from ..records import Model, digest
from ..stage import activity, file_digest
from . import checkpoint
from .checkpoint import About
from .conditions import Conditions, Told
from .params import SkeletonParams
from .presets import Preset, plain, preset
from .scoring import Scored, rank, score, sentence
from .states import states_path, write_states
from .telling import account, labels_of, labels_to_learn, tell_splits

if TYPE_CHECKING:
    from .songs import Song

STAGE = "skeleton"
VERSION = 4
LEASE_S = 1800.0
MIN_TRAIN_S = 5.0
"""Less training music than this teaches nothing; minutes are sensible, an hour is good."""
MIN_EVAL_S = 1.0
CURVE_POINTS = 400
"""Points of the training curve kept for a whole run."""
CHECKPOINT_EVERY_S, MOST_CHECKPOINTS, FEWEST_CHECKPOINTS = 60.0, 12, 2
"""A timed run pauses to evaluate and to sing about once a minute, but neither never nor all the time."""


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    model_id: str
    folder: str
    step: int  #: of the best checkpoint, in weights.safetensors
    steps_done: int
    heldout_bits: float
    valid_bits: float | None
    lines: Mapping[str, float]
    cpu_s: float
    samples: int
    per_song: Mapping[str, float] = field(default_factory=dict)  #: held-out songs by title
    told_bits: Mapping[str, float] = field(default_factory=dict)  #: of a net that is told conditions; see ``Rung``
    resumed: bool = False
    stopped: str = ""  #: why training ended early, if it did


def songs_of(corpus: PreparedCorpus, split: str, n_levels: int) -> list[Song]:
    """The songs of a split as levels."""
    from .songs import Song

    return [Song(song.track.title, front_end.levels_of(song.mono, n_levels)) for song in corpus.split(split)]


def corpus_songs(corpus: PreparedCorpus, n_levels: int) -> tuple[list[Song], list[Song], list[Song]]:
    """(train, valid, held-out) songs, or a TrainingError that says how much is missing."""
    train, valid, heldout = (songs_of(corpus, split, n_levels) for split in ("train", "valid", "heldout"))
    rate = corpus.sample_rate
    for name, songs, needed in (("train", train, MIN_TRAIN_S), ("held-out", heldout or valid, MIN_EVAL_S)):
        seconds = sum(len(song.levels) for song in songs) / rate
        if seconds < needed:
            raise TrainingError(
                f"the {name} split holds {seconds:.1f} s of music; at least {needed:g} s are needed (minutes are "
                f"better); bring in more songs with `neuralbum add FOLDER`"
            )
    return train, valid, heldout or valid


def train(
    project: Project,
    params: SkeletonParams | None = None,
    *,
    device: str = "cpu",
    force: bool = False,
    reporter: Reporter = SILENT,
) -> Trained:
    """Train until the steps (or the time) are done; goes on where an earlier run stopped.

    Parameters
    ----------
    device : "cpu" or "cuda"
    force : throw away an earlier run with the same settings and start anew.

    Raises
    ------
    TrainingError
        Too little material, a loss that is not a number (the last good checkpoint
        stays), or another process is training this very model.
    """
    from .presets import build

    params = project.params(STAGE, SkeletonParams) if params is None else params
    chosen = settle_preset(params)
    corpus = open_corpus(project)
    train, valid, heldout = corpus_songs(corpus, params.n_levels)
    labels = labels_of(project, params, corpus)
    learned = labels_to_learn(project, params, corpus, labels)
    if "tag" in params.conditions:
        chosen = replace(chosen, config={**chosen.config, "tags": vocabulary(learned)})
    net = build(chosen.kind, chosen.config, seed=project.settings.seed)
    config = plain(net.config)
    habits: dict[str, Any] = {
        "batch": chosen.batch, "window": chosen.window, "learning_rate": chosen.learning_rate,
        "stretch_s": params.stretch_s, "clip": params.clip,
        "average": params.average, "dither": params.dither, "tone_share": params.tone_share,
        "frame_share": params.frame_share,
    }  # fmt: skip
    if params.conditions:
        said = {name: [label.tags, label.tempo] for name, label in sorted(learned.items())}
        habits |= {"condition_dropout": params.condition_dropout, "labels": digest("labels", said)}
    name = digest(STAGE, VERSION, chosen.kind, config, habits, corpus.digest, project.settings.seed)
    model_id = f"{params.preset}-{name[:8]}"
    folder = project.models_dir / model_id
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    worker, key = worker_name(), f"train:{model_id}"
    if not project.catalogue.claim(STAGE, [key], worker=worker, now=time.time(), lease_s=LEASE_S):
        raise TrainingError(f"{model_id}: another process is training this model; wait for it, or stop it first")
    try:
        with activity(project, STAGE, device=device, detail={"model": model_id, "preset": params.preset}) as tick:
            work = _Work(project, params, chosen, habits, corpus, model_id, folder, reporter, (train, valid, heldout))
            work.claim_key = key
            work.labels = labels
            trained = work.train(net, config, device, tick)
            tick(done=1)
            return trained
    finally:
        reporter.end()
        project.catalogue.let_go([key], worker=worker)


run = train


def settle_preset(params: SkeletonParams) -> Preset:
    """The preset with the settings that override it."""
    chosen = preset(params.preset)
    config = {**chosen.config, "n_levels": params.n_levels}
    if params.dropout >= 0:
        config["dropout"] = params.dropout
    if params.conditions:
        Conditions(params.conditions)  # refuses names that it does not know
        if chosen.kind != "skeleton":
            raise ParameterError(f"preset {params.preset!r} takes no conditions; the reference net stays as it was")
        config["conditions"] = params.conditions
    return replace(
        chosen,
        config=config,
        batch=params.batch or chosen.batch,
        window=params.window or chosen.window,
        learning_rate=params.learning_rate or chosen.learning_rate,
        steps=params.steps or chosen.steps,
        checkpoint_every=params.checkpoint_every or chosen.checkpoint_every,
    )


@dataclass
class _Work:
    """One training run's desk: everything around the trainer that touches files and catalogue."""

    project: Project
    params: SkeletonParams
    chosen: Preset
    habits: Mapping[str, Any]
    corpus: PreparedCorpus
    model_id: str
    folder: Path
    reporter: Reporter
    songs: tuple[list[Song], list[Song], list[Song]]
    claim_key: str = ""
    labels: Mapping[str, Labels] = field(default_factory=dict)  #: by track id
    known: tuple[Told | None, Told | None] = (None, None)  #: what the valid and the held-out songs can be told

    def train(self, net: Any, config: Mapping[str, Any], device: str, tick: Any) -> Trained:
        import torch

        from .training import Habits, Trainer

        params, chosen, rate = self.params, self.chosen, self.corpus.sample_rate
        net.to(device)
        self.device = device
        habits = {name: value for name, value in self.habits.items() if name in Habits.__dataclass_fields__}
        told, valid, heldout = tell_splits(net, self.corpus, self.songs, self.labels, params)
        self.known = (valid, heldout)
        how = Habits(
            **habits, sample_rate=rate, seed=self.project.settings.seed,
            precision=params.precision, compile_scan=params.compile_scan,
        )  # fmt: skip
        trainer = Trainer(net, self.songs[0], how, told, say=self.reporter.line)
        before_s, resumed = 0.0, False
        if (self.folder / model_folder.RESUME).exists():
            tensors = model_folder.read_tensors(self.folder / model_folder.RESUME)
            before_s = float(tensors.pop("clock_s"))
            trainer.restore(tensors)
            about = checkpoint.read_about(self.folder)
            resumed = True
        else:
            about = self._first_about(config, told)
            self._store_row(about)
        self.lines = dict(about.lines)
        target = params.time_s if params.time_s > 0 else float(chosen.steps)
        done = before_s if params.time_s > 0 else float(trainer.step)
        if done >= target and about.ladder:
            return self._trained(trainer, about, 0.0, resumed=True)
        behind = before_s if params.time_s > 0 else trainer.samples / rate
        ahead = max(0, chosen.steps - trainer.step) * trainer.step_samples
        goal = target if params.time_s > 0 else (trainer.samples + ahead) / rate
        self.reporter.begin(f"train {self.model_id}", goal - behind, "s" if params.time_s > 0 else "s of music")
        started, cpu = time.monotonic(), time.process_time()
        every = chosen.checkpoint_every
        n_marks = max(FEWEST_CHECKPOINTS, min(MOST_CHECKPOINTS, int(target / CHECKPOINT_EVERY_S)))
        next_mark = math.floor(done / (target / n_marks)) + 1
        next_point, recent = done, list[float]()
        samples0, stopped, note, shown = trainer.samples, "", "", behind
        while True:
            elapsed = before_s + time.monotonic() - started
            done_now = elapsed if params.time_s > 0 else float(trainer.step)
            if done_now >= target:
                self.reporter.advance(goal - shown)  # also what the last checkpoint took
                break
            try:
                recent.append(trainer.advance(done_now / target))
            except TrainingError as cause:
                if not about.ladder:
                    raise
                stopped = str(cause)
                self.reporter.line(f"{cause}; stopped with the last good checkpoint, step {about.ladder[-1].step}")
                break
            tick()
            if done_now >= next_point:
                next_point = done_now + target / CURVE_POINTS
                mean = float(np.mean(recent))
                self._curve([("train_bits", trainer.step, mean)])
                recent.clear()
                speed = (trainer.samples - samples0) / max(time.process_time() - cpu, 1e-9)
                bits = f"{mean:.3f} bits · LPC {self.lines['lpc']:.3f}"
                note = f"step {trainer.step} · {bits} · {speed / 1000:.0f}k samples/s"
            elapsed = before_s + time.monotonic() - started
            reached = min(goal, elapsed) if params.time_s > 0 else trainer.samples / rate
            self.reporter.advance(reached - shown, note)
            shown = reached
            due = elapsed >= next_mark * target / n_marks if params.time_s > 0 else trainer.step % every == 0
            if due and reached < goal:
                next_mark += 1
                about = self._checkpoint(trainer, about, elapsed)
        elapsed = before_s + time.monotonic() - started
        if not stopped and (not about.ladder or about.steps_done != trainer.step):
            about = self._checkpoint(trainer, about, elapsed)
        del torch
        return self._trained(trainer, about, time.process_time() - cpu, resumed=resumed, stopped=stopped)

    # ---- pieces ----------------------------------------------------------------

    def _first_about(self, config: Mapping[str, Any], told: Told | None) -> About:
        from .evaluate import lines

        params = self.params
        return About(
            id=self.model_id,
            kind=self.chosen.kind,
            net=config,
            preset=params.preset,
            sample_rate=self.corpus.sample_rate,
            n_levels=params.n_levels,
            corpus_digest=self.corpus.digest,
            code=__version__,
            training={**self.habits, "seed": self.project.settings.seed},
            told=account(told, self.corpus),
            lines=lines(
                self.songs[0],
                self.songs[2],
                seconds=params.valid_s,
                sample_rate=self.corpus.sample_rate,
                n_levels=params.n_levels,
            ),
        )

    def _store_row(self, about: About) -> None:
        self.project.catalogue.add_model(
            Model(
                id=about.id,
                kind=about.kind,
                preset=about.preset,
                sample_rate=about.sample_rate,
                corpus_digest=about.corpus_digest,
                config={"net": about.net, "n_levels": about.n_levels, "step": about.step, "lines": about.lines},
                created_at=time.time(),
            )
        )

    def _curve(self, points: Sequence[tuple[str, int, float]]) -> None:
        self.project.catalogue.add_curve(self.model_id, points)

    def _checkpoint(self, trainer: Any, about: About, elapsed_s: float) -> About:
        """Evaluate the averaged weights, let them sing, keep them on the ladder, store the trainer's state."""
        import torch

        from .presets import build

        self.project.catalogue.start(self.claim_key, now=time.time(), lease_s=LEASE_S)
        weights = {name: value.cpu() for name, value in trainer.averaged().items()}
        net = build(about.kind, about.net)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(weights[name])
        net.to(self.device).eval()
        scored = self._score(net, trainer.step)
        rung, path = scored.rung, model_folder.step_path(self.folder, trainer.step)
        model_folder.write_tensors(path, weights)
        write_states(self.folder, about, trainer.step, file_digest(path), scored.engine, scored.states)
        ladder = tuple(sorted({r.step: r for r in (*about.ladder, rung)}.values(), key=lambda r: r.step))
        best = min(ladder, key=rank)
        kept = set(
            sorted((r.step for r in ladder), key=lambda s: rank(next(r for r in ladder if r.step == s)))[
                : self.params.keep
            ]
        )
        kept |= {best.step, trainer.step}
        source = model_folder.step_path(self.folder, best.step)
        if best.step != about.step or not (self.folder / model_folder.WEIGHTS).exists():
            model_folder.write_tensors(self.folder / model_folder.WEIGHTS, model_folder.read_tensors(source))
        about = replace(
            about, step=best.step, steps_done=trainer.step, ladder=tuple(r for r in ladder if r.step in kept)
        )
        state = trainer.state()
        state["clock_s"] = torch.tensor(elapsed_s, dtype=torch.float64)
        checkpoint.write_about(self.folder, about)
        model_folder.write_tensors(self.folder / model_folder.RESUME, state)
        for dropped in ladder:
            if dropped.step not in kept:
                model_folder.step_path(self.folder, dropped.step).unlink(missing_ok=True)
                states_path(self.folder, dropped.step).unlink(missing_ok=True)
                for clip in (self.folder / "audition").glob(f"{dropped.step}-*.flac"):
                    clip.unlink()
        points = [("heldout_bits", rung.step, rung.heldout_bits), ("valid_bits", rung.step, rung.valid_bits)]
        points += [("distance", rung.step, rung.distance)]
        points += [(f"{name}_told_bits", rung.step, bits) for name, bits in rung.told_bits.items()]
        self._curve([(name, step, value) for name, step, value in points if value is not None])
        self._store_row(about)
        self._draw(about)
        return about

    def _score(self, net: Any, step: int) -> Scored:
        """Score the net, and keep what it sang."""
        scored = score(
            net, step, self.songs, self.params, sample_rate=self.corpus.sample_rate, seed=self.project.settings.seed,
            told=self.known,
        )  # fmt: skip
        for i, clip in enumerate(scored.clips):
            path = self.folder / "audition" / f"{step}-{i}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write_flac(path, clip[None], self.corpus.sample_rate)
            except OSError as cause:
                raise ToolError(f"{path}: cannot be written ({cause}); is the disk full?") from cause
        self.reporter.line(sentence(scored.rung, self.lines))
        return scored

    def _draw(self, about: About) -> None:
        from .curves import draw_curves

        curves = self.project.catalogue.curve(self.model_id)
        draw_curves(self.folder / "curves.png", curves, about.lines, title=self.model_id)

    def _trained(self, trainer: Any, about: About, cpu_s: float, *, resumed: bool, stopped: str = "") -> Trained:
        best = next(r for r in about.ladder if r.step == about.step)
        return Trained(
            model_id=self.model_id,
            folder=self.project.relative(self.folder),
            step=about.step,
            steps_done=trainer.step,
            heldout_bits=float(best.heldout_bits or math.nan),
            told_bits=best.told_bits,
            valid_bits=best.valid_bits,
            lines=about.lines,
            cpu_s=cpu_s,
            samples=trainer.samples,
            resumed=resumed,
            stopped=stopped,
        )


def find_model(project: Project, word: str = "") -> tuple[Path, int | None]:
    """The folder of a model named by (the start of) its id, ``ID@step``; empty: the newest skeleton.

    Raises
    ------
    CatalogueError
        There is no skeleton yet.
    ParameterError
        The name fits none or several.
    """
    name, step = model_folder.parse_model(word)
    trained = [m for m in project.catalogue.models() if m.kind in ("skeleton", "samplernn")]
    trained = [m for m in trained if (project.models_dir / m.id / model_folder.WEIGHTS).exists()]
    if not trained:
        raise CatalogueError(f"{project.root}: no trained skeleton yet; train one with `neuralbum train skeleton`")
    if not name:
        return project.models_dir / trained[-1].id, step
    fitting = [m.id for m in trained if m.id.startswith(name)]
    if len(fitting) != 1 and name not in fitting:
        raise ParameterError(f"model {name!r}: {len(fitting)} fit; there are: {', '.join(m.id for m in trained)}")
    return project.models_dir / (name if name in fitting else fitting[0]), step


def open_skeleton(path: Path | str, step: int | None = None) -> tuple[Any, About]:
    """A trained net and its description from a model folder; see ``checkpoint.load_net``."""
    folder = Path(path)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no model folder there")
    return checkpoint.load_net(folder, step)
