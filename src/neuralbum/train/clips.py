"""What a skeleton plays by itself while it is trained: short clips, through the plain renderer.

They are played as ``generate`` plays takes, but unwatched: what a net does when it falls into
a hole belongs to what a training wants to know. Clip k begins like the band's song k.

Pure: a model in, sound out.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..nets.band_model import BandModel
    from ..nets.griffin_lim import PlainRenderer

CLIP_S = 12.0  #: to the nearest whole bar

Floats = npt.NDArray[np.float32]


def play_clips(
    model: BandModel, renderer: PlainRenderer, numbers: Sequence[int], *, seed: int = 0, length_s: float = CLIP_S,
    temperature: float = 1.0,
) -> list[Floats]:  # fmt: skip
    """Clips of these numbers, each float32 (2, n_samples) at ``model.spec.sample_rate``.

    The net may be on any device and in the middle of its training: a copy of it plays, on the CPU.

    Raises
    ------
    ParameterError
        The band has no song of two bars.
    """
    from ..generate.making import Band, Played, one_thread, sound
    from ..generate.params import GenerateParams
    from ..generate.planning import plan_of
    from ..generate.playing import N_STREAMS, Player
    from ..generate.run import plan

    own = replace(model, net=copy.deepcopy(model.net).cpu().eval())
    band = Band(own, renderer, "", "", 0)
    wanted = GenerateParams(
        count=max(numbers, default=0) + 1, length_s=length_s, temperature=(temperature,), watchdog=False
    )
    recipes = plan(seed, wanted, band).recipes
    clips: list[Floats] = []
    for first in range(0, len(numbers), N_STREAMS):
        some = [recipes[number] for number in numbers[first : first + N_STREAMS]]
        planned = [plan_of(own, recipe) for recipe in some]
        with one_thread():
            plans = [one for one, _ in planned]
            codes = Player(own, plans, n_streams=len(plans)).play()
        for recipe, played, (_, bar_frames) in zip(some, codes, planned, strict=True):
            pieces = list(sound(band, Played(recipe, played, bar_frames)))
            clips.append(np.concatenate(pieces, axis=1))
    return clips
