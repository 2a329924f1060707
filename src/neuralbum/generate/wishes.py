"""What a take's net is told: constants or schedules of position, loudness and tempo, and tags.

-20              the whole take
0:-40,12:-15     seconds of the take and values, linear between them
0%:0,100%:1      the same, in shares of the take's length
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..settings import nearest
from ..skeleton.conditions import KNOTS, UNITS, Conditions
from .params import GenerateParams

BOUNDS = {name: (float(knots[0]), float(knots[-1])) for name, knots in KNOTS.items()}


def points(name: str, text: str | float, length_s: float) -> list[list[float]]:
    """A constant or a schedule -> (time in s, value) points.

    Raises
    ------
    ParameterError
        It cannot be read, a value lies outside what the condition knows, or times do not increase.
    """
    low, high = BOUNDS[name]
    said: list[list[float]] = []
    for word in str(text).split(","):
        time, colon, value = word.strip().rpartition(":")
        try:
            at = float(time[:-1]) / 100.0 * length_s if time.endswith("%") else float(time or 0.0)
            said.append([round(at, 4), float(value)])
        except ValueError as cause:
            raise ParameterError(
                f"{name}={text!r}: write a number, or a schedule such as 0:{low:g},12:{high:g} "
                f"or 0%:{low:g},100%:{high:g}"
            ) from cause
        if not low <= said[-1][1] <= high:
            raise ParameterError(f"{name}={said[-1][1]:g}{UNITS[name]} must lie between {low:g} and {high:g}")
        if len(said) > 1 and (not colon or not said[-1][0] > said[-2][0]):
            raise ParameterError(f"{name}={text!r}: times must be given and increase from point to point")
    return said


def settle(params: GenerateParams, conditions: Conditions | None, model_id: str) -> dict[str, Any]:
    """The wishes of ``params`` as recipes keep them; empty where nothing is asked for.

    Raises
    ------
    ParameterError
        The model was trained without a condition that is asked for, or does not know a tag.
    """
    wanted: dict[str, Any] = {name: getattr(params, name) for name in BOUNDS if getattr(params, name) != ""}
    if params.tag:
        wanted["tag"] = list(params.tag)
    known = conditions.names if conditions else ()
    for name, value in wanted.items():
        if name not in known:
            said = ", ".join(map(str, value)) if isinstance(value, list) else value
            raise ParameterError(
                f"{name} {said}: {model_id} was trained without the condition {name!r} "
                f"(it knows {', '.join(known) or 'none'}); train one that knows it with "
                f"`neuralbum train skeleton --condition {name}`"
            )
    for tag in wanted.get("tag", ()):
        assert conditions is not None
        if tag not in conditions.tags:
            raise ParameterError(f"tag {tag!r}: {model_id} never heard of it{nearest(tag, conditions.tags)}")
    return {
        name: sorted(set(said)) if name == "tag" else points(name, said, params.length_s)
        for name, said in wanted.items()
    }


def written(
    conditions: Conditions, wishes: Mapping[str, Any], start: int, n_samples: int, *, hop: int, sample_rate: int
) -> npt.NDArray[np.float32]:
    """Wishes as the net hears them from sample ``start`` of a take on, (n_samples / hop, n_inputs).

    Before the take, while its prime is heard, what holds at its start is said.
    """
    moments = (start + np.arange(0, n_samples, hop)) / sample_rate
    said = {
        name: value if name == "tag" else np.interp(moments, *np.transpose(value)) for name, value in wishes.items()
    }
    return conditions.write(said, len(moments))


def tracks_of(wishes: Mapping[str, Any], told: Mapping[str, Any], tracks: Mapping[str, int]) -> dict[str, int]:
    """The tracks a take may be primed from: those of one of its tags, if there are any."""
    by_tag = told.get("tag", {})
    fitting = {name for tag in wishes.get("tag", ()) for name in by_tag.get(tag, ())}
    return {name: n for name, n in tracks.items() if name in fitting} or dict(tracks)
