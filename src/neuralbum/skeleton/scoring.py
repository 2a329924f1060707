"""Score a checkpoint: bits on songs it was not trained on, and how far from the corpus it sings.

The loss alone does not say which checkpoint makes the best takes, so each one sings as well, by both
forecasts where it knows both. Pure: what is kept where is ``run``'s business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .checkpoint import Rung
from .params import SkeletonParams
from .states import Snapshot, choose

if TYPE_CHECKING:
    from .conditions import Told
    from .songs import Song

DISTANCE_WEIGHT = 0.05
"""Bits one unit of free-running distance is worth when checkpoints are ranked."""


@dataclass(frozen=True)
class Scored:
    """A checkpoint's rung and what it sang."""

    rung: Rung
    clips: npt.NDArray[np.float32]  #: (n_clips, n_samples)
    engine: str = ""  #: by which engine
    states: Sequence[Snapshot] = ()  #: that engine's memory at healthy moments


KNOWN_S = 20.0
"""Seconds of each training song whose statistics are the corpus'."""

ENTROPY_S, ENTROPY_SONGS = 1.0, 4
"""How much music the entropy of predictions is measured on, which singing should come close to."""


def rank(rung: Rung) -> float:
    """Smaller is better: bits on valid songs (or held-out ones), and how far from the corpus it sings.

    The choice is made on the valid songs where there are any, so that the held-out
    number stays honest.
    """
    bits = rung.valid_bits if rung.valid_bits is not None else rung.heldout_bits
    return (bits if bits is not None else math.inf) + DISTANCE_WEIGHT * min(rung.distance or 0.0, 10.0)


def score(
    net: Any,
    step: int,
    songs: tuple[Sequence[Song], Sequence[Song], Sequence[Song]],
    params: SkeletonParams,
    *,
    sample_rate: int,
    seed: int,
    told: tuple[Told | None, Told | None] = (None, None),
) -> Scored:
    """The rung of a net after ``step`` steps, and what it sang; songs: train, valid, held out.

    A net that sings is moved to the CPU. Without ``audition_s`` there are no clips. ``told`` is what is known
    of the valid and of the held-out songs: the bits of a net that is told it stand beside those of the
    same net that is told nothing.
    """
    from .audition import corpus_statistics, distance, healthy_distance, sing, statistics
    from .engine import open_engine
    from .evaluate import mean_bits, mean_entropy

    trained, valid, heldout = songs
    how: dict[str, Any] = {"seconds": params.valid_s, "sample_rate": sample_rate}
    heldout_bits = mean_bits(net, heldout, **how)
    valid_bits = mean_bits(net, valid, **how) if valid else None
    both = net.uses_forecast and params.steady_share > 0
    steady_bits = mean_bits(net, heldout, **how, steady=True) if both else None
    told_bits = {}
    if told[0] is not None:
        told_bits["valid"] = mean_bits(net, valid, **how, told=told[0])
    if told[1] is not None:
        told_bits["heldout"] = mean_bits(net, heldout, **how, told=told[1])
        if both:
            told_bits["steady"] = mean_bits(net, heldout, **how, steady=True, told=told[1])
    if not params.audition_s > 0:
        rung = Rung(step, valid_bits, heldout_bits, steady_bits=steady_bits, told_bits=told_bits)
        return Scored(rung, np.zeros((0, 0), dtype=np.float32))
    net.cpu()
    known = corpus_statistics(trained, params.n_levels, seconds=KNOWN_S, sample_rate=sample_rate)
    some = [trained[int(i)] for i in np.linspace(0, len(trained) - 1, min(ENTROPY_SONGS, len(trained))).round()]
    limit = healthy_distance(trained, known, params.n_levels, sample_rate=sample_rate)

    def healthy(second: npt.NDArray[np.float32]) -> bool:
        return distance(statistics(second), known) <= limit

    tried = []
    for steady in (False, True) if both else (False,):
        engine = open_engine(net, steady=steady)
        sung = sing(
            engine, trained, n_clips=params.auditions, seconds=params.audition_s,
            sample_rate=sample_rate, seed=seed, healthy=healthy if params.states else None,
        )  # fmt: skip
        entropy = mean_entropy(net, some, seconds=ENTROPY_S, sample_rate=sample_rate, steady=steady)
        tried.append((distance(sung.heard, known | {"entropy": entropy}), steady, engine.name, sung))
    far, steady, name, sung = min(tried, key=lambda one: one[0])
    rung = Rung(step, valid_bits, heldout_bits, sung.heard, far, steady_bits, steady, told_bits)
    return Scored(rung, sung.clips, name, choose(sung.states, params.states))


def sentence(rung: Rung, lines: Mapping[str, float]) -> str:
    """A rung's scores beside the lines to beat, for a person."""

    def told(name: str) -> str:
        return f" ({rung.told_bits[name]:.3f} if told)" if name in rung.told_bits else ""

    parts = [f"step {rung.step}: held out {rung.heldout_bits:.3f} bits/sample{told('heldout')}"]
    if rung.valid_bits is not None:
        parts.append(f", valid {rung.valid_bits:.3f}{told('valid')}")
    if rung.steady_bits is not None:
        parts.append(f", by the steady forecast {rung.steady_bits:.3f}{told('steady')}")
    parts.append(f" (LPC-32 {lines['lpc']:.3f}, histogram {lines['histogram']:.3f})")
    if rung.distance is not None:
        parts.append(f"; sings {rung.distance:.2f} from the corpus{' by the steady forecast' if rung.steady else ''}")
    return "".join(parts)
