"""Flesh a project's takes, and train fleshes in it: the only file here that knows folders and catalogue.

A model's id is the digest of what it is made from, so the same command finds
its own unfinished work and goes on with it. Killed at any moment, a training
has lost at most the steps since the last snapshot, a fleshing nothing but the
take in hand.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import audio, model_folder
from ..catalogue import worker_name
from ..errors import AudioError, CatalogueError, ParameterError, TrainingError
from ..prepared import PreparedCorpus, open_corpus
from ..progress import SILENT, Reporter
from ..project import Project, atomic
from ..records import Model, Take, digest
from ..stage import Desk, Item, Measured, Outcome, activity, file_digest, run_items
from . import checkpoint
from .fleshing import Flesh, flesh_blocks, open_flesh
from .params import FleshParams, NetShape, settle_preset

if TYPE_CHECKING:
    from .pairs import Material, Song

STAGE = "flesh"
VERSION = 1
MODEL_VERSION = 2
LEASE_S = 1800.0
MIN_TRAIN_S = 5.0
"""Less training music than this teaches nothing; minutes are sensible."""


# ---- fleshing takes ----------------------------------------------------------------


@dataclass(frozen=True)
class Fleshing:
    """What a fleshed take depends on, besides the take and the weights."""

    width: float
    level: float


def run(
    project: Project,
    params: FleshParams | None = None,
    *,
    takes: Sequence[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
    device: str = "cpu",
) -> Outcome:
    """Flesh takes into ``fleshed/<id>.flac``, 44.1 kHz stereo.

    A take whose file was made with the same weights and settings is skipped. The
    file always belongs to the newest finding; other settings make it anew.

    Raises
    ------
    CatalogueError
        No flesh is trained yet.
    """
    params = project.params(STAGE, FleshParams) if params is None else params
    model = open_flesh(*find_model(project, params.model), device=device)
    level = model.level if params.denoise < 0 else params.denoise
    how = Fleshing(params.width, level)
    items = [_item(take, model) for take in project.catalogue.takes(takes)]
    _forget_stale(project, how, items)
    return run_items(
        project,
        STAGE,
        VERSION,
        how,
        items,
        lambda item, desk: _flesh_take(project, model, how, params.block_s, item, desk),
        force=force,
        retry=retry,
        reporter=reporter,
        label="flesh",
        shard=shard,
    )


def _item(take: Take, model: Flesh) -> Item:
    return Item(take.id, {"take": take.sha256, "weights": model.digest}, take)


def _forget_stale(project: Project, how: Fleshing, items: Sequence[Item]) -> None:
    """Forget findings whose file is gone, or was replaced by one made with other settings."""
    newest = {subject: finding.key for subject, finding in project.catalogue.latest(STAGE).items()}
    for item in items:
        key = digest(STAGE, VERSION, how, item.inputs, item.subject)
        there = (project.fleshed_dir / f"{item.subject}.flac").exists()
        if item.subject in newest and (newest[item.subject] != key or not there):
            known = project.catalogue.finding(key)
            if known is not None and known.error is None:
                project.catalogue.forget(key)


def _flesh_take(project: Project, model: Flesh, how: Fleshing, block_s: float, item: Item, _desk: Desk) -> Measured:
    take: Take = item.payload
    source = project.root / take.path
    if not source.exists():
        raise AudioError(f"{take.path}: missing; sample it again with `neuralbum generate`, or restore the file")
    model.check(sample_rate=take.sample_rate, channels=take.channels, what=take.path)

    def blocks() -> Any:
        for block, sample_rate in audio.blocks(source):
            model.check(sample_rate=sample_rate, channels=block.shape[0], what=take.path)
            yield block

    final = project.fleshed_dir / f"{take.id}.flac"
    peak, n_clipped = 0.0, 0
    with atomic(final) as part, audio.FlacWriter(part, sample_rate=model.output_rate, channels=2) as flac:
        for made in flesh_blocks(
            model, blocks(), width=how.width, denoise=how.level, seed=int(take.id[:12], 16), block_s=block_s
        ):
            magnitude = np.abs(made)
            peak = max(peak, float(magnitude.max()))
            n_clipped += int((magnitude > 1.0).sum())
            flac.write(made)
        if flac.n_samples == 0:
            raise AudioError(f"{take.path}: 0 samples; the file was cut short, run `neuralbum generate` again")
        n_samples = flac.n_samples
    return Measured(
        {
            "path": project.relative(final),
            "sha256": file_digest(final),
            "sample_rate": model.output_rate,
            "channels": 2,
            "n_samples": n_samples,
            "model": model.name,
            "peak_db": float(20 * np.log10(max(peak, 1e-6))),
            "clipped_share": n_clipped / (2 * n_samples),
        }
    )


def find_model(project: Project, word: str = "") -> tuple[Path, int | None]:
    """The folder of a flesh named by (the start of) its id, ``ID@step``; empty: the newest.

    Raises
    ------
    CatalogueError
        There is no flesh yet.
    ParameterError
        The name fits none or several.
    """
    name, step = model_folder.parse_model(word)
    ids = [m.id for m in project.catalogue.models(checkpoint.KIND)]
    ids = [i for i in ids if (project.models_dir / i / model_folder.WEIGHTS).exists()]
    if not ids:
        raise CatalogueError(f"{project.root}: no trained flesh yet; train one with `neuralbum train flesh`")
    if not name:
        return project.models_dir / ids[-1], step
    fitting = [name] if name in ids else [i for i in ids if i.startswith(name)]
    if len(fitting) != 1:
        raise ParameterError(f"model {name!r}: {len(fitting)} fit; there are: {', '.join(ids)}")
    return project.models_dir / fitting[0], step


# ---- training ----------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    model_id: str
    folder: str
    step: int  #: of the chosen snapshot, in weights.safetensors
    phase: str  #: the chosen snapshot's
    steps_done: int
    score: float | None  #: of the chosen snapshot; plain upsampling has 1
    measures: Mapping[str, float] = field(default_factory=dict)
    plain: Mapping[str, float] = field(default_factory=dict)  #: of plain upsampling
    history: tuple[checkpoint.Turn, ...] = ()
    cpu_s: float = 0.0
    resumed: bool = False
    stopped: str = ""  #: why training ended early, if it did


def train(
    project: Project,
    params: FleshParams | None = None,
    *,
    device: str = "cpu",
    phase: str | None = None,
    back_to: int | None = None,
    forced: Mapping[str, np.ndarray[Any, Any]] | Path | None = None,
    free: Sequence[np.ndarray[Any, Any]] | Path | None = None,
    force: bool = False,
    reporter: Reporter = SILENT,
    clock: Callable[[], float] = time.monotonic,
) -> Trained:
    """Train until the steps (or the time) are done; goes on where an earlier run stopped.

    Parameters
    ----------
    phase : "content" or "adversarial"
        Enter this phase now, whatever ``adversarial`` in the settings says.
    back_to : a snapshot's step
        Go on from there: what came after is undone.
    forced : track id -> samples, or a folder of ``<track id>.npy``
        Teacher-forced samples of the skeleton: one for each of the song's samples at the
        corpus rate, drawn while the skeleton was shown the real past; int16 or float.
    free : sounds, or a folder of sound files
        Free-running skeleton audio at the corpus rate.
    force : throw away an earlier run with the same settings and start anew.
    clock : counts the seconds of ``time_s``.

    Raises
    ------
    TrainingError
        Too little material, a loss that is not a number (the last good snapshot
        stays), or another process is training this very model.
    """
    from .training_desk import TrainingDesk

    params = project.params(STAGE, FleshParams) if params is None else params
    if phase is not None and phase not in checkpoint.PHASES:
        raise ParameterError(f"phase {phase!r} must be one of {', '.join(checkpoint.PHASES)}")
    corpus = open_corpus(project)
    plan = settle_preset(params)
    shape = NetShape(plan.channels, plan.blocks, corpus.sample_rate)
    material = _material(corpus, params, forced, free)
    model_id = _model_id(project, params, shape, corpus)
    folder = project.models_dir / model_id
    if force:
        shutil.rmtree(folder, ignore_errors=True)
    worker, key = worker_name(), f"train:{model_id}"
    if not project.catalogue.claim(STAGE, [key], worker=worker, now=time.time(), lease_s=LEASE_S):
        raise TrainingError(f"{model_id}: another process is training this model; wait for it, or stop it first")
    try:
        with activity(project, STAGE, device=device, detail={"model": model_id, "preset": params.preset}) as tick:
            desk = TrainingDesk(
                params, plan, shape, material, folder, model_id, corpus.digest, project.settings.seed, device, reporter
            )
            desk.clock = clock
            desk.on_curve = lambda points: project.catalogue.add_curve(model_id, points)
            desk.on_snapshot = lambda about: _store(project, about, key)
            desk.on_step = tick
            try:
                result = desk.train(phase=phase, back_to=back_to)
            finally:
                reporter.end()
            tick(done=1)
    finally:
        project.catalogue.let_go([key], worker=worker)
    about, best = result.about, result.about.best
    return Trained(
        model_id=model_id,
        folder=project.relative(folder),
        step=about.step,
        phase=best.phase if best else about.phase,
        steps_done=about.steps_done,
        score=best.score if best else None,
        measures=best.measures if best else {},
        plain=about.plain,
        history=about.history,
        cpu_s=result.cpu_s,
        resumed=result.resumed,
        stopped=result.stopped,
    )


def _model_id(project: Project, params: FleshParams, shape: NetShape, corpus: PreparedCorpus) -> str:
    """Named by what decides its weights; how long it trains and when it switches is its history, not its name."""
    plan = settle_preset(params)
    habits = {k: v for k, v in plan.__dict__.items() if k not in ("steps", "check_every")}
    weights = {k: v for k, v in params.__dict__.items() if k.endswith(("_weight", "_share", "_steps", "n_levels"))}
    weights.pop("adversarial_share", None)
    name = digest("flesh", MODEL_VERSION, habits, weights, shape, corpus.digest, project.settings.seed)
    return f"flesh-{params.preset}-{name[:8]}"


def _store(project: Project, about: checkpoint.About, key: str) -> None:
    project.catalogue.start(key, now=time.time(), lease_s=LEASE_S)
    best = about.best
    config = {
        "net": about.net,
        "n_levels": about.n_levels,
        "step": about.step,
        "phase": about.phase,
        "score": best.score if best else None,
        "plain": about.plain,
    }
    project.catalogue.add_model(
        Model(
            id=about.id,
            kind=checkpoint.KIND,
            preset=about.preset,
            sample_rate=about.net.output_rate,
            corpus_digest=about.corpus_digest,
            config=config,
            created_at=time.time(),
        )
    )


def _material(
    corpus: PreparedCorpus,
    params: FleshParams,
    forced: Mapping[str, np.ndarray[Any, Any]] | Path | None,
    free: Sequence[np.ndarray[Any, Any]] | Path | None,
) -> Material:
    from .pairs import Material, check_forced

    train = _songs(corpus, "train", forced)
    valid = _songs(corpus, "valid", None) or _songs(corpus, "heldout", None)
    seconds = sum(len(song.mono) for song in train) / corpus.sample_rate
    if seconds < MIN_TRAIN_S:
        raise TrainingError(
            f"the train split holds {seconds:.1f} s of music; at least {MIN_TRAIN_S:g} s are needed (minutes are "
            f"better); bring in more songs with `neuralbum add FOLDER`"
        )
    for song in train:
        check_forced(song)
    if isinstance(free, Path):
        free = _read_free(free, corpus.sample_rate)
    return Material(train, valid, tuple(free or ()))


def _songs(corpus: PreparedCorpus, split: str, forced: Mapping[str, np.ndarray[Any, Any]] | Path | None) -> list[Song]:
    from .pairs import Song

    songs = []
    for song in corpus.split(split):
        samples = None
        if isinstance(forced, Path):
            path = forced / f"{song.track.id}.npy"
            try:
                samples = np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
            except (OSError, ValueError) as cause:
                raise AudioError(f"{path}: not a NumPy array of samples ({cause}); draw them again") from cause
        elif forced is not None:
            samples = forced.get(song.track.id)
        songs.append(Song(song.track.title, song.mono, song.stereo, samples))
    if isinstance(forced, Path) and not any(song.forced is not None for song in songs):
        raise ParameterError(f"{forced}: holds no <track id>.npy of the training songs")
    return songs


def _read_free(folder: Path, sample_rate: int) -> list[np.ndarray[Any, Any]]:
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in (".flac", ".wav", ".ogg"))
    if not paths:
        raise ParameterError(f"{folder}: holds no .flac, .wav or .ogg file of free-running skeleton audio")
    sounds = []
    for path in paths:
        sound, rate = audio.read(path)
        if rate != sample_rate or sound.shape[0] != 1:
            raise AudioError(f"{path}: {rate} Hz, {sound.shape[0]} channels; it must be {sample_rate} Hz mono")
        sounds.append(sound[0])
    return sounds
