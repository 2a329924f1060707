"""What stands first in the report: where the album is least like the band.

Every number of the comparison has its own unit, so each is divided by what
counts as clearly different; what exceeds 1 is named, the worst first. A summary
that began with what is alike would be true and misleading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLEAR_SHARE = 0.25  #: of the songs without a tempo, more or fewer than in the band
CLEAR_KEYS = 0.5  #: of the songs whose key would have to change
CLEAR_RANGE = 0.5  #: of the band's own range (5 % to 95 %), by which the songs would have to move
NUMBERS = (("tempo_bpm", "tempo", "BPM"), ("loudness_lufs", "loudness", "LUFS"), ("centroid_hz", "brightness", "Hz"))


def mismatches(distributions: Mapping[str, Any]) -> list[tuple[float, str]]:
    """(how often the clear difference, a sentence) of everything clearly different, the worst first."""
    found = []
    share = distributions["no_tempo_share"]
    found.append(
        (
            abs(share["album"] - share["band"]) / CLEAR_SHARE,
            f"{share['album']:.0%} of the album's songs have no tempo, {share['band']:.0%} of the band's.",
        )
    )
    keys = distributions["key"]["moved"]
    found.append((keys / CLEAR_KEYS, f"The key of {keys:.0%} of the songs would have to change."))
    for name, words, unit in NUMBERS:
        row = distributions[name]
        if row["moved"] is None:
            continue
        usual = max(row["band"]["p95"] - row["band"]["p5"], 0.05 * abs(row["band"]["p50"]), 1e-9)
        middles = f"{row['album']['p50']:.0f} {unit} in the middle, the band's at {row['band']['p50']:.0f}"
        found.append((row["moved"] / usual / CLEAR_RANGE, f"The songs' {words} lies elsewhere ({middles})."))
    return sorted((entry for entry in found if entry[0] > 1), key=lambda entry: -entry[0])


def headline(plain: Mapping[str, Any], summary: str) -> str:
    """The report's first sentences: what is least like the band, then ``summary``."""
    worst = [sentence for _, sentence in mismatches(plain["distributions"])]
    return " ".join(["Least like the band:", *worst, summary]) if worst else summary
