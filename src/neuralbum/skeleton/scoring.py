"""Score a checkpoint: bits on songs it was not trained on, and how far from the corpus it sings.

The loss alone does not say which checkpoint makes the best takes, so each one sings as well. Pure: what is kept
where is ``run``'s business.
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
from .reins import RANGE, Reins, usual_line
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


ANCHORED = (1.0, 2.0, 4.0)
"""How many times the forecast's anchor nets sing with; the checkpoint keeps the one that comes closest to the corpus.
Nets that sing fall into noise with too little of it and fall quiet with too much, each at another place."""

ENTROPY_S, ENTROPY_PLACES = 0.5, 12
"""How much music the entropy of predictions is measured on, which singing should come close to."""


def rank(rung: Rung) -> float:
    """Smaller is better: bits on valid songs (or held-out ones), and how far from the corpus it sings.

    The choice is made on the valid songs where there are any, so that the held-out
    number stays honest.
    """
    bits = rung.valid_bits if rung.valid_bits is not None else rung.heldout_bits
    return (bits if bits is not None else math.inf) + DISTANCE_WEIGHT * min(rung.distance or 0.0, 10.0)


def temper(net: Any, songs: Sequence[Song], *, sample_rate: int) -> tuple[float, Reins]:
    """Mean entropy of a net's predictions over its music, and what holds its singing to that and to its lines."""
    from .evaluate import entropies

    heard = entropies(net, songs, seconds=ENTROPY_S, places=ENTROPY_PLACES, sample_rate=sample_rate)
    low, high = np.quantile(heard, RANGE)
    line = usual_line(songs, net.config.n_levels, sample_rate=sample_rate)
    return float(heard.mean()), Reins(float(low), float(high), sample_rate, line)


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
    from .audition import sing
    from .engine import open_engine
    from .evaluate import mean_bits
    from .likeness import band, distance

    trained, valid, heldout = songs
    how: dict[str, Any] = {"seconds": params.valid_s, "sample_rate": sample_rate}
    heldout_bits = mean_bits(net, heldout, **how)
    valid_bits = mean_bits(net, valid, **how) if valid else None
    told_bits = {}
    if told[0] is not None:
        told_bits["valid"] = mean_bits(net, valid, **how, told=told[0])
    if told[1] is not None:
        told_bits["heldout"] = mean_bits(net, heldout, **how, told=told[1])
    entropy, reins = temper(net, trained, sample_rate=sample_rate)
    music = band(trained, params.n_levels, sample_rate=sample_rate)
    of_music: dict[str, Any] = {
        "entropy_range": (reins.low, reins.high),
        "line_db": reins.line_db if math.isfinite(reins.line_db) else None,
        "band": music.known,
        "band_limit": music.limit,
    }
    if not params.audition_s > 0:
        rung = Rung(step, valid_bits, heldout_bits, told_bits=told_bits, **of_music)
        return Scored(rung, np.zeros((0, 0), dtype=np.float32))
    net.cpu()
    tried = []
    for anchored in ANCHORED if net.uses_forecast else (1.0,):
        engine = open_engine(net, anchored=anchored)
        sung = sing(
            engine, trained, n_clips=params.auditions, seconds=params.audition_s,
            sample_rate=sample_rate, seed=seed, healthy=music.is_like if params.states else None,
            reins=reins,
        )  # fmt: skip
        tried.append((distance(sung.heard, {**music.known, "entropy": entropy}), anchored, engine.name, sung))
    far, anchored, name, sung = min(tried, key=lambda one: one[0])
    rung = Rung(step, valid_bits, heldout_bits, sung.heard, far, told_bits, **of_music, anchored=anchored)
    return Scored(rung, sung.clips, name, choose(sung.states, params.states))


def sentence(rung: Rung, lines: Mapping[str, float]) -> str:
    """A rung's scores beside the lines to beat, for a person."""

    def told(name: str) -> str:
        return f" ({rung.told_bits[name]:.3f} if told)" if name in rung.told_bits else ""

    parts = [f"step {rung.step}: held out {rung.heldout_bits:.3f} bits/sample{told('heldout')}"]
    if rung.valid_bits is not None:
        parts.append(f", valid {rung.valid_bits:.3f}{told('valid')}")
    parts.append(f" (LPC-32 {lines['lpc']:.3f}, histogram {lines['histogram']:.3f})")
    if rung.distance is not None:
        parts.append(f"; sings {rung.distance:.2f} from the corpus")
    return "".join(parts)
