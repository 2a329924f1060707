"""One sound, screened: everything a finding holds, and its pictures.

Pure: blocks of sound in, values and picture bytes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import pictures
from .analysis import Analysis, Audio, analyse
from .caption import caption
from .default_order import default_score
from .features import FEATURES, vector
from .flags import Flag, examine
from .params import Params
from .tempo import Tempo

FORM = FEATURES.index("form")


@dataclass(frozen=True)
class Screening:
    """What the screen says about one sound."""

    values: dict[str, Any]  #: as stored with the finding
    flags: tuple[Flag, ...]
    tempo: Tempo
    analysis: Analysis

    def thumbnail(self) -> bytes:
        return pictures.thumbnail(self.analysis.picture)

    def spectrogram(self) -> bytes:
        return pictures.spectrogram(self.analysis.picture)


def screen_sound(
    blocks: Iterable[tuple[Audio, int]], params: Params | None = None, *, name: str = "sound"
) -> Screening:
    """Screen blocks of (float32 (channels, n_samples), sample_rate).

    Raises
    ------
    AudioError
        No samples, or a rate the screen does not listen to.
    """
    params = params or Params()
    analysis = analyse(blocks, name=name)
    measured, flags, tempo = examine(analysis, params)
    features = vector(analysis, measured)
    values = {
        **measured,
        "flags": [flag.plain() for flag in flags],
        "caption": caption(measured, flags),
        "features": [round(float(x), 4) for x in features],
        "column_rate_hz": round(max(analysis.picture.shape[1], 1) / max(analysis.duration_s, 1e-9), 4),
    }
    values["score"] = round(default_score(values, form_db=float(features[FORM]), flags={f.name for f in flags}), 4)
    return Screening(values, flags, tempo, analysis)
