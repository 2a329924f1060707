"""Labels for songs that nobody has labelled: a measured tempo, and the tags of takes that sound like them.

A curator tags takes, which are ours; a net is told the tags of tracks, which are theirs. The bridge is
which track a take sounds most like (``compare.away``). The rule:

    a take speaks for the track nearest to it, if it was kept, has a tag, lies no farther from that track than
        the band's own tracks usually lie from their nearest, and clearly nearer than to any other track;
    a tag is suggested for a track if at least LEAST_TAKES takes that speak for it carry the tag, and at
        least half of them do.

"Clearly nearer" is Lowe's ratio test (International Journal of Computer Vision 60, 2004, section 7.1).

Pure: portraits and judgements in, suggestions out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..corpus.labels import HIGHEST_BPM, LOWEST_BPM, Change
from . import distances
from .compare import away
from .params import Params
from .portrait import Portrait

LEAST_TAKES = 2
REACH = 1.0  #: in distances of the band's tracks from their nearest
CLEARLY = 0.8  #: distance to the nearest over that to the second nearest, at most (Lowe's threshold)


@dataclass(frozen=True)
class Suggestion:
    """What could be said of one song, and why."""

    track: str  #: id
    title: str
    tags: tuple[str, ...] = ()
    tempo: float | None = None  #: beats per minute
    because: Mapping[str, str] = field(default_factory=dict)  #: "tags" and "tempo" -> where it comes from

    @property
    def change(self) -> Change:
        """As it is written to labels.toml."""
        return Change(self.tags or None, self.tempo, self.because)


@dataclass(frozen=True)
class Voices:
    """The takes that speak, by track."""

    of_track: Mapping[str, Sequence[str]]
    n_mute: int  #: takes that sound like no track, or like several


def voices(band: Mapping[str, Portrait], takes: Mapping[str, Portrait], params: Params) -> Voices:
    """Give each take to the track it sounds most like; at least two tracks."""
    if not takes:
        return Voices({}, 0)
    scale = distances.fit_scale(np.concatenate([p.points for p in band.values()]), params.components)
    tracks, of_track = list(band), dict[str, list[str]]()
    distance = away({n: scale(p.points) for n, p in band.items()}, {n: scale(p.points) for n, p in takes.items()})
    for take, row in zip(takes, distance, strict=True):
        nearest, second = np.sort(row)[:2]
        if nearest <= min(REACH, CLEARLY * second):
            of_track.setdefault(tracks[int(np.argmin(row))], []).append(take)
    return Voices(of_track, len(takes) - sum(map(len, of_track.values())))


def shared_tags(takes: Sequence[str], tags: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The tags that enough of these takes carry, and how many do; the commonest first."""
    counts = Counter(tag for take in takes for tag in dict.fromkeys(tags[take]))
    needed = max(LEAST_TAKES, len(takes) / 2)
    return {tag: n for tag, n in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if n >= needed}


def tempo_of(portrait: Portrait) -> float | None:
    """The measured base tempo, by octaves within what labels may say; None where nothing repeats."""
    bpm = portrait.base_bpm
    if not bpm > 0:
        return None
    while bpm < LOWEST_BPM:
        bpm *= 2.0
    while bpm > HIGHEST_BPM:
        bpm /= 2.0
    return round(bpm, 1)


def in_words(tags: Mapping[str, int], n_takes: int) -> str:
    """``{"slow": 3}`` of 4 -> "of 4 tagged takes that sound most like it: 3 slow"."""
    named = ", ".join(f"{n} {tag}" for tag, n in tags.items())
    return f"of {n_takes} tagged takes that sound most like it: {named}"
