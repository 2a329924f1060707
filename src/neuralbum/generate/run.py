"""Make takes in a project: recipes, claims, FLAC files as they grow, rows when they are whole.

A take's id is the digest of its recipe. One that is there is skipped; one that was
half written when the process died is made again from its recipe, sample for sample.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import model_folder
from ..audio import FlacWriter
from ..catalogue import worker_name
from ..dsp import front_end
from ..errors import CatalogueError, CheckpointError
from ..prepared import PreparedCorpus, open_corpus
from ..progress import SILENT, Reporter
from ..project import Project, settle
from ..records import Recipe, Take
from ..skeleton import find_model
from ..skeleton.reins import FREE
from ..stage import Ledger, Outcome, activity, file_digest
from . import streams, wishes
from .fleshed import Fleshed
from .params import GenerateParams

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..skeleton.conditions import Conditions
    from ..skeleton.states import State
    from .making import Handed

STAGE = "generate"
LEASE_S = 3600.0
SIDE_BY_SIDE = {"cpu": 16, "cuda": 4096}
"""Takes made at once on a device: a GPU waits for its launches, not for its takes."""


@dataclass(frozen=True)
class Plan:
    """What is to be made, before anything is made."""

    recipes: tuple[Recipe, ...]
    sample_rate: int

    @property
    def seconds(self) -> float:
        return sum(recipe.n_samples for recipe in self.recipes) / self.sample_rate


def plan(
    project: Project,
    params: GenerateParams,
    *,
    engine: str,
    about: Any,
    digest: str,
    conditions: Conditions | None = None,
    states: Sequence[State] = (),
) -> Plan:
    """The recipes that ``params`` ask for, in order of their numbers; with ``states`` they begin with one of those."""
    rate = about.sample_rate
    n_samples = max(1, round(params.length_s * rate))
    count = math.ceil(params.hours * 3600.0 / params.length_s) if params.hours > 0 else params.count
    seed = project.settings.seed
    songs: dict[str, int] = {}
    told = wishes.settle(params, conditions, about.id)
    if params.reins and about.reins != FREE:
        engine += f"+{about.reins.name}"
    if params.watchdog:
        engine += f"+watchdog-1:{params.rewinds}:{params.heat:g}"
    if params.watchdog and params.redraws and about.band is not None:
        engine += f"+redraws-1:{params.redraws}:{about.band.limit:.3f}"
    if params.prime_s > 0 and not states:
        songs = {song.track.id: song.mono.size for song in corpus_for(project, about).split("train")}
        songs = wishes.tracks_of(told, about.told, songs)
    recipes = []
    for number in range(count):
        start = streams.temperature_of(number, params.temperature)
        points = [(0.0, start)]
        if params.drift:
            points.append((params.length_s, round(max(0.05, start + params.drift), 4)))
        recipes.append(
            Recipe(
                model_id=about.id,
                model_digest=digest,
                step=about.step,
                seed=seed,
                number=number,
                temperature=tuple(points),
                n_samples=n_samples,
                sample_rate=rate,
                engine=engine,
                prime=(
                    streams.choose_state(seed, number, [(state.number, state.digest) for state in states])
                    if states
                    else streams.choose_prime(seed, number, songs, int(params.prime_s * rate))
                ),
                conditions=told,
            )
        )
    return Plan(tuple(recipes), rate)


def corpus_for(project: Project, about: Any) -> PreparedCorpus:
    corpus = open_corpus(project)
    if corpus.sample_rate != about.sample_rate:
        raise CheckpointError(
            f"{about.id}: was trained at {about.sample_rate} Hz, the prepared corpus is at {corpus.sample_rate} Hz; "
            f"take a model of this corpus, or prime with nothing (--set generate.prime_s=0)"
        )
    return corpus


def run(
    project: Project,
    params: GenerateParams | None = None,
    *,
    takes: Sequence[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
    sharing: int = 1,
    device: str = "cpu",
) -> Outcome:
    """Make every take that is not there yet.

    ``takes`` limits the work to these ids; ``force`` makes them again (the same recipe
    gives the same sound); ``shard`` (i, n) to every n-th number. ``sharing`` says how many
    processes were started together, so that the first one does not take all of it in hand.
    ``device`` "cuda" samples by CUDA graphs, whose takes are other takes than the CPU's.

    Raises
    ------
    CatalogueError, CheckpointError
        No model, or one that does not load.
    """
    from ..skeleton import open_skeleton
    from ..skeleton.engine import open_engine
    from ..skeleton.states import read_states
    from .making import Guard, make

    params = project.params(STAGE, GenerateParams) if params is None else params
    folder, step = find_model(project, params.model)
    net, about = open_skeleton(folder, step)
    engine = open_engine(net.to(device), anchored=about.anchored)
    weights = folder / model_folder.WEIGHTS if step is None else model_folder.step_path(folder, about.step)
    if not weights.exists():
        weights = folder / model_folder.WEIGHTS
    sha256 = file_digest(weights)
    states = read_states(folder, about, engine, sha256) if params.prime_from == "state" else []
    planned = plan(
        project, params, engine=engine.name, about=about, digest=sha256[:20],
        conditions=engine.conditions, states=states,
    )  # fmt: skip
    _sweep_parts(project.takes_dir)
    mine = [r for r in planned.recipes if takes is None or r.take_id in set(takes)][shard[0] - 1 :: shard[1]]
    known = {take.id for take in project.catalogue.takes() if (project.root / take.path).exists()}
    todo = [r for r in mine if force or r.take_id not in known]
    queue = _Queue(project, todo, force)
    fleshed = Fleshed(project, params.flesh, device=device, reporter=reporter)
    reporter.begin("generate", sum(r.n_samples for r in todo) / planned.sample_rate, "s of sound")
    try:
        with activity(
            project, STAGE, device=device, detail={"model": about.id, "step": about.step, "engine": engine.name}
        ) as tick:
            handed = make(
                engine,
                queue.next,
                batch=max(1, min(params.batch or SIDE_BY_SIDE[device], math.ceil(len(todo) / sharing))),
                sample_rate=planned.sample_rate,
                prime=_Primes(project, about),
                state=lambda recipe: states[recipe.prime["state"]].snapshot if "state" in recipe.prime else None,
                guard=Guard(params.watchdog, params.rewinds, params.heat, params.redraws),
                reins=about.reins if params.reins else FREE,
                band=about.band,
            )
            done = _write_all(project, handed, queue, planned.sample_rate, reporter, tick, fleshed)
    finally:
        queue.let_go()
        reporter.end()
    if fleshed.on:  # and what a killed run left bare
        there = {take.id for take in project.catalogue.takes()}
        fleshed.flesh([r.take_id for r in mine if r.take_id in there])
    return Outcome(
        stage=STAGE, done=done, skipped=len(mine) - len(todo), elsewhere=len(todo) - done,
        failed=fleshed.failed, failed_before=fleshed.failed_before, errors=tuple(fleshed.errors),
    )  # fmt: skip


def _write_all(
    project: Project,
    sounds: Iterator[Handed],
    queue: _Queue,
    sample_rate: int,
    reporter: Reporter,
    tick: Ledger,
    fleshed: Fleshed,
) -> int:
    """Put sound into files as it is handed out; enter each take when it is whole. Returns how many were."""
    started, made_s, done = time.monotonic(), 0.0, 0
    files: dict[str, _Growing] = {}
    try:
        for handed in sounds:
            name = handed.recipe.take_id
            growing = files.get(name)
            if growing is None:
                growing = files[name] = _Growing(project, handed.recipe)
            growing.write(handed.audio)
            seconds = len(handed.audio) / sample_rate
            made_s += seconds
            reporter.advance(seconds, f"{made_s / max(time.monotonic() - started, 1e-9):.2f} x real time")
            if handed.last:
                project.catalogue.add_take(files.pop(name).finish(handed.events))
                queue.finished(name)
                done += 1
                tick(done=1)
                fleshed.add(name, tick)
            queue.renew()
            tick()
    finally:
        for growing in files.values():
            growing.drop()
    return done


class _Queue:
    """Recipes waiting to be made, and the claims on those in hand."""

    def __init__(self, project: Project, recipes: Sequence[Recipe], force: bool) -> None:
        self.project, self.force = project, force
        self.waiting, self.held = list(recipes), set[str]()
        self.worker, self.renewed = worker_name(), time.monotonic()

    def next(self) -> Recipe | None:
        """The next recipe that no other process has in hand or has made meanwhile."""
        catalogue = self.project.catalogue
        while self.waiting:
            recipe = self.waiting.pop(0)
            name = recipe.take_id
            if not catalogue.claim(STAGE, [name], worker=self.worker, now=time.time(), lease_s=LEASE_S):
                continue
            if not self.force and _is_there(self.project, name):  # another process was faster
                catalogue.let_go([name], worker=self.worker)
                continue
            catalogue.start(name, now=time.time(), lease_s=LEASE_S)
            self.held.add(name)
            return recipe
        return None

    def finished(self, name: str) -> None:
        self.project.catalogue.let_go([name], worker=self.worker)
        self.held.discard(name)

    def renew(self) -> None:
        """Keep the claims alive while takes grow."""
        if time.monotonic() - self.renewed > LEASE_S / 4:
            self.renewed = time.monotonic()
            for name in self.held:
                self.project.catalogue.start(name, now=time.time(), lease_s=LEASE_S)

    def let_go(self) -> None:
        self.project.catalogue.let_go(sorted(self.held), worker=self.worker)


def _is_there(project: Project, take_id: str) -> bool:
    return any((project.root / take.path).exists() for take in project.catalogue.takes([take_id]))


class _Primes:
    """The levels a take hears first, from the prepared corpus."""

    def __init__(self, project: Project, about: Any) -> None:
        self.project, self.about = project, about
        self.songs: dict[str, Any] | None = None

    def __call__(self, recipe: Recipe) -> npt.NDArray[np.int16]:
        if "track" not in recipe.prime:
            return np.zeros(0, dtype=np.int16)
        if self.songs is None:
            self.songs = {song.track.id: song.mono for song in corpus_for(self.project, self.about).songs}
        name, start, n = recipe.prime["track"], int(recipe.prime["start"]), int(recipe.prime["n_samples"])
        if name not in self.songs:
            raise CatalogueError(
                f"take {recipe.take_id}: its prime comes from track {name}, which is not in the corpus"
            )
        return front_end.levels_of(np.asarray(self.songs[name][start : start + n]), self.about.n_levels)


class _Growing:
    """A take's file while it grows: takes/<id>.<pid>.part.flac."""

    def __init__(self, project: Project, recipe: Recipe) -> None:
        self.project, self.recipe = project, recipe
        self.path = project.takes_dir / f"{recipe.take_id}.flac"
        self.part = project.takes_dir / f"{recipe.take_id}.{os.getpid()}.part.flac"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.flac = FlacWriter(self.part, sample_rate=recipe.sample_rate, channels=1)

    def write(self, audio: npt.NDArray[np.float32]) -> None:
        self.flac.write(audio[None])

    def finish(self, events: tuple[dict[str, Any], ...]) -> Take:
        self.flac.close()
        settle(self.part, self.path)
        return Take(
            id=self.recipe.take_id,
            recipe=self.recipe,
            path=self.project.relative(self.path),
            sha256=file_digest(self.path),
            sample_rate=self.recipe.sample_rate,
            channels=1,
            n_samples=self.flac.n_samples,
            created_at=time.time(),
            events=events,
        )

    def drop(self) -> None:
        try:
            self.flac.close()
        finally:
            self.part.unlink(missing_ok=True)


def _sweep_parts(folder: Path) -> None:
    """Remove what killed processes of this machine left half written."""
    for part in folder.glob("*.part.flac"):
        pid = part.name.split(".")[-3]
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                os.kill(int(pid), 0)
            except ProcessLookupError:
                part.unlink(missing_ok=True)
            except PermissionError:
                pass


def sample(
    model: Path | str,
    *,
    seeds: Sequence[int],
    temperatures: Sequence[float],
    n_samples: int,
    step: int | None = None,
    seed: int = 0,
    prime: npt.NDArray[np.int16] | None = None,
    block_s: float = 0.5,
) -> Iterator[npt.NDArray[np.float32]]:
    """Sample without a project: blocks of float32 (len(seeds), n) until ``n_samples`` are made.

    Parameters
    ----------
    model : a model folder (``models/<id>``)
    seeds : one take number per stream; stream s draws from SeedSequence([seed, s])
    temperatures : one per stream
    prime : levels every stream hears first, int16
    """
    from ..skeleton import open_skeleton
    from ..skeleton.engine import open_engine

    net, about = open_skeleton(model, step)
    engine = open_engine(net, anchored=about.anchored)
    memory = engine.begin(len(seeds))
    if prime is not None:
        for stream in range(len(seeds)):
            engine.hear(memory, stream, prime[: len(prime) // engine.hop * engine.hop])
    dice = [streams.dice(seed, number) for number in seeds]
    block = max(engine.hop, int(block_s * about.sample_rate) // engine.hop * engine.hop)
    heat = np.repeat(np.asarray(temperatures, dtype=np.float32)[:, None], block, axis=1)
    reins, made = about.reins, 0
    running = reins.begin(len(seeds))
    while made < n_samples:
        uniforms = np.stack([rng.random(block) for rng in dice])
        sampled = reins.sample(engine, memory, running, uniforms, heat)
        keep = min(block, n_samples - made)
        yield front_end.amplitudes_of(sampled.levels[:, :keep], engine.n_levels)
        made += keep
