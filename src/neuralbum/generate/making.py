"""From recipes to sound: play the codes, watch them, let them sound.

    recipes -> plans -> codes -> steps, with their texture -> frames -> renderer or flesh -> stereo

A take in trouble keeps what was good, up to its last whole bar before the trouble, and
goes on from there with other random numbers, a bounded number of times. Everything is
computed by one thread, and a take's place among those stepped together is its number's:
so the same recipe gives the same bits alone or in any batch.

Pure: models in, arrays out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..nets.band_model import BandModel
from ..nets.flesh import Flesh
from ..nets.grid import STEPS_PER_BAR, from_steps
from ..nets.griffin_lim import OverlapAdd, PlainRenderer, left_right
from ..records import Recipe
from . import streams
from .params import UNWATCHED
from .planning import plan_of
from .playing import N_STREAMS, Floats, Ints, Plan, Player
from .watchdog import Watchdog

REDRAWS = 4  #: how often a take in trouble goes on with other random numbers
DEGRADATION = 0.5  #: how imperfect the flesh is told that sampled frames are
LOUDEST = 0.85
"""Samples above this are pressed towards 1.0: a few of a renderer's peaks go beyond it, and would be cut."""


@dataclass(frozen=True)
class Band:
    """A trained model, with what makes it sound."""

    model: BandModel
    renderer: PlainRenderer
    model_id: str
    digest: str  #: of the model's files
    step: int
    flesh: Flesh | None = None
    flesh_recipe: Mapping[str, Any] = field(default_factory=dict)  #: which flesh it is, as recipes keep it

    def watchdog(self) -> Watchdog:
        """What this band does at most, by its songs as they are."""
        return Watchdog(self.model.codebook, [e.codes for e in self.model.examples if e.pitch == 0.0])


@dataclass(frozen=True)
class Played:
    """A take before it sounds."""

    recipe: Recipe
    codes: Ints  #: (n_steps, N_GROUPS)
    bar_frames: float
    events: tuple[dict[str, Any], ...] = ()  #: what the watchdog did


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums are added up in the same order whatever the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def slot_of(recipe: Recipe) -> int:
    """A take's place among those that are stepped together; two of the same place cannot be."""
    return recipe.number % N_STREAMS


def play(
    band: Band, recipes: Sequence[Recipe], watchdog: Watchdog, after_block: Callable[[float], None] | None = None
) -> list[Played]:
    """Play takes of different places side by side; ``after_block`` is told the share played since, 1 in all."""
    assert len({slot_of(recipe) for recipe in recipes}) == len(recipes) <= N_STREAMS
    done: list[Played] = []
    waiting = [(recipe, *plan_of(band.model, recipe), ()) for recipe in recipes]
    for redraw in range(1, REDRAWS + 2):
        codes = _play([(slot_of(recipe), plan) for recipe, plan, *_ in waiting], band, after_block)
        after_block = None  # what is played again was announced once
        again: list[Any] = []
        for (recipe, plan, bar_frames, events), played in zip(waiting, codes, strict=True):
            trouble = None if recipe.engine == UNWATCHED else watchdog.diagnose(played)
            if trouble is None:
                done.append(Played(recipe, played, bar_frames, events))
                continue
            good = trouble.start // STEPS_PER_BAR * STEPS_PER_BAR
            start_s = good / STEPS_PER_BAR * bar_frames / band.model.spec.frame_rate
            event = {"kind": trouble.trouble, "start_s": round(start_s, 3), "redrawn": redraw <= REDRAWS}
            if redraw > REDRAWS:
                done.append(Played(recipe, played, bar_frames, (*events, event)))
                continue
            plan, bar_frames = plan_of(band.model, recipe, given=played[:good], redraw=redraw)
            again.append((recipe, plan, bar_frames, (*events, event)))
        waiting = again
        if not waiting:
            break
    return sorted(done, key=lambda one: one.recipe.number)


def _play(plans: Sequence[tuple[int, Plan]], band: Band, after_block: Callable[[float], None] | None) -> list[Ints]:
    """Codes of takes at these places; the other places are idle."""
    idle = Plan(
        1, np.zeros(2, dtype=np.int64), np.ones(1, np.float32), plans[0][1].prime[:0], False, np.random.default_rng(0)
    )
    by_slot = dict(plans)
    model = band.model
    with one_thread():
        player = Player(model, [by_slot.get(i, idle) for i in range(N_STREAMS)])
        codes = player.play(after_block)
    return [codes[slot] for slot, _ in plans]


def frames_of(band: Band, played: Played) -> Floats:
    """The frames a take is rendered from, (n_frames, size)."""
    model, recipe = band.model, played.recipe
    bar_s = played.bar_frames / model.spec.frame_rate
    temperature = streams.schedule(recipe.temperature, np.arange(len(played.codes)) / STEPS_PER_BAR * bar_s)
    rng = streams.stream(recipe.seed, recipe.number, streams.TEXTURE)
    drawn = model.texture.draw(played.codes, model.codebook, temperature, rng)
    return from_steps(model.codebook.decode(played.codes) + drawn, played.bar_frames)


def sound(band: Band, played: Played) -> Iterator[Floats]:
    """A take's sound, piece by piece: float32 (2, n) in [-1, 1]."""
    rng = streams.stream(played.recipe.seed, played.recipe.number, streams.PHASES)
    seed, frames = int(rng.integers(2**31)), frames_of(band, played)
    adder = OverlapAdd(band.renderer.grid)
    spectra = (
        band.flesh.blocks_of(frames, seed=seed, degradation=DEGRADATION)
        if band.flesh
        else band.renderer.blocks(frames, seed=seed)
    )
    while True:
        with one_thread():
            spectrum = next(spectra, None)
            if spectrum is None:
                yield _bounded(adder.flush())
                return
            piece = _bounded(adder.push(spectrum))
        yield piece


def _bounded(mid_side: torch.Tensor) -> Floats:
    """Mid and side -> left and right, peaks pressed to stay below 1."""
    audio = left_right(mid_side)
    over = (audio.abs() - LOUDEST).clamp_min(0.0)
    pressed = LOUDEST + (1.0 - LOUDEST) * torch.tanh(over / (1.0 - LOUDEST))
    return np.asarray(torch.where(over > 0.0, torch.copysign(pressed, audio), audio).numpy())


def render(band: Band, recipe: Recipe) -> Floats:
    """The sound of one recipe, float32 (2, n_samples): the bits the project's take of that recipe holds."""
    (played,) = play(band, [recipe], band.watchdog())
    return np.concatenate(list(sound(band, played)), axis=1)
