"""How good a flesh is on songs it has not learned from.

Four distances between the original stereo and what the net makes of its
quantised mono, each compared with plain upsampling (the same net before its
first step): log-spectral distance of the low band, the high band and the side,
and a Fréchet distance of full-band timbre. The score is the geometric mean of
the four ratios, the Fréchet one under a root because it is a square: plain
upsampling has 1, and smaller is better. A tenth less of any of them counts the
same; in an arithmetic mean the low band, where little can be gained, would
drown the rest. Distances of spectra alone would never choose a snapshot of the
adversarial phase: noise that sounds right is not the same noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..dsp import fidelity
from .net import Generator
from .pairs import Audio, quantised
from .params import OUTPUT_RATE
from .stream import stream_blocks

Excerpts = Sequence[tuple[Audio, Audio]]
TOP_HZ = 20_000.0
TINY = 1e-9  #: a distance of nothing


def rendered(net: Generator, excerpts: Excerpts, n_levels: int, *, level: float = 0.0) -> list[Audio]:
    """Flesh the quantised mono of each excerpt, as long as its original."""
    made = []
    for mono, stereo in excerpts:
        sound = np.concatenate(list(stream_blocks(net, [quantised(mono, n_levels)], level=level)), axis=1)
        made.append(fitted(sound, stereo.shape[1]))
    return made


def fitted(sound: Audio, n_samples: int) -> Audio:
    """Cut or padded with silence to ``n_samples``."""
    short = max(0, n_samples - sound.shape[1])
    return np.pad(sound[:, :n_samples], ((0, 0), (0, short)))


def measures(originals: Sequence[Audio], made: Sequence[Audio], input_rate: int) -> dict[str, float]:
    """Distances of stereo renderings from their originals, float32 (2, n) each.

    Returns
    -------
    lsd_low, lsd_high : of the mid, below and above half the input rate
    lsd_side : of the side, whole band
    frechet : of full-band stereo timbre, all excerpts together
    """
    corner = input_rate / 2
    low, high, side = [], [], []
    for original, rendering in zip(originals, made, strict=True):
        mids, sides = _mid_side(original), _mid_side(rendering)
        bands = [(0.0, corner), (corner, TOP_HZ)]
        distances = fidelity.log_spectral_distance(mids[0], sides[0], OUTPUT_RATE, bands)
        low.append(distances[0])
        high.append(distances[1])
        side += fidelity.log_spectral_distance(mids[1], sides[1], OUTPUT_RATE, [(0.0, TOP_HZ)])
    sets = [np.concatenate([fidelity.stereo_timbre(x, OUTPUT_RATE) for x in group]) for group in (originals, made)]
    return {
        "lsd_low": float(np.mean(low)),
        "lsd_high": float(np.mean(high)),
        "lsd_side": float(np.mean(side)),
        "frechet": fidelity.frechet_distance(*sets),
    }


def score(ours: Mapping[str, float], plain: Mapping[str, float]) -> float:
    """One number from the measures and those of plain upsampling; smaller is better, 1 is no gain."""
    ratios = [max(ours[name], TINY) / max(plain[name], TINY) for name in ("lsd_low", "lsd_high", "lsd_side")]
    ratios.append(math.sqrt(max(ours["frechet"], TINY) / max(plain["frechet"], TINY)))
    return math.prod(ratios) ** (1 / len(ratios))


def _mid_side(stereo: Audio) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return (stereo[0] + stereo[1]) / 2, (stereo[0] - stereo[1]) / 2
