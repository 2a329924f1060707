"""Make many takes at once: slots that step side by side, each with its own take.

When a take is finished its slot takes the next one, so the batch stays full.
Sound is handed out only once the watchdog has found it healthy (or has given up
on it), so what was written never has to be taken back.

A net's own singing leads it away from the band by and by. So each half second is held against the band's music, and
one that lies farther from it than most of the band's own seconds is drawn again from the moment before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dsp import front_end
from ..records import Recipe
from ..skeleton.likeness import HEARD_S, Band
from ..skeleton.reins import FREE, Reins
from ..skeleton.stepping import Engine
from . import streams, watchdog, wishes

BLOCK_S = 0.5  #: sound made between two looks of the watchdog
WINDOW_S = 2.0  #: what the watchdog looks at
PATIENCE = 3  #: ill blocks in a row before a take is rewound
EARNED = 1.0  #: blocks that may be drawn again for each that is like the band: a net that strays for good earns none


@dataclass(frozen=True)
class Guard:
    """How the watchdog behaves."""

    on: bool = True
    rewinds: int = 8
    heat: float = 0.01
    redraws: int = 3  #: how often a block that strays from the band is drawn again


@dataclass
class Making:
    """A take in a slot."""

    recipe: Recipe
    dice: np.random.Generator
    running: npt.NDArray[np.float64]  #: what the reins know of it
    made: int = 0  #: samples sampled, not counting what was rewound
    events: list[dict[str, Any]] = field(default_factory=list)
    rewinds: int = 0
    ill: int = 0  #: blocks in a row
    given_up: bool = False
    hot_until: int = 0
    heat: float = 0.0
    redraws: int = 0  #: of this block
    redrawn: int = 0  #: of all of them
    alike: int = 0  #: blocks that are like the band
    healthy: Any = None  #: (snapshot, made, running) at the last healthy look
    pending: list[npt.NDArray[np.float32]] = field(default_factory=list)
    tail: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    entropy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Handed:
    """Sound of one take that will not change any more; ``last`` when it is complete."""

    recipe: Recipe
    audio: npt.NDArray[np.float32]  #: (n,)
    last: bool
    events: tuple[dict[str, Any], ...] = ()


def make(
    engine: Engine,
    next_recipe: Callable[[], Recipe | None],
    *,
    batch: int,
    sample_rate: int,
    prime: Callable[[Recipe], npt.NDArray[np.int16]],
    state: Callable[[Recipe], Any] = lambda recipe: None,
    guard: Guard = Guard(),
    reins: Reins = FREE,
    band: Band | None = None,
) -> Iterator[Handed]:
    """Make takes until ``next_recipe`` has no more.

    Parameters
    ----------
    next_recipe : called when a slot is free; None ends the work.
    prime : the levels a take's net hears first (may be empty).
    reins : what holds the net to its music's entropy.
    band : what blocks are held against; None: nothing is drawn again.
    state : a snapshot of ``engine``'s memory a take begins with; None: silence.
    """
    block = max(engine.hop, int(BLOCK_S * sample_rate) // engine.hop * engine.hop)
    memory = engine.begin(batch)
    fresh = engine.snapshot(memory, 0)
    slots: list[Making | None] = [None] * batch
    open_for_more = True
    while True:
        for slot in range(batch):
            if slots[slot] is None and open_for_more:
                recipe = next_recipe()
                if recipe is None:
                    open_for_more = False
                    break
                stored = state(recipe)
                engine.restore(memory, slot, fresh if stored is None else stored)
                heard = prime(recipe)
                heard = heard[: len(heard) // engine.hop * engine.hop]
                if len(heard):
                    engine.hear(memory, slot, heard, _told(engine, recipe, -len(heard), len(heard), sample_rate))
                take = slots[slot] = Making(recipe, streams.dice(recipe.seed, recipe.number), reins.begin(1)[0])
                if guard.on:
                    take.healthy = (engine.snapshot(memory, slot), 0, take.running)
        busy = [slot for slot in range(batch) if slots[slot] is not None]
        if not busy:
            return
        yield from _step(engine, memory, slots, busy, block, sample_rate, guard, reins, band)


def _told(engine: Engine, recipe: Recipe, start: int, n: int, sample_rate: int) -> npt.NDArray[np.float32] | None:
    """What a take is told from sample ``start`` on; None for nets that cannot be told anything."""
    if engine.conditions is None:
        return None
    return wishes.written(engine.conditions, recipe.conditions, start, n, hop=engine.hop, sample_rate=sample_rate)


def _step(
    engine: Engine,
    memory: Any,
    slots: list[Making | None],
    busy: Sequence[int],
    block: int,
    sample_rate: int,
    guard: Guard,
    reins: Reins,
    band: Band | None,
) -> Iterator[Handed]:
    uniforms = np.full((len(slots), block), 0.5)
    temperatures = np.ones((len(slots), block), dtype=np.float32)
    running = reins.begin(len(slots))
    told = None
    if engine.conditions is not None:
        told = np.zeros((len(slots), block // engine.hop, engine.conditions.n_inputs), dtype=np.float32)
    for slot in busy:
        take = slots[slot]
        assert take is not None
        running[slot] = take.running
        uniforms[slot] = take.dice.random(block)
        temperatures[slot] = streams.schedule(take.recipe.temperature, take.made, block, sample_rate)
        if take.made < take.hot_until:
            temperatures[slot] += take.heat
        if told is not None:
            told[slot] = _told(engine, take.recipe, take.made, block, sample_rate)
    sampled = reins.sample(engine, memory, running, uniforms, temperatures, busy, told)
    for slot in busy:
        take = slots[slot]
        assert take is not None
        audio = front_end.amplitudes_of(sampled.levels[slot], engine.n_levels)
        if band is not None and guard.on and guard.redraws and _strays(take, audio, band, guard):
            snapshot, _, take.running = take.healthy  # the block before this one, as the take is not ill
            engine.restore(memory, slot, snapshot)  # its dice go on
            take.redraws += 1
            take.redrawn += 1
            continue
        take.redraws = 0
        take.pending.append(audio)
        take.made += block
        take.running = running[slot].copy()
        n_window = int(WINDOW_S * sample_rate)
        take.tail = np.concatenate([take.tail, audio])[-n_window:]
        illness = None
        if guard.on and not take.given_up:
            illness = watchdog.diagnose(
                take.tail, sample_rate, entropy=float(sampled.entropy[slot].mean()), n_levels=engine.n_levels
            )
        done = take.made >= take.recipe.n_samples
        if illness is None:
            take.ill = 0
            if take.rewinds and take.made > take.hot_until:
                take.heat = 0.0
            yield _hand(take, done)
            if guard.on and not done:
                take.healthy = (engine.snapshot(memory, slot), take.made, take.running)
        else:
            take.ill += 1
            if take.ill >= PATIENCE or done:
                if take.rewinds < guard.rewinds:
                    _rewind(engine, memory, slot, take, illness, guard, sample_rate)
                    done = False
                else:
                    take.given_up = True
                    take.events.append({"kind": "gave up", "illness": illness, "at_s": take.made / sample_rate})
                    yield _hand(take, done)
        if done:
            slots[slot] = None


def _strays(take: Making, audio: npt.NDArray[np.float32], band: Band, guard: Guard) -> bool:
    """Whether a block leads a take that was healthy before it away from the band, and may be drawn again."""
    n = int(HEARD_S * band.sample_rate)
    second = np.concatenate([take.tail, audio])[-n:]
    if len(second) < n:
        return False
    if band.is_like(second):
        take.alike += 1
        return False
    return not take.ill and take.redraws < guard.redraws and take.redrawn < guard.redraws + EARNED * take.alike


def _hand(take: Making, done: bool) -> Handed:
    audio = np.concatenate(take.pending)
    take.pending.clear()
    if done and take.redrawn:
        take.events.append({"kind": "redrawn", "blocks": take.redrawn})
    if done and take.made > take.recipe.n_samples:
        audio = audio[: len(audio) - (take.made - take.recipe.n_samples)]
    return Handed(take.recipe, audio, done, tuple(take.events) if done else ())


def _rewind(engine: Engine, memory: Any, slot: int, take: Making, illness: str, guard: Guard, sample_rate: int) -> None:
    snapshot, made, take.running = take.healthy
    take.rewinds += 1
    take.events.append(
        {
            "kind": "rewind",
            "illness": illness,
            "at_s": take.made / sample_rate,
            "to_s": made / sample_rate,
            "sub_seed": take.rewinds,
        }
    )
    engine.restore(memory, slot, snapshot)
    take.dice = streams.dice(take.recipe.seed, take.recipe.number, take.rewinds)
    take.hot_until = take.made + int(2 * WINDOW_S * sample_rate)
    take.heat = guard.heat * take.rewinds
    take.tail = take.tail[: max(0, len(take.tail) - (take.made - made))]
    take.made = made
    take.pending.clear()
    take.ill = 0
