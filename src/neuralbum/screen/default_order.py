"""The order before anybody has judged: a stated score, 0 to 1, from the screen's numbers alone.

    score = usable share x (0.5 + 0.2 form + 0.15 bandwidth + 0.15 pulse) x 0.8 for each lo-fi or level flag

*usable share* is the part of the take not silent, stuck, hanging, flat or
noise; *form* grows with how much sections differ (an album of one texture
tires); *bandwidth* with the highest frequency heard; *pulse* with the clarity
of the tempo. Ties go to the longer take, then to its id, so the order is total.
Nothing is dropped by it: it says where to begin.

Where `neuralbum resemblance` has held takes beside the band, half of the score is its word:

    score x (0.5 + 0.5 likeness)      likeness: share of the take's measures inside the band's range; 0 if it runs away
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..records import Finding

FORM_DB = 8.0  #: sections that differ by this much (dB, mean over bands) count as full form
FULL_CLARITY = 0.6
FULL_BANDWIDTH_HZ = 8000.0
PENALTY = 0.8
PENALISED = ("bandwidth", "noise_floor", "clipping", "dc", "quiet", "peak", "broken")


def default_score(values: Mapping[str, Any], *, form_db: float, flags: Collection[str]) -> float:
    """How promising a take is, 0 to 1; ``form_db`` is the feature "form"."""
    form = min(1.0, max(0.0, form_db / FORM_DB))
    bandwidth = min(1.0, values["bandwidth_hz"] / FULL_BANDWIDTH_HZ)
    pulse = min(1.0, values["tempo"]["clarity"] / FULL_CLARITY)
    quality = 0.5 + 0.2 * form + 0.15 * bandwidth + 0.15 * pulse
    penalty = PENALTY ** sum(name in flags for name in PENALISED)
    return float(max(0.0, min(1.0, values["usable_share"] * quality * penalty)))


def scores(screened: Mapping[str, Finding], likeness: Mapping[str, Finding]) -> dict[str, float]:
    """The score of each take that was screened, by take.

    Parameters
    ----------
    screened, likeness : the latest findings of the stages ``screen`` and ``likeness``, by take
    """
    known = {
        take: float(finding.values["score"])
        for take, finding in screened.items()
        if isinstance(finding.values.get("score"), int | float)
    }
    like = {take: float(likeness[take].values["score"]) for take in known if take in likeness}
    usual = sum(like.values()) / len(like) if like else 1.0  # of a take that was not held beside the band
    return {take: score * (0.5 + 0.5 * like.get(take, usual)) for take, score in known.items()}
