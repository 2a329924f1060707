"""Which of the band's songs did a take learn from? Nets are trained without one song each, and asked about the take.

The net that has not heard the song a take owes most to finds the take less likely. How much less is meant
against two things that have nothing to do with the take: that net's general loss (every net lacks some music), and
what the same nets say of other takes of the same model (*controls*). So the effect of song i on take x is

    bits of x without song i, minus the mean over the nets, minus the mean over the controls of the same

and the controls' own effects, each against the others, are its null distribution. The nets share the model's
codebook and forms, which heard all songs: what is attributed is what was learned of them, not how they are written.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import CatalogueError, ParameterError
from ..progress import SILENT, Reporter
from ..project import Project, stage
from ..records import Take

if TYPE_CHECKING:
    from ..records import Recipe
    from .loop import Trainer
    from .material import Copy
    from .prepare import Music

STAGE, VERSION = "attribution", 1
FEWEST = 3
"""Nets; with two, what one song adds is what the other one takes away."""
N_CONTROLS = 12
MEASURED_STEPS = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Influence:
    """What a song's absence does to a take."""

    song: str
    bits: float  #: per second of the take, beyond what the controls lose
    p: float  #: chance that a control loses so much by the absence of any one of the songs


@dataclass(frozen=True)
class Price:
    """What an attribution will take, said before it begins."""

    n_nets: int
    steps: int
    seconds: float

    def sentence(self) -> str:
        minutes = self.seconds / 60.0
        return f"{self.n_nets} nets of {self.steps} steps, each without one song: about {minutes:.0f} min in all"


@dataclass(frozen=True)
class Plan:
    """The take, the songs to leave out, and what the nets are trained on."""

    take: Take
    music: Music
    songs: tuple[int, ...]  #: numbers of the songs, the likeliest first
    titles: Mapping[int, str]
    steps: int
    training: Mapping[str, Any]  #: settings of the take's model
    seed: int
    left: int  #: nets that are still to be trained
    items: tuple[stage.Item, ...]


def plan(project: Project, take: Take, n_nets: int, *, steps: int = 0) -> Plan:
    """What is to be done: the songs are that which the take begins like, those it was found to share sound with, then
    the others in order.

    Parameters
    ----------
    steps : of each net; 0: those of the checkpoint that played the take

    Raises
    ------
    CatalogueError
        The take was imported.
    ParameterError
        Too few songs or nets.
    """
    from . import checkpoint
    from .prepare import stored_music

    if take.recipe.origin:
        raise CatalogueError(f"take {take.id}: was imported; only takes of this project's own nets can be asked about")
    folder = project.models_dir / take.recipe.model_id
    model, about = checkpoint.open_model(folder, take.recipe.step)
    music = stored_music(model, checkpoint.open_renderer(folder), about.facts, checkpoint.read_music(folder, about))
    titles = {s.song: s.example.title for s in music.songs if s.split == "train"}
    if n_nets < FEWEST or len(titles) < FEWEST:
        raise ParameterError(
            f"--retrain {n_nets} of {len(titles)} songs: at least {FEWEST} nets and as many training songs are needed"
        )
    first = [n for n, title in titles.items() if title == take.recipe.prime.get("song")]
    shared = [
        n
        for f in project.catalogue.findings("originality", subject=take.id)
        for segment in (f.values or {}).get("segments", [])
        for n, title in titles.items()
        if title == segment.get("reference")
    ]
    songs = tuple(dict.fromkeys([*first, *shared, *titles]))[:n_nets]
    steps = steps or max(1, about.step)
    inputs = {"model": about.id, "step": about.step, "steps": steps, "songs": sorted(songs)}
    items = tuple(stage.Item(f"{take.id}.{n}", {**inputs, "song": n}, n) for n in songs)
    known = {f.subject for f in project.catalogue.findings(STAGE) if f.error is None and _is_of(f.inputs, inputs)}
    left = sum(item.subject not in known for item in items)
    return Plan(take, music, songs, titles, steps, about.training, project.settings.seed, left, items)


def _is_of(inputs: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(inputs.get(name) == value for name, value in wanted.items())


def price(planned: Plan) -> Price:
    """Make a few steps of a net, and say what all of them will take."""
    trainer = _trainer(planned, planned.songs[0])
    trainer.advance(0.0)
    begun = time.monotonic()
    for _ in range(MEASURED_STEPS):
        trainer.advance(0.0)
    step_s = (time.monotonic() - begun) / MEASURED_STEPS
    return Price(planned.left, planned.steps, planned.left * planned.steps * step_s)


def attribute(
    project: Project, planned: Plan, *, retry: bool = False, reporter: Reporter = SILENT
) -> tuple[list[Influence], stage.Outcome]:
    """Train the nets that are not trained yet, and weigh what they say: songs in order of their influence.

    Every net is an item of the stage loop: interrupted, the same call goes on with the next one.

    Raises
    ------
    CatalogueError
        A net could not be trained.
    """
    from . import baselines

    heard: list[baselines.Songs] = []

    def measure(item: stage.Item, _scratch: stage.Scratch) -> stage.Measured:
        if not heard:
            heard.extend(_played(planned, [planned.take.recipe, *_controls(project, planned)]))
        trainer = _trainer(planned, item.payload)
        for step in range(planned.steps):
            trainer.advance(step / planned.steps)
        net: Any = trainer.task.net
        form = planned.music.model.form
        with trainer.averaged():
            bits = [baselines.score(net, one, form) for one in heard]
        return stage.Measured({"song": planned.titles[item.payload], "bits": bits[0], "controls": bits[1:]})

    params = {"controls": N_CONTROLS, "seed": planned.seed}
    outcome = stage.run_items(
        project, STAGE, VERSION, params, planned.items, measure, retry=retry, reporter=reporter, label="nets"
    )
    wanted = {item.subject: item.inputs for item in planned.items}
    found = {
        f.subject: f.values
        for f in project.catalogue.findings(STAGE)
        if f.error is None and f.subject in wanted and _is_of(f.inputs, wanted[f.subject])
    }
    if len(found) < len(planned.items):
        why = "; ".join(f"{subject}: {error}" for subject, error in outcome.errors) or "they are in other hands"
        raise CatalogueError(f"{len(planned.items) - len(found)} nets are missing ({why}); try again with --retry")
    rows = [found[item.subject] for item in planned.items]
    table = np.array([[row["bits"], *row["controls"]] for row in rows])
    return influences([row["song"] for row in rows], table), outcome


def influences(songs: Sequence[str], bits: Floats) -> list[Influence]:
    """Songs in order of their influence on the take.

    Parameters
    ----------
    bits : (n_songs, 1 + n_controls), per second, by the net without each song; the take's in the first column
    """
    centred = bits - bits.mean(0)  # each column: against all nets
    take, controls = centred[:, 0], centred[:, 1:]
    effect = take - controls.mean(1)
    n = controls.shape[1]
    null = controls - (controls.sum(1, keepdims=True) - controls) / max(1, n - 1)  # each control against the others
    highest = null.max(0)  # of a control, over the songs: whichever song it was, it would have been the one named
    found = [
        Influence(song, float(value), float((1 + (highest >= value - 1e-12).sum()) / (1 + n)))
        for song, value in zip(songs, effect, strict=True)
    ]
    return sorted(found, key=lambda one: -one.bits)


def _controls(project: Project, planned: Plan) -> list[Recipe]:
    """Other takes of the same model as long as this one, which it would have played next."""
    from ..generate.making import Band
    from ..generate.params import GenerateParams
    from ..generate.run import plan as plan_takes

    own, spec = planned.take.recipe, planned.music.model.spec
    band = Band(planned.music.model, planned.music.renderer, own.model_id, own.model_digest, own.step)
    wanted = GenerateParams(
        count=N_CONTROLS + 1, length_s=max(1.0, own.n_samples / spec.sample_rate),
        temperature=(own.mean_temperature or 1.0,), watchdog=False,
    )  # fmt: skip
    return [r for r in plan_takes(own.seed, wanted, band).recipes if r.number != own.number][:N_CONTROLS]


def _played(planned: Plan, recipes: Sequence[Recipe]) -> list[Any]:
    """Each recipe's codes as a song that can be heard, with its rate; the first one is the take."""
    from ..generate.making import Band, play
    from ..generate.run import MOST_PLAYED, batches
    from ..nets.grid import STEPS_PER_BAR
    from . import baselines
    from .material import make_copy

    model, own = planned.music.model, planned.take.recipe
    band = Band(model, planned.music.renderer, own.model_id, own.model_digest, own.step)
    watchdog, heard = band.watchdog(), []
    for one in (played for batch in batches(recipes, MOST_PLAYED) for played in play(band, batch, watchdog)):
        regular = model.examples[int(one.recipe.prime["example"])].regular
        copy: Copy = make_copy(-1, one.codes, model.codebook.latents(one.codes), 0, regular, model.form)
        # [frames/s] * [steps/bar] / [frames/bar] = [steps/s]
        rate = model.spec.frame_rate * STEPS_PER_BAR / one.bar_frames
        heard.append((one.recipe.number != own.number, baselines.Songs([copy], [rate])))
    return [songs for _, songs in sorted(heard, key=lambda one: one[0])]  # the take first


def _trainer(planned: Plan, without: int) -> Trainer:
    """A net of the take's model's size, at its beginning, that is to hear all songs but one."""
    from .loop import Trainer, TrainingConfig
    from .prepare import new_net
    from .run import _precise
    from .skeleton_task import SkeletonTask

    said, music = planned.training, planned.music
    songs = tuple(s for s in music.songs if s.split != "train" or s.song != without)
    net = new_net(music.model.net.config, music.model.codebook, planned.seed)
    heard = replace(music, songs=songs, model=replace(music.model, net=net))
    task: Any = SkeletonTask(
        heard,
        batch=int(said["batch"]),
        window=int(said["window"]),
        own_steps=float(said["own_steps"]),
        precise=_precise("cpu"),
    )
    task.start_as_regression()
    return Trainer(task, TrainingConfig(float(said["learning_rate"]), float(said["weight_decay"]), seed=planned.seed))
