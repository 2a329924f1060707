"""Make takes in a project: recipes, claims, FLAC files, rows when they are whole.

A take's id is the digest of its recipe. One that is there is skipped; one that was
half written when the process died is made again from its recipe, bit for bit. While a
take is written its file is named after the claim on it, so whoever holds the claim next
knows what to clear away.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..catalogue import worker_name
from ..errors import ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, atomic, settle
from ..project.stage import (
    DEADLY,
    DEADLY_ERROR,
    ActivityLog,
    Outcome,
    activity,
    file_digest,
    forget_failures,
    n_sharing,
    run_began_at,
    sweep_parts,
)
from ..records import Finding, Recipe, Take, digest
from .opening import BandFiles, find_band
from .params import ENGINE, UNWATCHED, GenerateParams

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .making import Band, Played

STAGE = "generate"
PLAYING_SHARE = 0.25
"""Of the work on a take; the rest is rendering."""
MOST_PLAYED = 16
PART = re.compile(r"([0-9a-f]{20})\.([0-9a-f]{8})\.part\.flac")


@dataclass(frozen=True)
class Planned:
    """What is to be made, before anything is made."""

    recipes: tuple[Recipe, ...]
    sample_rate: int


def plan(seed: int, params: GenerateParams, band: Band) -> Planned:
    """The recipes that ``params`` ask for, in order of their numbers."""
    count = math.ceil(params.hours * 3600.0 / params.length_s) if params.hours > 0 else params.count
    recipes = tuple(recipe_of(seed, number, params, band) for number in range(count))
    return Planned(recipes, band.model.spec.sample_rate)


def recipe_of(seed: int, number: int, params: GenerateParams, band: Band) -> Recipe:
    """The recipe of take ``number``."""
    from . import streams
    from .planning import bar_frames_of, beginning, n_samples_of

    model = band.model
    conditions = {"tempo": params.tempo} if params.tempo > 0 else {}
    warmth = streams.temperature_of(number, params.temperature)
    points = [(0.0, warmth)]
    if params.drift:
        points.append((params.length_s, round(max(0.05, warmth + params.drift), 4)))
    prime = beginning(model.examples, seed, number)
    bar_frames = bar_frames_of(model.spec, model.examples[prime["example"]], seed, number, conditions)
    return Recipe(
        model_id=band.model_id,
        model_digest=band.digest,
        step=band.step,
        seed=seed,
        number=number,
        temperature=tuple(points),
        n_samples=n_samples_of(model.spec, bar_frames, params.length_s),
        sample_rate=model.spec.sample_rate,
        engine=ENGINE if params.watchdog else UNWATCHED,
        prime=prime,
        conditions=conditions,
        flesh=band.flesh_recipe,
    )


def run(
    project: Project,
    params: GenerateParams | None = None,
    *,
    takes: Sequence[str] | None = None,
    force: bool = False,
    retry: bool = False,
    reporter: Reporter = SILENT,
    shard: tuple[int, int] = (1, 1),
) -> Outcome:
    """Make every take that is not there yet.

    ``takes`` limits the work to these ids; ``force`` makes them again (the same recipe
    gives the same sound); ``retry`` tries again those that were set aside because workers died
    over them; ``shard`` (i, n) limits it to every n-th number.

    Raises
    ------
    CatalogueError, CheckpointError
        No model, or one that does not load.
    """
    params = project.params(STAGE, GenerateParams) if params is None else params
    index, n_shards = shard
    if not 1 <= index <= n_shards:
        raise ParameterError(f"shard {index}/{n_shards} must be i/n with 1 <= i <= n")
    files = find_band(project, params.model, params.flesh)
    note = _PlanNote(project, params, files)
    if not force and (ids := note.read()):
        mine_ids = [i for i in ids if takes is None or i in set(takes)][index - 1 :: n_shards]
        if all(map(_made(project).__contains__, mine_ids)):
            _Claims(project, force).sweep()
            return Outcome(stage=STAGE, skipped=len(mine_ids))
    from .opening import open_files

    band = open_files(files)
    planned = plan(project.settings.seed, params, band)
    note.write([recipe.take_id for recipe in planned.recipes])
    mine = [r for r in planned.recipes if takes is None or r.take_id in set(takes)][index - 1 :: n_shards]
    known = _made(project)
    if retry:
        forget_failures(project, [recipe.take_id for recipe in mine], before=run_began_at())
    todo = [recipe for recipe in mine if force or recipe.take_id not in known]
    claims = _Claims(project, force)
    claims.sweep()
    done = 0
    reporter.begin("generate", sum(r.n_samples for r in todo) / planned.sample_rate, "s of sound")
    try:
        with activity(project, STAGE, detail={"model": band.model_id, "step": band.step}) as log:
            maker = _Maker(project, band, claims, reporter, log)
            for batch in batches(todo, math.ceil(len(todo) / n_sharing())):
                for got in claims.take(batch):
                    done += maker.make(got)
    finally:
        claims.let_go()
        reporter.end()
    aside = project.catalogue.known_keys(STAGE) & {recipe.take_id for recipe in todo}
    return Outcome(
        stage=STAGE, done=done, skipped=len(mine) - len(todo), failed=len(claims.failed),
        failed_before=len(aside) - len(claims.failed), elsewhere=len(todo) - done - len(aside),
        errors=tuple((name, DEADLY_ERROR) for name in claims.failed),
    )  # fmt: skip


def _made(project: Project) -> set[str]:
    """Ids of the takes whose files are there."""
    there = project.there("takes")
    return {name for name, path in project.catalogue.take_paths().items() if path in there}


class _PlanNote:
    """Which takes given settings and models ask for, noted in a file: so a run that finds all of them made opens no
    net. Losing it costs only time."""

    def __init__(self, project: Project, params: GenerateParams, files: BandFiles) -> None:
        said = {name: value for name, value in asdict(params).items() if name not in ("model", "flesh")}
        key = digest("plan", project.settings.seed, said, *files.identity(), ENGINE)
        self.folder = project.artefacts_dir / STAGE
        self.path = self.folder / f"{key}.json"
        sweep_parts(project, self.folder)

    def read(self) -> list[str]:
        """The ids in order of their numbers; empty if they are not known."""
        try:
            ids = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [str(i) for i in ids] if isinstance(ids, list) else []

    def write(self, ids: Sequence[str]) -> None:
        with atomic(self.path) as part:
            part.write_text(json.dumps(ids), encoding="utf-8")


def render(project: Project, recipe: Recipe) -> npt.NDArray[np.float32]:
    """The sound of a recipe, float32 (2, n_samples), by the models of this project.

    Raises
    ------
    CheckpointError
        They are not what the recipe names.
    """
    from .making import render
    from .opening import open_recipe

    return render(open_recipe(project, recipe), recipe)


def sample(
    project: Project, params: GenerateParams, *, seed: int | None = None
) -> Iterator[tuple[Recipe, Iterator[npt.NDArray[np.float32]]]]:
    """The takes that ``run`` would make, as pieces of sound (2, n); nothing is stored."""
    from .making import play, sound
    from .opening import open_band

    band = open_band(project, params.model, params.flesh)
    watchdog = band.watchdog()
    for batch in batches(plan(project.settings.seed if seed is None else seed, params, band).recipes, MOST_PLAYED):
        for played in play(band, batch, watchdog):
            yield played.recipe, sound(band, played)


def recipes(project: Project, params: GenerateParams, *, seed: int | None = None) -> tuple[Recipe, ...]:
    """What ``sample`` would make."""
    from .opening import open_band

    band = open_band(project, params.model, params.flesh)
    return plan(project.settings.seed if seed is None else seed, params, band).recipes


def batches(recipes: Sequence[Recipe], most: int) -> Iterator[list[Recipe]]:
    """Recipes in order, in groups of at most ``most`` whose places among those stepped together differ."""
    from .making import slot_of

    batch: list[Recipe] = []
    for recipe in recipes:
        if len(batch) >= most or slot_of(recipe) in {slot_of(other) for other in batch}:
            yield batch
            batch = []
        batch.append(recipe)
    if batch:
        yield batch


class _Maker:
    """Makes batches of takes, and says how far it is."""

    def __init__(self, project: Project, band: Band, claims: _Claims, reporter: Reporter, log: ActivityLog) -> None:
        self.project, self.band, self.claims = project, band, claims
        self.reporter, self.log = reporter, log
        self.watchdog = band.watchdog()

    def make(self, recipes: Sequence[Recipe]) -> int:
        """Make takes whose claims are held; returns how many."""
        from .making import play

        if not recipes:
            return 0
        seconds = sum(r.n_samples / r.sample_rate for r in recipes) * PLAYING_SHARE
        for played in play(self.band, recipes, self.watchdog, lambda share: self._advance(share * seconds)):
            self._write(played)
            self.claims.finished(played.recipe.take_id)
            self.log(done=1)
        return len(recipes)

    def _write(self, played: Played) -> None:
        """A take's file, written under its claim's name, then its row."""
        from ..audio import FlacWriter
        from .making import sound

        recipe, folder = played.recipe, self.project.takes_dir
        path, part = folder / f"{recipe.take_id}.flac", self.claims.part(recipe.take_id)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FlacWriter(part, sample_rate=recipe.sample_rate, channels=2) as flac:
                for piece in sound(self.band, played):
                    flac.write(piece)
                    self._advance(piece.shape[1] / recipe.sample_rate * (1.0 - PLAYING_SHARE))
            settle(part, path)
        finally:
            part.unlink(missing_ok=True)
        take = Take(
            id=recipe.take_id,
            recipe=recipe,
            path=self.project.relative(path),
            sha256=file_digest(path),
            sample_rate=recipe.sample_rate,
            channels=2,
            n_samples=flac.n_samples,
            created_at=time.time(),
            events=played.events,
        )
        self.project.catalogue.add_take(take)

    def _advance(self, seconds: float) -> None:
        self.reporter.advance(seconds)
        self.log()


class _Claims:
    """The claims on the takes this process has in hand."""

    def __init__(self, project: Project, force: bool) -> None:
        self.project, self.force = project, force
        self.worker = worker_name()
        self.token = digest("claim", self.worker)[:8]
        self.held: set[str] = set()
        self.failed: list[str] = []

    def part(self, take_id: str) -> Path:
        """Where a take grows while this process holds the claim on it."""
        return self.project.takes_dir / f"{take_id}.{self.token}.part.flac"

    def take(self, recipes: Sequence[Recipe]) -> Iterator[list[Recipe]]:
        """Those of ``recipes`` that no other process has in hand or has made meanwhile, in one batch.

        A take over which a worker died is a batch of its own, so that no other is blamed; after the second
        death it is set aside, with a finding that says so.
        """
        catalogue = self.project.catalogue
        names = [recipe.take_id for recipe in recipes]
        got = set(catalogue.claim(STAGE, names, worker=self.worker, now=time.time()))
        made = {take.id for take in catalogue.takes(names) if self.project.has(take.path)}
        if not self.force and (faster := got & made):
            catalogue.let_go(sorted(faster), worker=self.worker)
            got -= faster
        self.held |= got
        deaths = catalogue.deaths(sorted(got))
        for name in [name for name in got if deaths[name] >= DEADLY]:
            self._set_aside(name)
        suspects = [[recipe] for recipe in recipes if recipe.take_id in self.held and deaths[recipe.take_id]]
        others = [recipe for recipe in recipes if recipe.take_id in got and not deaths[recipe.take_id]]
        for batch in [others, *suspects]:
            for recipe in batch:
                catalogue.start(recipe.take_id, now=time.time())
                self._clear(recipe.take_id)
            yield batch

    def _set_aside(self, take_id: str) -> None:
        self.project.catalogue.record(
            Finding(take_id, STAGE, 1, take_id, {}, {}, {}, error=DEADLY_ERROR, created_at=time.time())
        )
        self.held.discard(take_id)
        self.failed.append(take_id)
        self._clear(take_id)

    def sweep(self) -> None:
        """Remove what killed processes left half written: parts whose claims nobody holds."""
        left = {m[1] for p in self.project.takes_dir.glob("*.part.flac") if (m := PART.fullmatch(p.name))}
        catalogue = self.project.catalogue
        got = catalogue.claim(STAGE, sorted(left), worker=self.worker, now=time.time(), wait=False)
        for name in got:
            self._clear(name)
        catalogue.let_go(got, worker=self.worker)

    def _clear(self, take_id: str) -> None:
        for part in self.project.takes_dir.glob(f"{take_id}.*.part.flac"):
            part.unlink(missing_ok=True)

    def finished(self, take_id: str) -> None:
        self.project.catalogue.let_go([take_id], worker=self.worker)
        self.held.discard(take_id)

    def let_go(self) -> None:
        self.project.catalogue.let_go(sorted(self.held), worker=self.worker)
