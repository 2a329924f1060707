"""A take as forty-odd numbers: what the ranker learns from.

The numbers are scaled so that equal steps mean about equally much (logarithms of
frequencies and shares), because a linear model weighs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .analysis import Analysis, to_decibels

N_TONES = 8  #: groups of mel bands whose level and movement are kept
TONE_WORDS = ("sub-bass", "bass", "low middle", "middle", "upper middle", "presence", "treble", "air")


FEATURES = (
    "silence",
    "collapsed",
    "flatline",
    "hang",
    "loop_score",
    "loop_share",
    "clip",
    "dc",
    "bandwidth",
    "noise_floor",
    "noise",
    "loudness",
    "range",
    "flatness",
    "centroid",
    "density",
    "clarity",
    "speed",
    "key_fit",
    "usable",
    "swing",
    "growth",
    "motion",
    "form",
    *(f"level_{w}" for w in TONE_WORDS),
    *(f"motion_{w}" for w in TONE_WORDS),
)
N_FEATURES = len(FEATURES)


def vector(analysis: Analysis, values: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """The feature vector of one take, float32 (N_FEATURES,), all finite."""
    v, a = values, analysis
    collapse = v["collapse_s"]
    loud = v["loudness_lufs"]
    base = v["tempo"]["base_bpm"]
    numbers = [
        v["silent_share"],
        0.0 if collapse is None else 1.0 - collapse / max(v["duration_s"], 1e-9),
        _share(v["flatline_share"]),
        v["hang_share"],
        v["loop_score"],
        v["loop_share"],
        _share(v["clip_share"]),
        abs(v["dc"]),
        np.log2(max(v["bandwidth_hz"], 50.0)),
        -40.0 if v["noise_floor_db"] is None else v["noise_floor_db"],
        _share(v["noise_share"]),
        -70.0 if loud is None else max(loud, -70.0),
        v["loudness_range_lu"] or 0.0,
        v["flatness"],
        np.log2(max(v["centroid_hz"], 50.0)),
        v["density_hz"],
        v["tempo"]["clarity"],
        np.log2(base) if base else np.log2(60.0),
        v["key_fit"],
        v["usable_share"],
        *_course(a),
        *_tones(a),
    ]
    return np.nan_to_num(np.array(numbers, dtype=np.float32), posinf=0.0, neginf=0.0)


def _share(share: float) -> float:
    """A share on a scale where 0.1 % already counts: log10 from 1e-4, 0 to 4."""
    return float(np.log10(max(share, 1e-4)) + 4.0)


def _course(a: Analysis) -> list[float]:
    """How levels and texture go over time: swing, growth, motion, form."""
    level = np.maximum(a.cell_db, -70.0)
    third = max(1, len(level) // 3)
    n_columns = a.picture.shape[1]
    if n_columns < 4:
        return [float(level.std()), 0.0, 0.0, 0.0]
    n = min(16, n_columns)
    motions, forms = [], []
    for group in np.split(a.picture, N_TONES):  # a part of the bands at a time: an hour of picture is large in floats
        rows = to_decibels(group)
        motions.append(float(np.abs(np.diff(rows, axis=1)).mean()))
        sections = rows[:, : n_columns // n * n].reshape(len(rows), n, -1).mean(axis=2)
        forms.append(float(sections.std(axis=1).mean()))
    motion, form = float(np.mean(motions)), float(np.mean(forms))
    return [float(level.std()), float(level[-third:].mean() - level[:third].mean()), motion, form]


def _tones(a: Analysis) -> npt.NDArray[np.float32]:
    """Mean level and standard deviation (dB) of eight groups of bands."""
    if a.picture.shape[1] == 0:
        return np.zeros(2 * N_TONES, dtype=np.float32)
    groups = np.stack([to_decibels(group).mean(axis=0) for group in np.split(a.picture, N_TONES)])
    return np.concatenate([groups.mean(axis=1), groups.std(axis=1)]).astype(np.float32)
