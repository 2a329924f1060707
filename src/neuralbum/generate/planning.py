"""What a take is to be, drawn from its own random stream before a note of it is played.

Take number k begins like the band's song k (modulo the songs), as it is or transposed,
at a bar of it; the form goes on as the band's forms do. Its tempo is the song's, a
little faster or slower, unless one is asked for; it lasts whole bars.

Pure: no files, no catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..nets.band_model import BandModel, Example
from ..nets.frames import FrameSpec
from ..nets.grid import STEPS_PER_BAR
from ..records import Recipe
from . import streams
from .playing import Ints, Plan

PRIME_STEPS = 4  #: steps of the band's music that are heard before a take; not part of it
LAST_BARS = 8  #: a take does not begin so near to the end of a song, if the song is long enough
TEMPO_SPREAD = 0.03  #: a take is at most this share faster or slower than the song it begins like
BEATS_PER_BAR = 4


def beginning(examples: Sequence[Example], seed: int, number: int) -> dict[str, Any]:
    """Which bar of which of the band's songs take ``number`` begins like.

    Raises
    ------
    ParameterError
        No example has a bar to begin at.
    """
    rng = streams.stream(seed, number, streams.PLAN)
    usable = [i for i, example in enumerate(examples) if len(example.tokens) > _first_bar(example)]
    if not usable:
        raise ParameterError("the model knows no song of two bars or more: train on more music")
    titles = list(dict.fromkeys(examples[i].title for i in usable))
    title = titles[number % len(titles)]
    copies = [i for i in usable if examples[i].title == title]
    index = copies[int(rng.integers(len(copies)))]
    first, n_bars = _first_bar(examples[index]), len(examples[index].tokens)
    bar = int(rng.integers(first, max(first + 1, n_bars - LAST_BARS)))
    return {"example": index, "bar": bar, "song": title}


def _first_bar(example: Example) -> int:
    """The first bar with a whole prime before it."""
    return -(-(PRIME_STEPS + example.first) // STEPS_PER_BAR)


def bar_frames_of(spec: FrameSpec, example: Example, seed: int, number: int, conditions: Mapping[str, Any]) -> float:
    """Length of a take's bars in frames: the tempo asked for, else about the example's own.

    A tempo's octave is a matter of taste: a bar lasts four beats, or two or eight of
    them, whichever comes nearest to the example's bar.
    """
    if "tempo" in conditions:
        # [frames/s] * [60 s/min] / [beats/min] * [beats/bar] = [frames/bar]
        bar = spec.frame_rate * 60.0 / float(conditions["tempo"]) * BEATS_PER_BAR
        return float(bar * 2.0 ** np.round(np.log2(example.bar_frames / bar)))
    drawn = streams.stream(seed, number, streams.PLAN, 1).uniform(-TEMPO_SPREAD, TEMPO_SPREAD)
    return float(example.bar_frames * (1.0 + drawn))


def n_samples_of(spec: FrameSpec, bar_frames: float, length_s: float) -> int:
    """Samples of the whole bars nearest to ``length_s``; at least one bar."""
    n_bars = max(1, round(length_s * spec.frame_rate / bar_frames))
    return int(n_bars * bar_frames) * spec.hop_length


def plan_of(model: BandModel, recipe: Recipe, *, given: Ints | None = None, redraw: int = 0) -> tuple[Plan, float]:
    """A recipe as the player needs it, and the length of its bars in frames.

    Parameters
    ----------
    given : codes (n, N_GROUPS) of the take's beginning that are kept
    redraw : which random numbers its codes are drawn with: so many were given up

    Raises
    ------
    ParameterError
        The recipe begins at a bar that this model does not know.
    """
    index, bar = int(recipe.prime["example"]), int(recipe.prime["bar"])
    if not (0 <= index < len(model.examples) and 0 <= bar < len(model.examples[index].tokens)):
        raise ParameterError(f"take {recipe.take_id} begins like example {index}, bar {bar}, which this model has not")
    example = model.examples[index]
    bar_frames = bar_frames_of(model.spec, example, recipe.seed, recipe.number, recipe.conditions)
    n_bars = max(1, round(recipe.n_samples / model.spec.hop_length / bar_frames))
    # [steps] / [steps/bar] * [frames/bar] / [frames/s] = [s]
    times_s = np.arange(n_bars * STEPS_PER_BAR) / STEPS_PER_BAR * bar_frames / model.spec.frame_rate
    plan = replace(
        _plan(model, index, bar, recipe.seed, recipe.number, n_bars, redraw),
        temperature=streams.schedule(recipe.temperature, times_s),
    )
    return (plan if given is None else replace(plan, given=given)), bar_frames


def clip_plan(model: BandModel, seed: int, number: int, n_bars: int) -> Plan:
    """A clip of ``n_bars`` at temperature 1 that begins as take ``number`` of this seed does.

    Raises
    ------
    ParameterError
        No example has a bar to begin at.
    """
    prime = beginning(model.examples, seed, number)
    return _plan(model, prime["example"], prime["bar"], seed, number, n_bars)


def _plan(model: BandModel, index: int, bar: int, seed: int, number: int, n_bars: int, redraw: int = 0) -> Plan:
    """``n_bars`` from a bar of an example on, at temperature 1."""
    example = model.examples[index]
    start = max(0, bar * STEPS_PER_BAR - example.first)
    form_rng = streams.stream(seed, number, streams.PLAN, 2)
    tokens = model.form_model.sample(int(example.tokens[bar]), n_bars + 1, rng=form_rng)
    return Plan(
        n_steps=n_bars * STEPS_PER_BAR,
        tokens=tokens,
        temperature=np.ones(n_bars * STEPS_PER_BAR, dtype=np.float32),
        prime=example.codes[max(0, start - PRIME_STEPS) : start],
        regular=example.regular,
        rng=streams.stream(seed, number, streams.CODES, redraw),
    )
